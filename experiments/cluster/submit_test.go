package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// fakeSlurm puts an sbatch, squeue, sacct and scancel before the real ones. They write their arguments to the file
// calls; sbatch counts jobs from 101 and fails where the file full exists; squeue and sacct print the files of their
// names. It returns the folder of these files.
func fakeSlurm(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	quoted := Quote(dir)
	program(t, filepath.Join(dir, "sbatch"), fmt.Sprintf(`cd %s || exit 9
echo sbatch "$@" >>calls
[ ! -e full ] || { echo "sbatch: error: QOSMaxSubmitJobPerUserLimit" >&2; exit 1; }
echo x >>count; echo "$((100 + $(wc -l <count)));cluster"
`, quoted))
	for _, name := range []string{"squeue", "sacct"} {
		program(t, filepath.Join(dir, name), fmt.Sprintf(`cd %s || exit 9
[ ! -e %s.error ] || { cat %s.error >&2; exit 1; }
[ ! -e %s.out ] || cat %s.out
`, quoted, name, name, name, name))
	}
	program(t, filepath.Join(dir, "scancel"), fmt.Sprintf("echo scancel \"$@\" >>%s/calls\n", quoted))
	return dir
}

// tell lets a fake command say something.
func tell(t *testing.T, dir, file, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// calls returns what the fake commands were called with since it was last asked, of every call the name and the
// arguments that depend on the state of things.
func calls(t *testing.T, dir string) []string {
	t.Helper()
	path := filepath.Join(dir, "calls")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(data)) {
		var kept []string
		for word := range strings.FieldsSeq(line) {
			if !strings.HasPrefix(word, "--") || strings.HasPrefix(word, "--array=") || strings.HasPrefix(word, "--dependency=") {
				kept = append(kept, word)
			}
		}
		all = append(all, strings.Join(kept, " "))
	}
	return all
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// The life of a submission: everything, what is missing while some runs, what is missing after that, the merge alone.
func TestSubmit(t *testing.T) {
	dir := fakeSlurm(t)
	sub, s, ctx := sample(t.TempDir()), &Slurm{CPUs: 1}, context.Background()
	fake := program(t, filepath.Join(dir, "fake"), "exit 0\n")
	submit := func(missing ...int) *Submitted {
		t.Helper()
		done, err := s.Submit(ctx, sub, fake, missing)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}

	same(t, "first", submit(1, 2, 3, 4, 5), &Submitted{Array: "101", Shards: []int{1, 2, 3, 4, 5}, Merge: "102"})
	same(t, "first", calls(t, dir), []string{"sbatch --array=1-5 array.sh", "sbatch --dependency=afterany:101 merge.sh"})

	tell(t, dir, "squeue.out", "101|1|RUNNING|None\n101|2|PENDING|Priority\n101|3|CANCELLED|None\n102|N/A|PENDING|Dependency\n")
	same(t, "some ended", submit(1, 2, 3, 5), &Submitted{Array: "103", Shards: []int{3, 5}, Waiting: []int{1, 2}, Merge: "104"})
	same(t, "some ended", calls(t, dir), []string{"sbatch --array=3,5 array.sh", "sbatch --dependency=afterany:101:103 merge.sh", "scancel 102"})

	tell(t, dir, "squeue.out", "101|1|RUNNING|None\n103|3|RUNNING|None\n104|N/A|PENDING|Dependency\n102|N/A|CANCELLED|None\n")
	same(t, "all run", submit(1, 3), &Submitted{Waiting: []int{1, 3}})
	same(t, "all run", calls(t, dir), []string(nil))

	tell(t, dir, "squeue.out", "")
	same(t, "all ended", submit(), &Submitted{Merge: "105"})
	same(t, "all ended", calls(t, dir), []string{"sbatch merge.sh"})

	records, err := Records(sub.Out)
	if err != nil || len(records) != 1 {
		t.Fatalf("%v, %v", records, err)
	}
	same(t, "record", records[0], &Record{Name: "sweep", Key: sub.Key(), Shards: 5, Config: "config/my config.yaml",
		Jobs: []Job{{"101", []int{1, 2, 3, 4, 5}}, {"102", nil}, {"103", []int{3, 5}}, {"104", nil}, {"105", nil}}, Dir: sub.Dir()})
	config, err := os.ReadFile(filepath.Join(records[0].Dir, records[0].Config))
	same(t, "config", string(config), "name: sweep\n")
	same(t, "config", err, nil)
}

// What Slurm took before it refused something is known to the next call.
func TestSubmitFailures(t *testing.T) {
	dir := fakeSlurm(t)
	sub, s, ctx := sample(t.TempDir()), &Slurm{CPUs: 1}, context.Background()
	tell(t, dir, "full", "")
	if _, err := s.Submit(ctx, sub, "/bin/sh", []int{1}); err == nil || !strings.Contains(err.Error(), "QOSMaxSubmitJobPerUserLimit") {
		t.Errorf("got %v", err)
	}
	if records, err := Records(sub.Out); err != nil || len(records) != 0 {
		t.Errorf("%v, %v", records, err)
	}
	program(t, filepath.Join(dir, "sbatch"), `for last; do :; done
[ "$last" = array.sh ] && echo 7 || echo "no merge today" >&2
[ "$last" = array.sh ]
`)
	done, err := s.Submit(ctx, sub, "/bin/sh", []int{1})
	if err == nil || !strings.Contains(err.Error(), "no merge today") || done.Array != "7" {
		t.Errorf("got %v, %v", done, err)
	}
	record, err := ReadRecord(sub.Dir())
	if err != nil {
		t.Fatal(err)
	}
	same(t, "jobs", record.Jobs, []Job{{"7", []int{1}}})
	tell(t, dir, "squeue.error", "slurm_load_jobs error: Unable to contact slurm controller")
	if _, err := s.Submit(ctx, sub, "/bin/sh", []int{1}); err == nil || !strings.Contains(err.Error(), "Unable to contact") {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(filepath.Join(sub.Dir(), "job.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Records(sub.Out); err == nil || !strings.Contains(err.Error(), "job.json") {
		t.Errorf("got %v", err)
	}
}

// The frozen files and the program survive a second submission of the same, and a changed program comes beside the old.
func TestFreeze(t *testing.T) {
	dir := fakeSlurm(t)
	sub, s := sample(filepath.Join(t.TempDir(), nasty)), &Slurm{CPUs: 1}
	for i := range 3 {
		fake := program(t, filepath.Join(dir, "fake"), fmt.Sprintf("exit %d\n", min(i, 1)))
		if _, err := s.Submit(context.Background(), sub, fake, []int{1}); err != nil {
			t.Fatal(err)
		}
	}
	var files []string
	err := filepath.WalkDir(sub.Dir(), func(path string, d os.DirEntry, err error) error {
		inside, _ := filepath.Rel(sub.Dir(), path)
		if before, _, hashed := strings.Cut(inside, "experiments-"); hashed {
			inside = before + "experiments-HASH"
		}
		files = append(files, inside)
		return err
	})
	same(t, "files", files, []string{".", "array.sh", "bin", "bin/experiments-HASH", "bin/experiments-HASH", "config", "config/data",
		"config/data/pairs.jsonl", "config/my config.yaml", "job.json", "logs", "merge.sh", "shards"})
	same(t, "walking", err, nil)
	path, err := sub.ProgramPath(filepath.Join(dir, "fake"))
	if info, statErr := os.Stat(path); err != nil || statErr != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v, %v", info, err, statErr)
	}
}

func TestTasks(t *testing.T) {
	r := &Record{Shards: 4, Jobs: []Job{{"101", []int{1, 2, 3, 4}}, {"102", nil}, {"103", []int{2, 3}}, {"104", nil}}}
	tests := []struct {
		name          string
		squeue, sacct string
		queueError    string
		accountError  string
		states        string // of shards 1 to 4 and of the merge, and whether they are active
		fails         string
	}{
		{name: "all known", squeue: "101|1|COMPLETED|None\n101|2|CANCELLED|None\n103|2|RUNNING|None\n103|3|PENDING|Priority\n101|4|TIMEOUT|TimeLimit\n104|N/A|PENDING|Dependency\n",
			states: "COMPLETED RUNNING* PENDING*(Priority) TIMEOUT(TimeLimit) PENDING*(Dependency)"},
		{name: "past", squeue: "103|3|REQUEUED|None\n", sacct: "101_1|COMPLETED\n103_2|CANCELLED by 1000\n103_[4]|PENDING\n104|FAILED\n",
			states: "COMPLETED CANCELLED REQUEUED* - FAILED"},
		{name: "no accounting", queueError: "slurm_load_jobs error: Invalid job id specified", accountError: "Slurm accounting storage is disabled",
			states: "- - - - -"},
		{name: "no controller", queueError: "Unable to contact slurm controller", sacct: "101_1|COMPLETED\n",
			states: "COMPLETED - - - -", fails: "squeue: exit status 1: Unable to contact"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := fakeSlurm(t)
			tell(t, dir, "squeue.out", test.squeue)
			tell(t, dir, "sacct.out", test.sacct)
			if test.queueError != "" {
				tell(t, dir, "squeue.error", test.queueError)
			}
			if test.accountError != "" {
				tell(t, dir, "sacct.error", test.accountError)
			}
			tasks, err := r.Tasks(context.Background())
			if (err == nil) != (test.fails == "") || err != nil && !strings.Contains(err.Error(), test.fails) {
				t.Errorf("error %v, want %q", err, test.fails)
			}
			var got, ids []string
			for _, task := range tasks {
				text := task.State
				if text == "" {
					text = "-"
				}
				if task.Active() {
					text += "*"
				}
				if task.Reason != "" {
					text += "(" + task.Reason + ")"
				}
				got, ids = append(got, text), append(ids, fmt.Sprintf("%d:%s", task.Shard, task.ID))
			}
			same(t, "states", strings.Join(got, " "), test.states)
			same(t, "ids", ids, []string{"1:101_1", "2:103_2", "3:103_3", "4:101_4", "0:104"})
		})
	}
}

// Without Slurm nothing is known, which is no error, and nothing can be submitted.
func TestWithoutSlurm(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := (&Slurm{CPUs: 1}).Submit(context.Background(), sample(t.TempDir()), "/bin/sh", []int{1})
	if err == nil || !strings.Contains(err.Error(), `"sbatch": executable file not found`) {
		t.Errorf("got %v", err)
	}
	tasks, err := (&Record{Shards: 1, Jobs: []Job{{"1", []int{1}}}}).Tasks(context.Background())
	same(t, "error", err, nil)
	same(t, "tasks", tasks, []Task{{ID: "1_1", Shard: 1}})
}

// Whatever the commands print, tasks are listed under their own ids.
func FuzzTasks(f *testing.F) {
	f.Add("101|1|RUNNING|None\n102|N/A|PENDING|Dependency\n")
	f.Add("101_1|COMPLETED\n101_2|CANCELLED by 0\n101|x\n|")
	f.Fuzz(func(t *testing.T, text string) {
		parseAccounts(text)
		for id, task := range parseQueue(text) {
			if task.ID != id || task.Shard != 0 && !strings.HasSuffix(id, fmt.Sprintf("_%d", task.Shard)) || task.Reason == "None" {
				t.Errorf("%q: %+v", id, task)
			}
		}
	})
}

// The job's id is found in whatever a site prints around it.
func TestJobID(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"4711\n": "4711", "4711": "4711", "4711;cluster-2.a\n": "4711", "4711\r\n": "4711", "  4711 \n": "4711",
		"-- Welcome to the cluster --\n--> checking allocation ... OK\n4711\n": "4711",
		"4711\nYour quota is 80% full (800 of 1000 GB)\n":                      "4711",
		"\x1b[32m4711\x1b[0m\n":                                           "4711",
		"Partition: 12 nodes free\n4711;c\n":                              "4711",
		"Submitted batch job 4711\n":                                      "4711",
		"Submitted batch job 4711 on cluster c2; you have 7 hours left\n": "4711",
		"-- News of \n2026\n--\nSubmitted batch job 4711\n":               "4711",
		"Job ID: 4711\n":                                                  "4711", "sbatch: job_id=4711 queue 3\n": "4711",
		"": "", "\n": "", "OK\n": "", "job 1 and job 2\n": "", "12 nodes free\n": "", "version 23.02\n": "",
	} {
		if id, ok := jobID(text); id != want || ok != (want != "") {
			t.Errorf("%q gives %q, %v", text, id, ok)
		}
	}
}

// Options on which the jobs rely are refused however sbatch would let them be abbreviated.
func TestAbbreviatedOptions(t *testing.T) {
	t.Parallel()
	for _, option := range ours {
		for n := 1; n <= len(option); n++ {
			s := &Slurm{CPUs: 1, Extra: []string{"--" + option[:n] + "=x"}}
			if option[n-1] != '-' && s.check() == nil {
				t.Errorf("--%s is taken", option[:n])
			}
		}
	}
	for _, good := range []string{"--constraint=avx2", "--exclusive", "--nodelist=n1", "--mail-type=END", "--gres=gpu:1", "--ntasks-per-core=1", "--wait-all-nodes=1"} {
		if err := (&Slurm{CPUs: 1, Extra: []string{good}}).check(); err != nil {
			t.Error(err)
		}
	}
}

//go:build slurm

package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Arrays on a real Slurm of one node, which testdata/local-slurm starts: one shard is killed by scancel, submitted again
// and merged. Needs root and Debian, whose packages it installs.
func TestRealSlurm(t *testing.T) {
	dir := t.TempDir()
	t.Cleanup(func() {
		if out, err := exec.Command("testdata/local-slurm", "stop", dir).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	if out, err := exec.Command("testdata/local-slurm", "start", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Setenv("SLURM_CONF", filepath.Join(dir, "slurm.conf"))
	t.Run("stand-in", realStandIn)
	t.Run("sweep", realSweep)
}

// state returns that of the latest task of a shard, 0 for the merge, of the only submission into out.
func state(t *testing.T, out string, shard int) Task {
	t.Helper()
	tasks, err := theRecord(t, out).Tasks(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		if task.Shard == shard {
			return task
		}
	}
	return Task{}
}

func theRecord(t *testing.T, out string) *Record {
	t.Helper()
	records, err := Records(out)
	if err != nil || len(records) != 1 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	return records[0]
}

// awaitState waits for a state and returns the task. It fails after a minute, and at once if the task ended otherwise.
func awaitState(t *testing.T, out string, shard int, want string) Task {
	t.Helper()
	for start := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		task := state(t, out, shard)
		switch {
		case task.State == want:
			return task
		case time.Since(start) > time.Minute || !task.Active() && task.State != "COMPLETING":
			t.Fatalf("shard %d is %s, not %s:\n%s", shard, task.State, want, logs(t, out))
		}
	}
}

// logs returns what the jobs have printed.
func logs(t *testing.T, out string) string {
	t.Helper()
	var all strings.Builder
	dir := os.DirFS(filepath.Join(theRecord(t, out).Dir, logFolder))
	err := fs.WalkDir(dir, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(dir, path)
		fmt.Fprintf(&all, "%s:\n%s\n", path, text)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return all.String()
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", CommandLine(append([]string{name}, args...)...), err, out)
	}
	return string(out)
}

// standIn keeps the contract of run --shard and merge for three shards. A shard waits while a file hold-SHARD is in the
// folder %s.
const standIn = `case $1 in
run)
	config=$2 shard=${4%%/*} count=${4#*/} out=$6
	trap 'echo flushed; exit 3' TERM
	while [ -e %[1]s/hold-$shard ]; do sleep 0.1; done
	mkdir "$out/.part.$shard" && cp "$config" "$out/.part.$shard/config" && echo "$shard" >"$out/.part.$shard/shard" &&
		mv "$out/.part.$shard" "$out/sweep.shard-$shard-of-$count" ;;
merge)
	for i in 1 2 3; do
		[ -d "$2/sweep.shard-$i-of-3" ] || { echo "missing shard $i/3"; exit 1; }
	done
	mkdir "$4/sweep" && cat "$2"/sweep.shard-*/config "$2"/sweep.shard-*/shard >"$4/sweep/table" ;;
esac
`

func realStandIn(t *testing.T) {
	dir := t.TempDir()
	sub, s, ctx := sample(filepath.Join(dir, nasty)), &Slurm{Partition: "main", CPUs: 1, Time: "10"}, context.Background()
	sub.Shards = 3
	fake := program(t, filepath.Join(dir, "fake"), fmt.Sprintf(standIn, Quote(dir)))
	log := func(file, want string) {
		t.Helper()
		if text, err := os.ReadFile(filepath.Join(sub.Dir(), logFolder, file)); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v, %q has no %q", file, err, text, want)
		}
	}

	tell(t, dir, "hold-2", "")
	if _, err := s.Submit(ctx, sub, fake, []int{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	awaitState(t, sub.Out, 1, "COMPLETED")
	awaitState(t, sub.Out, 3, "COMPLETED")
	task := awaitState(t, sub.Out, 2, "RUNNING")
	merge := state(t, sub.Out, 0)
	same(t, "merge", []any{merge.State, merge.Reason, merge.Active()}, []any{"PENDING", "Dependency", true})

	done, err := s.Submit(ctx, sub, fake, []int{2})
	same(t, "while it runs", []any{done, err}, []any{&Submitted{Waiting: []int{2}}, nil})

	command(t, "scancel", task.ID)
	awaitState(t, sub.Out, 2, "CANCELLED")
	awaitState(t, sub.Out, 0, "FAILED")
	log("merge.log", "missing shard 2/3")
	log("shard-2.log", "flushed")

	if err := os.Remove(filepath.Join(dir, "hold-2")); err != nil {
		t.Fatal(err)
	}
	if done, err = s.Submit(ctx, sub, fake, []int{2}); err != nil {
		t.Fatal(err)
	}
	same(t, "shards submitted again", done.Shards, []int{2})
	awaitState(t, sub.Out, 0, "COMPLETED")
	table, err := os.ReadFile(filepath.Join(sub.Out, "sweep", "table"))
	same(t, "table", []any{string(table), err}, []any{strings.Repeat("name: sweep\n", 3) + "1\n2\n3\n", nil})
}

// The real program does a real sweep, whose results are those of this machine alone, byte for byte.
func realSweep(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "experiments")
	command(t, "go", "build", "-o", binary, "windtunnel/experiments")
	alone, out := filepath.Join(dir, "alone"), filepath.Join(dir, nasty)
	const config = "testdata/sweep.yaml"
	submit := []string{"submit", "slurm", config, "--shards", "3", "--partition", "main", "--time", "10", "--out", out}

	t.Log(command(t, binary, submit...))
	task := awaitState(t, out, 2, "RUNNING")
	command(t, "scancel", task.ID)
	awaitState(t, out, 2, "CANCELLED")
	awaitState(t, out, 1, "COMPLETED")
	awaitState(t, out, 3, "COMPLETED")
	awaitState(t, out, 0, "FAILED")
	log, err := os.ReadFile(filepath.Join(theRecord(t, out).Dir, logFolder, "merge.log"))
	if err != nil || !strings.Contains(string(log), "missing shard 2/3") {
		t.Errorf("%v, the merge says %s", err, log)
	}
	t.Log(command(t, binary, "status", out))

	if again := command(t, binary, submit...); !strings.Contains(again, "submitted shards 2 of 3 ") {
		t.Errorf("submitted again: %s", again)
	}
	awaitState(t, out, 0, "COMPLETED")
	command(t, binary, "run", config, "--out", alone)
	equalTrees(t, filepath.Join(alone, "sweep"), filepath.Join(out, "sweep"))
	if again := command(t, binary, submit...); !strings.Contains(again, "all is there already") {
		t.Errorf("submitted once more: %s", again)
	}
}

// equalTrees compares two folders of results but for how long the runs took, and the manifests, which say where the config is.
func equalTrees(t *testing.T, want, got string) {
	t.Helper()
	files := 0
	for _, pair := range [][2]string{{want, got}, {got, want}} {
		err := fs.WalkDir(os.DirFS(pair[0]), ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || path == "made.json" || path == "manifest.json" {
				return err
			}
			files++
			a, errA := os.ReadFile(filepath.Join(pair[0], path))
			b, errB := os.ReadFile(filepath.Join(pair[1], path))
			if !bytes.Equal(a, b) {
				t.Errorf("%s differs", path)
			}
			return errors.Join(errA, errB)
		})
		if err != nil {
			t.Error(err)
		}
	}
	if files == 0 {
		t.Errorf("%s is empty", want)
	}
}

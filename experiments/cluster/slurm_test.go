package cluster

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write golden files")

// golden compares a text with a file of testdata.
func golden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (-update writes it):\n%s", path, got)
	}
}

func TestPreview(t *testing.T) {
	t.Parallel()
	sub := sample("/shared/it's 50%")
	sub.Format = "parquet"
	s := &Slurm{Partition: "main,gpu", ArrayLimit: 2, Time: "1-02:00:00", Memory: "4G", CPUs: 3, Account: "lab", QOS: "low",
		Extra: []string{"--constraint=avx2&ib", "--exclusive"}}
	fake := program(t, filepath.Join(t.TempDir(), "fake"), "exit 0\n")
	for file, missing := range map[string][]int{"preview.txt": {2, 4, 5}, "preview-merge.txt": nil} {
		got, err := s.Preview(sub, fake, missing)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, file, got)
	}
}

// What Slurm would misread is refused before anything is written.
func TestSlurmRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*Slurm, *Submission)
		says   string
	}{
		"space":      {func(s *Slurm, _ *Submission) { s.Partition = "a b" }, `--partition "a b"`},
		"newline":    {func(s *Slurm, _ *Submission) { s.Time = "1\n#SBATCH --wrap=x" }, "--time"},
		"short":      {func(s *Slurm, _ *Submission) { s.Extra = []string{"-C avx2"} }, `--extra "-C avx2"`},
		"comment":    {func(s *Slurm, _ *Submission) { s.Extra = []string{"--comment=#1"} }, "without spaces"},
		"ours":       {func(s *Slurm, _ *Submission) { s.Extra = []string{"--array=1-9"} }, "need this option"},
		"ours, bare": {func(s *Slurm, _ *Submission) { s.Extra = []string{"--no-requeue"} }, "need this option"},
		"processors": {func(s *Slurm, _ *Submission) { s.CPUs = 0 }, "--cpus-per-task 0"},
		"limit":      {func(s *Slurm, _ *Submission) { s.ArrayLimit = -1 }, "--array-limit -1"},
		"backslash":  {func(_ *Slurm, sub *Submission) { sub.Out += `\x` }, "no logs below"},
		"name":       {func(_ *Slurm, sub *Submission) { sub.Name = "a\nb" }, "letters, digits"},
		"shards":     {func(_ *Slurm, sub *Submission) { sub.Shards = 0 }, "0 shards"},
		"config":     {func(_ *Slurm, sub *Submission) { sub.Config = "other.yaml" }, "not among the frozen files"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "out")
			s, sub := &Slurm{CPUs: 1}, sample(out)
			test.change(s, sub)
			_, err := s.Submit(context.Background(), sub, "/bin/sh", []int{1})
			if _, ok := err.(InputError); !ok || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want an InputError with %q", err, test.says)
			}
			if _, err := os.Stat(out); err == nil {
				t.Errorf("%s was made", out)
			}
		})
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	base := sample("/out").Key()
	for name, change := range map[string]func(*Submission){
		"name":    func(s *Submission) { s.Name = "other" },
		"shards":  func(s *Submission) { s.Shards++ },
		"version": func(s *Submission) { s.Version = "2" },
		"content": func(s *Submission) { s.Files["data/pairs.jsonl"] = nil },
		"file":    func(s *Submission) { s.Files["data/more.jsonl"] = nil },
	} {
		s := sample("/out")
		if change(s); s.Key() == base {
			t.Errorf("another %s has the same key", name)
		}
	}
	if other := sample("/elsewhere"); other.Key() != base {
		t.Error("the key depends on where results go")
	}
}

// Ranges can be read back, and no two parts of it touch.
func TestRanges(t *testing.T) {
	t.Parallel()
	if got := Ranges([]int{2, 5, 6, 7, 9, 10}); got != "2,5-7,9-10" {
		t.Errorf("got %s", got)
	}
	form := regexp.MustCompile(`^\d+(-\d+)?$`)
	rapid.Check(t, func(t *rapid.T) {
		var want, got []int
		for i, in := range rapid.SliceOfN(rapid.Bool(), 1, 30).Draw(t, "in") {
			if in {
				want = append(want, i)
			}
		}
		last := -2
		for part := range strings.SplitSeq(Ranges(want), ",") {
			if len(want) == 0 {
				break
			}
			if !form.MatchString(part) {
				t.Fatalf("%q is no range", part)
			}
			from, to, isRange := strings.Cut(part, "-")
			first, _ := strconv.Atoi(from)
			end := first
			if isRange {
				end, _ = strconv.Atoi(to)
			}
			if first <= last+1 {
				t.Fatalf("%s touches the part before it", part)
			}
			for i := first; i <= end; i++ {
				got = append(got, i)
			}
			last = end
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%v came back as %v", want, got)
		}
	})
}

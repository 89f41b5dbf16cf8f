package cluster

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	_ "windtunnel/toy/fixedseed"
)

// nasty is a folder name with whatever the shell, sbatch or Slurm's log patterns give a meaning.
const nasty = "it's a \"$HOME\" `dir`; #1 50%a &\n*"

// The shell splits a command line into the very words, whatever their characters.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringOfN(rapid.OneOf(rapid.SampledFrom([]rune("'\"$`\\ \n\t*?[]{}()<>|&;#~!=%-")), rapid.Rune()), 0, 12, -1).
			Filter(func(s string) bool { return !strings.ContainsRune(s, 0) })
		words := rapid.SliceOfN(word, 1, 5).Draw(t, "words")
		out, err := exec.Command("/bin/sh", "-c", CommandLine(append([]string{"printf", `%s\0`, ""}, words...)...)).Output()
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")[1:]
		if !slices.Equal(got, words) {
			t.Fatalf("%q came back as %q", words, got)
		}
	})
}

// program writes an executable shell script.
func program(t *testing.T, path, script string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	// Held until the file is closed: a process that a parallel test starts meanwhile would inherit it open for writing,
	// and the kernel refuses to execute such a file ("text file busy").
	syscall.ForkLock.RLock()
	err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// sample is a submission into a folder.
func sample(out string) *Submission {
	return &Submission{Name: "sweep", Shards: 5, Version: "1", Config: "my config.yaml", Out: out, Cache: filepath.Join(out, ".cache"),
		Files: map[string][]byte{"my config.yaml": []byte("name: sweep\n"), "data/pairs.jsonl": []byte("{}\n")}}
}

// What Slurm would run reaches the program with the right arguments, in a folder of any name.
func TestScriptArguments(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), nasty)
	sub := sample(out)
	fake := program(t, filepath.Join(out, nasty), `printf '%s\0' "$@"`)
	s := &Slurm{CPUs: 2}
	for _, test := range []struct {
		script *script
		want   []string
	}{
		{s.arrayScript(sub, fake, []int{2, 3}), []string{"run", sub.ConfigPath(), "--shard", "3/5", "--out", sub.ShardsDir(),
			"--cache", sub.Cache, "--jobs", "2"}},
		{s.mergeScript(sub, fake), []string{"merge", sub.ShardsDir(), "--out", out}},
	} {
		cmd := exec.Command("/bin/sh", "-c", test.script.text())
		cmd.Env = append(os.Environ(), "SLURM_ARRAY_TASK_ID=3", "SLURM_CPUS_PER_TASK=2")
		got, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, test.script.text())
		}
		if args := strings.Split(strings.TrimSuffix(string(got), "\x00"), "\x00"); !slices.Equal(args, test.want) {
			t.Errorf("%s: got %q, want %q", test.script.file, args, test.want)
		}
	}
}

// A signal to the script's process is one to the program, which ends in its own way.
func TestScriptSignal(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	fake := program(t, filepath.Join(out, "fake"), `trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done`)
	cmd := exec.Command("/bin/sh", "-c", (&Slurm{CPUs: 1}).arrayScript(sample(out), fake, []int{1}).text())
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
	defer kill.Stop()
	if _, err := stdout.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if cmd.Wait(); cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("%v, want the program's own exit status 7", cmd.ProcessState)
	}
}

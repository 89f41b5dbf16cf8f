package main

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/toy/fixedseed"
)

// crashConfig is a sweep of 120 runs of unequal length; with -tags soak there are 300.
const crashConfig = `name: crash
environment: {kind: random-bandit, prompts: 2, good: 1, responses: 3}
preferences: {kind: sample, n: 40}
train: {batch_size: 4, record_every: 100}
objectives: [dpo, typo]
seeds: 10
sweep: {lambda: [0.01, 0.1, 1], train.epochs: [20, 300]}
claims:
  - {name: small, text: A small lambda moves the policy more., kind: compare, metric: kl_pi_ref, where: {lambda: 0.01}, with: {lambda: 1}, relation: greater, match: [objective, train.epochs, seed]}
`

// program returns a call of the command line in a process of its own.
func program(t testing.TB, dir string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path)
	cmd.Args, cmd.Dir = append([]string{"experiments"}, args...), dir // see TestMain
	return cmd
}

// call runs the command line to its end and returns its exit status and what it said.
func call(t testing.TB, dir string, args ...string) (int, string) {
	t.Helper()
	said, err := program(t, dir, args...).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return exit.ExitCode(), string(said)
	case err != nil:
		t.Fatal(err)
	}
	return 0, string(said)
}

// undisturbed is a folder with the config and what an undisturbed run of it makes, for every test to copy; TestMain removes it.
var undisturbed struct {
	sync.Once
	dir  string
	took time.Duration
}

// crashFolder holds the config, and what an undisturbed run of it makes.
func crashFolder(t testing.TB) (dir string, want map[string]string) {
	t.Helper()
	undisturbed.Do(func() {
		dir, err := os.MkdirTemp("", "crash")
		if err != nil {
			t.Fatal(err)
		}
		undisturbed.dir = dir
		config := crashConfig
		if fixedseed.Soak {
			config = strings.Replace(config, "seeds: 10", "seeds: 25", 1)
		}
		testfile.Write(t, filepath.Join(dir, "crash.yaml"), config)
		began := time.Now()
		if status, said := call(t, dir, "crash.yaml", "--out", "whole", "--jobs", "2"); status != 0 {
			t.Fatalf("exit status %d: %s", status, said)
		}
		undisturbed.took = time.Since(began)
	})
	dir = t.TempDir()
	copyFolder(t, dir, undisturbed.dir)
	return dir, contents(t, filepath.Join(dir, "whole", "crash"))
}

// contents returns every file below a results folder but the manifest and what made it.
func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "manifest.json" || d.Name() == "made.json" {
			return err
		}
		data, err := os.ReadFile(path)
		inside, _ := filepath.Rel(dir, path)
		files[inside] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// wantSame compares a results folder with an undisturbed one.
func wantSame(t testing.TB, dir string, want map[string]string) {
	t.Helper()
	got := contents(t, dir)
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: %s differs from that of an undisturbed run", dir, name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s holds %d files, want %d", dir, len(got), len(want))
	}
}

// A sweep that is killed at random moments and started again as often ends in the same bytes.
func TestKilled(t *testing.T) {
	t.Parallel()
	dir, want := crashFolder(t)
	rng := rand.New(rand.NewPCG(1, 2))
	cycles, killed := 1, 0
	if fixedseed.Soak {
		cycles = 17
	}
	for cycle := range cycles {
		out := "out-" + string(rune('a'+cycle))
		for range 3 {
			cmd := program(t, dir, "crash.yaml", "--out", out, "--jobs", "2")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(rng.Float64() * float64(undisturbed.took)))
			if cmd.Process.Signal(syscall.SIGKILL) == nil {
				killed++
			}
			_ = cmd.Wait() // killed, or finished before
			wantWhole(t, filepath.Join(dir, out, "crash"), want)
		}
		if status, said := call(t, dir, "crash.yaml", "--out", out); status != 0 {
			t.Fatalf("exit status %d: %s", status, said)
		}
		wantSame(t, filepath.Join(dir, out, "crash"), want)
		if left, _ := filepath.Glob(filepath.Join(dir, out, ".crash*")); len(left) > 0 {
			t.Errorf("%v is left", left)
		}
	}
	if killed == 0 {
		t.Error("nothing was ever killed")
	}
}

// wantWhole wants a results folder that is complete or not there.
func wantWhole(t testing.TB, dir string, want map[string]string) {
	t.Helper()
	if _, err := os.Stat(dir); err == nil {
		wantSame(t, dir, want)
	}
}

// A disk that fills up ends the sweep with a clear word; with room again, it goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir, want := crashFolder(t)
	disk := filepath.Join(dir, "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=96k"); err != nil {
		t.Skipf("no small file system can be mounted here (%v); the package cache tests full disks by injection", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	status, said := call(t, dir, "crash.yaml", "--out", "disk")
	if status != 1 || !strings.Contains(said, "no space left on device") {
		t.Errorf("exit status %d: %s", status, said)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, "size=64m"); err != nil {
		t.Fatal(err)
	}
	status, said = call(t, dir, "crash.yaml", "--out", "disk")
	if status != 0 || !strings.Contains(said, "of them done before") {
		t.Errorf("exit status %d, and nothing was kept: %s", status, said)
	}
	wantSame(t, filepath.Join(disk, "crash"), want)
}

// A damaged entry of the cache is found, reported and done again.
func TestDamagedCache(t *testing.T) {
	t.Parallel()
	dir, want := crashFolder(t)
	damage(t, filepath.Join(dir, "whole", ".cache"))
	if status, said := call(t, dir, "cache", "verify", "--cache", "whole/.cache"); status != 1 || !strings.Contains(said, "damaged places: 1,") {
		t.Errorf("verify: exit status %d: %s", status, said)
	}
	status, said := call(t, dir, "crash.yaml", "--out", "whole")
	if status != 0 || strings.Count(said, "damaged and done again") != 1 {
		t.Errorf("exit status %d: %s", status, said)
	}
	wantSame(t, filepath.Join(dir, "whole", "crash"), want)
	if status, said := call(t, dir, "crash.yaml", "--out", "whole"); status != 0 || strings.Contains(said, "damaged") {
		t.Errorf("the second time, exit status %d: %s", status, said)
	}
}

// damage flips a bit in the result of some run.
func damage(t testing.TB, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if at := bytes.Index(data, []byte("done")); at >= 0 {
			data[at] ^= 1
			return errors.Join(os.WriteFile(path, data, 0o644), fs.SkipAll)
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.SkipAll) {
		t.Fatal(err)
	}
}

// Two processes share a cache; two in one results folder do not.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	dir, want := crashFolder(t)
	var both []*exec.Cmd
	for _, out := range []string{"a", "b"} {
		cmd := program(t, dir, "crash.yaml", "--out", out, "--cache", "shared", "--jobs", "1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		both = append(both, cmd)
	}
	for i, out := range []string{"a", "b"} {
		if err := both[i].Wait(); err != nil {
			t.Errorf("%s: %v", out, err)
		}
		wantSame(t, filepath.Join(dir, out, "crash"), want)
	}
	if status, said := call(t, dir, "cache", "verify", "--cache", "shared"); status != 0 {
		t.Errorf("verify: exit status %d: %s", status, said)
	}
}

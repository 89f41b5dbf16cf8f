//go:build soak

package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"windtunnel/experiments/internal/testfile"
)

// TestFaults does to the program, at random moments of a fixed seed, what once destroyed results, hung or passed for well.
func TestFaults(t *testing.T) {
	for _, fault := range []struct {
		name string
		do   func(t *testing.T, s *soak)
	}{
		{"suspended while another starts", suspended},
		{"interrupted with workers", interruptedWorkers},
		{"signals while it waits for input", waiting},
		{"killed while it draws and exports", killedDrawing},
		{"no room for its output", fullOutput},
		{"input without an end", endless},
		{"more memory than it may have", largeChecked},
		{"damage", damaged},
	} {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			testfile.Write(t, filepath.Join(dir, "small.yaml"), smallConfig+"seeds: 40\nsweep: {lambda: [0.1, 1, 10]}\nclaims: [{name: c, kind: bound, metric: tv_ref, below: 5}]\n")
			s := &soak{dir: dir, program: named(t, dir), rng: rand.New(rand.NewPCG(15, 0))}
			began := time.Now()
			if status, said := call(t, dir, "small.yaml", "--out", "whole", "--jobs", "1"); status != exitWell {
				t.Fatalf("exit status %d: %s", status, said)
			}
			s.took, s.want = time.Since(began), contents(t, filepath.Join(dir, "whole", "m"))
			fault.do(t, s)
		})
	}
}

// soak is a folder with a config and what an undisturbed run of it makes.
type soak struct {
	dir     string
	program string
	rng     *rand.Rand
	took    time.Duration
	want    map[string]string
}

// moment waits for up to a time.
func (s *soak) moment(most time.Duration) { time.Sleep(time.Duration(s.rng.Float64() * float64(most))) }

// start starts the program in a process group of its own.
func (s *soak) start(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd, said := exec.Command(s.program, args...), &bytes.Buffer{}
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, said
}

// within wants a process to end in time.
func within(t *testing.T, cmd *exec.Cmd, most time.Duration) error {
	t.Helper()
	late := time.AfterFunc(most, func() {
		t.Errorf("%v: not ended after %v", cmd.Args, most)
		_ = cmd.Process.Kill() // it may have ended by now
	})
	defer late.Stop()
	return cmd.Wait()
}

// suspended: a run that is stopped keeps its results folder from others, and what it publishes when it goes on is whole.
func suspended(t *testing.T, s *soak) {
	for i := range 5 {
		out := fmt.Sprint("out", i)
		first, said := s.start(t, "small.yaml", "--out", out, "--jobs", "1")
		s.moment(s.took)
		_ = first.Process.Signal(syscall.SIGSTOP) // it may have ended
		status, second := call(t, s.dir, "small.yaml", "--out", out, "--jobs", "1")
		_ = first.Process.Signal(syscall.SIGCONT)
		if err := within(t, first, time.Minute); err != nil && status != exitWell {
			t.Errorf("neither did it: %v: %s; exit status %d: %s", err, said, status, second)
		}
		wantSame(t, filepath.Join(s.dir, out, "m"), s.want)
	}
}

// interruptedWorkers: what a terminal's Ctrl-C ends has no failed runs, and the same command goes on to the same results.
func interruptedWorkers(t *testing.T, s *soak) {
	args := []string{"small.yaml", "--jobs", "2", "--set", "limits.memory=1GB", "--set", "seeds=2"}
	for i := range 3 {
		out := fmt.Sprint("out", i)
		cmd, _ := s.start(t, append(args, "--out", out)...)
		s.moment(2 * time.Second)
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) // it may have ended
		_ = within(t, cmd, 30*time.Second)                 // interrupted, or done
		again, said := s.start(t, append(args, "--out", out)...)
		if err := within(t, again, time.Minute); err != nil || strings.Contains(said.String(), "FAILED") {
			t.Errorf("%v: %s", err, said)
		}
	}
}

// waiting: whatever it waits for, a first signal ends it.
func waiting(t *testing.T, s *soak) {
	fifo := filepath.Join(s.dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	testfile.Write(t, filepath.Join(s.dir, "long.yaml"), smallConfig+"sweep: {lambda: ["+strings.Repeat("1.0,", 400_000)+"2]}\n")
	for _, args := range [][]string{{"loss"}, {"score", "-"}, {"run", fifo}, {"run", "/dev/zero"}, {"run", "long.yaml", "--dry-run"}} {
		for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			in, keep, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd := program(t, s.dir, args...)
			cmd.Stdin = in
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			s.moment(time.Second)
			_ = cmd.Process.Signal(signal) // it may have ended
			if err := within(t, cmd, 20*time.Second); err == nil {
				t.Errorf("%v: %v ended it well", args, signal)
			}
			keep.Close()
			in.Close()
		}
	}
}

// killedDrawing: a killed plot, report or export leaves nothing that a later run takes for the user's.
func killedDrawing(t *testing.T, s *soak) {
	m := filepath.Join("whole", "m")
	for range 4 {
		for _, args := range [][]string{{"plot", m}, {"export", m, "--format", "parquet"}, {"report", m, "-o", filepath.Join(m, "report.html")}} {
			cmd, _ := s.start(t, args...)
			s.moment(300 * time.Millisecond)
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // killed, or done
		}
	}
	if status, said := call(t, s.dir, "small.yaml", "--out", "whole"); status != exitWell {
		t.Errorf("exit status %d: %s", status, said)
	}
	if err := os.Remove(filepath.Join(s.dir, m, "report.html")); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	wantSame(t, filepath.Join(s.dir, m), s.want)
}

// fullOutput: what cannot be printed is not well.
func fullOutput(t *testing.T, s *soak) {
	m := filepath.Join("whole", "m")
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("no device that is always full: %v", err)
	}
	defer full.Close()
	for _, args := range [][]string{{"run", "small.yaml", "--out", "whole"}, {"list"}, {"check", m}, {"compare", m, m}, {"plot", m}, {"explain", "small.yaml"}, {"schema"}, {"cache", "size", "--cache", "whole/.cache"}} {
		cmd := program(t, s.dir, args...)
		cmd.Stdout = full
		if err := within(t, cmd, time.Minute); err == nil {
			t.Errorf("%v ends well though nothing could be written", args)
		}
	}
}

// limited wants a call to end in time, with an exit status, a word in what it says and at most so many megabytes of memory, those of this test included, which a process begins with.
func limited(t *testing.T, s *soak, status int, word string, megabytes int64, args ...string) {
	t.Helper()
	cmd, said := s.start(t, args...)
	_ = within(t, cmd, 2*time.Minute) // the status says how
	used := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss / 1024
	if cmd.ProcessState.ExitCode() != status || !strings.Contains(said.String(), word) || used > megabytes {
		t.Errorf("%v: exit status %d, %d MB, want at most %d: %.300s", args, cmd.ProcessState.ExitCode(), used, megabytes, said)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "none")); err == nil && status == exitInput {
		t.Errorf("%v wrote something", args)
	}
}

// endless: devices, an archive that unpacks to gigabytes, conditions and sweeps that never end are refused, in time and in little memory.
func endless(t *testing.T, s *soak) {
	pairs := strings.Replace(smallConfig, "kind: sample, n: 50", "kind: file, path: pairs.jsonl.gz", 1)
	testfile.Write(t, filepath.Join(s.dir, "bomb.yaml"), pairs)
	bomb, err := os.Create(filepath.Join(s.dir, "pairs.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	packed := gzip.NewWriter(bomb)
	if _, err := io.CopyN(packed, zeros{}, 2<<30); err != nil {
		t.Fatal(err)
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	bomb.Close()
	testfile.Write(t, filepath.Join(s.dir, "loop.yaml"), smallConfig+"sweep: {lambda: {linspace: {from: 1, to: 2, num: 1000}}}\nwhere: \"count(1..10000, count(1..10000, lambda > 5) == 0) == 10000\"\n")
	testfile.Write(t, filepath.Join(s.dir, "many.yaml"), smallConfig+"sweep: {lambda: {linspace: {from: 1, to: 2, num: 280000}}}\n")
	for _, config := range []string{"bomb.yaml", "loop.yaml", "many.yaml", "/dev/zero"} {
		limited(t, s, exitInput, "", 700, "run", config, "--out", "none")
	}
	limited(t, s, exitInput, "no regular file", 700, "run", "small.yaml", "--set", "preferences={kind: file, path: /dev/zero}", "--out", "none")
}

// zeros is an endless line.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// largeChecked: limits.memory holds for what checks the config too.
func largeChecked(t *testing.T, s *soak) {
	testfile.Write(t, filepath.Join(s.dir, "large.yaml"), strings.Replace(smallConfig, "responses: 4", "prompts: 1000, responses: 20000", 1)+"limits: {memory: 100MB}\n")
	limited(t, s, exitInput, "limits.memory", 700, "run", "large.yaml", "--out", "none")
	limited(t, s, exitVerdict, "needed more memory than limits.memory", 700, "run", "large.yaml", "--set", "environment.prompts=70", "--jobs", "1", "--out", "some")
	testfile.Write(t, filepath.Join(s.dir, "pairs.jsonl"), strings.Repeat(`{"prompt": "x", "chosen": 0, "rejected": 1}`+"\n", 840_000)) // 37 MB
	testfile.Write(t, filepath.Join(s.dir, "pairs.yaml"), "name: pairs\nenvironment: {kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.3, 0.1], pi_ref: [0.4, 0.4, 0.2]}]}\n"+
		"preferences: {kind: file, path: pairs.jsonl}\ntrain: {epochs: 1}\nobjectives: [dpo]\nlimits: {memory: 60MB}\n")
	limited(t, s, exitVerdict, "needed more memory than limits.memory, 60MB", 700, "run", "pairs.yaml", "--out", "some")
}

// damaged: an emptied cache file, and a changed digit of a table, are told.
func damaged(t *testing.T, s *soak) {
	runs := filepath.Join(s.dir, "whole", "m", "runs.csv")
	text := testfile.Read(t, runs)
	at := strings.LastIndexAny(text, "12345678")
	testfile.Write(t, runs, text[:at]+"9"+text[at+1:])
	if status, said := call(t, s.dir, "check", "whole/m"); status == exitWell || !strings.Contains(said, "not as it was made") {
		t.Errorf("a changed digit: exit status %d: %s", status, said)
	}
	files, err := filepath.Glob(filepath.Join(s.dir, "whole", ".cache", "*.runs"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	if err := os.Truncate(files[0], 0); err != nil {
		t.Fatal(err)
	}
	if status, said := call(t, s.dir, "cache", "verify", "--cache", "whole/.cache"); status == exitWell {
		t.Errorf("an emptied cache file: verify says %s", said)
	}
	if status, said := call(t, s.dir, "small.yaml", "--out", "whole"); status != exitWell {
		t.Errorf("exit status %d: %s", status, said)
	}
	wantSame(t, filepath.Join(s.dir, "whole", "m"), s.want)
}

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"windtunnel/experiments/internal/testfile"
)

// A worker that is killed from outside is no failed run, and the terminal's signals do not reach it; it ends with its parent.
func TestWorkerKilled(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			program, config := named(t, dir), filepath.Join(dir, "c.yaml")
			testfile.Write(t, config, strings.Replace(smallConfig, "epochs: 2", "epochs: 1000000", 1)+"limits: {memory: 1GB}\n")
			var said bytes.Buffer
			cmd := exec.Command(program, "run", config, "--quiet", "--jobs", "1", "--out", dir)
			cmd.Stderr = &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			late := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
			defer late.Stop()
			worker := awaitChild(t, cmd.Process.Pid)
			if group, err := syscall.Getpgid(worker); err != nil || group != worker {
				t.Errorf("the worker %d is in the group %d, %v", worker, group, err)
			}
			if err := syscall.Kill(worker, signal); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil || !strings.Contains(said.String(), "ended from outside") {
				t.Errorf("%v: %s", err, said.String())
			}
			if kept, _ := filepath.Glob(filepath.Join(dir, ".cache", "*.runs")); kept != nil {
				t.Errorf("the cache holds %v", kept)
			}
			if _, err := os.Stat(filepath.Join(dir, "m")); err == nil {
				t.Error("there are results")
			}
		})
	}
}

// named puts the program into a folder under its name, by which the workers that it starts are the program too, see TestMain.
func named(t *testing.T, dir string) string {
	t.Helper()
	program := filepath.Join(dir, "experiments")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Link(self, program); err != nil {
		testfile.Write(t, program, testfile.Read(t, self))
		if err := os.Chmod(program, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return program
}

// awaitChild returns the process that another one has started.
func awaitChild(t *testing.T, parent int) int {
	t.Helper()
	for range 1000 {
		paths, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
		for _, path := range paths {
			text, _ := os.ReadFile(path)
			for field := range strings.FieldsSeq(string(text)) {
				child, _ := strconv.Atoi(field)
				if line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", child)); strings.Contains(string(line), "__run") {
					return child
				}
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("no worker was started")
	return 0
}

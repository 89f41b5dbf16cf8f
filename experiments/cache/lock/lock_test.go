package lock

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestMain lets the test binary act as another process, which holds a lock until it is killed.
func TestMain(m *testing.M) {
	if path := os.Getenv("LOCK_TEST_PATH"); path != "" {
		if _, err := Acquire(path); err != nil {
			os.Stdout.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Stdout.WriteString("held\n")
		time.Sleep(time.Hour)
	}
	os.Exit(m.Run())
}

// wantFree wants a lock that can be taken and leaves nothing behind.
func wantFree(t *testing.T, path string) {
	t.Helper()
	l, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Release(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); len(left) > 0 || err != nil {
		t.Errorf("left after Release: %v, %v", left, err)
	}
}

func TestSecondIsToldWhoHoldsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.lock")
	l, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Acquire(path)
	var held *HeldError
	if !errors.As(err, &held) {
		t.Fatalf("second Acquire: %v, want a *HeldError", err)
	}
	host, _ := os.Hostname()
	if held.PID != os.Getpid() || held.Host != host || held.Path != path || time.Since(held.Since) > time.Minute {
		t.Errorf("HeldError %+v does not name this process", held)
	}
	for _, want := range []string{host, path, "wait for it", held.Since.Local().Format(time.DateTime)} {
		if !strings.Contains(held.Error(), want) {
			t.Errorf("%q lacks %q", held.Error(), want)
		}
	}
	if err := l.Release(); err != nil {
		t.Error(err)
	}
	wantFree(t, path)
}

// The lock of a process ends with it, and its file gives no right to anything.
func TestKilledHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.lock")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LOCK_TEST_PATH="+path)
	out, err := cmd.StdoutPipe()
	if err := errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	said, _ := bufio.NewReader(out).ReadString('\n')
	var held *HeldError
	if _, err := Acquire(path); said != "held\n" || !errors.As(err, &held) || held.PID != cmd.Process.Pid {
		t.Errorf("the other process says %q, Acquire: %v", said, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	wantFree(t, path)
}

// Whatever a file holds, an earlier program's lock or a torn one, only a living holder counts.
func TestLeftFile(t *testing.T) {
	for _, content := range []string{"", "\x00", `{"host":"h","pid":1,"token":"A"}`, `{"host":"x","pi`} {
		path := filepath.Join(t.TempDir(), "results.lock")
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		wantFree(t, path)
		l, err := Acquire(path)
		if err := errors.Join(err, os.WriteFile(path, []byte(content), 0o666)); err != nil {
			t.Fatal(err)
		}
		var held *HeldError
		if _, err := Acquire(path); !errors.As(err, &held) || held.PID == os.Getpid() {
			t.Errorf("%q: %v, want a *HeldError", content, err)
		}
		if err := l.Release(); err != nil {
			t.Error(err)
		}
	}
}

// A lock whose file somebody removed leaves the next holder's alone.
func TestRemovedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.lock")
	first, err := Acquire(path)
	if err := errors.Join(err, os.Remove(path)); err != nil {
		t.Fatal(err)
	}
	second, err := Acquire(path)
	if err := errors.Join(err, first.Release()); err != nil {
		t.Fatal(err)
	}
	var held *HeldError
	if _, err := Acquire(path); !errors.As(err, &held) {
		t.Errorf("got %v, want a *HeldError", err)
	}
	if err := second.Release(); err != nil {
		t.Error(err)
	}
	wantFree(t, path)
}

// Of many that take and release a lock over and over, one has it at a time.
func TestContention(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.lock")
	var inside, taken atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				l, err := Acquire(path)
				if _, held := err.(*HeldError); held {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				taken.Add(1)
				if n := inside.Add(1); n != 1 {
					t.Errorf("%d have the lock", n)
				}
				inside.Add(-1)
				if err := l.Release(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if taken.Load() == 0 {
		t.Error("nobody ever had the lock")
	}
	wantFree(t, path)
}

func TestMissingFolder(t *testing.T) {
	if _, err := Acquire(filepath.Join(t.TempDir(), "no", "lock")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

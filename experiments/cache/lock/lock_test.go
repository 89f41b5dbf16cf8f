package lock

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"windtunnel/experiments/cache/process"
)

// TestMain lets the test binary act as another process: one that holds a lock until it is killed, or one of many that
// contend for it.
func TestMain(m *testing.M) {
	path := os.Getenv("LOCK_TEST_PATH")
	switch os.Getenv("LOCK_TEST_ROLE") {
	case "hold":
		if _, err := Acquire(path); err != nil {
			os.Stdout.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Stdout.WriteString("held\n")
		select {}
	case "contend":
		if err := contend(path, 8); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child starts the test binary in one of the roles of TestMain.
func child(t *testing.T, role, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LOCK_TEST_ROLE="+role, "LOCK_TEST_PATH="+path)
	cmd.Stderr = os.Stderr
	return cmd
}

// dead is the identity of a process that has ended.
var dead = sync.OnceValue(func() process.Identity {
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	if err := cmd.Run(); err != nil {
		panic(err)
	}
	id := process.Self()
	id.PID, id.Start = cmd.Process.Pid, "1"
	return id
})

// plant writes a lock file of that holder, last refreshed that long ago.
func plant(t *testing.T, path string, h holder, age time.Duration) {
	t.Helper()
	content, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(path, content, 0o666), aged(path, age)); err != nil {
		t.Fatal(err)
	}
}

func aged(path string, age time.Duration) error {
	at := time.Now().Add(-age)
	return os.Chtimes(path, at, at)
}

// leftovers lists the folder of a lock.
func leftovers(t *testing.T, path string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
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
	me := process.Self()
	if held.PID != me.PID || held.Host != me.Host || held.Path != path || time.Since(held.Since) > time.Minute {
		t.Errorf("HeldError %+v does not name this process", held)
	}
	for _, want := range []string{me.String(), path, "wait for it, or remove the file", held.Since.Local().Format(time.DateTime)} {
		if !strings.Contains(held.Error(), want) {
			t.Errorf("%q lacks %q", held.Error(), want)
		}
	}
	if err := errors.Join(l.Check(), l.Release(), l.Release()); err != nil {
		t.Error(err)
	}
	if names := leftovers(t, path); len(names) != 0 {
		t.Errorf("left after Release: %v", names)
	}
}

func TestTakeover(t *testing.T) {
	elsewhere := process.Identity{Host: "elsewhere", PID: 1}
	gone := dead()
	cases := []struct {
		name   string
		holder process.Identity
		age    time.Duration
		taken  bool
	}{
		{"dead on this host", gone, 0, true},
		{"alive on this host, silent", process.Self(), time.Hour, false},
		{"elsewhere, refreshed", elsewhere, process.Silence - 30*time.Second, false},
		{"elsewhere, silent", elsewhere, process.Silence + 30*time.Second, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lock")
			plant(t, path, holder{Identity: c.holder, Token: "T"}, c.age)
			l, err := Acquire(path)
			if !c.taken {
				var held *HeldError
				if !errors.As(err, &held) || held.PID != c.holder.PID {
					t.Fatalf("got %v, want a *HeldError that names process %d", err, c.holder.PID)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(l.Check(), l.Release()); err != nil {
				t.Error(err)
			}
			if names := leftovers(t, path); len(names) != 0 {
				t.Errorf("left: %v", names)
			}
		})
	}
}

func TestTakeoverFromOneWhoDiedTakingOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	gone := dead()
	plant(t, path, holder{Identity: gone, Token: "A"}, 0)
	plant(t, successor(path, "A"), holder{Identity: gone, Token: "B"}, 0)
	plant(t, successor(path, "B"), holder{Identity: gone, Token: "C"}, 0)
	plant(t, path+".B"+claimSuffix, holder{Identity: gone, Token: "B"}, 0)
	l, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	if names := leftovers(t, path); len(names) != 1 || names[0] != "lock" {
		t.Errorf("beside the lock: %v", names)
	}
	if err := l.Release(); err != nil {
		t.Error(err)
	}
}

func TestTakeoverUnderWayIsRespected(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	plant(t, path, holder{Identity: dead(), Token: "A"}, 0)
	plant(t, successor(path, "A"), holder{Identity: process.Self(), Token: "B"}, 0)
	var held *HeldError
	if _, err := Acquire(path); !errors.As(err, &held) || held.PID != os.Getpid() {
		t.Errorf("got %v, want a *HeldError that names this process", err)
	}
}

// A slow process saw a dead holder A; by the time it takes A.next, a quick one has replaced A and removed A.next.
func TestSlowTakeoverLosesToAQuickOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	plant(t, path, holder{Identity: dead(), Token: "A"}, 0)
	slow, err := newClaim(path, holder{Identity: process.Self(), Token: "SLOW"})
	if err != nil {
		t.Fatal(err)
	}
	quick, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	right := successor(path, "A")
	if won, err := slow.take(right); !won || err != nil {
		t.Fatal(won, err)
	}
	if taken, err := slow.replace([]string{right}); taken || err != nil {
		t.Errorf("the slow one replaced a live lock: %v, %v", taken, err)
	}
	if err := quick.Check(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(right); err == nil {
		t.Errorf("%s is left", right)
	}
}

func TestUnreadableLock(t *testing.T) {
	for name, content := range map[string]string{"empty": "", "torn": `{"host":"x","pi`, "unsafe token": `{"token":"../x"}`} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lock")
			if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
				t.Fatal(err)
			}
			var held *HeldError
			if _, err := Acquire(path); !errors.As(err, &held) || !strings.Contains(err.Error(), "unknown process") {
				t.Fatalf("fresh: got %v, want a *HeldError of an unknown process", err)
			}
			if err := aged(path, process.Silence+time.Minute); err != nil {
				t.Fatal(err)
			}
			l, err := Acquire(path)
			if err != nil {
				t.Fatalf("old: %v", err)
			}
			if err := l.Release(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLostLock(t *testing.T) {
	for name, lose := range map[string]func(path string) error{
		"removed": os.Remove,
		"replaced": func(path string) error {
			return os.WriteFile(path, []byte(`{"token":"OTHER","host":"h","pid":7}`), 0o666)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lock")
			l, err := Acquire(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := lose(path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(path)
			l.refresh()
			if l.Check() == nil || l.Release() == nil {
				t.Error("Check and Release are content with a lost lock")
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Errorf("another's lock was changed from %q to %q", before, after)
			}
		})
	}
}

func TestRefreshKeepsContentAndRenewsTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	before, err := os.ReadFile(path)
	if err := errors.Join(err, aged(path, time.Hour)); err != nil {
		t.Fatal(err)
	}
	l.refresh()
	after, err := os.ReadFile(path)
	if err != nil || string(after) != string(before) {
		t.Errorf("content %q became %q (%v)", before, after, err)
	}
	if info, _ := os.Stat(path); time.Since(info.ModTime()) > time.Minute {
		t.Errorf("last refreshed %v", info.ModTime())
	}
}

// Files that somebody has tampered with lead in a circle.
func TestEndlessChain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	plant(t, path, holder{Identity: dead(), Token: "A"}, 0)
	plant(t, successor(path, "A"), holder{Identity: dead(), Token: "A"}, 0)
	if _, err := Acquire(path); err == nil || !strings.Contains(err.Error(), "remove "+path) {
		t.Errorf("got %v", err)
	}
}

func TestMissingFolder(t *testing.T) {
	if _, err := Acquire(filepath.Join(t.TempDir(), "no", "lock")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// Whatever a lock file holds, it either is held, or is taken over and released without a trace.
func FuzzLockFile(f *testing.F) {
	for _, content := range []string{"", `{"host":"h","pid":1,"token":"A"}`, `{"token":"/../x"}`, `{"pid":-1,"token":"B"}`, "\x00"} {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content string) {
		path := filepath.Join(t.TempDir(), "lock")
		if err := errors.Join(os.WriteFile(path, []byte(content), 0o666), aged(path, time.Hour)); err != nil {
			t.Fatal(err)
		}
		l, err := Acquire(path)
		var held *HeldError
		if errors.As(err, &held) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(l.Check(), l.Release()); err != nil {
			t.Error(err)
		}
		if names := leftovers(t, path); len(names) != 0 {
			t.Errorf("left: %v", names)
		}
	})
}

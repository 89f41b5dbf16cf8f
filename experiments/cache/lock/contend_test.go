package lock

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"windtunnel/experiments/cache/process"
)

// contend takes the lock n times and checks each time that nobody else is inside.
func contend(path string, n int) error {
	for done := 0; done < n; {
		l, err := Acquire(path)
		var held *HeldError
		if errors.As(err, &held) {
			time.Sleep(100 * time.Microsecond)
			continue
		}
		if err != nil {
			return err
		}
		inside, err := os.OpenFile(path+"-inside", os.O_CREATE|os.O_EXCL, 0o666)
		if err != nil {
			return err
		}
		time.Sleep(50 * time.Microsecond)
		if err := errors.Join(inside.Close(), os.Remove(path+"-inside"), l.Check(), l.Release()); err != nil {
			return err
		}
		done++
	}
	return nil
}

func TestKilledHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	cmd := child(t, "hold", path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	line := make([]byte, 5)
	if _, err := out.Read(line); err != nil || string(line) != "held\n" {
		t.Fatalf("child says %q, %v", line, err)
	}
	var held *HeldError
	if _, err := Acquire(path); !errors.As(err, &held) || held.PID != cmd.Process.Pid {
		t.Fatalf("got %v, want a *HeldError that names process %d", err, cmd.Process.Pid)
	}
	cmd.Process.Kill()
	cmd.Wait()
	l, err := Acquire(path)
	if err != nil {
		t.Fatalf("after SIGKILL: %v", err)
	}
	if err := l.Release(); err != nil {
		t.Error(err)
	}
}

func TestOneHolderAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var wait sync.WaitGroup
	for range 2 {
		wait.Go(func() {
			if err := child(t, "contend", path).Run(); err != nil {
				t.Error(err)
			}
		})
	}
	for range 4 {
		wait.Go(func() {
			if err := contend(path, 8); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if names := leftovers(t, path); len(names) != 0 {
		t.Errorf("left: %v", names)
	}
}

// Every holder dies without a Release, so all but the first take over. With links and without.
func TestOneHolderAtATimeWhenAllDie(t *testing.T) {
	gone := dead()
	t.Run("links", func(t *testing.T) { dieInTurn(t, gone) })
	t.Run("no links", func(t *testing.T) {
		link = func(string, string) error { return &os.LinkError{Op: "link", Err: syscall.EPERM} }
		defer func() { link = os.Link }()
		dieInTurn(t, gone)
	})
}

func dieInTurn(t *testing.T, gone process.Identity) {
	path := filepath.Join(t.TempDir(), "lock")
	var inside, deaths atomic.Int32
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for deaths.Load() < 30 {
				l, err := Acquire(path)
				var held *HeldError
				if errors.As(err, &held) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if inside.Add(1) != 1 {
					t.Error("two processes hold the lock")
				}
				time.Sleep(50 * time.Microsecond)
				inside.Add(-1)
				deaths.Add(1)
				die(t, l, gone)
			}
		})
	}
	wait.Wait()
}

// die makes a held lock that of a dead process, as if its holder were killed at this moment.
func die(t *testing.T, l *Lock, gone process.Identity) {
	close(l.stop)
	<-l.done
	corpse := l.path + "-" + l.token
	plant(t, corpse, holder{Identity: gone, Token: l.token}, 0)
	if err := os.Rename(corpse, l.path); err != nil {
		t.Error(err)
	}
}

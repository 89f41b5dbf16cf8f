// Package lock keeps two processes from writing the same results folder. A lock is a file that names its holder, so
// whoever meets one can say whom to wait for. It needs neither flock nor a lock daemon and works over NFS: a lock is
// taken by link(2), or by exclusive creation where there are no links, both of which a file server decides.
//
// The lock of a process that has ended is taken over. On the same host that is known for certain; on another one a
// holder counts as gone when its lock has not been refreshed for process.Silence by the file server's clock.
//
// Every acquisition has a token of its own. The right to replace or remove a lock with token T belongs to whoever
// holds the file PATH.T.next, which is taken exclusively too, and who then still finds T at PATH. So of many that see
// the same dead holder one wins, and a slow one cannot remove the lock of a quick one. Who dies in between is a dead
// holder himself, of PATH.T.next, and is followed in the same way.
package lock

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"windtunnel/experiments/cache/process"
)

// attempts bounds how often Acquire starts again because the lock changed hands under it.
const attempts = 1000

// holder is what a lock file says.
type holder struct {
	process.Identity
	Token   string    `json:"token"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
}

// Lock is a lock held by this process.
type Lock struct {
	path  string
	token string
	taken time.Time // when, by the clock of the file system
	stop  chan struct{}
	done  chan struct{}
	once  sync.Once
	err   error // of Release
}

// HeldError says who holds a lock.
type HeldError struct {
	Path    string    // the lock file
	Host    string    // where its holder runs; "" if the file does not say
	PID     int       // the holder's process id; 0 if the file does not say
	Command string    // the holder's command line
	Since   time.Time // when the holder took it, by the holder's clock
}

// Error names the holder, the file and the remedy.
func (e *HeldError) Error() string {
	who := "an unknown process"
	if e.PID != 0 {
		who = process.Identity{Host: e.Host, PID: e.PID}.String()
	}
	if e.Command != "" {
		who += " (" + e.Command + ")"
	}
	return fmt.Sprintf("held by %s since %s (%s); wait for it, or remove the file if that process is gone",
		who, e.Since.Local().Format(time.DateTime), e.Path)
}

// Acquire takes the lock at path, whose folder must exist. It does not wait: if another holds the lock the error is a
// *HeldError. A holder that has ended does not count. The lock is refreshed every process.Beat until Release.
func Acquire(path string) (*Lock, error) {
	me := holder{Identity: process.Self(), Token: rand.Text(), Command: command(), Since: time.Now().UTC()}
	claim, err := newClaim(path, me)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	defer os.Remove(claim.file)
	for range attempts {
		taken, err := claim.attempt()
		if err != nil {
			return nil, err
		}
		if taken {
			claim.sweep()
			l := &Lock{path: path, token: me.Token, taken: claim.time, stop: make(chan struct{}), done: make(chan struct{})}
			go l.beat()
			return l, nil
		}
	}
	return nil, fmt.Errorf("lock %s: it changed hands %d times while this process tried to take it", path, attempts)
}

// command is the command line, cut so that a lock file stays short.
func command() string {
	text := strings.Join(os.Args, " ")
	return text[:min(len(text), 200)]
}

// Taken returns when the lock was taken, by the clock of the file system it is on. It is the time to compare
// modification times of neighbouring files with, whatever this host's clock says.
func (l *Lock) Taken() time.Time { return l.taken }

// Check returns an error if the lock is not this process's any more: somebody removed it, or took it over because this
// process was suspended for long. To be called before what must not happen twice.
func (l *Lock) Check() error {
	now, _, err := read(l.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("lock %s: somebody removed it while this process held it", l.path)
	case err != nil:
		return fmt.Errorf("lock %s: %w", l.path, err)
	case now.Token != l.token:
		return fmt.Errorf("lock %s: lost while this process was suspended: %w", l.path, now.held(l.path))
	}
	return nil
}

// Release gives the lock up. It removes the file only if it is still this process's; if it is not, Release returns the
// error of Check. A second call returns what the first did.
func (l *Lock) Release() error {
	l.once.Do(func() {
		close(l.stop)
		<-l.done
		l.err = l.remove()
	})
	return l.err
}

// remove deletes the lock file with the right to do so in hand, so that nobody takes it over at that moment.
func (l *Lock) remove() error {
	me := holder{Identity: process.Self(), Token: rand.Text(), Command: command(), Since: time.Now().UTC()}
	claim, err := newClaim(l.path, me)
	if err != nil {
		return fmt.Errorf("lock %s: %w", l.path, err)
	}
	defer os.Remove(claim.file)
	right := successor(l.path, l.token)
	won, err := claim.take(right)
	if err != nil {
		return fmt.Errorf("lock %s: %w", l.path, err)
	}
	if !won {
		return fmt.Errorf("lock %s: lost: another process is taking it over, because this one was suspended", l.path)
	}
	defer os.Remove(right)
	if err := l.Check(); err != nil {
		return err
	}
	return os.Remove(l.path)
}

// beat refreshes the lock until Release.
func (l *Lock) beat() {
	defer close(l.done)
	ticker := time.NewTicker(process.Beat)
	defer ticker.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-ticker.C:
			l.refresh()
		}
	}
}

// refresh writes the lock file's own bytes over themselves: unlike setting the modification time, which takes this
// host's clock, that takes the file server's. What goes wrong here shows in Check.
func (l *Lock) refresh() {
	f, err := os.OpenFile(l.path, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer f.Close()
	content := make([]byte, maxFile)
	n, _ := f.ReadAt(content, 0)
	var now holder
	if json.Unmarshal(content[:n], &now) != nil || now.Token != l.token {
		return
	}
	if _, err := f.WriteAt(content[:n], 0); err == nil {
		f.Sync()
	}
}

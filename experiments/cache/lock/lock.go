// Package lock keeps two processes from writing the same folder. A lock is one of the operating system on a file (flock),
// so it ends with its process, however that ends. The file names the holder, so that whoever else wants the lock can say
// whom to wait for.
package lock

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Lock is a lock held by this process.
type Lock struct{ file *flock.Flock }

// HeldError says who holds a lock.
type HeldError struct {
	Path    string    `json:"-"`       // the lock file
	Host    string    `json:"host"`    // where its holder runs; "" if the file does not say
	PID     int       `json:"pid"`     // the holder's process id; 0 if the file does not say
	Command string    `json:"command"` // the holder's command line
	Since   time.Time `json:"since"`   // when the holder took it, by the holder's clock
}

// Error names the holder and the file.
func (e *HeldError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("held by an unknown process (%s); wait for it", e.Path)
	}
	return fmt.Sprintf("held by process %d on host %s (%s) since %s (%s); wait for it",
		e.PID, e.Host, e.Command, e.Since.Local().Format(time.DateTime), e.Path)
}

// Acquire takes the lock on the file at path, which it creates; its folder must exist. It does not wait: if another holds
// the lock, the error is a *HeldError.
func Acquire(path string) (*Lock, error) {
	for {
		// For writing, as NFS locks no others exclusively.
		l := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o666))
		taken, err := l.TryLock()
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if !taken {
			return nil, holder(path)
		}
		if names(l) {
			sign(path)
			return &Lock{l}, nil
		}
		// A former holder removed the file after it was opened here.
		if err := l.Unlock(); err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
	}
}

// names says whether the path of a lock still leads to the file that is locked.
func names(l *flock.Flock) bool {
	ours, err := l.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(l.Path())
	return err == nil && os.SameFile(ours, now)
}

// sign writes who holds the lock into its file. The lock holds without that, on a full disk for one.
func sign(path string) {
	host, _ := os.Hostname()
	command := strings.Join(os.Args, " ")
	content, err := json.Marshal(&HeldError{Host: host, PID: os.Getpid(), Command: command[:min(len(command), 200)], Since: time.Now().UTC()})
	if err == nil {
		_ = os.WriteFile(path, append(content, '\n'), 0o666)
	}
}

// holder returns what the lock file says of its holder, nothing if that has not signed yet.
func holder(path string) *HeldError {
	e := &HeldError{}
	if content, err := os.ReadFile(path); err != nil || json.Unmarshal(content, e) != nil {
		e = &HeldError{}
	}
	e.Path = path
	return e
}

// Release removes the lock file and gives the lock up, in this order, so that it never removes the file of the next
// holder.
func (l *Lock) Release() error {
	if !names(l.file) { // somebody has removed it
		return l.file.Unlock()
	}
	return errors.Join(os.Remove(l.file.Path()), l.file.Unlock())
}

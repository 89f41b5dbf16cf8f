// Package process names a process so that another one, perhaps on another host, can tell whether it is still there. A
// lock and the writer of a cache segment are signed with such a name.
package process

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// Beat is how often a process that holds something refreshes the file which says so.
const Beat = 10 * time.Second

// Silence is how old that file grows before a process that cannot be looked up (it is on another host, or in another
// container) counts as gone. It is twelve beats, so that a busy file server does not take a lock from the living.
const Silence = 2 * time.Minute

// Identity names one process. A process id alone is used again after a while; with its start time it is not.
type Identity struct {
	Host  string `json:"host"`
	PID   int    `json:"pid"`
	Start string `json:"start,omitempty"` // start time in clock ticks since boot; "" where the system does not tell
	Space string `json:"space,omitempty"` // the boot and the container whose process ids these are; "" as above
}

// Self returns the identity of this process.
func Self() Identity { return self() }

var self = sync.OnceValue(func() Identity {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	pid := os.Getpid()
	start, _ := started(pid)
	return Identity{Host: host, PID: pid, Start: start, Space: space()}
})

// String returns "process PID on host HOST".
func (id Identity) String() string { return fmt.Sprintf("process %d on host %s", id.PID, id.Host) }

// Gone says whether the process has ended. Where this process can look it up, that is certain; elsewhere it is what
// follows from the time for which its file has not been refreshed.
func (id Identity) Gone(silent time.Duration) bool {
	if me := Self(); id.Host != me.Host || id.Space != me.Space {
		return silent > Silence
	}
	if start, known := started(id.PID); known && id.Start != "" {
		return start != id.Start
	}
	return !exists(id.PID)
}

// exists says whether there is a process with that id; one of another user counts.
func exists(pid int) bool {
	if pid <= 0 {
		return false
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	err = p.Signal(syscall.Signal(0))
	return !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH)
}

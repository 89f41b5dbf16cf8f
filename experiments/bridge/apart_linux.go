package bridge

import (
	"os/exec"
	"syscall"
)

// SetApart puts a process into a group of its own, so that a terminal's signals are its parent's alone, and lets it end with
// the thread that starts it.
func SetApart(process *exec.Cmd) {
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// endGroup ends a process and its group.
func endGroup(process *exec.Cmd) { _ = syscall.Kill(-process.Process.Pid, syscall.SIGKILL) }

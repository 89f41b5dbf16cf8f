package process

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// Positions in /proc/PID/stat, counted from the state that follows the command's closing parenthesis (proc(5)).
const (
	fieldState = 0
	fieldStart = 19
)

// started returns when a process started, "" if there is none, and whether the system tells. A zombie has ended: it can
// write nothing any more.
func started(pid int) (start string, known bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if errors.Is(err, fs.ErrNotExist) {
		_, err := os.Stat("/proc/self/stat")
		return "", err == nil
	}
	if err != nil {
		return "", false
	}
	// The command may hold spaces and parentheses, so the last one counts.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) <= fieldStart {
		return "", false
	}
	if state := fields[fieldState]; state == "Z" || state == "X" {
		return "", true
	}
	return fields[fieldStart], true
}

// space names the boot and the process id namespace: with equal ones, equal process ids mean the same process.
func space() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	namespace, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + "/" + namespace
}

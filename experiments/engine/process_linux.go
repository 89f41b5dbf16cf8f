package engine

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// slack is what the runtime may need beside the heap: its tables, and the rest of an arena that it reserves as a whole.
const slack = 1 << 30

// capMemory bounds the writable memory that the process may have beyond what it has now. Where that is not allowed the
// watching alone has to do.
func capMemory(limit int64) {
	most := writable() + uint64(limit) + slack
	_ = unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: most, Max: most})
}

// processorTime returns the time that the process has had of processors, which what else the machine does leaves alone.
func processorTime() time.Duration {
	var used unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &used) // which does not fail with these arguments
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// writable returns the writable memory that the process has, in bytes: the sixth number of proc(5)'s statm, in pages.
func writable() uint64 {
	text, _ := os.ReadFile("/proc/self/statm")
	fields := bytes.Fields(text)
	if len(fields) < 6 {
		return 0
	}
	pages, _ := strconv.ParseUint(string(fields[5]), 10, 64)
	return pages * uint64(os.Getpagesize())
}

package engine

import "golang.org/x/sys/unix"

// slack is what the runtime may need beside the heap: its tables, and the rest of an arena that it reserves as a whole.
const slack = 256 << 20

// capMemory bounds the process's writable memory. Where that is not allowed the watching alone has to do.
func capMemory(limit int64) {
	most := uint64(limit) + slack
	_ = unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: most, Max: most})
}

//go:build !linux

package process

// started tells nothing: there is no portable way to ask when a process started.
func started(int) (start string, known bool) { return "", false }

// space is empty: the host's name alone says whose process ids these are.
func space() string { return "" }

// Package inputfile reads files that users name: regular ones up to a size, since a pipe or a device may never end.
package inputfile

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Limits of the size of a file, in bytes.
const (
	Config = 4 << 20
	Data   = 4 << 30
)

// Open opens a regular file of at most limit bytes.
func Open(path string, limit int64) (*os.File, error) {
	if err := check(path, limit); err != nil {
		return nil, err
	}
	return os.Open(path)
}

// Read reads a regular file of at most limit bytes.
func Read(path string, limit int64) ([]byte, error) {
	if err := check(path, limit); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// check refuses what is there and is no regular file of at most limit bytes, before it is opened, which for a pipe waits.
func check(path string, limit int64) error {
	info, err := os.Stat(path)
	if err != nil {
		return nil // opening it says so
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		err = syscall.EISDIR
	case !mode.IsRegular():
		err = fmt.Errorf("is %s, which may never end, and no regular file", Kind(mode))
	case info.Size() > limit:
		err = fmt.Errorf("has %d bytes; at most %d are read", info.Size(), limit)
	default:
		return nil
	}
	return &fs.PathError{Op: "open", Path: path, Err: err}
}

// Kind names what is no folder, as messages do.
func Kind(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "a file"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}

// From returns the path of a file as seen from a folder, with slashes; "" where there is none.
func From(dir, file string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if file, err = filepath.Abs(filepath.FromSlash(file)); err != nil {
		return "", err
	}
	path, err := filepath.Rel(dir, file)
	return filepath.ToSlash(path), err
}

package cache

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"windtunnel/experiments/cache/lock"
)

// fileSystem is all that a Store does to the disk, so that tests can fill the disk and pull the plug at every step.
type fileSystem interface {
	// ReadDir lists a folder by name.
	ReadDir(dir string) ([]fs.DirEntry, error)
	// Open opens a file for reading.
	Open(path string) (readFile, error)
	// MakeDir creates a folder and its parents, durably.
	MakeDir(dir string) error
	// Create creates a file for writing; there must be none.
	Create(path string) (writeFile, error)
	// Remove deletes a file.
	Remove(path string) error
	// SyncDir makes what was created and removed in a folder durable.
	SyncDir(dir string) error
	// Lock takes a lock.Lock, and returns how to release it and the time by the clock of the file system.
	Lock(path string) (release func() error, now time.Time, err error)
}

type readFile interface {
	io.ReaderAt
	io.Closer
	Stat() (fs.FileInfo, error)
}

type writeFile interface {
	io.WriterAt
	io.Closer
	Sync() error
}

// disk is the fileSystem of the operating system.
type disk struct{}

func (disk) ReadDir(dir string) ([]fs.DirEntry, error) { return os.ReadDir(dir) }

func (disk) Open(path string) (readFile, error) { return os.Open(path) }

func (d disk) MakeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := d.MakeDir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return d.SyncDir(parent)
}

func (disk) Create(path string) (writeFile, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

func (disk) Remove(path string) error { return os.Remove(path) }

// SyncDir passes over systems which cannot sync a folder: there is nothing else to do.
func (disk) SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	err = f.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

func (disk) Lock(path string) (func() error, time.Time, error) {
	l, err := lock.Acquire(path)
	if err != nil {
		return nil, time.Time{}, err
	}
	return l.Release, l.Taken(), nil
}

// vanished says whether an error means that a file is not there any more; the second kind is a file server's.
func vanished(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESTALE)
}

package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Staging is a results folder in the making. Everything is written beside the final folder and takes its place in one
// step, so a killed run leaves the old results or the new ones, never a mixture.
type Staging struct {
	Dir   string // where to write
	final string
}

// Stage opens a staging folder for OUT/NAME and removes what killed runs left of earlier ones.
func Stage(out, name string) (*Staging, error) {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	if err := sweepAbandoned(out, name); err != nil {
		return nil, err
	}
	s := &Staging{Dir: filepath.Join(out, fmt.Sprintf(".%s.%d.partial", name, os.Getpid())), final: filepath.Join(out, name)}
	return s, os.Mkdir(s.Dir, 0o755)
}

// sweepAbandoned removes the staging folders of processes that no longer exist.
func sweepAbandoned(out, name string) error {
	left, err := filepath.Glob(filepath.Join(out, "."+name+".*.partial"))
	if err != nil {
		return err
	}
	for _, dir := range left {
		parts := strings.Split(filepath.Base(dir), ".")
		pid, err := strconv.Atoi(parts[len(parts)-2])
		if err != nil || pid != os.Getpid() && alive(pid) {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// alive says whether a process exists; one of another user counts.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}

// Abandon removes the staging folder. After Publish it does nothing.
func (s *Staging) Abandon() { os.RemoveAll(s.Dir) }

// Publish puts the staging folder in the place of the final one. Files that the old folder's manifest does not know,
// such as a reader's notes, move along.
func (s *Staging) Publish() error {
	if err := syncTree(s.Dir); err != nil {
		return err
	}
	if _, err := os.Stat(s.final); errors.Is(err, fs.ErrNotExist) {
		return errors.Join(os.Rename(s.Dir, s.final), syncPath(filepath.Dir(s.final)))
	}
	if err := exchange(s.Dir, s.final); err != nil {
		return err
	}
	// s.Dir now holds the old results.
	if err := keepForeign(s.Dir, s.final); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(s.Dir), syncPath(filepath.Dir(s.final)))
}

// keepForeign moves what the old manifest does not list to the new folder, unless something new has its name. Without
// a readable manifest the old folder is not ours to clean: everything unknown is kept.
func keepForeign(old, fresh string) error {
	known := map[string]bool{manifestName: true}
	if m, err := ReadManifest(old); err == nil {
		for path := range m.Files {
			known[filepath.FromSlash(path)] = true
		}
	}
	return filepath.WalkDir(old, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		inside, err := filepath.Rel(old, path)
		if err != nil || known[inside] {
			return err
		}
		to := filepath.Join(fresh, inside)
		if _, err := os.Lstat(to); err == nil {
			return nil
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.Rename(path, to)
	})
}

// syncTree flushes every file and folder below dir to the disk.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return syncPath(path)
	})
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

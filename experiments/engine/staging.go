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

// partial ends the names of what is only half written.
const partial = ".partial"

// Stage opens a staging folder for OUT/NAME and removes what killed runs left of earlier ones.
func Stage(out, name string) (*Staging, error) {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	if err := sweepAbandoned(out, name); err != nil {
		return nil, err
	}
	s := &Staging{Dir: filepath.Join(out, fmt.Sprintf(".%s.%d%s", name, os.Getpid(), partial)), final: filepath.Join(out, name)}
	return s, os.Mkdir(s.Dir, 0o755)
}

// sweepAbandoned removes the staging folders of processes that no longer exist.
func sweepAbandoned(out, name string) error {
	entries, err := os.ReadDir(out)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		rest, begins := strings.CutPrefix(entry.Name(), "."+name+".")
		number, ends := strings.CutSuffix(rest, partial)
		pid, err := strconv.Atoi(number)
		if !begins || !ends || err != nil || pid != os.Getpid() && alive(pid) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(out, entry.Name())); err != nil {
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
// such as a reader's notes, come along.
func (s *Staging) Publish() error {
	if err := keepForeign(s.final, s.Dir); err != nil {
		return err
	}
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
	return errors.Join(os.RemoveAll(s.Dir), syncPath(filepath.Dir(s.final)))
}

// keepForeign puts what the old folder's manifest does not list into the new folder too, unless something new has its
// name. Without a readable manifest the old folder is not ours to clean: everything unknown is kept.
func keepForeign(old, fresh string) error {
	known := map[string]bool{manifestName: true}
	if m, err := ReadManifest(old); err == nil {
		for path := range m.Files {
			known[filepath.FromSlash(path)] = true
		}
	}
	return filepath.WalkDir(old, func(path string, d fs.DirEntry, err error) error {
		if path == old && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		inside, err := filepath.Rel(old, path)
		if err != nil || known[inside] {
			return err
		}
		return linkOrCopy(path, filepath.Join(fresh, inside))
	})
}

// linkOrCopy gives a file a second place, where nothing is yet. Where the system has no links, it copies.
func linkOrCopy(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
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

// Package publish puts files and results folders in place in one step: a reader, or what is left after a crash, has the
// old content or the new, never a part. The manifest of a folder tells what belongs to it.
package publish

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"windtunnel/experiments/cache/lock"
)

// staging is a results folder in the making. Everything is written beside the final folder and takes its place in one
// step, so a killed run leaves the old results or the new ones, never a mixture.
type staging struct {
	dir   string // where to write
	final string
	lock  *lock.Lock
}

// Partial ends the names of what is only half written, but for what makes them unique; they begin with a dot.
const Partial = ".partial"

// tidy removes from a folder, and those in it, what processes that were killed left half written.
func tidy(dir string) (err error) {
	for _, pattern := range []string{".*.*" + Partial, "*/.*.*" + Partial} {
		left, _ := fs.Glob(os.DirFS(dir), pattern) // which is sound
		for _, name := range left {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, filepath.FromSlash(name))))
		}
	}
	return err
}

// stage opens a staging folder for OUT/NAME, or for where a link there leads, and removes what a killed process left of an
// earlier one. While another process has the folder, the error is a lock.HeldError that names it; where something else stands
// there, it is a TakenError.
func stage(out, name string) (*staging, error) {
	final, err := Place(out, name)
	if err != nil {
		return nil, err
	}
	out, name = filepath.Split(final)
	if err := os.MkdirAll(filepath.Clean(out), 0o755); err != nil {
		return nil, err
	}
	held, err := hold(final)
	if err != nil {
		return nil, err
	}
	s := &staging{dir: filepath.Join(out, "."+name+Partial+"-"+rand.Text()), final: final, lock: held}
	if err := errors.Join(sweep(out, name), os.Mkdir(s.dir, 0o755)); err != nil {
		return nil, errors.Join(err, held.Release())
	}
	return s, nil
}

// Folder makes a results folder OUT/NAME, or that of a shard, in one step: fill writes it in a staging folder.
func Folder(out, name string, fill func(dir string) error) error {
	s, err := stage(out, name)
	if err != nil {
		return err
	}
	defer s.abandon()
	if err := fill(s.dir); err != nil {
		return err
	}
	return s.publish()
}

// sweep removes what killed processes left of staging folders for OUT/NAME, which nobody else has. The old results that a
// killed swap left aside come back if nothing is in their place.
func sweep(out, name string) error {
	left := regexp.MustCompile("^" + regexp.QuoteMeta("."+name+Partial) + "(-[A-Z2-7]+)?(" + regexp.QuoteMeta(aside) + ")?$")
	files, err := os.ReadDir(filepath.Clean(out))
	if err != nil {
		return err
	}
	for _, file := range files {
		if !left.MatchString(file.Name()) {
			continue
		}
		path, final := filepath.Join(out, file.Name()), filepath.Join(out, name)
		if _, err := os.Stat(final); errors.Is(err, fs.ErrNotExist) && strings.HasSuffix(path, aside) {
			if err := os.Rename(path, final); err != nil {
				return err
			}
		} else if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// hold locks a results folder against other processes.
func hold(dir string) (*lock.Lock, error) {
	if final, err := filepath.EvalSymlinks(dir); err == nil {
		dir = final
	}
	return lock.Acquire(filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".lock"))
}

// abandon removes the staging folder and gives the results folder free. After publish it does nothing.
func (s *staging) abandon() {
	if s.lock == nil {
		return
	}
	os.RemoveAll(s.dir)
	_ = s.lock.Release() // it ends with this process anyway
	s.lock = nil
}

// publish puts the staging folder in the place of the final one and gives it free. Files that the old folder's manifest
// does not know, such as a reader's notes, come along. It looks once more at both: every file of the new folder's manifest
// must be there, and nothing but results may stand in its place.
func (s *staging) publish() error {
	defer s.abandon()
	if _, err := Place(filepath.Split(s.final)); err != nil {
		return err
	}
	if m, err := ReadManifest(s.dir); err == nil {
		for name := range m.Files {
			if _, err := os.Stat(filepath.Join(s.dir, filepath.FromSlash(name))); err != nil {
				return fmt.Errorf("the new results are not complete: %w", err)
			}
		}
	}
	if err := keepForeign(s.final, s.dir); err != nil {
		return err
	}
	if err := syncTree(s.dir); err != nil {
		return err
	}
	if _, err := os.Stat(s.final); errors.Is(err, fs.ErrNotExist) {
		return errors.Join(os.Rename(s.dir, s.final), syncPath(filepath.Dir(s.final)))
	}
	if err := exchange(s.dir, s.final); err != nil {
		return err
	}
	// s.dir now holds the old results.
	return errors.Join(os.RemoveAll(s.dir), syncPath(filepath.Dir(s.final)))
}

// keepForeign puts what the old folder's manifest does not list into the new folder too; where something new has its name, the
// error is a TakenError. Without a readable manifest the old folder is not ours to clean: everything is kept that nothing new
// has the name of.
func keepForeign(old, fresh string) error {
	known := map[string]bool{manifestName: true, MadeName: true}
	m, unread := ReadManifest(old)
	if unread == nil {
		for path := range m.Files {
			known[filepath.FromSlash(path)] = true
		}
	}
	return filepath.WalkDir(old, func(path string, d fs.DirEntry, err error) error {
		if path == old && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		half := strings.HasPrefix(d.Name(), ".") && strings.HasSuffix(d.Name(), Partial) // killed while it was written
		if half && d.IsDir() {
			return fs.SkipDir
		}
		if err != nil || d.IsDir() || half {
			return err
		}
		inside, err := filepath.Rel(old, path)
		if err != nil || known[inside] {
			return err
		}
		if _, err := os.Lstat(filepath.Join(fresh, inside)); err == nil && unread == nil {
			return taken(path, "is no result that the folder's manifest knows", "move it away")
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

// Put adds files to a folder that there is, or replaces them: write makes them in a staging folder and returns their slashed paths. Each
// takes its place in one step, and a manifest knows it before. A folder of results is locked meanwhile, as a run may be about to replace it.
func Put(dir string, write func(staging string) (files []string, err error)) (err error) {
	if _, none := ReadManifest(dir); none == nil {
		held, err := hold(dir)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, held.Release()) }()
		if err := tidy(dir); err != nil {
			return err
		}
	}
	staging, err := os.MkdirTemp(dir, ".new.*"+Partial)
	if err != nil {
		return err
	}
	defer os.RemoveAll(staging)
	files, err := write(staging)
	if err == nil {
		err = errors.Join(syncTree(staging), announce(dir, staging, files))
	}
	for _, name := range files {
		from, path := filepath.Join(staging, filepath.FromSlash(name)), filepath.Join(dir, filepath.FromSlash(name))
		if err == nil {
			err = os.MkdirAll(filepath.Dir(path), 0o755)
		}
		if err != nil {
			return err
		}
		if _, none := os.Readlink(path); none != nil {
			err = os.Rename(from, path)
			continue
		}
		data, unread := os.ReadFile(from)
		if err = unread; err == nil {
			err = WriteFile(path, data) // which follows the link
		}
	}
	return err
}

// syncTree flushes every file and folder below dir to the disk.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		return cmp.Or(err, syncPath(path))
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

// aside ends the name of a folder that swap has moved out of the way.
const aside = ".old"

// swap exchanges two folders by renames through a third name, A.old. Killed between two of them, it leaves the folder
// that was at b complete under that name; see sweep.
func swap(a, b string) error {
	if err := os.Rename(b, a+aside); err != nil {
		return err
	}
	if err := os.Rename(a, b); err != nil {
		return err
	}
	return os.Rename(a+aside, a)
}

// WriteFile writes a file so that a reader finds the old content or the new one, never a part: to a temporary file
// beside it, flushed to the disk, then renamed. Links are followed, and what is no regular file is written to as it is.
func WriteFile(path string, data []byte) error { return writeFile(path, data, 0o644) }

// WriteProgram writes a file as WriteFile does, one that can be executed.
func WriteProgram(path string, data []byte) error { return writeFile(path, data, 0o755) }

func writeFile(path string, data []byte, mode fs.FileMode) error {
	final, err := filepath.EvalSymlinks(path)
	if err == nil {
		path = final
	} else if !errors.Is(err, fs.ErrNotExist) { // links in a circle, which are not to be replaced
		return err
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return os.WriteFile(path, data, 0)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*"+Partial)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

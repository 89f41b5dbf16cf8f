package cache

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"windtunnel/experiments/cache/lock"
)

// Verify reads the whole cache, checks every byte of it and returns what is damaged, which counts as missing from now on.
// The files are left as they are: Prune rewrites those with damage.
func (s *Store) Verify() ([]Flaw, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.load(true)
}

// LiveError says that entries were not removed because the processes that wrote them are still writing. A later Prune
// removes them.
type LiveError struct {
	Entries  int      // that were to be removed
	Segments []string // paths of the files that hold them
}

// Error counts the entries and names the files.
func (e *LiveError) Error() string {
	return fmt.Sprintf("%d entries stay, as the processes that wrote them have not ended: %s", e.Entries,
		strings.Join(e.Segments, ", "))
}

// Prune removes the records for which keep returns false, and what is superseded, damaged or torn. It calls keep once for
// each key, in order; keep must not use the store. It returns by how many bytes the cache became smaller, and how many
// records were removed; corrupt ones count. The error is a *LiveError if all else went well but some of the records are in
// segments of other processes that are still writing, and a *lock.HeldError if another process prunes.
//
// Killed at any instant, Prune loses no record that it keeps.
func (s *Store) Prune(keep func(Key, Info) bool) (freed int64, removed int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := os.Stat(s.dir); errors.Is(err, fs.ErrNotExist) {
		return 0, 0, nil
	}
	held, err := lock.Acquire(filepath.Join(s.dir, "prune.lock"))
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, held.Release()) }()
	// Who ends after this was looked up may have written more than load finds, so that comes first.
	if err := s.finish(); err != nil {
		return 0, 0, err
	}
	ended := map[string]bool{} // segments whose writers have; nobody ever takes their locks again
	names, _ := fs.Glob(os.DirFS(s.dir), "*"+suffix)
	for _, name := range names {
		path := filepath.Join(s.dir, name)
		l, err := lock.Acquire(lockOf(path))
		if _, held := errors.AsType[*lock.HeldError](err); held {
			continue
		}
		if err == nil {
			err = l.Release()
		}
		if err != nil {
			return 0, 0, fmt.Errorf("prune the cache: %w", err)
		}
		ended[path] = true
	}
	flaws, err := s.load(true)
	if err != nil {
		return 0, 0, err
	}
	for _, flaw := range flaws {
		if ended[flaw.File] && flaw.Key != (Key{}) {
			removed++
		}
	}

	kept, stay := make([][]Key, len(s.segments)), LiveError{}
	for _, k := range sortedKeys(s.index) {
		p := s.index[k]
		path := s.segments[p.segment].path
		switch {
		case keep(k, p.info()):
			kept[p.segment] = append(kept[p.segment], k)
		case ended[path]:
			delete(s.index, k)
			removed++
		default:
			stay.Entries++
			if !slices.Contains(stay.Segments, path) {
				stay.Segments = append(stay.Segments, path)
			}
		}
	}

	remove := func(g *segment) error {
		freed += g.size
		return os.Remove(g.path)
	}
	var old []*segment // to be replaced
	var moving []Key   // what is kept of them
	useful := int64(len(segmentMagic))
	for i, g := range s.segments {
		switch {
		case !ended[g.path]:
		case kept[i] == nil: // removed first, which makes room for the rest
			if err := remove(g); err != nil {
				return freed, removed, fmt.Errorf("prune the cache: %w", err)
			}
		default:
			old, moving = append(old, g), append(moving, kept[i]...)
			for _, k := range kept[i] {
				useful += headerSize + int64(s.index[k].length)
			}
		}
	}
	if len(old) > 1 || len(old) == 1 && (old[0].size != useful || len(flaws) > 0) {
		fresh := len(s.segments)
		corrupt, err := s.move(moving)
		removed += corrupt
		if finished := s.finish(); err == nil {
			err = finished
		}
		if err != nil {
			for _, g := range s.segments[fresh:] {
				_ = os.Remove(g.path) // what it holds is in the old ones
			}
			return freed, removed, err
		}
		for _, g := range s.segments[fresh:] {
			freed -= g.size
		}
		for _, g := range old {
			if err := remove(g); err != nil {
				return freed, removed, fmt.Errorf("prune the cache: %w", err)
			}
		}
	}
	s.closeReaders()
	syncDir(s.dir)
	if stay.Entries > 0 {
		return freed, removed, &stay
	}
	return freed, removed, nil
}

// move appends records of other segments to the own one and returns how many are corrupt. They keep their times. mu is
// held.
func (s *Store) move(keys []Key) (corrupt int, err error) {
	slices.SortFunc(keys, func(a, b Key) int { // so that they are read in order
		p, q := s.index[a], s.index[b]
		return cmp.Or(cmp.Compare(p.segment, q.segment), cmp.Compare(p.offset, q.offset))
	})
	var buf []byte
	for _, k := range keys {
		at := s.index[k]
		buf, err = s.get(k, buf)
		if _, bad := errors.AsType[*CorruptError](err); bad {
			corrupt++
			continue
		}
		if err == nil {
			err = s.append(k, at.written, buf)
		}
		if err != nil {
			return corrupt, err
		}
	}
	return corrupt, nil
}

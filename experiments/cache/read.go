package cache

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
)

// Get reads the payload of a key into buf[:0], which it grows if need be, and checks it. The error is ErrMissing if
// there is none, and a *CorruptError if it is not what was written; the entry is then dropped, so that Has is false and
// the run is done again.
func (s *Store) Get(k Key, buf []byte) ([]byte, error) {
	for tried := false; ; tried = true {
		e, payload, err := s.fetch(k, buf)
		corrupt, isCorrupt := err.(*CorruptError)
		switch {
		case err == nil || err == ErrMissing || err == ErrClosed:
			return payload, err
		case isCorrupt && tried:
			s.condemn(e)
			return payload, corrupt
		case isCorrupt:
			// Over NFS a page may be older than the index. Opening the file again brings it up to date.
			s.files.forget(e.segment)
		case vanished(err) && tried:
			s.condemn(e)
			return payload, ErrMissing
		case vanished(err): // pruned since
			s.files.forget(e.segment)
			if err := s.Refresh(); err != nil {
				return payload, err
			}
		default:
			return payload, fmt.Errorf("read the cache: %w", err)
		}
	}
}

// fetch returns the entry of a key and its payload, in buf. With an error the payload is empty.
func (s *Store) fetch(k Key, buf []byte) (entry, []byte, error) {
	e, seg, payload, ok := s.lookup(k, buf)
	if !ok {
		return e, buf[:0], ErrMissing
	}
	if seg == nil {
		return e, payload, nil
	}
	payload, err := s.read(seg, &e, buf)
	for errors.Is(err, fs.ErrClosed) { // by another read, as too many files were open
		payload, err = s.read(seg, &e, buf)
	}
	if err != nil {
		return e, payload[:0], err
	}
	return e, payload, nil
}

// lookup returns the entry of a key and its segment, or no segment and the payload, copied to buf, if it is not in the
// file yet.
func (s *Store) lookup(k Key, buf []byte) (entry, *segment, []byte, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e := s.index.get(&k)
	if e == nil {
		return entry{}, nil, buf, false
	}
	seg := s.segments[e.segment]
	if seg.writer != nil {
		if b := seg.writer.peek(e); b != nil {
			return *e, nil, append(buf[:0], b[recordSize:]...), true
		}
	}
	return *e, seg, buf, true
}

// read reads and checks the payload of an entry.
func (s *Store) read(seg *segment, e *entry, buf []byte) ([]byte, error) {
	path := seg.path
	file, err := s.files.open(seg.id, path)
	if err != nil {
		return buf, err
	}
	buf = slices.Grow(buf[:0], int(e.size()))[:e.size()]
	n, err := file.ReadAt(buf, e.offset)
	if err != nil && err != io.EOF {
		s.files.forget(seg.id)
		return buf, err
	}
	r, ok := record{}, n == len(buf)
	if ok {
		r, ok = parseRecord(buf, seg.salt, e.offset)
	}
	if !ok || r.key != e.key || r.length != e.length || checksum(buf[recordSize:]) != r.sum {
		return buf, &CorruptError{File: path, Offset: e.offset, Key: e.key}
	}
	return buf[:copy(buf, buf[recordSize:])], nil
}

// place is where a record is.
type place struct {
	segment uint32
	offset  int64
}

// condemn drops a bad entry and keeps its record from coming back.
func (s *Store) condemn(bad entry) {
	s.mu.Lock()
	s.bad[place{bad.segment, bad.offset}] = true
	s.mu.Unlock()
	s.drop(bad)
}

// drop removes an entry from the index, unless another took its place.
func (s *Store) drop(old entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.index.get(&old.key); e != nil && *e == old {
		s.index.drop(e)
	}
}

// openFiles is how many segments are kept open for reading: a cache may have more than a process may open files.
const openFiles = 64

// files holds segments open for reading. When there are too many, the one that was opened first is closed; a read that
// is under way ends before its file does.
type files struct {
	fs     fileSystem
	mu     sync.Mutex
	byID   map[uint32]readFile
	order  []uint32 // of opening
	closed bool
}

// open returns the open file of a segment.
func (f *files) open(id uint32, path string) (readFile, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, ErrClosed
	}
	if file, ok := f.byID[id]; ok {
		return file, nil
	}
	file, err := f.fs.Open(path)
	if err != nil {
		return nil, err
	}
	if len(f.order) >= openFiles {
		f.remove(f.order[0])
	}
	if f.byID == nil {
		f.byID = make(map[uint32]readFile, openFiles)
	}
	f.byID[id] = file
	f.order = append(f.order, id)
	return file, nil
}

// forget closes the file of a segment, so that the next open opens it again.
func (f *files) forget(id uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.remove(id)
}

// remove is forget; mu is held.
func (f *files) remove(id uint32) {
	if file, ok := f.byID[id]; ok {
		file.Close()
		delete(f.byID, id)
		f.order = slices.DeleteFunc(f.order, func(other uint32) bool { return other == id })
	}
}

// close closes all files for good.
func (f *files) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, file := range f.byID {
		file.Close()
	}
	f.byID, f.order, f.closed = nil, nil, true
}

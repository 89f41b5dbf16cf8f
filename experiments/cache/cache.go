// Package cache stores the results of finished runs by the content keys of the runs, in a folder that several processes
// may use at the same time. Each appends to a segment of its own, a file named after the time and the process that
// nobody else ever writes to. A process sees what others had written when it opened the folder.
//
// A killed process loses what it put in its last tenth of a second at most, and at most tears the end of its segment.
// What was there before a successful Sync survives a failure of power, too. Every record has a checksum: what is damaged
// is never returned, and damage costs the records that it hits, not those beside them.
//
// While a process writes a segment it holds a lock beside it, which the operating system releases when the process ends.
// Prune replaces segments that nobody writes any more by a new one, which is durable before the old ones go. Killed in
// between, it leaves the same records twice, which does no harm: of several records of a key the one written last counts.
package cache

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"windtunnel/experiments/cache/lock"
)

// Key is the content key of a run: a cryptographic hash of all that decides its result.
type Key [32]byte

// String returns the key in 64 hexadecimal digits.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// MaxPayload is the largest payload in bytes, 1 GiB.
const MaxPayload = 1 << 30

var (
	// ErrMissing is the error of Get for a key that is not in the cache.
	ErrMissing = errors.New("not in the cache")
	// ErrClosed is the error of what needs an open cache, after Close.
	ErrClosed = errors.New("the cache is closed")
)

// CorruptError reports a record whose bytes are not those that were written.
type CorruptError struct {
	File   string // the segment
	Offset int64  // of the record in it, bytes
	Key    Key
}

// Error names the record's key, its file and where it begins there.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s: the entry %v at byte %d fails its checksum", e.File, e.Key, e.Offset)
}

// Info describes what is stored under a key.
type Info struct {
	Size    int64     // of the payload, bytes
	Written time.Time // by the clock of the host that wrote it
}

// Store is an open cache folder. All methods may be called concurrently.
type Store struct {
	dir string

	mu       sync.Mutex // guards what follows
	index    map[Key]position
	segments []*segment
	reading  int  // segments that are open for reading
	closed   bool // no Put or Get any more

	own       *segment // that this process appends to, the last one; nil until the first Put
	buffer    []byte   // what was put and is not yet written: what follows the own segment's size
	scheduled bool     // a Sync is
	err       error    // the first of writing; no Put succeeds any more
}

// position says where the record of a key is.
type position struct {
	written int64 // ns since 1970
	offset  int64 // bytes
	segment uint32
	length  uint32 // of the payload, bytes
}

func (p position) info() Info { return Info{Size: int64(p.length), Written: time.Unix(0, p.written)} }

// segment is a file of records.
type segment struct {
	path string
	size int64     // that is indexed, bytes
	in   *os.File  // nil unless it is open for reading
	out  writeFile // nil unless this process appends to it
	lock *lock.Lock
}

type writeFile interface {
	io.WriteCloser
	Sync() error
}

// create is a variable for tests with full disks.
var create = func(path string) (writeFile, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

// Open opens the cache in a folder, which need not exist, and indexes what is there. It writes nothing: the folder is
// made by the first Put.
func Open(dir string) (*Store, error) {
	s := &Store{dir: dir}
	_, err := s.load(false)
	return s, err
}

// load ends the own segment and indexes all in the folder anew; mu is held. With check it reads the payloads, too, leaves
// out those that are damaged, and returns all damage.
func (s *Store) load(check bool) ([]Flaw, error) {
	if err := s.finish(); err != nil {
		return nil, err
	}
	s.closeReaders()
	s.index, s.segments = map[Key]position{}, nil
	files, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the cache: %w", err)
	}
	var flaws []Flaw
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), suffix) || !file.Type().IsRegular() {
			continue
		}
		g := &segment{path: filepath.Join(s.dir, file.Name())}
		size, bad, err := scan(g.path, check, func(r record, offset int64) {
			if old, ok := s.index[r.key]; !ok || r.written >= old.written {
				s.index[r.key] = position{r.written, offset, uint32(len(s.segments)), r.length}
			}
		})
		if errors.Is(err, fs.ErrNotExist) { // pruned meanwhile; what was kept of it is in a newer one
			return s.load(check)
		}
		if err != nil {
			return nil, fmt.Errorf("read the cache: %w", err)
		}
		g.size = size
		s.segments = append(s.segments, g)
		flaws = append(flaws, bad...)
	}
	return flaws, nil
}

// Has says whether there is a record of a key. Its payload is not read.
func (s *Store) Has(k Key) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.index[k]
	return ok
}

// Len returns the number of keys.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.index)
}

// All goes through the keys that are there at the start of the loop, in order.
func (s *Store) All() iter.Seq2[Key, Info] {
	return func(yield func(Key, Info) bool) {
		s.mu.Lock()
		index := maps.Clone(s.index)
		s.mu.Unlock()
		for _, k := range sortedKeys(index) {
			if !yield(k, index[k].info()) {
				return
			}
		}
	}
}

func sortedKeys(index map[Key]position) []Key {
	return slices.SortedFunc(maps.Keys(index), func(a, b Key) int { return bytes.Compare(a[:], b[:]) })
}

// Get returns the payload of a key, in buf if it has the capacity. With an error the payload is empty. The error is
// ErrMissing, or a *CorruptError: then the key is missing from now on.
func (s *Store) Get(k Key, buf []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return buf[:0], ErrClosed
	}
	payload, err := s.get(k, buf)
	if errors.Is(err, fs.ErrNotExist) { // the segment was pruned; what was kept of it is in another one
		if _, err := s.load(false); err != nil {
			return buf[:0], err
		}
		payload, err = s.get(k, buf)
	}
	return payload, err
}

// get is Get; mu is held.
func (s *Store) get(k Key, buf []byte) ([]byte, error) {
	p, ok := s.index[k]
	if !ok {
		return buf[:0], ErrMissing
	}
	g := s.segments[p.segment]
	if p.offset >= g.size {
		start := p.offset - g.size + headerSize
		return append(buf[:0], s.buffer[start:start+int64(p.length)]...), nil
	}
	if g.in == nil {
		if s.reading == maxReading {
			s.closeReaders()
		}
		in, err := os.Open(g.path)
		if err != nil {
			return buf[:0], fmt.Errorf("read the cache: %w", err)
		}
		g.in = in
		s.reading++
	}
	size := headerSize + int(p.length)
	buf = slices.Grow(buf[:0], size)[:size]
	if _, err := g.in.ReadAt(buf, p.offset); err != nil && err != io.EOF {
		return buf[:0], fmt.Errorf("read the cache: %w", err)
	}
	r, ok := parseRecord(buf)
	if !ok || r.key != k || r.length != p.length || checksum(buf[headerSize:]) != r.sum {
		delete(s.index, k)
		return buf[:0], &CorruptError{File: g.path, Offset: p.offset, Key: k}
	}
	return buf[:copy(buf, buf[headerSize:])], nil
}

// maxReading is how many segments are kept open for reading: there may be more than a process may open.
const maxReading = 64

func (s *Store) closeReaders() {
	for _, g := range s.segments {
		if g.in != nil {
			g.in.Close()
			g.in = nil
		}
	}
	s.reading = 0
}

const (
	// bufferSize is how many bytes of records are written at once.
	bufferSize = 256 << 10
	// syncAfter is when the records are written and synced at the latest.
	syncAfter = 100 * time.Millisecond
)

// Put stores a payload of at most MaxPayload bytes, which it copies, under a key. It does not wait for the disk: Sync
// does. The error may be one of an earlier Put, such as a full disk. After one, no Put succeeds until the cache is opened
// again; what Sync had made durable before stays.
func (s *Store) Put(k Key, payload []byte) error {
	if len(payload) > MaxPayload {
		return fmt.Errorf("%s: an entry of %d bytes is larger than %d", s.dir, len(payload), MaxPayload)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	written := time.Now().UnixNano()
	if old, ok := s.index[k]; ok { // the clock of its host may be ahead
		written = max(written, old.written+1)
	}
	return s.append(k, written, payload)
}

// append adds a record to the own segment; mu is held.
func (s *Store) append(k Key, written int64, payload []byte) error {
	switch {
	case s.closed:
		return ErrClosed
	case s.err != nil:
		return s.err
	case s.own == nil:
		if err := s.begin(); err != nil {
			s.err = fmt.Errorf("write the cache: %w", err)
			return s.err
		}
	}
	if !s.scheduled {
		s.scheduled = true
		time.AfterFunc(syncAfter, func() {
			s.mu.Lock()
			s.scheduled = false
			s.mu.Unlock()
			_ = s.Sync() // the next Put returns its error
		})
	}
	length := uint32(len(payload))
	s.index[k] = position{written, s.own.size + int64(len(s.buffer)), uint32(len(s.segments) - 1), length}
	s.buffer = appendRecord(s.buffer, record{key: k, written: written, length: length, sum: checksum(payload)})
	s.buffer = append(s.buffer, payload...)
	if len(s.buffer) >= bufferSize {
		return s.flush()
	}
	return nil
}

// begin creates the own segment. The lock comes first, so that whoever finds a segment without a lock knows that nobody
// writes it. mu is held.
func (s *Store) begin() error {
	if err := os.MkdirAll(s.dir, 0o777); err != nil {
		return err
	}
	name := fmt.Sprintf("%s-%d-%s", time.Now().UTC().Format("20060102T150405.000000000"), os.Getpid(), rand.Text()[:8])
	g := &segment{path: filepath.Join(s.dir, name+suffix)}
	var err error
	if g.lock, err = lock.Acquire(lockOf(g.path)); err != nil {
		return err
	}
	if g.out, err = create(g.path); err != nil {
		return errors.Join(err, g.lock.Release())
	}
	syncDir(s.dir)
	s.own, s.segments = g, append(s.segments, g)
	s.buffer = append(s.buffer[:0], segmentMagic...)
	return nil
}

// lockOf returns the path of the lock that the writer of a segment holds.
func lockOf(segment string) string { return strings.TrimSuffix(segment, suffix) + ".lock" }

// flush writes the buffer; mu is held.
func (s *Store) flush() error {
	if s.err != nil || s.own == nil || len(s.buffer) == 0 {
		return s.err
	}
	if _, err := s.own.out.Write(s.buffer); err != nil {
		s.err = fmt.Errorf("write the cache: %w", err)
		return s.err
	}
	s.own.size += int64(len(s.buffer))
	s.buffer = s.buffer[:0]
	return nil
}

// Sync makes all that was put before durable. The error is the first that writing met.
func (s *Store) Sync() error {
	s.mu.Lock()
	own, err := s.own, s.flush()
	s.mu.Unlock()
	if own == nil || err != nil {
		return err
	}
	err = own.out.Sync()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && !errors.Is(err, fs.ErrClosed) && s.err == nil { // closed by finish, which syncs before
		s.err = fmt.Errorf("write the cache: %w", err)
	}
	return s.err
}

// finish makes the own segment durable and ends it; the next Put begins another. mu is held.
func (s *Store) finish() error {
	if s.own == nil {
		return s.err
	}
	err := s.flush()
	if err == nil {
		err = s.own.out.Sync()
	}
	if err = errors.Join(err, s.own.out.Close(), s.own.lock.Release()); err != nil && s.err == nil {
		s.err = fmt.Errorf("write the cache: %w", err)
	}
	s.own = nil
	return s.err
}

// Close makes all that was put durable and closes all files. The error is that of Sync. A second Close does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.closeReaders()
	return s.finish()
}

// syncDir makes what was created and removed in a folder durable, on systems that can.
func syncDir(dir string) {
	if f, err := os.Open(dir); err == nil {
		_ = f.Sync()
		f.Close()
	}
}

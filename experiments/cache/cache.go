// Package cache stores the results of finished runs by the content keys of the runs. What Put has acknowledged outlives
// the process, whatever ends it, and what was half-written is never read. Several processes, on several hosts that
// share a file system, may use one cache folder at the same time.
//
// # On disk
//
// A folder holds segments. Each writing process appends records to one segment of its own, created exclusively under a
// name that holds the time, host, process and a random part, and nobody else ever writes to it. So writers need no lock,
// a record costs microseconds and not a file, and a crash can only tear the end of the dead writer's own segment. All
// that is queued is written and synced at once (group commit). Readers index the headers of the records; both header
// and payload carry a checksum. A segment is never changed, only replaced as a whole by Prune: by a new segment that is
// durable before the old one goes, so that a crash in between leaves the same records twice, which does no harm.
//
// Beside a segment of many records is a sidecar (.idx) with copies of their headers. It is there to open fast, is
// derived, and may be deleted at any time.
//
// # Which record counts
//
// Of several records of one key that with the latest time written counts, then that in the segment whose name is
// greatest, then that at the highest offset. Put makes the time later than that of the record which it replaces, even
// if the clocks of hosts differ.
//
// # Why not a database
//
// bbolt, Badger, Pebble, LevelDB and SQLite each allow one writing process and guard it by flock or fcntl locks; bbolt
// and Badger map files into memory as well. Over NFS such locks are unreliable or missing and mappings of files that
// another host changes are undefined. A file an entry is safe there but costs a file server a thousand times more.
package cache

import (
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"windtunnel/experiments/cache/process"
)

// Key is the content key of a run: a cryptographic hash of all that decides its result.
type Key [32]byte

// String returns the key in 64 hexadecimal digits.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// MaxPayload is the largest payload of an entry in bytes, 1 GiB.
const MaxPayload = 1 << 30

// ErrMissing is the error of Get for a key that is not in the cache.
var ErrMissing = errors.New("not in the cache")

// ErrClosed is the error of a Put after Close.
var ErrClosed = errors.New("the cache is closed")

// CorruptError reports an entry whose bytes are not those that were written.
type CorruptError struct {
	File   string // the segment
	Offset int64  // of the record in it, bytes
	Key    Key
}

// Error names the entry, its file and its place there.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s: the entry %v at byte %d fails its checksum", e.File, e.Key, e.Offset)
}

// Info describes an entry.
type Info struct {
	Size    int64     // of the payload, bytes
	Segment string    // path of the file that holds it
	Written time.Time // by the clock of the host that wrote it
}

// Store is an open cache folder. All methods may be called concurrently.
type Store struct {
	dir   string
	fs    fileSystem
	self  process.Identity // signs the segments
	clock func() time.Time

	scanning sync.Mutex // held while segments are read into the index; taken before mu

	mu       sync.RWMutex
	room     *sync.Cond // on mu: less is unsynced, or the store has failed or was closed
	index    *index
	segments []*segment
	byName   map[string]*segment
	bad      map[place]bool // records that were found corrupt
	current  *writer        // what Put queues with; nil until the first Put
	writers  []*writer      // that, and those that are ending
	err      error          // of the writer that failed; no Put succeeds any more
	closed   bool

	files files
}

// Open opens the cache in a folder, which need not exist, and indexes what is there. It writes nothing: the folder is
// made by the first Put.
func Open(dir string) (*Store, error) { return open(disk{}, dir) }

func open(fs fileSystem, dir string) (*Store, error) {
	s := &Store{dir: dir, fs: fs, self: process.Self(), clock: time.Now, index: newIndex(), byName: map[string]*segment{}, bad: map[place]bool{}}
	s.room = sync.NewCond(&s.mu)
	s.files.fs = fs
	if err := s.Refresh(); err != nil {
		return nil, err
	}
	return s, nil
}

// Has says whether there is an entry for a key. Its payload is not read.
func (s *Store) Has(k Key) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.index.get(&k) != nil
}

// Len returns the number of keys with an entry.
func (s *Store) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.index.live
}

// Entries goes through the entries there are at the start of the loop, in the order of their keys.
func (s *Store) Entries() iter.Seq2[Key, Info] {
	return func(yield func(Key, Info) bool) {
		for _, position := range s.sorted() {
			s.mu.RLock()
			e := *s.index.at(int(position))
			info := s.info(&e)
			s.mu.RUnlock()
			if e.offset != dropped && !yield(e.key, info) {
				return
			}
		}
	}
}

// sorted returns the positions of all entries in the order of their keys.
func (s *Store) sorted() []uint32 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	positions := make([]uint32, 0, s.index.live)
	for p := range s.index.used {
		if s.index.at(p).offset != dropped {
			positions = append(positions, uint32(p))
		}
	}
	slices.SortFunc(positions, func(a, b uint32) int {
		return slices.Compare(s.index.at(int(a)).key[:], s.index.at(int(b)).key[:])
	})
	return positions
}

// info describes an entry; mu is held.
func (s *Store) info(e *entry) Info {
	if e.offset == dropped {
		return Info{}
	}
	return Info{Size: int64(e.length), Segment: s.segments[e.segment].path, Written: time.Unix(0, e.written)}
}

// path returns the path of a file in the folder.
func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }

// Close makes all that is queued durable, seals this process's segment and closes all files. The error is that of
// Sync. A second Close does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.room.Broadcast()
	s.mu.Unlock()
	s.detach()
	s.files.close()
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.err
}

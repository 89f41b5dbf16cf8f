package cache

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// queueLimit is how many bytes of records may wait to become durable before Put blocks. One payload above it is let
// through when nothing else waits.
const queueLimit = 16 << 20

// Pending tells when what was put is durable. Entries that are committed together share one, so it costs nothing.
type Pending struct {
	done  chan struct{}
	hurry chan struct{} // of the writer
	err   error
	buf   []byte // the records, until they are durable
	start int64  // offset in the segment of the first
}

// Done is closed when the entry is durable or can no longer become it.
func (p *Pending) Done() <-chan struct{} { return p.done }

// Err waits for Done and returns nil if the entry is durable.
func (p *Pending) Err() error {
	p.press()
	<-p.done
	return p.err
}

// press says that somebody waits.
func (p *Pending) press() {
	select {
	case p.hurry <- struct{}{}:
	default: // it was said before, or the entry has failed already
	}
}

// failed returns a Pending that is done, with that error.
func failed(err error) *Pending {
	p := &Pending{done: make(chan struct{}), err: err}
	close(p.done)
	return p
}

// writer appends to one segment of this process. Its goroutine writes; all fields below are guarded by Store.mu but for
// file, side and beaten, which are the goroutine's.
type writer struct {
	store   *Store
	segment *segment
	end     int64      // where the next record goes
	groups  []*Pending // what is not durable yet: at most one that is being written and one that fills
	writing bool       // groups[0] is being written
	failed  bool       // nothing is written any more
	spare   []byte     // buffer of a group, to use again

	wake    chan struct{} // something was queued
	hurry   chan struct{} // somebody waits for it
	stop    chan struct{} // write what is queued, seal the segment and end
	stopped chan struct{}

	file   writeFile
	side   *sidecar
	beaten time.Time // when the file was last changed
}

// Put stores a payload of at most MaxPayload bytes under a key. It copies the payload and returns at once; Get and Has
// see the entry from now on, and Pending tells when it is durable. Put blocks while more than 16 MiB wait for the disk.
func (s *Store) Put(k Key, payload []byte) *Pending {
	if len(payload) > MaxPayload {
		return failed(fmt.Errorf("%s: an entry of %d bytes is larger than %d", s.dir, len(payload), MaxPayload))
	}
	r := record{key: k, length: uint32(len(payload)), sum: checksum(payload)}
	s.mu.Lock()
	defer s.mu.Unlock()
	w, err := s.admit(r.size())
	if err != nil {
		return failed(err)
	}
	r.written = s.clock().UnixNano()
	if old := s.index.get(&k); old != nil {
		r.written = max(r.written, old.written+1)
	}
	return w.queue(r, payload)
}

// admit waits until n more bytes may be queued and returns the writer to queue them with; mu is held.
func (s *Store) admit(n int64) (w *writer, err error) {
	for {
		switch {
		case s.err != nil:
			return nil, s.err
		case s.closed:
			return nil, ErrClosed
		case s.current == nil:
			if s.current, err = s.begin(); err != nil {
				return nil, err
			}
		}
		if !s.current.full(n) {
			return s.current, nil
		}
		s.current.groups[0].press()
		s.room.Wait()
	}
}

// begin starts a writer with a new segment; mu is held.
func (s *Store) begin() (*writer, error) {
	header, err := segmentHeader(s.self)
	if err != nil {
		return nil, err
	}
	seg := s.addSegment(newName(s.clock(), s.self))
	w := &writer{store: s, segment: seg, wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
		stop: make(chan struct{}), stopped: make(chan struct{})}
	seg.writer = w
	p := w.group(headerSize)
	p.buf = append(p.buf, header...)
	w.end = headerSize
	s.writers = append(s.writers, w)
	go w.run()
	return w, nil
}

// queue adds a record and indexes it; mu is held.
func (w *writer) queue(r record, payload []byte) *Pending {
	p := w.group(int(r.size()))
	p.buf = appendRecord(p.buf, r, w.segment.salt, w.end)
	p.buf = append(p.buf, payload...)
	w.store.index.put(entry{key: r.key, written: r.written, offset: w.end, segment: w.segment.id, length: r.length})
	w.end += r.size()
	w.signal()
	return p
}

// group returns the group that fills, with room for n bytes more.
func (w *writer) group(n int) *Pending {
	last := len(w.groups) - 1
	if last < 0 || last == 0 && w.writing {
		w.groups = append(w.groups, &Pending{done: make(chan struct{}), hurry: w.hurry, buf: w.spare, start: w.end})
		w.spare = nil
		last++
	}
	p := w.groups[last]
	if len(p.buf)+n > queueLimit {
		p.buf = slices.Grow(p.buf, n) // exactly: append would take a quarter more
	}
	return p
}

// full says whether n bytes more have to wait. A header alone is not worth a wait, and would wait for ever.
func (w *writer) full(n int64) bool {
	return len(w.groups) > 0 && w.end > headerSize && w.end-w.groups[0].start+n > queueLimit
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// peek returns the record of an entry that is not durable yet, nil if it is; mu is held.
func (w *writer) peek(e *entry) []byte {
	for _, p := range w.groups {
		if i := e.offset - p.start; i >= 0 && i < int64(len(p.buf)) {
			return p.buf[i : i+e.size()]
		}
	}
	return nil
}

// Sync waits until all that was put before is durable. The error is the first that writing met, such as a full disk;
// after one, no Put succeeds until the cache is opened again.
func (s *Store) Sync(ctx context.Context) error {
	for _, p := range s.unsynced() {
		p.press()
		select {
		case <-p.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.err
}

// unsynced returns the groups that are not durable yet.
func (s *Store) unsynced() []*Pending {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var groups []*Pending
	for _, w := range s.writers {
		groups = append(groups, w.groups...)
	}
	return groups
}

// detach ends the current writer, if there is one: what is queued is committed and the segment sealed. The next Put
// begins another.
func (s *Store) detach() {
	s.mu.Lock()
	w := s.current
	s.current = nil
	s.mu.Unlock()
	if w != nil {
		s.end(w)
	}
}

// end ends a writer that nothing is queued with any more.
func (s *Store) end(w *writer) {
	close(w.stop)
	<-w.stopped
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writers = slices.DeleteFunc(s.writers, func(other *writer) bool { return other == w })
}

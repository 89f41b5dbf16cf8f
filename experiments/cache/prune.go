package cache

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// pruneLock is the name of the lock that keeps two prunes from doing the same work twice.
const pruneLock = "prune.lock"

// Prune writes new segments of about this many bytes, so it needs that much space beside the old ones.
const prunedSize = 256 << 20

// Dead segments smaller than this are put together by Prune, in bytes: every process leaves one behind, and opening a
// thousand files over NFS takes a while.
const smallSegment = 1 << 20

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

// Prune removes the entries for which keep returns false, and what is superseded, damaged or torn. It calls keep once
// for each entry, in the order of their keys. It returns by how many bytes the cache became smaller, and how many
// entries were removed; corrupt ones count. Get, Has and Put may be called meanwhile, also by keep. The error is a *LiveError if all else went well but some of the entries are
// in segments of other processes that are still writing, and a *lock.HeldError if another Prune is at work.
//
// Killed at any instant, Prune loses no entry that it keeps. An entry that it removed may be there again then, and so
// may an older record of its key if that is in the segment of a process that is still writing.
func (s *Store) Prune(keep func(Key, Info) bool) (freed int64, removed int, err error) {
	if err := s.Refresh(); err != nil {
		return 0, 0, err
	}
	if s.empty() {
		return 0, 0, nil
	}
	s.detach()
	release, now, err := s.fs.Lock(s.path(pruneLock))
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, release()) }()
	s.scanning.Lock()
	defer s.scanning.Unlock()
	if err := s.refresh(); err != nil {
		return 0, 0, err
	}
	p := &pruning{store: s, kept: map[*segment][]uint32{}, bytes: map[*segment]int64{}}
	p.choose(keep, now)
	err = p.run(now)
	if err == nil && p.live.Entries > 0 {
		err = &p.live
	}
	return p.freed, p.removed, err
}

// empty says whether there is no segment at all.
func (s *Store) empty() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return !slices.ContainsFunc(s.segments, func(seg *segment) bool { return !seg.gone })
}

// pruning is the state of one Prune.
type pruning struct {
	store   *Store
	kept    map[*segment][]uint32 // positions in the index of what is kept
	bytes   map[*segment]int64    // of these records
	live    LiveError
	freed   int64
	removed int

	out     *writer    // takes what is kept; nil until there is something
	sources []*segment // what it was taken from, to be removed
}

// choose asks for each entry whether to keep it, and drops from the index what is not kept and can be removed.
func (p *pruning) choose(keep func(Key, Info) bool, now time.Time) {
	s := p.store
	for _, position := range s.sorted() {
		s.mu.RLock()
		e := *s.index.at(int(position))
		seg, info := s.segments[e.segment], s.info(&e)
		dead := seg.dead(now)
		s.mu.RUnlock()
		switch {
		case e.offset == dropped:
		case keep(e.key, info):
			p.kept[seg] = append(p.kept[seg], position)
			p.bytes[seg] += e.size()
		case dead:
			s.drop(e)
			p.removed++
		default:
			p.live.Entries++
			if !slices.Contains(p.live.Segments, info.Segment) {
				p.live.Segments = append(p.live.Segments, info.Segment)
			}
		}
	}
}

// run removes the segments of which nothing is kept, which frees space, and then rewrites those worth it.
func (p *pruning) run(now time.Time) error {
	rewrite, err := p.sort(now)
	if err != nil {
		return err
	}
	for _, seg := range rewrite {
		if err := p.copy(seg); err != nil {
			return errors.Join(err, p.finish())
		}
		if p.out != nil && p.out.end >= prunedSize {
			if err := p.finish(); err != nil {
				return err
			}
		}
	}
	return errors.Join(p.finish(), p.store.fs.SyncDir(p.store.dir))
}

// sort removes dead segments of which nothing is kept and returns those to rewrite: with anything to leave out, or
// small ones if there are several.
func (p *pruning) sort(now time.Time) (rewrite []*segment, err error) {
	var small []*segment
	for _, seg := range p.dead(now) {
		rest := seg.size - headerSize - p.bytes[seg]
		switch {
		case len(p.kept[seg]) == 0:
			if err := p.remove(seg); err != nil {
				return nil, err
			}
		case seg.size < smallSegment:
			small = append(small, seg)
			if rest > recordSize {
				rewrite = append(rewrite, seg)
			}
		case rest > recordSize: // more than the seal
			rewrite = append(rewrite, seg)
		}
	}
	if len(small) > 1 {
		rewrite = append(rewrite, slices.DeleteFunc(small, func(seg *segment) bool { return slices.Contains(rewrite, seg) })...)
	}
	slices.SortFunc(rewrite, compareNames)
	return rewrite, nil
}

// dead returns the segments that nobody writes any more, by name.
func (p *pruning) dead(now time.Time) []*segment {
	s := p.store
	s.mu.RLock()
	defer s.mu.RUnlock()
	var dead []*segment
	for _, seg := range s.segments {
		if !seg.gone && seg.dead(now) {
			dead = append(dead, seg)
		}
	}
	slices.SortFunc(dead, compareNames)
	return dead
}

func compareNames(a, b *segment) int { return strings.Compare(a.name, b.name) }

// copy queues what is kept of a segment to be written to a new one.
func (p *pruning) copy(seg *segment) error {
	s := p.store
	p.order(seg)
	var buf []byte
	for _, position := range p.kept[seg] {
		s.mu.RLock()
		e := *s.index.at(int(position))
		s.mu.RUnlock()
		if e.offset == dropped || e.segment != seg.id {
			continue // replaced or found corrupt meanwhile
		}
		payload, err := s.read(seg, &e, buf)
		if _, corrupt := err.(*CorruptError); corrupt {
			s.condemn(e)
			p.removed++
			continue
		}
		if err != nil {
			return fmt.Errorf("prune the cache: %w", err)
		}
		if err := p.queue(&e, payload); err != nil {
			return err
		}
		buf = payload
	}
	p.sources = append(p.sources, seg)
	return nil
}

// order sorts what is kept of a segment by place, so that it is read in order.
func (p *pruning) order(seg *segment) {
	s := p.store
	s.mu.RLock()
	defer s.mu.RUnlock()
	slices.SortFunc(p.kept[seg], func(a, b uint32) int {
		return cmp.Compare(s.index.at(int(a)).offset, s.index.at(int(b)).offset)
	})
}

// queue adds a record to the new segment. It keeps its time, so it counts as much as it did.
func (p *pruning) queue(e *entry, payload []byte) (err error) {
	s := p.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.out == nil {
		if p.out, err = s.begin(); err != nil {
			return err
		}
	}
	for s.err == nil && p.out.full(e.size()) {
		s.room.Wait()
	}
	if s.err != nil {
		return s.err
	}
	if now := s.index.get(&e.key); now == nil || *now != *e {
		return nil
	}
	p.out.queue(record{key: e.key, written: e.written, length: e.length, sum: checksum(payload)}, payload)
	return nil
}

// finish makes the new segment durable and only then removes what it was taken from.
func (p *pruning) finish() error {
	s := p.store
	if p.out != nil {
		s.end(p.out)
		p.freed -= p.out.end + recordSize
		p.out = nil
	}
	s.mu.RLock()
	err := s.err
	s.mu.RUnlock()
	if err != nil {
		return err
	}
	for _, seg := range p.sources {
		if err := p.remove(seg); err != nil {
			return err
		}
	}
	p.sources = nil
	return nil
}

// remove deletes a segment and its sidecar.
func (p *pruning) remove(seg *segment) error {
	s := p.store
	if err := s.fs.Remove(seg.path); err != nil && !vanished(err) {
		return fmt.Errorf("prune the cache: %w", err)
	}
	s.fs.Remove(s.path(sidecarName(seg.name)))
	s.files.forget(seg.id)
	s.mu.Lock()
	defer s.mu.Unlock()
	seg.gone = true
	p.freed += seg.size
	return nil
}

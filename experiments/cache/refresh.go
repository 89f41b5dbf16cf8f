package cache

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
)

// Refresh indexes what other processes have written since the last Refresh or Open, and forgets what they have pruned.
// Over NFS it may take as long as attributes are cached, usually seconds, until it sees another host's entries.
func (s *Store) Refresh() error {
	s.scanning.Lock()
	defer s.scanning.Unlock()
	return s.refresh()
}

// refresh is Refresh; scanning is held.
func (s *Store) refresh() error {
	found, err := s.list()
	if err != nil {
		return fmt.Errorf("read the cache: %w", err)
	}
	again := s.forget(found)
	for _, name := range slices.Sorted(maps.Keys(found)) {
		seg, ours := s.adopt(name)
		if ours && !again {
			continue
		}
		if again {
			seg.scanned = 0
		}
		if err := s.scan(seg, found[name]); err != nil && !vanished(err) {
			return fmt.Errorf("read the cache: %s: %w", s.path(name), err)
		}
	}
	return nil
}

// adopt returns the segment of that name, and whether this process writes it.
func (s *Store) adopt(name string) (seg *segment, ours bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seg = s.byName[name]
	if seg == nil {
		seg = s.addSegment(name)
	}
	if seg.gone { // it was not listed, but is
		seg.gone, seg.scanned = false, 0
	}
	return seg, seg.writer != nil
}

// forget drops the entries of segments that are not there any more. It says whether there were any: their keys may have
// records in other segments, which then have to be indexed again.
func (s *Store) forget(found map[string]fs.FileInfo) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	lost := make([]bool, len(s.segments))
	some := false
	for i, seg := range s.segments {
		if found[seg.name] == nil && !seg.gone && seg.writer == nil {
			seg.gone, lost[i], some = true, true, true
		}
	}
	if !some {
		return false
	}
	for p := range s.index.used {
		if e := s.index.at(p); lost[e.segment] {
			s.index.drop(e)
		}
	}
	return true
}

// scan indexes what a segment holds beyond what was indexed before.
func (s *Store) scan(seg *segment, info fs.FileInfo) error {
	seg.modified = info.ModTime()
	if info.Size() == seg.size && seg.scanned > 0 {
		return nil
	}
	file, err := s.fs.Open(seg.path)
	if err != nil {
		return err
	}
	defer file.Close()
	// The size now: over NFS, opening a file is what brings its attributes up to date.
	if info, err = file.Stat(); err != nil {
		return err
	}
	scan := newScanner(file, seg.salt, info.Size(), seg.scanned)
	if err := seg.identify(scan); err != nil {
		return err
	}
	if seg.scanned == 0 {
		if err := s.scanSidecar(seg, scan); err != nil {
			return err
		}
	}
	if err := s.insertAll(seg, scan.next); err != nil {
		return err
	}
	seg.size, seg.scanned, seg.modified = info.Size(), scan.offset, info.ModTime()
	if len(scan.damage) > 0 && !scan.sealed {
		// Over NFS, pages of a file that is being written may arrive out of order: look again next time.
		seg.scanned = scan.damage[0].offset
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	seg.sealed = seg.sealed || scan.sealed
	return nil
}

// identify reads who writes a segment, if that is not known yet.
func (seg *segment) identify(scan *scanner) error {
	if seg.signed || scan.size < headerSize {
		return nil
	}
	b, err := scan.bytes(0, headerSize)
	if err != nil {
		return err
	}
	seg.author, seg.signed = parseSegmentHeader(b)
	return nil
}

// insertAll indexes the records that next returns, many at a time so that Has and Get hardly wait.
func (s *Store) insertAll(seg *segment, next func() (record, int64, bool, error)) error {
	batch := make([]entry, 0, 1024)
	for {
		r, offset, ok, err := next()
		if ok {
			batch = append(batch, entry{key: r.key, written: r.written, offset: offset, segment: seg.id, length: r.length})
		}
		if !ok || len(batch) == cap(batch) {
			s.insert(batch)
			batch = batch[:0]
		}
		if !ok || err != nil {
			return err
		}
	}
}

// insert puts those entries into the index that count more than what is there.
func (s *Store) insert(batch []entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range batch {
		e := &batch[i]
		if s.bad[place{e.segment, e.offset}] {
			continue
		}
		if old := s.index.get(&e.key); old == nil || s.counts(e, old) {
			s.index.put(*e)
		}
	}
}

// counts says whether entry a counts and not b, of the same key; see the package comment.
func (s *Store) counts(a, b *entry) bool {
	switch {
	case a.written != b.written:
		return a.written > b.written
	case a.segment != b.segment:
		return s.segments[a.segment].name > s.segments[b.segment].name
	}
	return a.offset > b.offset
}

package cache

import (
	"fmt"
	"slices"
)

// Report is what Verify found.
type Report struct {
	Segments int    // files that were read
	Records  int    // whole records in them, with those that a later one of the same key replaces
	Bytes    int64  // size of the files
	Bad      []Flaw // what is damaged
	Torn     []Flaw // ends of segments whose writers write, or died writing; nothing finished is lost there
}

// Flaw is a stretch of a segment that holds no whole record.
type Flaw struct {
	File   string
	Offset int64 // where it begins, bytes
	Size   int64 // bytes
	Key    Key   // of the entry; zero if the damage hides it
	What   string
}

// String names the place and what is wrong there.
func (f Flaw) String() string {
	text := fmt.Sprintf("%s: byte %d, %d bytes: %s", f.File, f.Offset, f.Size, f.What)
	if f.Key != (Key{}) {
		text += ", entry " + f.Key.String()
	}
	return text
}

// Verify reads the whole cache and checks every byte of it. Bad entries are dropped, as by Get. The files are left as
// they are: Prune rewrites those with damage.
func (s *Store) Verify() (Report, error) {
	var report Report
	if err := s.Refresh(); err != nil {
		return report, err
	}
	s.mu.RLock()
	segments := slices.Clone(s.segments)
	s.mu.RUnlock()
	slices.SortFunc(segments, compareNames)
	for _, seg := range segments {
		if err := s.verify(seg, &report); err != nil && !vanished(err) {
			return report, fmt.Errorf("verify the cache: %s: %w", seg.path, err)
		}
	}
	return report, nil
}

// verify checks one segment.
func (s *Store) verify(seg *segment, report *Report) error {
	path := seg.path
	file, err := s.fs.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	report.Segments++
	report.Bytes += info.Size()
	scan := newScanner(file, seg.salt, info.Size(), 0)
	if scan.size < headerSize {
		report.Torn = append(report.Torn, Flaw{File: path, Size: scan.size, What: "unfinished header"})
		return nil
	}
	header, err := scan.bytes(0, headerSize)
	if err != nil {
		return err
	}
	if _, ok := parseSegmentHeader(header); !ok {
		report.Bad = append(report.Bad, Flaw{File: path, Size: headerSize, What: "damaged header"})
	}
	if err := s.verifyRecords(seg, scan, report); err != nil {
		return err
	}
	for _, d := range scan.damage {
		report.Bad = append(report.Bad, Flaw{File: path, Offset: d.offset, Size: d.size, What: "no valid record"})
	}
	if tail := scan.size - scan.offset; tail > 0 {
		report.Torn = append(report.Torn, Flaw{File: path, Offset: scan.offset, Size: tail, What: "unfinished record"})
	}
	return nil
}

// verifyRecords checks the payloads of the records of a segment.
func (s *Store) verifyRecords(seg *segment, scan *scanner, report *Report) error {
	for {
		r, offset, ok, err := scan.next()
		if !ok || err != nil {
			return err
		}
		sum, err := scan.sum(offset+recordSize, int64(r.length))
		if err != nil {
			return err
		}
		if sum == r.sum {
			report.Records++
			continue
		}
		report.Bad = append(report.Bad, Flaw{File: seg.path, Offset: offset, Size: r.size(), Key: r.key, What: "wrong checksum"})
		s.condemn(entry{key: r.key, written: r.written, offset: offset, segment: seg.id, length: r.length})
	}
}

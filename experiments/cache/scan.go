package cache

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
)

// window is how much of a segment is read at once, in bytes: little enough to step over large payloads, enough to read
// many small records in one call.
const window = 64 << 10

// scanner reads the records of one segment in order. It reads headers only: whether a payload is whole shows when it is
// read. Nothing it reads is trusted before its checksum is.
type scanner struct {
	file   io.ReaderAt
	salt   uint64
	size   int64    // of the segment, bytes
	offset int64    // where the next record is expected
	sealed bool     // the seal was read: nothing follows
	damage []damage // what had to be passed over, in order
	buf    []byte   // the window
	start  int64    // offset of the window
}

// damage is a stretch of a segment that holds no record, though records follow it.
type damage struct{ offset, size int64 }

func newScanner(file io.ReaderAt, salt uint64, size, offset int64) *scanner {
	return &scanner{file: file, salt: salt, size: size, offset: max(offset, headerSize)}
}

// bytes returns n bytes at offset, n at most window; they are valid until the next call. They must be in the file.
func (s *scanner) bytes(offset int64, n int) ([]byte, error) {
	if i := offset - s.start; i >= 0 && i+int64(n) <= int64(len(s.buf)) {
		return s.buf[i : i+int64(n)], nil
	}
	if s.buf == nil {
		s.buf = make([]byte, 0, window)
	}
	s.start = offset
	s.buf = s.buf[:min(window, s.size-offset)]
	got, err := s.file.ReadAt(s.buf, offset)
	s.buf = s.buf[:got]
	if got < n {
		if err == nil || err == io.EOF {
			err = fmt.Errorf("it ends at byte %d of %d: %w", offset+int64(got), s.size, io.ErrUnexpectedEOF)
		}
		return nil, err
	}
	return s.buf[:n], nil
}

// next returns the next record and its offset. At the end, ok is false: offset is then where a record that is being
// written, or was when its writer died, begins, or the end of the file.
func (s *scanner) next() (r record, offset int64, ok bool, err error) {
	if s.sealed {
		return record{}, s.offset, false, nil
	}
	r, ok, err = s.record(s.offset)
	if !ok && err == nil {
		ok, err = s.resume(&r)
	}
	if !ok || err != nil || s.offset+r.size() > s.size {
		return record{}, s.offset, false, err
	}
	offset = s.offset
	s.offset += r.size()
	if r.seal {
		s.sealed = true
		return record{}, s.offset, false, nil
	}
	return r, offset, true, nil
}

// record reads the record header at offset, if there is a valid one.
func (s *scanner) record(offset int64) (record, bool, error) {
	if offset+recordSize > s.size {
		return record{}, false, nil
	}
	b, err := s.bytes(offset, recordSize)
	if err != nil {
		return record{}, false, err
	}
	r, ok := parseRecord(b, s.salt, offset)
	return r, ok, nil
}

// resume looks for the next valid record header after damage at the scanner's offset and goes on there, so that a
// flipped bit costs one record and not all that follow it.
func (s *scanner) resume(r *record) (bool, error) {
	for at := s.offset + 1; at+recordSize <= s.size; {
		if _, err := s.bytes(at, recordSize); err != nil {
			return false, err
		}
		rest := s.buf[at-s.start:]
		i := bytes.Index(rest, []byte(magicStart))
		if i < 0 {
			at += int64(len(rest) - len(magicStart) + 1)
			continue
		}
		at += int64(i)
		found, ok, err := s.record(at)
		if err != nil {
			return false, err
		}
		if ok {
			s.damage = append(s.damage, damage{s.offset, at - s.offset})
			s.offset, *r = at, found
			return true, nil
		}
		at++
	}
	return false, nil
}

// sum returns the checksum of the n bytes at offset.
func (s *scanner) sum(offset, n int64) (uint32, error) {
	var sum uint32
	for n > 0 {
		b, err := s.bytes(offset, int(min(n, window)))
		if err != nil {
			return 0, err
		}
		sum = crc32.Update(sum, castagnoli, b)
		offset, n = offset+int64(len(b)), n-int64(len(b))
	}
	return sum, nil
}

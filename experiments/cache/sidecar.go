package cache

import (
	"encoding/binary"
	"strings"
)

// A sidecar is a file beside a segment with copies of the headers of its records, in order, without gaps, from the
// first on. A header's checksum depends on its segment and offset, so a sidecar needs no header or checksum of its own:
// whatever of it is torn, old or damaged does not pass for a header, and the segment is read from there.

const sidecarSuffix = ".idx"

// sidecarBatch is how many bytes of headers are written to a sidecar at once, 1,024 of them. A segment with fewer has
// no sidecar.
const sidecarBatch = 1024 * recordSize

// sidecarName returns the name of a segment's sidecar.
func sidecarName(segment string) string {
	return strings.TrimSuffix(segment, segmentSuffix) + sidecarSuffix
}

// sidecar is a sidecar being written. It is written after the records are durable and never synced. If it cannot be
// written it is given up: it only saves time.
type sidecar struct {
	fs      fileSystem
	path    string
	headers []byte // to be written
	end     int64  // bytes written
	file    writeFile
	failed  bool
}

// add adds the headers of records that lie one after another.
func (c *sidecar) add(records []byte) {
	for len(records) >= recordSize && !c.failed {
		c.headers = append(c.headers, records[:recordSize]...)
		records = records[recordSize+int(binary.LittleEndian.Uint32(records[4:])):]
		if len(c.headers) >= sidecarBatch {
			c.write()
		}
	}
}

// flush writes what is left if there is a sidecar.
func (c *sidecar) flush() {
	if c.file != nil && !c.failed {
		c.write()
	}
}

func (c *sidecar) write() {
	var err error
	if c.file == nil {
		c.file, err = c.fs.Create(c.path)
	}
	if err == nil {
		_, err = c.file.WriteAt(c.headers, c.end)
	}
	c.failed = err != nil
	c.end += int64(len(c.headers))
	c.headers = c.headers[:0]
}

func (c *sidecar) close() {
	if c.file != nil {
		c.file.Close()
	}
}

// scanSidecar indexes what the sidecar of a segment lists and moves the scanner of the segment behind that.
func (s *Store) scanSidecar(seg *segment, scan *scanner) error {
	if scan.size < sidecarBatch {
		return nil
	}
	file, err := s.fs.Open(s.path(sidecarName(seg.name)))
	if err != nil {
		return nil
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil
	}
	list := newScanner(file, seg.salt, info.Size(), 0)
	at := int64(0)
	return s.insertAll(seg, func() (record, int64, bool, error) {
		if at+recordSize > list.size {
			return record{}, 0, false, nil
		}
		b, err := list.bytes(at, recordSize)
		if err != nil {
			return record{}, 0, false, nil
		}
		r, ok := parseRecord(b, seg.salt, scan.offset)
		if !ok || r.seal || scan.offset+r.size() > scan.size {
			return record{}, 0, false, nil
		}
		offset := scan.offset
		at += recordSize
		scan.offset += r.size()
		return r, offset, true, nil
	})
}

package cache

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// A segment is a magic and then records, each a header of headerSize bytes and its payload. All numbers are
// little-endian.
//
//	 0  magic
//	 4  length of the payload in bytes
//	 8  time written, nanoseconds since 1970
//	16  key
//	48  CRC-32C of the payload
//	52  CRC-32C of bytes 0 to 51
//	56  payload
const (
	suffix       = ".runs"
	segmentMagic = "wtcache2"
	recordMagic  = "wtr2"
	headerSize   = 56
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is CRC-32C, the checksum of ext4 and iSCSI: it finds every error in up to 32 consecutive bits and all but one
// in 2^32 of the others, at many gigabytes a second.
func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// record is the header of a record.
type record struct {
	key     Key
	written int64 // ns since 1970
	length  uint32
	sum     uint32 // of the payload
}

// appendRecord appends the header of a record.
func appendRecord(b []byte, r record) []byte {
	start := len(b)
	b = append(b, recordMagic...)
	b = binary.LittleEndian.AppendUint32(b, r.length)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.written))
	b = append(b, r.key[:]...)
	b = binary.LittleEndian.AppendUint32(b, r.sum)
	return binary.LittleEndian.AppendUint32(b, checksum(b[start:]))
}

// parseRecord reads the header in the first headerSize bytes of b, and says whether it is one.
func parseRecord(b []byte) (record, bool) {
	if string(b[:4]) != recordMagic || checksum(b[:headerSize-4]) != binary.LittleEndian.Uint32(b[headerSize-4:]) {
		return record{}, false
	}
	r := record{
		key:     Key(b[16:48]),
		written: int64(binary.LittleEndian.Uint64(b[8:])),
		length:  binary.LittleEndian.Uint32(b[4:]),
		sum:     binary.LittleEndian.Uint32(b[48:]),
	}
	return r, r.length <= MaxPayload
}

// Flaw is a stretch of a segment that holds no sound record.
type Flaw struct {
	File   string
	Offset int64 // where it begins, bytes
	Size   int64 // bytes
	Key    Key   // of the record; zero if the damage hides it
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

// scan calls found for each record of a segment, in order, and returns the size of the file and what is damaged. It goes
// on behind damage, so that a flipped bit costs one record and not all that follow it. Payloads are checked only with
// check; without, found gets damaged ones, too. The beginning of a record at the end of the file is damage only where the
// writer ended well and so removed its lock: else it is being written, or its writer was killed.
func scan(path string, check bool, found func(r record, offset int64)) (size int64, flaws []Flaw, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, nil, err
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 1<<16)
	torn := func(from int64) []Flaw {
		if _, err := os.Stat(lockOf(path)); err == nil {
			return flaws
		}
		return append(flaws, Flaw{File: path, Offset: from, Size: size - from, What: "it ends within a record"})
	}
	bad := int64(0) // where damage begins that the scan is in; -1 if it is in none
	if head, _ := in.Peek(len(segmentMagic)); string(head) == segmentMagic {
		n, _ := in.Discard(len(head))
		size, bad = int64(n), -1
	}
	for {
		head, err := in.Peek(headerSize)
		if err == io.EOF {
			size += int64(len(head))
			switch {
			case size == 0:
				flaws = append(flaws, Flaw{File: path, What: "it is empty"})
			case bad >= 0:
				flaws = append(flaws, Flaw{File: path, Offset: bad, Size: size - bad, What: "no valid record"})
			case len(head) > 0:
				flaws = torn(size - int64(len(head)))
			}
			return size, flaws, nil
		}
		if err != nil {
			return 0, nil, err
		}
		r, ok := parseRecord(head)
		if !ok {
			if bad < 0 {
				bad = size
			}
			in.Discard(1)
			size++
			continue
		}
		if bad >= 0 {
			flaws = append(flaws, Flaw{File: path, Offset: bad, Size: size - bad, What: "no valid record"})
			bad = -1
		}
		in.Discard(headerSize)
		offset, sum, payload := size, crc32.New(castagnoli), io.Discard
		if check {
			payload = sum
		}
		n, err := io.CopyN(payload, in, int64(r.length))
		size += headerSize + n
		switch {
		case err == io.EOF:
			return size, torn(offset), nil
		case err != nil:
			return 0, nil, err
		case check && sum.Sum32() != r.sum:
			flaws = append(flaws, Flaw{File: path, Offset: offset, Size: size - offset, Key: r.key, What: "wrong checksum"})
		default:
			found(r, offset)
		}
	}
}

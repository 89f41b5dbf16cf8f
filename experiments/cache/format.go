package cache

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"strings"

	"windtunnel/experiments/cache/process"
)

// A segment file is a header of headerSize bytes and then records, each a header of recordSize bytes and its payload.
// All numbers are little-endian.
//
//	segment header   0  magic "wtcache1"
//	                 8  who writes it, as JSON, filled with spaces
//	               508  CRC-32C of bytes 0 to 507
//	record           0  magic: "wtr1", or "wtr." for the seal that ends a segment which was closed
//	                 4  length of the payload in bytes
//	                 8  time written, nanoseconds since 1970
//	                16  key
//	                48  CRC-32C of the payload
//	                52  CRC-32C of bytes 0 to 51, xor a mask of the segment's name and the record's offset
//	                56  payload
//
// The mask makes a record valid only where it was written: neither a block that a power failure left in the wrong file
// nor a payload that looks like a record passes for one.
const (
	segmentSuffix = ".seg"
	headerSize    = 512
	recordSize    = 56
	segmentMagic  = "wtcache1"
	magicStart    = "wtr" // of both
	recordMagic   = magicStart + "1"
	sealMagic     = magicStart + "."
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
	seal    bool
}

// size is the length of the whole record in bytes.
func (r record) size() int64 { return recordSize + int64(r.length) }

// salt is the segment's part of the mask of its records.
func salt(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

// mask mixes salt and offset (the finalizer of splitmix64, Steele et al. 2014).
func mask(salt uint64, offset int64) uint32 {
	z := salt + uint64(offset)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return uint32((z ^ z>>31) >> 16)
}

// appendRecord appends the header of a record at offset of the segment with that salt.
func appendRecord(b []byte, r record, salt uint64, offset int64) []byte {
	start := len(b)
	if r.seal {
		b = append(b, sealMagic...)
	} else {
		b = append(b, recordMagic...)
	}
	b = binary.LittleEndian.AppendUint32(b, r.length)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.written))
	b = append(b, r.key[:]...)
	b = binary.LittleEndian.AppendUint32(b, r.sum)
	return binary.LittleEndian.AppendUint32(b, checksum(b[start:])^mask(salt, offset))
}

// parseRecord reads the record header in the first recordSize bytes of b, and says whether it is one.
func parseRecord(b []byte, salt uint64, offset int64) (record, bool) {
	magic := string(b[:4])
	if magic != recordMagic && magic != sealMagic {
		return record{}, false
	}
	if checksum(b[:recordSize-4])^mask(salt, offset) != binary.LittleEndian.Uint32(b[recordSize-4:]) {
		return record{}, false
	}
	r := record{
		key:     Key(b[16:48]),
		written: int64(binary.LittleEndian.Uint64(b[8:])),
		length:  binary.LittleEndian.Uint32(b[4:]),
		sum:     binary.LittleEndian.Uint32(b[48:]),
		seal:    magic == sealMagic,
	}
	return r, r.length <= MaxPayload
}

// segmentHeader returns the header of a segment of that writer.
func segmentHeader(writer process.Identity) ([]byte, error) {
	id, err := json.Marshal(writer)
	if err != nil {
		return nil, err
	}
	room := headerSize - len(segmentMagic) - 4
	if len(id) > room {
		return nil, fmt.Errorf("the name of %v does not fit in %d bytes", writer, room)
	}
	b := append([]byte(segmentMagic), id...)
	b = append(b, bytes.Repeat([]byte(" "), room-len(id))...)
	return binary.LittleEndian.AppendUint32(b, checksum(b)), nil
}

// parseSegmentHeader returns the writer that the first headerSize bytes of a segment name, and whether they do.
func parseSegmentHeader(b []byte) (writer process.Identity, ok bool) {
	end := headerSize - 4
	if len(b) < headerSize || string(b[:len(segmentMagic)]) != segmentMagic ||
		checksum(b[:end]) != binary.LittleEndian.Uint32(b[end:]) {
		return process.Identity{}, false
	}
	return writer, json.Unmarshal(b[len(segmentMagic):end], &writer) == nil
}

// plain makes a host's name fit for a file's.
func plain(host string) string {
	host = strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, host)
	return host[:min(len(host), 40)]
}

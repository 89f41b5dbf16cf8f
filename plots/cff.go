package plots

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// cffFont is a font with PostScript outlines, taken apart as far as a subset of its glyphs needs (Adobe Technical Note
// 5176, The Compact Font Format Specification).
type cffFont struct {
	name          []byte
	kept          []byte   // operators of the Top DICT that hold no offset and no string
	private       []byte   // the Private DICT without the place of its subroutines
	global, local [][]byte // subroutines
	glyphs        [][]byte // charstrings
}

var errCFF = errors.New("not a font with PostScript outlines of one Private DICT")

// Operators of a Top DICT.
const (
	opFontBBox    = 5
	opCharStrings = 17
	opPrivate     = 18
	opSubrs       = 19 // of a Private DICT
	opFontMatrix  = 12<<8 | 7
	opROS         = 12<<8 | 30
)

// parseCFF takes the table CFF of an OpenType font apart.
func parseCFF(otf []byte) (font *cffFont, err error) {
	defer func() {
		if recover() != nil { // an offset beyond the end
			font, err = nil, errCFF
		}
	}()
	data := openTypeTable(otf, "CFF ")
	if data == nil {
		return nil, errCFF
	}
	names, rest := cffIndex(data[data[2]:])
	tops, rest := cffIndex(rest)
	_, rest = cffIndex(rest)
	global, _ := cffIndex(rest)
	font = &cffFont{name: names[0], global: global}
	for _, entry := range cffDict(tops[0]) {
		switch entry.operator {
		case opROS:
			return nil, errCFF
		case opFontBBox, opFontMatrix:
			font.kept = append(font.kept, entry.raw...)
		case opCharStrings:
			font.glyphs, _ = cffIndex(data[entry.numbers[0]:])
		case opPrivate:
			font.readPrivate(data[entry.numbers[1]:], entry.numbers[0])
		}
	}
	if len(font.glyphs) == 0 || font.private == nil {
		return nil, errCFF
	}
	return font, nil
}

// readPrivate reads a Private DICT and the local subroutines, which it finds relative to its start.
func (f *cffFont) readPrivate(data []byte, size int) {
	f.private = []byte{}
	for _, entry := range cffDict(data[:size]) {
		if entry.operator == opSubrs {
			f.local, _ = cffIndex(data[entry.numbers[0]:])
			continue
		}
		f.private = append(f.private, entry.raw...)
	}
}

// openTypeTable finds a table of an OpenType font; nil if there is none.
func openTypeTable(otf []byte, tag string) []byte {
	for i := range int(binary.BigEndian.Uint16(otf[4:])) {
		record := otf[12+16*i:]
		if string(record[:4]) == tag {
			at, n := binary.BigEndian.Uint32(record[8:]), binary.BigEndian.Uint32(record[12:])
			return otf[at : at+n]
		}
	}
	return nil
}

// cffIndex reads an INDEX and returns what follows it.
func cffIndex(data []byte) (objects [][]byte, rest []byte) {
	n := int(binary.BigEndian.Uint16(data))
	if n == 0 {
		return nil, data[2:]
	}
	size := int(data[2])
	offset := func(i int) (v int) {
		for _, b := range data[3+i*size : 3+(i+1)*size] {
			v = v<<8 | int(b)
		}
		return v
	}
	body := data[3+(n+1)*size-1:] // offsets count from 1
	for i := range n {
		objects = append(objects, body[offset(i):offset(i+1)])
	}
	return objects, body[offset(n):]
}

// cffEntry is an operator of a DICT with its operands.
type cffEntry struct {
	operator int
	numbers  []int // the operands; 0 for a real
	raw      []byte
}

// cffDict reads a DICT.
func cffDict(data []byte) []cffEntry {
	var entries []cffEntry
	start := 0
	var numbers []int
	for i := 0; i < len(data); {
		b := int(data[i])
		if b <= 21 {
			i++
			if b == 12 {
				b = b<<8 | int(data[i])
				i++
			}
			entries = append(entries, cffEntry{b, numbers, data[start:i]})
			start, numbers = i, nil
			continue
		}
		v, n := cffNumber(data[i:])
		numbers = append(numbers, v)
		i += n
	}
	return entries
}

// cffNumber reads an operand and says how many bytes it takes.
func cffNumber(data []byte) (v, n int) {
	switch b := int(data[0]); {
	case b == 28:
		return int(int16(binary.BigEndian.Uint16(data[1:]))), 3
	case b == 29:
		return int(int32(binary.BigEndian.Uint32(data[1:]))), 5
	case b == 30:
		for n = 1; data[n]&0xF != 0xF && data[n]>>4 != 0xF; n++ {
		}
		return 0, n + 1
	case b <= 246:
		return b - 139, 1
	case b <= 250:
		return (b-247)*256 + int(data[1]) + 108, 2
	default:
		return -(b-251)*256 - int(data[1]) - 108, 2
	}
}

// subset returns a font of the given glyphs alone, which it numbers from 0 on, with the subroutines that they call; the
// first must be 0, the missing glyph.
func (f *cffFont) subset(glyphs []int) (data []byte, err error) {
	defer func() {
		if recover() != nil { // a glyph or subroutine that is not there
			data, err = nil, fmt.Errorf("font %s is damaged", f.name)
		}
	}()
	calls := cffCalls{global: f.global, local: f.local, usedGlobal: map[int]bool{}, usedLocal: map[int]bool{}}
	outlines := make([][]byte, len(glyphs))
	for i, g := range glyphs {
		outlines[i] = f.glyphs[g]
		calls.trace(outlines[i])
	}
	private := append(writeLong(bytes.Clone(f.private), len(f.private)+6), opSubrs) // right behind itself
	head := append([]byte{1, 0, 4, 4}, writeIndex([][]byte{f.name})...)
	strings, charstrings := writeIndex(nil), writeIndex(outlines)
	global, local := writeIndex(only(f.global, calls.usedGlobal)), writeIndex(only(f.local, calls.usedLocal))
	top := func(charstringsAt, privateAt int) []byte {
		dict := bytes.Clone(f.kept)
		dict = append(writeLong(dict, charstringsAt), opCharStrings)
		dict = writeLong(writeLong(dict, len(private)), privateAt)
		return writeIndex([][]byte{append(dict, opPrivate)})
	}
	at := len(head) + len(top(0, 0)) + len(strings) + len(global)
	return bytes.Join([][]byte{head, top(at, at+len(charstrings)), strings, global, charstrings, private, local}, nil), nil
}

// writeLong appends an operand of five bytes, whatever its value.
func writeLong(dict []byte, v int) []byte {
	return binary.BigEndian.AppendUint32(append(dict, 29), uint32(v))
}

// writeIndex writes an INDEX with offsets of four bytes.
func writeIndex(objects [][]byte) []byte {
	out := binary.BigEndian.AppendUint16(nil, uint16(len(objects)))
	if len(objects) == 0 {
		return out
	}
	out = append(out, 4)
	at := uint32(1)
	out = binary.BigEndian.AppendUint32(out, at)
	for _, o := range objects {
		at += uint32(len(o))
		out = binary.BigEndian.AppendUint32(out, at)
	}
	return append(out, bytes.Join(objects, nil)...)
}

// Package lines reads JSON objects, one a line, as users have them: plain or compressed by gzip or zstd, with or without a
// byte-order mark, with either kind of line break, blank lines between them, and columns that nothing reads.
package lines

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// Limits of what is read, so that a small file that unpacks to a huge one ends in a message and not in want of memory.
const (
	LongestLine = 16 << 20 // bytes, unless a Reader says otherwise
	LargestFile = 1 << 30  // bytes, unpacked
)

// Error is a line that cannot be used.
type Error struct {
	File string
	Line int // from 1
	Err  error
}

// Error names the file, the line and what is wrong.
func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.Err }

// Reader reads the lines of a file one by one, in memory for one line at a time.
type Reader struct {
	Line    int // of the line that was read last, from 1
	Count   int // of lines that are not blank, so far
	Longest int // bytes that a line may have

	name string
	in   *bufio.Reader
	size int64
	text []byte
}

const (
	byteOrderMark = "\ufeff"
	gzipMagic     = "\x1f\x8b"
	zstdMagic     = "\x28\xb5\x2f\xfd"
)

// beginnings tell what a file is that holds no JSON objects.
var beginnings = []struct{ bytes, what string }{
	{"PAR1", "is a Parquet file; want JSON lines, which pandas writes by to_json(orient='records', lines=True)"},
	{"ARROW1", "is an Arrow file; want JSON lines, which pandas writes by to_json(orient='records', lines=True)"},
	{"version https://git-lfs", "is a git-lfs pointer, which stands for the file; git lfs pull fetches the file itself"},
	{"<", "is HTML or XML, such as a page that tells of an error; want JSON lines"},
	{"[", "is one JSON list; want one object a line, which jq -c '.[]' makes of it"},
	{"PK\x03\x04", "is a zip archive; want the JSON lines in it, plain or compressed by gzip or zstd"},
	{"BZh", "is compressed by bzip2; want JSON lines, plain or compressed by gzip or zstd"},
	{"\xfd7zXZ", "is compressed by xz; want JSON lines, plain or compressed by gzip or zstd"},
	{"\xff\xfe", "is UTF-16; want UTF-8"},
	{"\xfe\xff", "is UTF-16; want UTF-8"},
	{"\x00", "is binary; want JSON lines"},
}

// NewReader reads from r, which it unpacks if it is gzip or zstd by its first bytes. name stands in messages. A file that by
// its beginning is something else than lines of JSON is an error that says what it is.
func NewReader(r io.Reader, name string) (*Reader, error) {
	in, err := unpacked(bufio.NewReaderSize(r, 1<<16))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	start, _ := in.Peek(1 << 10)
	if bytes.HasPrefix(start, []byte(byteOrderMark)) {
		start = start[len(byteOrderMark):]
		if _, err := in.Discard(len(byteOrderMark)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	start = bytes.TrimLeft(start, " \t\r\n")
	for _, b := range beginnings {
		if bytes.HasPrefix(start, []byte(b.bytes)) {
			return nil, fmt.Errorf("%s: %s", name, b.what)
		}
	}
	return &Reader{Longest: LongestLine, name: name, in: in}, nil
}

// unpacked returns what gzip or zstd packed, or in itself.
func unpacked(in *bufio.Reader) (*bufio.Reader, error) {
	magic, _ := in.Peek(len(zstdMagic))
	var from io.Reader
	var err error
	var how string
	switch {
	case bytes.HasPrefix(magic, []byte(gzipMagic)):
		how = "gzip"
		from, err = gzip.NewReader(in)
	case bytes.HasPrefix(magic, []byte(zstdMagic)):
		how = "zstd"
		from, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(1<<27))
	default:
		return in, nil
	}
	if err != nil {
		return nil, fmt.Errorf("is no whole %s file: %w", how, err)
	}
	return bufio.NewReaderSize(from, 1<<16), nil
}

// Next returns the next line that is not blank, without its end, and io.EOF after the last; it may be read until the next
// call.
func (r *Reader) Next() ([]byte, error) {
	for {
		err := r.read()
		if err != nil && (!errors.Is(err, io.EOF) || len(r.text) == 0) {
			return nil, err
		}
		if text := bytes.TrimSpace(r.text); len(text) > 0 {
			r.Count++
			return text, nil
		}
	}
}

// Wrong returns what is wrong with the line that was read last as an error that says where it stands.
func (r *Reader) Wrong(err error) *Error { return &Error{r.name, r.Line, err} }

// broken is the error of a file that cannot be read on.
func (r *Reader) broken(err error) error { return fmt.Errorf("%s:%d: %w", r.name, r.Line, err) }

// read reads a line with its end into text.
func (r *Reader) read() error {
	r.text = r.text[:0]
	r.Line++
	for {
		part, err := r.in.ReadSlice('\n')
		r.text, r.size = append(r.text, part...), r.size+int64(len(part))
		switch {
		case r.size > LargestFile:
			return r.broken(fmt.Errorf("the file has more than %d bytes, unpacked; at most so many are read", LargestFile))
		case len(r.text) > r.Longest:
			return r.broken(fmt.Errorf("is longer than %d bytes; a JSON object a line is allowed", r.Longest))
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil && !errors.Is(err, io.EOF):
			return r.broken(err)
		default:
			return err
		}
	}
}

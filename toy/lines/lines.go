// Package lines reads records as users have them: JSON objects, one a line, or the rows of a CSV or Parquet file; plain or
// compressed by gzip or zstd, with or without a byte-order mark, with either kind of line break, blank lines between them, and
// columns that nothing reads. What a file is, its content says.
package lines

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strings"
	"unicode/utf8"

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

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// Reader reads the records of a file one by one, in memory for one at a time, but for Parquet, which is held whole.
type Reader struct {
	Line    int // at which the record that was read last begins, from 1; of Parquet, its row
	Count   int // of records so far
	Longest int // bytes that a record may have

	name  string
	in    *bufio.Reader
	size  int64 // bytes taken from the file, unpacked
	since int64 // those of a row of CSV
	text  []byte
	begun bool // the first line has been read
	csv   *csv.Reader
	above int // lines of the file before those that csv has seen
	keys  []string
	rows  rowReader
}

const (
	byteOrderMark = "\ufeff"
	parquetMagic  = "PAR1"
	gzipMagic     = "\x1f\x8b"
	zstdMagic     = "\x28\xb5\x2f\xfd"
)

// beginnings tell what a file is that holds no JSON objects.
var beginnings = []struct{ bytes, what string }{
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

// rowReader gives rows as maps of columns.
type rowReader interface{ Read(rows []any) (int, error) }

// NewReader reads from r, which it unpacks if it is gzip or zstd by its first bytes. name stands in messages. A file that by
// its beginning is none of what is read is an error that says what it is.
func NewReader(r io.Reader, name string) (*Reader, error) {
	out := &Reader{Longest: LongestLine, name: name}
	from, err := unpacked(bufio.NewReaderSize(r, 1<<16))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	out.in = bufio.NewReaderSize(&limited{from, out}, 1<<16)
	start, _ := out.in.Peek(1 << 10)
	if bytes.HasPrefix(start, []byte(byteOrderMark)) {
		start = start[len(byteOrderMark):]
		out.in.Discard(len(byteOrderMark)) // which have been peeked at
	}
	if bytes.HasPrefix(start, []byte(parquetMagic)) {
		if out.rows, err = openRows(out.in); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return out, nil
	}
	start = bytes.TrimLeft(start, " \t\r\n")
	for _, b := range beginnings {
		if bytes.HasPrefix(start, []byte(b.bytes)) {
			return nil, fmt.Errorf("%s: %s", name, b.what)
		}
	}
	return out, nil
}

// Text returns a whole file, unpacked and without a byte-order mark. name stands in the error.
func Text(content []byte, name string) ([]byte, error) {
	from, err := unpacked(bufio.NewReader(bytes.NewReader(content)))
	if err == nil {
		content, err = io.ReadAll(&limited{from, &Reader{}})
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return bytes.TrimPrefix(content, []byte(byteOrderMark)), nil
}

// limited stops before a file or a record of it grows too large.
type limited struct {
	in io.Reader
	r  *Reader
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.in.Read(p)
	if l.r.size += int64(n); l.r.size > LargestFile {
		return 0, fmt.Errorf("the file has more than %d bytes, unpacked; at most so many are read", LargestFile)
	}
	if l.r.since += int64(n); l.r.csv != nil && l.r.since > int64(l.r.Longest) {
		return 0, fmt.Errorf("a row after this line is longer than %d bytes: see whether a double quote is left open", l.r.Longest)
	}
	return n, err
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

// Next returns the next record, and io.EOF after the last. The error of a record that is none is an *Error, after which the
// next call goes on; any other is of the file.
func (r *Reader) Next() (*Object, error) {
	switch {
	case r.rows != nil:
		return r.row()
	case r.csv != nil:
		return r.cells()
	}
	for {
		err := r.read()
		if err != nil && (!errors.Is(err, io.EOF) || len(r.text) == 0) {
			return nil, err
		}
		text := bytes.TrimSpace(r.text)
		if len(text) == 0 {
			continue
		}
		if !r.begun && r.header(text) {
			return r.cells()
		}
		r.begun = true
		r.Count++
		o, err := Parse(text)
		if err != nil {
			return nil, r.Wrong(err)
		}
		return o, nil
	}
}

// All yields the records that are left, or what is wrong with them; after an error that is no *Error nothing comes.
func (r *Reader) All() iter.Seq2[*Object, error] {
	return func(yield func(*Object, error) bool) {
		for {
			o, err := r.Next()
			var bad *Error
			if errors.Is(err, io.EOF) || !yield(o, err) || err != nil && !errors.As(err, &bad) {
				return
			}
		}
	}
}

// Headless says that nothing has been read of a CSV file that has no header, and what its columns are called.
func (r *Reader) Headless(keys []string) {
	start, _ := r.in.Peek(1 << 10)
	first, _, _ := bytes.Cut(bytes.TrimLeft(start, "\r\n"), []byte("\n"))
	r.keys, r.csv = keys, csv.NewReader(r.in)
	r.csv.FieldsPerRecord = -1
	if i := bytes.IndexAny(first, ",;\t"); i >= 0 {
		r.csv.Comma = rune(first[i])
	}
}

// Index returns the place of the record that was read last, from 0: its line, blank ones counted, or its row below a header.
func (r *Reader) Index() int {
	if r.csv != nil {
		return r.Count - 1
	}
	return r.Line - 1
}

// Wrong returns what is wrong with the record that was read last as an error that says where it stands.
func (r *Reader) Wrong(err error) *Error { return &Error{r.name, r.Line, err} }

// broken is the error of a file that cannot be read on.
func (r *Reader) broken(err error) error { return fmt.Errorf("%s:%d: %w", r.name, r.Line, err) }

// read reads a line with its end into text.
func (r *Reader) read() error {
	r.text = r.text[:0]
	r.Line++
	for {
		part, err := r.in.ReadSlice('\n')
		r.text = append(r.text, part...)
		switch {
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

// columnName is what a column of a CSV file may be called, up to so many characters, for its first line to be told from bad
// JSON. Pandas leaves out the name of its index.
const longestColumn = 64

var columnName = regexp.MustCompile(`^([\pL_][\pL\d_ .-]*)?$`)

// header says whether the first line is that of a CSV file: names of columns, separated by commas, tabs or semicolons. One
// column alone is told by the file's name.
func (r *Reader) header(text []byte) bool {
	alone := strings.Contains(r.name, ".csv")
next:
	for _, comma := range ",\t;" {
		in := csv.NewReader(bytes.NewReader(text))
		in.Comma = comma
		keys, err := in.Read()
		if err != nil || len(keys) < 2 && !alone {
			continue
		}
		for i, key := range keys {
			if keys[i] = strings.TrimSpace(key); !columnName.MatchString(keys[i]) || utf8.RuneCountInString(keys[i]) > longestColumn {
				continue next
			}
		}
		r.keys, r.csv, r.above = keys, csv.NewReader(r.in), r.Line
		r.csv.Comma, r.csv.FieldsPerRecord = comma, -1
		return true
	}
	return false
}

// cells reads a row of CSV.
func (r *Reader) cells() (*Object, error) {
	for {
		r.since = 0
		cells, err := r.csv.Read()
		var bad *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return nil, err
		case errors.As(err, &bad):
			r.Line = r.above + bad.StartLine
			err = bad.Err
		case err != nil:
			return nil, r.broken(err)
		default:
			line, _ := r.csv.FieldPos(0)
			r.Line = r.above + line
		}
		text := strings.Join(cells, "")
		switch {
		case err != nil:
		case strings.TrimSpace(text) == "" && len(cells) < max(2, len(r.keys)):
			continue // a blank line
		case len(cells) != len(r.keys):
			err = fmt.Errorf("has %d cells; want %d: %s, text with commas or line breaks in double quotes",
				len(cells), len(r.keys), strings.Join(r.keys, ", "))
		case !utf8.ValidString(text):
			err = errors.New("is not valid UTF-8")
		}
		r.Count++
		if err != nil {
			return nil, r.Wrong(err)
		}
		return ofCells(r.keys, cells), nil
	}
}

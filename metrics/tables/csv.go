package tables

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"
)

// AppendRow appends a row of CSV as encoding/csv writes it: cells between commas, quoted where they need it, and a
// newline.
func AppendRow(buf []byte, cells ...string) []byte { return appendRow(buf, cells) }

func appendRow[T ~string | ~[]byte](buf []byte, cells []T) []byte {
	for i, cell := range cells {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = appendCell(buf, cell)
	}
	return append(buf, '\n')
}

// AppendCell appends one cell as AppendRow writes it.
func AppendCell(buf []byte, cell string) []byte { return appendCell(buf, cell) }

func appendCell[T ~string | ~[]byte](buf []byte, cell T) []byte {
	if !needsQuotes(cell) {
		return append(buf, cell...)
	}
	buf = append(buf, '"')
	for i := range len(cell) {
		if cell[i] == '"' {
			buf = append(buf, '"')
		}
		buf = append(buf, cell[i])
	}
	return append(buf, '"')
}

// needsQuotes follows encoding/csv, which also quotes the end-of-data mark of PostgreSQL and leading space.
func needsQuotes[T ~string | ~[]byte](cell T) bool {
	if len(cell) == 0 {
		return false
	}
	if len(cell) == 2 && cell[0] == '\\' && cell[1] == '.' {
		return true
	}
	for i := range len(cell) {
		switch cell[i] {
		case ',', '"', '\r', '\n':
			return true
		}
	}
	if cell[0] < utf8.RuneSelf {
		return unicode.IsSpace(rune(cell[0]))
	}
	first, _ := utf8.DecodeRuneInString(string(cell[:min(len(cell), utf8.UTFMax)]))
	return unicode.IsSpace(first)
}

// splitRecord is a bufio.SplitFunc for records of CSV with their newlines. A newline between quotes belongs to the
// record: up to there the quotes are odd in number, doubled ones included.
func splitRecord(data []byte, atEOF bool) (advance int, record []byte, err error) {
	end, quotes := 0, 0
	for {
		i := bytes.IndexByte(data[end:], '\n')
		if i < 0 {
			break
		}
		quotes += bytes.Count(data[end:end+i], []byte{'"'})
		end += i + 1
		if quotes%2 == 0 {
			return end, data[:end], nil
		}
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// chomp removes the newline of a record, and a carriage return before it.
func chomp(record []byte) []byte {
	record = bytes.TrimSuffix(record, []byte{'\n'})
	return bytes.TrimSuffix(record, []byte{'\r'})
}

// splitCells appends the cells of a chomped record to cells. It is not ok where encoding/csv finds the record malformed.
// Cells may lie in the record.
func splitCells(cells [][]byte, record []byte) (_ [][]byte, ok bool) {
	plain := bytes.IndexByte(record, '"') < 0
	for rest, more := record, true; more; {
		var cell []byte
		if len(rest) > 0 && rest[0] == '"' {
			if cell, rest, more, ok = cutQuoted(rest); !ok {
				return cells, false
			}
		} else if cell, rest, more = cutPlain(rest); !plain && bytes.IndexByte(cell, '"') >= 0 {
			return cells, false
		}
		cells = append(cells, cell)
	}
	return cells, true
}

// cutPlain takes a cell that does not begin with a quote from a record, as bytes.Cut does at a comma. Cells are short:
// looking for the comma byte by byte is faster than the call that looks at many at once.
func cutPlain(record []byte) (cell, rest []byte, more bool) {
	for i, c := range record {
		if c == ',' {
			return record[:i], record[i+1:], true
		}
	}
	return record, nil, false
}

// cutQuoted takes a cell that begins with a quote from a record. more says whether another cell follows.
func cutQuoted(record []byte) (cell, rest []byte, more, ok bool) {
	end, doubled := 1, false
	for {
		i := bytes.IndexByte(record[end:], '"')
		if i < 0 {
			return nil, nil, false, false
		}
		end += i
		if end+1 == len(record) || record[end+1] != '"' {
			break
		}
		end, doubled = end+2, true
	}
	cell, rest = record[1:end], record[end+1:]
	if doubled {
		cell = bytes.ReplaceAll(cell, []byte(`""`), []byte(`"`))
	}
	cell = bytes.ReplaceAll(cell, []byte("\r\n"), []byte("\n"))
	if len(rest) == 0 {
		return cell, nil, false, true
	}
	return cell, rest[1:], true, rest[0] == ','
}

// scanner reads the records of a CSV file. It allocates nothing for a record without quotes, unlike csv.Reader, whose
// garbage would double the memory of large tables.
type scanner struct {
	name    string
	records *bufio.Scanner
	header  []string
	line    int // where the next record starts, from 1
	cells   [][]byte
}

// scan begins to read a table: a header of distinct columns.
func scan(name string, r io.Reader) (*scanner, error) {
	s := &scanner{name: name, records: bufio.NewScanner(r), line: 1}
	s.records.Buffer(make([]byte, 1<<16), math.MaxInt)
	s.records.Split(splitRecord)
	cells, err := s.next()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("table %s: it has no header", name)
	}
	if err != nil {
		return nil, err
	}
	for _, cell := range cells {
		s.header = append(s.header, string(cell))
	}
	return s, nil
}

// next returns the cells of the next record, as many as the header has, which change with the next call; io.EOF at the
// end. Like csv.Reader it skips empty lines. Errors name the table and the line.
func (s *scanner) next() ([][]byte, error) {
	for s.records.Scan() {
		raw, start := s.records.Bytes(), s.line
		s.line += bytes.Count(raw, []byte{'\n'})
		record := chomp(raw)
		if len(record) == 0 {
			continue
		}
		var ok bool
		if s.cells, ok = splitCells(s.cells[:0], record); !ok {
			return nil, fmt.Errorf("table %s: %w", s.name, malformed(raw, start))
		}
		if s.header != nil && len(s.cells) != len(s.header) {
			return nil, fmt.Errorf("table %s: %w", s.name,
				&csv.ParseError{StartLine: start, Line: start, Column: 1, Err: csv.ErrFieldCount})
		}
		return s.cells, nil
	}
	if err := s.records.Err(); err != nil {
		return nil, fmt.Errorf("table %s: %w", s.name, err)
	}
	return nil, io.EOF
}

// malformed is what csv.Reader says of a malformed record that starts at a line.
func malformed(record []byte, line int) error {
	_, err := csv.NewReader(bytes.NewReader(record)).Read()
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		parse.StartLine += line - 1
		parse.Line += line - 1
	}
	return err
}

// readColumns reads what is left into columns, by their positions in the header.
func (s *scanner) readColumns(at []int) ([]*column, error) {
	columns := make([]*column, len(at))
	for j := range columns {
		columns[j] = &column{}
	}
	return columns, s.each(func(cells [][]byte) error {
		for j, i := range at {
			columns[j].append(cells[i])
		}
		return nil
	})
}

func (s *scanner) each(row func(cells [][]byte) error) error {
	for {
		cells, err := s.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := row(cells); err != nil {
			return err
		}
	}
}

// ReadCSV reads a whole table that WriteCSV wrote: a header of distinct columns and rows of that length. Errors name the
// table and, for a malformed row, the line.
func ReadCSV(name string, r io.Reader) (*Table, error) {
	s, err := scan(name, r)
	if err != nil {
		return nil, err
	}
	t := newTable(name, s.header)
	if len(t.index) < len(s.header) {
		return nil, fmt.Errorf("table %s: the header names a column twice: %q", name, s.header)
	}
	all := make([]int, len(s.header))
	for i := range all {
		all[i] = i
	}
	columns, err := s.readColumns(all)
	if err != nil {
		return nil, err
	}
	for i, c := range columns {
		t.columns[i].Store(c)
	}
	t.rows = columns[0].rows
	return t, nil
}

// csvFile is a table in a CSV file.
type csvFile struct {
	name  string
	r     io.ReaderAt
	size  int64
	names []string
	count int
}

// openCSV checks a CSV file from end to end and counts its rows.
func openCSV(name string, f *os.File) (*csvFile, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	c := &csvFile{name: name, r: f, size: info.Size()}
	s, err := c.scan()
	if err != nil {
		return nil, err
	}
	c.names = s.header
	if seen := newTable(name, s.header); len(seen.index) < len(s.header) {
		return nil, fmt.Errorf("table %s: the header names a column twice: %q", name, s.header)
	}
	return c, s.each(func([][]byte) error { c.count++; return nil })
}

func (c *csvFile) scan() (*scanner, error) {
	s, err := scan(c.name, io.NewSectionReader(c.r, 0, c.size))
	if err == nil && c.names != nil && strings.Join(s.header, ",") != strings.Join(c.names, ",") {
		return nil, fmt.Errorf("table %s has changed: its columns are now %q", c.name, s.header)
	}
	return s, err
}

func (c *csvFile) header() []string { return c.names }
func (c *csvFile) rows() int        { return c.count }

func (c *csvFile) load(at []int) ([]*column, error) {
	s, err := c.scan()
	if err != nil {
		return nil, err
	}
	return s.readColumns(at)
}

func (c *csvFile) each(row func(cells [][]byte) error) error {
	s, err := c.scan()
	if err != nil {
		return err
	}
	return s.each(row)
}

package tables

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// reader reads the records of a table in CSV: a header of distinct columns and rows of its length.
type reader struct {
	name   string
	csv    *csv.Reader
	header []string
}

func newReader(name string, r io.Reader) (*reader, error) {
	s := &reader{name: name, csv: csv.NewReader(r)}
	var err error
	s.header, err = s.csv.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("table %s: it has no header", name)
	}
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", name, err)
	}
	s.csv.ReuseRecord = true
	if len(newTable(name, s.header).index) < len(s.header) {
		return nil, fmt.Errorf("table %s: the header names a column twice: %q", name, s.header)
	}
	return s, nil
}

// each calls row with the cells of every row that is left. The slice changes with the next call. Errors name the table and
// the line.
func (s *reader) each(row func(cells []string) error) error {
	for {
		cells, err := s.csv.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("table %s: %w", s.name, err)
		}
		if err := row(cells); err != nil {
			return err
		}
	}
}

// ReadCSV reads a whole table that WriteCSV wrote: a header of distinct columns and rows of that length. Errors name the
// table and, for a malformed row, the line.
func ReadCSV(name string, r io.Reader) (*Table, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", name, err)
	}
	c, err := openCSV(name, bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	t := tableOf(name, c)
	return t, t.Load(t.Header...)
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
func openCSV(name string, r io.ReaderAt, size int64) (*csvFile, error) {
	c := &csvFile{name: name, r: r, size: size}
	s, err := c.read()
	if err != nil {
		return nil, err
	}
	c.names = s.header
	return c, s.each(func([]string) error { c.count++; return nil })
}

func (c *csvFile) read() (*reader, error) {
	s, err := newReader(c.name, io.NewSectionReader(c.r, 0, c.size))
	if err == nil && c.names != nil && strings.Join(s.header, ",") != strings.Join(c.names, ",") {
		return nil, fmt.Errorf("table %s has changed: its columns are now %q", c.name, s.header)
	}
	return s, err
}

func (c *csvFile) header() []string { return c.names }
func (c *csvFile) rows() int        { return c.count }

func (c *csvFile) load(at []int) ([]*column, error) {
	columns := newColumns(len(at))
	return columns, c.each(func(cells []string) error {
		for j, i := range at {
			columns[j].append(cells[i])
		}
		return nil
	})
}

func (c *csvFile) each(row func(cells []string) error) error {
	s, err := c.read()
	if err != nil {
		return err
	}
	return s.each(row)
}

// csvSink writes a CSV file.
type csvSink struct {
	name   string
	schema Schema
	file   *os.File
	out    *csv.Writer
	text   []byte // of the row at hand
	ends   []int  // of its cells
	cells  []string
}

func newCSVSink(name string, schema Schema, f *os.File) *csvSink {
	s := &csvSink{name: name, schema: schema, file: f, out: csv.NewWriter(f), ends: make([]int, len(schema)), cells: make([]string, len(schema))}
	_ = s.out.Write(schema.Names()) // the error comes back with Close
	return s
}

func (s *csvSink) Write(cells ...string) error {
	if len(cells) == 1 && cells[0] == "" {
		return fmt.Errorf("table %s: a single empty cell reads as an empty line", s.name)
	}
	return s.out.Write(cells)
}

func (s *csvSink) Add(row []Value) error {
	s.text = s.text[:0]
	for i, v := range row {
		s.text = appendValue(s.text, s.schema[i].Type, v)
		s.ends[i] = len(s.text)
	}
	whole, start := string(s.text), 0 // one allocation a row
	for i, end := range s.ends {
		s.cells[i], start = whole[start:end], end
	}
	return s.Write(s.cells...)
}

func (s *csvSink) Close() error {
	s.out.Flush()
	return errors.Join(s.out.Error(), s.file.Sync(), s.file.Close())
}

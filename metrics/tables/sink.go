package tables

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Sink takes the rows of a table into a file, in order, holding a bounded number of them in memory. After an error what
// has been written is incomplete. It is used by one goroutine at a time.
type Sink interface {
	// Write adds one row.
	Write(cells ...string) error
	// Append adds the rows of body, each with the cells of prefix before its own: rows as AppendRow writes them, each
	// ended by a newline.
	Append(prefix []string, body []byte) error
	// Close ends the file and flushes it to the disk. Closing twice does nothing more.
	Close() error
}

// Create makes the files of a table in a folder, DIR/NAME.csv, DIR/NAME.parquet or both, in place of what they held.
// Errors of the sink name the table and what does not fit its columns.
func Create(dir, name string, schema Schema, format Format) (Sink, error) {
	if err := checkHeader(schema.Names()); err != nil {
		return nil, fmt.Errorf("table %s: %w", name, err)
	}
	var sinks several
	for _, one := range format.Files() {
		f, err := os.Create(filepath.Join(dir, name+one.Extension()))
		if err != nil {
			return nil, errors.Join(err, sinks.Close())
		}
		if one == Parquet {
			sinks = append(sinks, newParquetSink(name, schema, f))
		} else {
			sinks = append(sinks, newCSVSink(name, schema, f))
		}
	}
	if len(sinks) == 1 {
		return sinks[0], nil
	}
	return sinks, nil
}

// WriteTable writes a whole table into a folder, as Create does. The schema names the table's columns in their order.
func WriteTable(dir string, t *Table, schema Schema, format Format) error {
	sink, err := Create(dir, t.Name, schema, format)
	if err != nil {
		return err
	}
	if got, want := strings.Join(t.Header, ","), strings.Join(schema.Names(), ","); got != want {
		return errors.Join(fmt.Errorf("table %s: it has the columns %s, its schema %s", t.Name, got, want), sink.Close())
	}
	return errors.Join(t.pour(sink), sink.Close())
}

// pour writes all rows into a sink.
func (t *Table) pour(sink Sink) error {
	var row []byte
	return t.each(func(cells [][]byte) error {
		row = appendRow(row[:0], cells)
		return sink.Append(nil, row)
	})
}

// several sinks take the same rows.
type several []Sink

func (s several) Write(cells ...string) error {
	for _, sink := range s {
		if err := sink.Write(cells...); err != nil {
			return err
		}
	}
	return nil
}

func (s several) Append(prefix []string, body []byte) error {
	for _, sink := range s {
		if err := sink.Append(prefix, body); err != nil {
			return err
		}
	}
	return nil
}

func (s several) Close() error {
	var errs []error
	for _, sink := range s {
		errs = append(errs, sink.Close())
	}
	return errors.Join(errs...)
}

// csvSink writes a CSV file.
type csvSink struct {
	name    string
	columns int
	file    *os.File
	out     *bufio.Writer
	prefix  []byte
	cells   [][]byte
	closed  bool
}

// sinkBuffer is the size of a sink's buffer in bytes.
const sinkBuffer = 1 << 16

func newCSVSink(name string, schema Schema, f *os.File) *csvSink {
	s := &csvSink{name: name, columns: len(schema), file: f, out: bufio.NewWriterSize(f, sinkBuffer)}
	s.out.Write(AppendRow(nil, schema.Names()...)) // an error comes back with the next write
	return s
}

func (s *csvSink) Write(cells ...string) error {
	if err := checkWidth(s.name, len(cells), s.columns); err != nil {
		return err
	}
	s.prefix = AppendRow(s.prefix[:0], cells...)
	return s.put(nil, s.prefix)
}

// Append never looks into cells: it counts commas, or cells where some are quoted.
func (s *csvSink) Append(prefix []string, body []byte) error {
	s.prefix = s.prefix[:0]
	for _, cell := range prefix {
		s.prefix = append(appendCell(s.prefix, cell), ',')
	}
	for len(body) > 0 {
		size, record, err := cutRow(s.name, body)
		if err != nil {
			return err
		}
		own, err := s.width(record)
		if err != nil {
			return err
		}
		if err := checkWidth(s.name, len(prefix)+own, s.columns); err != nil {
			return err
		}
		if err := s.put(s.prefix, body[:size]); err != nil {
			return err
		}
		body = body[size:]
	}
	return nil
}

// width counts the cells of a record.
func (s *csvSink) width(record []byte) (int, error) {
	if bytes.IndexByte(record, '"') < 0 {
		return bytes.Count(record, []byte{','}) + 1, nil
	}
	var ok bool
	if s.cells, ok = splitCells(s.cells[:0], record); !ok {
		return 0, fmt.Errorf("table %s: a malformed row: %q", s.name, record)
	}
	return len(s.cells), nil
}

// put writes one row.
func (s *csvSink) put(prefix, line []byte) error {
	if len(prefix)+len(line) == 1 {
		return fmt.Errorf("table %s: a single empty cell reads as an empty line", s.name)
	}
	if _, err := s.out.Write(prefix); err != nil {
		return err
	}
	_, err := s.out.Write(line)
	return err
}

func (s *csvSink) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	return errors.Join(s.out.Flush(), s.file.Sync(), s.file.Close())
}

// cutRow returns the first row of a body and its size with the newline.
func cutRow(name string, body []byte) (size int, record []byte, err error) {
	size, record, err = splitRecord(body, true)
	if err == nil && record[size-1] != '\n' {
		err = fmt.Errorf("table %s: a row without its newline: %q", name, record)
	}
	return size, record[:size-1], err
}

// checkWidth refuses a row that is not as wide as its table.
func checkWidth(name string, cells, columns int) error {
	if cells == columns {
		return nil
	}
	return fmt.Errorf("table %s: a row has %d cells under %d columns", name, cells, columns)
}

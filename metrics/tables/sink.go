package tables

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Sink takes the rows of a table into a file, in order, holding a bounded number of them in memory. After an error what
// has been written is incomplete. It is used by one goroutine at a time.
type Sink interface {
	// Write adds a row of texts.
	Write(cells ...string) error
	// Add adds a row of values, which it does not keep.
	Add(row []Value) error
	// Close ends the file and flushes it to the disk. Closing twice does nothing more.
	Close() error
}

// Create makes the files of a table in a folder, DIR/NAME.csv, DIR/NAME.parquet or both, in place of what they held.
// Errors of the sink name the table and what does not fit its columns.
func Create(dir, name string, schema Schema, format Format) (Sink, error) {
	if err := checkHeader(schema.Names()); err != nil {
		return nil, fmt.Errorf("table %s: %w", name, err)
	}
	sink := &fileSink{name: name, columns: len(schema)}
	for _, one := range format.Files() {
		f, err := os.Create(filepath.Join(dir, name+one.Extension()))
		if err != nil {
			return nil, errors.Join(err, sink.Close())
		}
		if one == Parquet {
			sink.files = append(sink.files, newParquetSink(name, schema, f))
		} else {
			sink.files = append(sink.files, newCSVSink(name, schema, f))
		}
	}
	return sink, nil
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
	err = t.each(func(cells []string) error { return sink.Write(cells...) })
	return errors.Join(err, sink.Close())
}

// fileSink gives rows that are as wide as the table to the sinks of its files, which it closes once.
type fileSink struct {
	name    string
	columns int
	files   []Sink
	closed  bool
}

func (s *fileSink) Write(cells ...string) error {
	return s.each(len(cells), func(file Sink) error { return file.Write(cells...) })
}

func (s *fileSink) Add(row []Value) error {
	return s.each(len(row), func(file Sink) error { return file.Add(row) })
}

func (s *fileSink) each(cells int, write func(file Sink) error) error {
	if cells != s.columns {
		return fmt.Errorf("table %s: a row has %d cells under %d columns", s.name, cells, s.columns)
	}
	for _, file := range s.files {
		if err := write(file); err != nil {
			return err
		}
	}
	return nil
}

func (s *fileSink) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	var errs []error
	for _, file := range s.files {
		errs = append(errs, file.Close())
	}
	return errors.Join(errs...)
}

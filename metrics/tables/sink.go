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
	err = t.each(func(cells []string) error { return sink.Write(cells...) })
	return errors.Join(err, sink.Close())
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

func (s several) Add(row []Value) error {
	for _, sink := range s {
		if err := sink.Add(row); err != nil {
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

// checkWidth refuses a row that is not as wide as its table.
func checkWidth(name string, cells, columns int) error {
	if cells == columns {
		return nil
	}
	return fmt.Errorf("table %s: a row has %d cells under %d columns", name, cells, columns)
}

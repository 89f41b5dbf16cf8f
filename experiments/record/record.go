// Package record holds the tables of a results folder: their columns, reading and writing. All that comes after a run
// (claims, figures, comparisons) reads tables, never a live run.
package record

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
)

// Names of the tables of a results folder; NAME.csv holds table NAME.
const (
	Runs         = "runs"         // one row a run: run, objective, lambda, seed, swept keys, status, steps, final metrics
	Policies     = "policies"     // final policies: run, prompt, response, pi, pi_ref, pi_star
	Prompts      = "prompts"      // final metrics by prompt: run, prompt, metrics
	Traces       = "traces"       // metrics along training: run, step, metrics
	Trajectories = "trajectories" // policies along training: run, step, prompt, response, pi
	Claims       = "claims"       // verdicts: claim, holds, value, bound, detail, expect
)

// Table is a table in long form. Every cell is text as it stands in the CSV file; "" means that a value does not
// apply. Columns are looked up by name.
type Table struct {
	Name   string
	Header []string
	Rows   [][]string
	index  map[string]int
}

// NewTable returns an empty table with the given columns.
func NewTable(name string, header ...string) *Table {
	t := &Table{Name: name, Header: header, index: make(map[string]int, len(header))}
	for i, column := range header {
		t.index[column] = i
	}
	return t
}

// Column returns the position of a column, or -1.
func (t *Table) Column(name string) int {
	if i, ok := t.index[name]; ok {
		return i
	}
	return -1
}

// Has says whether the table has all of the columns.
func (t *Table) Has(names ...string) bool {
	for _, name := range names {
		if t.Column(name) < 0 {
			return false
		}
	}
	return true
}

// Text returns the cell of a row in the named column, "" if there is no such column.
func (t *Table) Text(row int, column string) string {
	i := t.Column(column)
	if i < 0 {
		return ""
	}
	return t.Rows[row][i]
}

// Float returns the cell as a number: NaN where it is empty, absent or no number, infinities for inf and -inf.
func (t *Table) Float(row int, column string) float64 {
	return ParseFloat(t.Text(row, column))
}

// ParseFloat reads a cell: NaN where it is empty or no number.
func ParseFloat(cell string) float64 {
	v, err := strconv.ParseFloat(cell, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

// FormatFloat writes a number as tables hold it: the shortest text that reads back to the same float64, inf and -inf
// for infinities, "" for NaN (a value that does not apply).
func FormatFloat(v float64) string {
	switch {
	case math.IsNaN(v):
		return ""
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// ReadCSV reads a table that WriteCSV wrote: a header of distinct columns and rows of that length. Errors name the table
// and, for a malformed row, the line.
func ReadCSV(name string, r io.Reader) (*Table, error) {
	in := csv.NewReader(r)
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("table %s: it has no header", name)
	}
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", name, err)
	}
	t := NewTable(name, header...)
	if len(t.index) < len(header) {
		return nil, fmt.Errorf("table %s: the header names a column twice: %q", name, header)
	}
	if t.Rows, err = in.ReadAll(); err != nil {
		return nil, fmt.Errorf("table %s: %w", name, err)
	}
	return t, nil
}

// WriteCSV writes the table with a header line, as pandas.read_csv reads it without options. A carriage return before a
// newline inside a cell does not survive reading. A row that could not be read back is an error: one whose length is not
// the header's, or an empty cell in a table of one column, which CSV cannot tell from an empty line.
func (t *Table) WriteCSV(w io.Writer) error {
	if len(t.Header) == 0 || len(t.index) < len(t.Header) {
		return fmt.Errorf("table %s: the header %q is empty or names a column twice", t.Name, t.Header)
	}
	out := csv.NewWriter(w)
	if err := t.writeRow(out, t.Header); err != nil {
		return err
	}
	for i, row := range t.Rows {
		if err := t.writeRow(out, row); err != nil {
			return fmt.Errorf("table %s: row %d: %w", t.Name, i, err)
		}
	}
	out.Flush()
	return out.Error()
}

// writeRow writes a row that can be read back.
func (t *Table) writeRow(out *csv.Writer, row []string) error {
	if len(row) != len(t.Header) {
		return fmt.Errorf("it has %d cells under %d columns", len(row), len(t.Header))
	}
	if len(row) == 1 && row[0] == "" {
		return errors.New("a single empty cell reads as an empty line")
	}
	return out.Write(row)
}

// Writer writes a table row by row, for tables that do not fit into memory.
type Writer struct{ csv *csv.Writer }

// NewWriter writes the header and returns a writer for the rows.
func NewWriter(w io.Writer, header []string) (*Writer, error) {
	out := csv.NewWriter(w)
	return &Writer{out}, out.Write(header)
}

// Write appends rows.
func (w *Writer) Write(rows [][]string) error {
	for _, row := range rows {
		if err := w.csv.Write(row); err != nil {
			return err
		}
	}
	return nil
}

// Flush hands everything written to the underlying writer.
func (w *Writer) Flush() error {
	w.csv.Flush()
	return w.csv.Error()
}

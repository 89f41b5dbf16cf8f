// Package record holds the tables of a results folder: their columns, reading and writing. All that comes after a run
// (claims, figures, comparisons) reads tables, never a live run.
package record

import (
	"encoding/csv"
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

// ReadCSV reads a table that WriteCSV wrote.
func ReadCSV(name string, r io.Reader) (*Table, error) {
	in := csv.NewReader(r)
	header, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", name, err)
	}
	t := NewTable(name, header...)
	if t.Rows, err = in.ReadAll(); err != nil {
		return nil, fmt.Errorf("table %s: %w", name, err)
	}
	return t, nil
}

// WriteCSV writes the table with a header line, as pandas.read_csv reads it without options.
func (t *Table) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write(t.Header); err != nil {
		return err
	}
	if err := out.WriteAll(t.Rows); err != nil {
		return err
	}
	return out.Error()
}

package tables

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Table is a table in long form. A cell is text; "" means that a value does not apply. Columns are looked up by name.
// In memory a column of numbers takes some 8 bytes a cell, another some 4 bytes a cell and its distinct texts once.
//
// The table of a Folder holds the columns that have been asked for and reads others when they are; Load asks for
// several in one pass. It may be read by several goroutines at once. What has been opened without an error is only
// unreadable later if the disk fails or the file is overwritten in place: Load returns that as an error, the methods
// that read cells panic.
type Table struct {
	Name   string
	Header []string

	index   map[string]int
	columns []atomic.Pointer[column]
	rows    int
	file    file       // nil for a table in memory
	loading sync.Mutex // held while columns are read
}

// file is a table on the disk, checked from end to end when it was opened.
type file interface {
	header() []string
	// rows is the number of rows.
	rows() int
	// load reads some columns, by their positions in the header.
	load(at []int) ([]*column, error)
	// each calls row with the cells of every row, in order. The cells change with the next call.
	each(row func(cells []string) error) error
}

// NewTable returns an empty table in memory with the given columns.
func NewTable(name string, header ...string) *Table {
	t := newTable(name, header)
	for i := range t.columns {
		t.columns[i].Store(&column{})
	}
	return t
}

func newTable(name string, header []string) *Table {
	t := &Table{Name: name, Header: header, index: make(map[string]int, len(header))}
	t.columns = make([]atomic.Pointer[column], len(header))
	for i, column := range header {
		t.index[column] = i
	}
	return t
}

// tableOf returns the table of a file.
func tableOf(name string, f file) *Table {
	t := newTable(name, f.header())
	t.rows, t.file = f.rows(), f
	return t
}

// Append adds a row to a table in memory. It panics where the cells are not as many as the columns, or where the table
// is that of a Folder.
func (t *Table) Append(cells ...string) {
	if len(cells) != len(t.columns) || t.file != nil {
		panic(fmt.Sprintf("tables: a row of %d cells for table %s of %d columns", len(cells), t.Name, len(t.columns)))
	}
	for i, cell := range cells {
		t.columns[i].Load().append(cell)
	}
	t.rows++
}

// Sink returns a sink that adds rows of a schema, whose columns are the table's, to a table in memory.
func (t *Table) Sink(schema Schema) Sink { return &memorySink{t, schema, nil} }

type memorySink struct {
	table  *Table
	schema Schema
	text   []byte
}

func (s *memorySink) Write(cells ...string) error {
	s.table.Append(cells...)
	return nil
}

func (s *memorySink) Add(row []Value) error {
	for i, v := range row {
		c := s.table.columns[i].Load()
		if s.schema[i].Type == Number {
			c.appendNumber(v.Number)
			continue
		}
		s.text = appendValue(s.text[:0], s.schema[i].Type, v)
		c.append(string(s.text))
	}
	s.table.rows++
	return nil
}

func (s *memorySink) Close() error { return nil }

// Len returns the number of rows.
func (t *Table) Len() int { return t.rows }

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

// Need returns an error for the first of the columns that the table lacks; key, which may be "", says what names it.
func (t *Table) Need(key string, columns ...string) error {
	for _, column := range columns {
		if !t.Has(column) {
			if key != "" {
				key += ": "
			}
			return fmt.Errorf("%stable %s has no column %q", key, t.Name, column)
		}
	}
	return nil
}

// Settings returns the columns of the table runs that tell runs apart, the seed among them: those between run and status.
func (t *Table) Settings() []string {
	return slices.DeleteFunc(slices.Clone(t.Header[:max(0, t.Column("status"))]), func(column string) bool { return column == "run" })
}

// Load reads those of the columns that are not in memory yet, in one pass over the file. It skips names that the table
// does not have, so that a caller may name columns of several tables.
func (t *Table) Load(names ...string) error {
	t.loading.Lock()
	defer t.loading.Unlock()
	var at []int
	for _, name := range names {
		if i := t.Column(name); i >= 0 && t.columns[i].Load() == nil && !slices.Contains(at, i) {
			at = append(at, i)
		}
	}
	if len(at) == 0 {
		return nil
	}
	loaded, err := t.file.load(at)
	if err != nil {
		return err
	}
	for j, i := range at {
		if loaded[j].rows() != t.rows {
			return fmt.Errorf("table %s has changed: it had %d rows, now %d", t.Name, t.rows, loaded[j].rows())
		}
		if texts := loaded[j].texts; texts != nil {
			texts.codes = nil // which only appending needs
		}
		t.columns[i].Store(loaded[j])
	}
	return nil
}

// column returns a column, nil if there is none of that name.
func (t *Table) column(name string) *column {
	i, ok := t.index[name]
	if !ok {
		return nil
	}
	if t.columns[i].Load() == nil {
		if err := t.Load(name); err != nil {
			panic("tables: " + err.Error())
		}
	}
	return t.columns[i].Load()
}

// Text returns the cell of a row in the named column, "" if there is no such column.
func (t *Table) Text(row int, column string) string {
	c := t.column(column)
	if c == nil {
		return ""
	}
	return c.text(row)
}

// Float returns the cell as a number: NaN where it is empty, absent or no number, infinities for inf and -inf.
func (t *Table) Float(row int, column string) float64 {
	c := t.column(column)
	switch {
	case c == nil:
		return math.NaN()
	case c.texts != nil:
		return ParseFloat(c.text(row))
	}
	return c.numbers[row]
}

// Distinct returns the different texts of a column in order of first appearance, none if there is no such column.
func (t *Table) Distinct(column string) []string {
	c := t.column(column)
	if c == nil {
		return nil
	}
	var all []string
	seen := make(map[string]bool)
	for row := range t.rows {
		if text := c.text(row); !seen[text] {
			seen[text] = true
			all = append(all, text)
		}
	}
	return all
}

// Number returns the cell as Float does. A cell of the table runs, or of one with a column run, that is neither empty nor a
// number is an error.
func (t *Table) Number(row int, column string) (float64, error) {
	v := t.Float(row, column)
	if math.IsNaN(v) {
		if cell := t.Text(row, column); cell != "" {
			return v, fmt.Errorf("table %s: %s of run %s is %q, not a number", t.Name, column, t.Text(row, "run"), cell)
		}
	}
	return v, nil
}

// Row returns all cells of a row, in the order of the header.
func (t *Table) Row(row int) []string { return t.Cells(row, t.Header) }

// Cells returns the cells of a row in some columns.
func (t *Table) Cells(row int, columns []string) []string {
	cells := make([]string, len(columns))
	for i, column := range columns {
		cells[i] = t.Text(row, column)
	}
	return cells
}

// Describe writes the cells of a row in some columns as "objective=dpo, seed=1".
func (t *Table) Describe(row int, columns []string) string {
	parts := make([]string, len(columns))
	for i, column := range columns {
		parts[i] = column + "=" + t.Text(row, column)
	}
	return strings.Join(parts, ", ")
}

// each calls row with the cells of every row, in order. The cells change with the next call.
func (t *Table) each(row func(cells []string) error) error {
	if t.file != nil {
		return t.file.each(row)
	}
	columns := make([]*column, len(t.columns))
	for i := range columns {
		columns[i] = t.columns[i].Load()
	}
	return eachOf(columns, t.rows, row)
}

// eachOf calls row with the cells of every row of some columns.
func eachOf(columns []*column, rows int, row func(cells []string) error) error {
	cells := make([]string, len(columns))
	for i := range rows {
		for j, c := range columns {
			cells[j] = c.text(i)
		}
		if err := row(cells); err != nil {
			return err
		}
	}
	return nil
}

// WriteCSV writes the table with a header line, as pandas.read_csv reads it without options. A carriage return before a
// newline inside a cell does not survive reading. A table that could not be read back is an error: one without columns
// or with two of one name, or an empty cell in a table of one column, which CSV cannot tell from an empty line.
func (t *Table) WriteCSV(w io.Writer) error {
	if err := checkHeader(t.Header); err != nil {
		return fmt.Errorf("table %s: %w", t.Name, err)
	}
	out := csv.NewWriter(w)
	if err := out.Write(t.Header); err != nil {
		return err
	}
	row := -1
	err := t.each(func(cells []string) error {
		if row++; len(cells) == 1 && cells[0] == "" {
			return fmt.Errorf("table %s: row %d: a single empty cell reads as an empty line", t.Name, row)
		}
		return out.Write(cells)
	})
	out.Flush()
	return errors.Join(err, out.Error())
}

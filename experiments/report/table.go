package report

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"

	"windtunnel/metrics/tables"
)

// mostRows is how many rows of a table the page holds. All that it says of the rest is where they are.
const mostRows = 100

// printedColumns is how many columns of a table fit on a sheet of paper.
const printedColumns = 12

// tableView is a table as it is shown: cut to its first rows, without columns that are the same in every row.
type tableView struct {
	ID, Name, File string
	Rows           [][]cell
	Columns        []heading
	Same           []fact // columns with one value for all rows
	All            int    // rows of the table
	Wide           bool   // has more columns than are printed
}

type heading struct{ Name, Doc string }

// cell is a cell's text and whether it is words rather than a number.
type cell struct {
	Text  string
	Words bool
}

// newTableView shows a loaded table of the folder dir. Numbers are rounded for reading.
func newTableView(id, dir string, t *tables.Table, schema tables.Schema) tableView {
	s := tableView{ID: id, Name: t.Name, File: filepath.ToSlash(filepath.Join(dir, t.Name+tables.CSV.Extension())), All: t.Len()}
	docs := map[string]string{}
	for _, c := range schema {
		docs[c.Name] = c.Doc
	}
	var kept []string
	for i, name := range t.Header {
		if value, same := constant(t, name); same && i > 0 && t.Len() > 1 {
			if value != "" {
				s.Same = append(s.Same, fact{name, shown(value)})
			}
			continue
		}
		kept = append(kept, name)
		s.Columns = append(s.Columns, heading{name, docs[name]})
	}
	for row := range min(t.Len(), mostRows) {
		var cells []cell
		for _, name := range kept {
			text := t.Text(row, name)
			cells = append(cells, cell{shown(text), math.IsNaN(number(text)) && text != ""})
		}
		s.Rows = append(s.Rows, cells)
	}
	s.Wide = len(s.Columns) > printedColumns
	return s
}

// Left is how many rows are not on the page.
func (s *tableView) Left() int { return s.All - len(s.Rows) }

// Caption says what the table is and how much of it is shown.
func (s *tableView) Caption() string {
	if s.Left() > 0 {
		return fmt.Sprintf("%s: the first %d of %d rows", s.Name, len(s.Rows), s.All)
	}
	return fmt.Sprintf("%s: %s", s.Name, counted(s.All, "row"))
}

// constant returns the value of a column that has but one.
func constant(t *tables.Table, name string) (string, bool) {
	for row := range t.Len() {
		if t.Text(row, name) != t.Text(0, name) {
			return "", false
		}
	}
	if t.Len() == 0 {
		return "", false
	}
	return t.Text(0, name), true
}

// shown rounds a cell that is a number with more digits than are shown. Whole numbers stay as they are.
func shown(text string) string {
	if _, err := strconv.Atoi(text); err == nil {
		return text
	}
	if v := number(text); !math.IsNaN(v) && !math.IsInf(v, 0) {
		return short(v)
	}
	return text
}

// number reads a cell, NaN if it is not a number.
func number(text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

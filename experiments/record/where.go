package record

import (
	"math"
	"slices"
	"strconv"
)

// Where selects rows: for each column named, the cell must equal one of the values. Numbers match within a relative
// 1e-9, so 1e-5 finds 1e-05; anything else matches as text. The empty Where selects every row.
type Where map[string][]string

// Match says whether a row of the table is selected. A column that the table lacks matches nothing.
func (w Where) Match(t *Table, row int) bool {
	for column, values := range w {
		cell := t.Text(row, column)
		if !slices.ContainsFunc(values, func(v string) bool { return SameCell(cell, v) }) {
			return false
		}
	}
	return true
}

// Select returns the numbers of the rows that match, in order.
func (w Where) Select(t *Table) []int {
	var rows []int
	for row := range t.Rows {
		if w.Match(t, row) {
			rows = append(rows, row)
		}
	}
	return rows
}

// SameCell says whether two cells hold the same value: equal text, or numbers within a relative 1e-9.
func SameCell(a, b string) bool {
	if a == b {
		return true
	}
	x, errA := strconv.ParseFloat(a, 64)
	y, errB := strconv.ParseFloat(b, 64)
	if errA != nil || errB != nil {
		return false
	}
	return x == y || math.Abs(x-y) <= 1e-9*max(math.Abs(x), math.Abs(y))
}

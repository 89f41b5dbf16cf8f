package record

import (
	"math"
	"slices"
	"strconv"
)

// Where selects rows: for each column named, the cell must equal one of the values as [SameCell] compares them, so 1e-5
// finds 1e-05. The empty Where selects every row; an empty list of values selects none.
type Where map[string][]string

// Match says whether a row of the table is selected. A column that the table lacks matches nothing.
func (w Where) Match(t *Table, row int) bool {
	for column, values := range w {
		if !t.Has(column) {
			return false
		}
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

// SameCell says whether two cells hold the same value: equal text, or finite numbers within a relative 1e-9. Integers
// (seeds, steps) must be equal to the last digit.
func SameCell(a, b string) bool {
	if a == b {
		return true
	}
	m, errM := strconv.ParseInt(a, 10, 64)
	n, errN := strconv.ParseInt(b, 10, 64)
	if errM == nil && errN == nil {
		return m == n
	}
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX != nil || errY != nil {
		return false
	}
	larger := max(math.Abs(x), math.Abs(y))
	return x == y || !math.IsInf(larger, 0) && math.Abs(x-y) <= 1e-9*larger
}

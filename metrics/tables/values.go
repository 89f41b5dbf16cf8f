package tables

import (
	"math"
	"strconv"
)

// Value is the value of a cell, in the field of its column's type: Number, Whole for whole numbers, Text for texts, and for
// booleans as true and false. A Number of NaN is an empty cell of whole numbers as well.
type Value struct {
	Number float64
	Whole  int64
	Text   string
}

// appendValue appends the text of a value, as every format of a table holds it.
func appendValue(buf []byte, t Type, v Value) []byte {
	switch t {
	case Number:
		return AppendFloat(buf, v.Number)
	case Integer:
		if math.IsNaN(v.Number) {
			return buf
		}
		return strconv.AppendInt(buf, v.Whole, 10)
	}
	return append(buf, v.Text...)
}

// ParseValue reads the text of a cell. It is not ok where a column of the type does not hold such a text.
func ParseValue(t Type, cell string) (v Value, ok bool) {
	switch {
	case t == Text || t == Boolean:
		return Value{Text: cell}, t.fits(cell)
	case cell == "":
		return Value{Number: math.NaN()}, true
	case t == Integer:
		v.Whole, ok = integer(cell)
		return v, ok
	}
	v.Number, ok = number(cell)
	return v, ok
}

// Rows are rows of one table as values, one after another.
type Rows struct {
	Schema Schema
	Values []Value
}

// Len returns the number of rows.
func (r *Rows) Len() int { return len(r.Values) / max(1, len(r.Schema)) }

// Text appends the cell of a column of text.
func (r *Rows) Text(v string) { r.Values = append(r.Values, Value{Text: v}) }

// Integer appends the cell of a column of whole numbers.
func (r *Rows) Integer(v int) { r.Values = append(r.Values, Value{Whole: int64(v)}) }

// Number appends the cell of a column of numbers.
func (r *Rows) Number(v float64) { r.Values = append(r.Values, Value{Number: v}) }

// Numbers appends the cells of several columns of numbers.
func (r *Rows) Numbers(values ...float64) {
	for _, v := range values {
		r.Number(v)
	}
}

// Empty appends n empty cells of columns of numbers.
func (r *Rows) Empty(n int) {
	for range n {
		r.Number(math.NaN())
	}
}

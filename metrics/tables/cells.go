// Package tables holds the tables of a results folder: their columns, reading and writing. All that comes after a run
// (claims, figures, comparisons) reads tables, never a live run.
package tables

import (
	"math"
	"strconv"
)

// Names of the tables of a results folder; NAME.csv or NAME.parquet holds table NAME.
const (
	Runs         = "runs"         // one row a run: run, objective, lambda, seed, swept keys, status, steps, final metrics
	Policies     = "policies"     // final policies: run, prompt, response, pi, pi_ref, pi_star
	Prompts      = "prompts"      // final metrics by prompt: run, prompt, metrics
	Groups       = "groups"       // final metrics by group of prompts: run, group, prompts, metrics
	Traces       = "traces"       // metrics along training: run, step, metrics
	Evaluations  = "evaluations"  // of language models, along training: run, step, group, prompts, metrics
	Samples      = "samples"      // of language models, what the final policy wrote: run, prompt, group, reward, text
	Trajectories = "trajectories" // policies along training: run, step, prompt, response, pi
	Claims       = "claims"       // verdicts: claim, holds, value, bound, detail, expect
)

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
func FormatFloat(v float64) string { return string(AppendFloat(nil, v)) }

// AppendFloat appends what FormatFloat writes.
func AppendFloat(buf []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return buf
	case math.IsInf(v, 1):
		return append(buf, "inf"...)
	case math.IsInf(v, -1):
		return append(buf, "-inf"...)
	}
	return strconv.AppendFloat(buf, v, 'g', -1, 64)
}

// longestFloat is the length of the longest text that FormatFloat writes, that of -2.2250738585072014e-308.
const longestFloat = 24

// number reads a cell that is the very text that FormatFloat gives a number; NaN for "".
func number(cell string) (v float64, ok bool) {
	if cell == "" {
		return math.NaN(), true
	}
	if first := cell[0]; len(cell) > longestFloat || first != '-' && first != 'i' && (first < '0' || first > '9') {
		return 0, false
	}
	v, err := strconv.ParseFloat(cell, 64)
	if err != nil {
		return 0, false
	}
	var text [longestFloat]byte
	return v, string(AppendFloat(text[:0], v)) == cell
}

// integer reads a cell that is the very text that strconv.Itoa gives an int64.
func integer(cell string) (v int64, ok bool) {
	v, err := strconv.ParseInt(cell, 10, 64)
	return v, err == nil && strconv.FormatInt(v, 10) == cell
}

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
	case t == Text:
		return Value{Text: cell}, true
	case t == Boolean:
		return Value{Text: cell}, cell == "" || cell == "true" || cell == "false"
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

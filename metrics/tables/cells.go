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

package tables

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Where selects rows: for each column named, the cell must equal one of the values as [SameCell] compares them, so 1e-5
// finds 1e-05. The empty Where selects every row; an empty list of values selects none.
type Where map[string][]string

// Matcher returns a function that says whether a row of the table is selected. A column that the table lacks matches
// nothing. The values are read once, so it suits many rows.
func (w Where) Matcher(t *Table) func(row int) bool {
	var tests []func(row int) bool
	for name, values := range w {
		c := t.column(name)
		if c == nil {
			return func(int) bool { return false }
		}
		tests = append(tests, c.matcher(values))
	}
	return func(row int) bool {
		for _, test := range tests {
			if !test(row) {
				return false
			}
		}
		return true
	}
}

// Select returns the numbers of the rows that match, in order.
func (w Where) Select(t *Table) []int {
	var rows []int
	match := w.Matcher(t)
	for row := range t.Len() {
		if match(row) {
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
	x, y := comparandOf(a), comparandOf(b)
	return x.same(&y)
}

// comparand is a cell read once for many comparisons.
type comparand struct {
	text      string
	integer   int64
	number    float64
	isInteger bool
	isNumber  bool
}

func comparandOf(text string) comparand {
	c := comparand{text: text}
	var err error
	c.integer, err = strconv.ParseInt(text, 10, 64)
	c.isInteger = err == nil
	c.number, err = strconv.ParseFloat(text, 64)
	c.isNumber = err == nil
	return c
}

func (c *comparand) same(d *comparand) bool {
	switch {
	case c.text == d.text:
		return true
	case c.isInteger && d.isInteger:
		return c.integer == d.integer
	}
	return c.isNumber && d.isNumber && near(c.number, d.number)
}

// sameNumber compares with the cell that FormatFloat writes. Integers need no case of their own: FormatFloat writes
// them in plain digits below 1e6 alone, and no two that small lie within a relative 1e-9.
func (c *comparand) sameNumber(v float64) bool {
	if math.IsNaN(v) {
		return c.text == ""
	}
	return c.isNumber && near(v, c.number)
}

// near says whether two numbers are equal, or finite and within a relative 1e-9.
func near(x, y float64) bool {
	larger := max(math.Abs(x), math.Abs(y))
	return x == y || !math.IsInf(larger, 0) && math.Abs(x-y) <= 1e-9*larger
}

// Refs is what a claim or a figure names in tables, so that a misspelled name can be refused before anything is trained.
// Keys are dotted paths relative to its parameters: "metric", "where.lambda", "match.0". What is left empty names nothing.
type Refs struct {
	Columns []Ref
	Prompts []PromptRef
	Wheres  []Selection
	Parts   []Part
}

// Ref is one use of a column. Columns of runs are found from every table.
type Ref struct{ Key, Table, Column string }

// PromptRef is one use of a prompt, or of the common name of prompts NAME-1, NAME-2, ...
type PromptRef struct{ Key, Prompt string }

// Selection is a choice of rows.
type Selection struct {
	Key   string
	Where Where
}

// Part is what one part names of a figure that joins several, each drawn from the tables of an experiment of its own.
type Part struct {
	Key  string
	From string // the experiment; "" for that of the whole figure
	Refs
}

// Column returns the refs with a column added.
func (r Refs) Column(key, table, column string) Refs {
	if column != "" {
		r.Columns = append(r.Columns, Ref{key, table, column})
	}
	return r
}

// List adds the columns of a list.
func (r Refs) List(key, table string, columns []string) Refs {
	for i, column := range columns {
		r.Columns = append(r.Columns, Ref{key + "." + strconv.Itoa(i), table, column})
	}
	return r
}

// Metric adds the column that the metric of a run is read from: of runs, or with a prompt of prompts.
func (r Refs) Metric(key, metric, prompt string) Refs {
	if prompt == "" {
		return r.Column(key, Runs, metric)
	}
	return r.Column(key, Prompts, metric)
}

// Prompt adds a prompt.
func (r Refs) Prompt(key, prompt string) Refs {
	if prompt != "" {
		r.Prompts = append(r.Prompts, PromptRef{key, prompt})
	}
	return r
}

// Where adds a selection of rows, and the columns that it names.
func (r Refs) Where(key, table string, where Where) Refs {
	if len(where) > 0 {
		r.Wheres = append(r.Wheres, Selection{key, where})
	}
	for _, column := range slices.Sorted(maps.Keys(where)) {
		r = r.Column(key+"."+column, table, column)
	}
	return r
}

// MatchPrompts returns the prompts that a name stands for, in order: the prompt of that name, else the group of all whose
// names start with it and a dash ("good" stands for good-1, good-2, ...), else none.
func MatchPrompts(all []string, name string) []string {
	if slices.Contains(all, name) {
		return []string{name}
	}
	var group []string
	for _, prompt := range all {
		if strings.HasPrefix(prompt, name+"-") {
			group = append(group, prompt)
		}
	}
	return group
}

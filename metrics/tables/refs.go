package tables

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

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

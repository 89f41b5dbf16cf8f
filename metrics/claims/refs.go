package claims

import (
	"maps"
	"slices"
	"strconv"

	"windtunnel/metrics/tables"
)

// whereRefs lists the columns of a selection of runs.
func whereRefs(key string, where tables.Where) []Ref {
	var refs []Ref
	for _, column := range slices.Sorted(maps.Keys(where)) {
		refs = append(refs, Ref{key + "." + column, tables.Runs, column})
	}
	return refs
}

// listRefs lists the columns of runs that a list names.
func listRefs(key string, columns []string) []Ref {
	refs := make([]Ref, len(columns))
	for i, column := range columns {
		refs[i] = Ref{key + "." + strconv.Itoa(i), tables.Runs, column}
	}
	return refs
}

// metricRef is the column that a metric is read from: of runs, or with a prompt of prompts.
func metricRef(key, metric, prompt string) Ref {
	if prompt != "" {
		return Ref{key, tables.Prompts, metric}
	}
	return Ref{key, tables.Runs, metric}
}

// promptRefs is the prompt where one is given.
func promptRefs(key, prompt string) []PromptRef {
	if prompt == "" {
		return nil
	}
	return []PromptRef{{key, prompt}}
}

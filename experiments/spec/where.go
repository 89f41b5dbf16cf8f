package spec

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/tables"
)

// mostListed bounds how many values of a column are gathered for a message.
const mostListed = 1000

// reviewWhere complains about a selection that no planned run answers. Columns that are only known afterwards, such as
// status, cannot be checked.
func (l *loader) reviewWhere(plan *Plan, key string, where tables.Where) {
	known := tables.Where{}
	before := len(l.errs)
	for _, column := range slices.Sorted(maps.Keys(where)) {
		if !slices.Contains(plan.planColumns(), column) {
			continue
		}
		known[column] = where[column]
		for _, value := range plan.unanswered(column, where[column]) {
			values, near := plan.Values(column), ""
			if math.IsNaN(tables.ParseFloat(value)) { // 1e-4 is not a misspelt 1e-5
				near = decode.Nearest(value, values)
			}
			l.failAt(key+"."+column, fmt.Sprintf("no planned run has the %s %q", column, value),
				"one of "+strings.Join(firstTen(values), ", "), near)
		}
	}
	if len(l.errs) == before && !plan.Answers(known) {
		l.failAt(key, "selects no planned run", "values that some run has together", "")
	}
}

// unanswered returns the values that no run has in a column.
func (p *Plan) unanswered(column string, values []string) []string {
	left := slices.Clone(values)
	p.Each([]string{column}, func(row []string) bool {
		left = slices.DeleteFunc(left, func(v string) bool { return tables.SameCell(row[0], v) })
		return len(left) > 0
	})
	return left
}

// Answers says whether a selection of columns of the plan has a run.
func (p *Plan) Answers(where tables.Where) bool {
	columns := slices.Sorted(maps.Keys(where))
	found := false
	p.Each(columns, func(row []string) bool {
		found = true
		for i, column := range columns {
			same := func(value string) bool { return tables.SameCell(row[i], value) }
			found = found && slices.ContainsFunc(where[column], same)
		}
		return !found
	})
	return found
}

// Values lists the values of a column, in order, as far as a message may need them.
func (p *Plan) Values(column string) []string {
	var values []string
	seen := map[string]bool{}
	p.Each([]string{column}, func(row []string) bool {
		if v := row[0]; !seen[v] {
			seen[v] = true
			values = append(values, v)
		}
		return len(values) < mostListed
	})
	return values
}

// Each gives the cells of some columns of the plan, run by run, until do says to stop.
func (p *Plan) Each(columns []string, do func(row []string) bool) {
	var at []int
	for _, column := range columns {
		at = append(at, slices.Index(p.planColumns(), column))
	}
	row := make([]string, len(columns))
	for _, run := range p.Runs {
		for i, column := range at {
			row[i] = run.cell(column)
		}
		if !do(row) {
			return
		}
	}
}

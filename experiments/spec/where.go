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
		if !slices.Contains(plan.PlannedColumns(), column) {
			continue
		}
		known[column] = where[column]
		for _, value := range plan.unanswered(column, where[column]) {
			values, near := plan.distinct(column), ""
			if math.IsNaN(tables.ParseFloat(value)) { // 1e-4 is not a misspelt 1e-5
				near = decode.Nearest(value, values)
			}
			l.failAt(key+"."+column, fmt.Sprintf("no planned run has the %s %q", column, value),
				"one of "+strings.Join(firstTen(values), ", "), near)
		}
	}
	if len(l.errs) == before && !plan.answers(known) {
		l.failAt(key, "selects no planned run", "values that some run has together", "")
	}
}

// unanswered returns the values that no run has in a column.
func (p *Plan) unanswered(column string, values []string) []string {
	left := slices.Clone(values)
	p.each([]string{column}, func(row []string) bool {
		left = slices.DeleteFunc(left, func(v string) bool { return tables.SameCell(row[0], v) })
		return len(left) > 0
	})
	return left
}

// answers says whether a selection of columns of the plan has a run.
func (p *Plan) answers(where tables.Where) bool {
	columns := slices.Sorted(maps.Keys(where))
	found := false
	p.each(columns, func(row []string) bool {
		found = true
		for i, column := range columns {
			same := func(value string) bool { return tables.SameCell(row[i], value) }
			found = found && slices.ContainsFunc(where[column], same)
		}
		return !found
	})
	return found
}

// distinct lists the values of a column, in order, as far as a message may need them.
func (p *Plan) distinct(column string) []string {
	var values []string
	seen := map[string]bool{}
	p.each([]string{column}, func(row []string) bool {
		if v := row[0]; !seen[v] {
			seen[v] = true
			values = append(values, v)
		}
		return len(values) < mostListed
	})
	return values
}

// each gives the cells of some columns of the plan, once for every combination of values that runs have in them (or
// more often), until do says to stop.
func (p *Plan) each(columns []string, do func(row []string) bool) {
	f := p.columnFacet(columns)
	all := p.PlannedColumns()
	row := make([]string, len(columns))
	seen := newBitset(f.size)
	var digits []int
	for c := range p.combinations() {
		digits = p.product.digits(c, digits[:0])
		if !seen.add(f.index(digits)) {
			continue
		}
		cells := p.resolve(c).Cells()
		for i, column := range columns {
			row[i] = cells[slices.Index(all, column)]
		}
		if !do(row) || seen.count == f.size {
			return
		}
	}
}

// columnFacet is the facet of the dimensions that some columns of the plan depend on.
func (p *Plan) columnFacet(columns []string) facet {
	marked := make([]bool, len(p.product.dims))
	mark := func(f facet) {
		for _, d := range f.dims {
			marked[d] = true
		}
	}
	for _, column := range columns {
		switch column {
		case "run":
			return p.product.newFacet(slices.Repeat([]bool{true}, len(marked)))
		case "lambda":
			mark(p.sections[objectiveSection].facet)
		case "seed":
			mark(p.sections[seedSection].facet)
		case "objective":
			marked[p.product.chooser] = true
		}
		for d := range p.product.dims {
			if slices.Contains(p.product.dims[d].sweptColumns(), column) {
				marked[d] = true
			}
		}
	}
	return p.product.newFacet(marked)
}

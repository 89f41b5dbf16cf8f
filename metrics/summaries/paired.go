package summaries

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"windtunnel/metrics/inference"
	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
)

// comparison is two groups that differ in the compared column alone.
type comparison struct{ left, right *group }

// without returns cells or columns of a group less the compared one and those that follow from it.
func (g *Groups) without(cells []string) []string {
	var kept []string
	for i, cell := range cells {
		if g.by[i] != g.settings.Pairs.Column && !slices.Contains(g.follows, g.by[i]) {
			kept = append(kept, cell)
		}
	}
	return kept
}

// following lists the columns of a group that say nothing beside the compared one: every value of that goes with one of
// theirs, and not always with the same. So it is with the keys of a list of named settings.
func (g *Groups) following() []string {
	compared := slices.Index(g.by, g.settings.Pairs.Column)
	if compared < 0 {
		return nil
	}
	var follows []string
	for i, column := range g.by {
		with, values, single := map[string]string{}, map[string]bool{}, true
		for _, at := range g.groups {
			known, ok := with[at.cells[compared]]
			single = single && (!ok || known == at.cells[i])
			with[at.cells[compared]], values[at.cells[i]] = at.cells[i], true
		}
		if i != compared && single && len(values) > 1 {
			follows = append(follows, column)
		}
	}
	return follows
}

// Compare emits a row for every metric and pair of groups that differ in the compared column alone, metric by metric, with
// the columns of PairedSchema. Without a compared column it emits nothing. It returns emit's error, or one that names two
// runs of a group that nothing tells apart, a baseline that does not occur, or a cell that is no number.
func (g *Groups) Compare(emit func(cells []string) error) error {
	if g.settings.Pairs.Column == "" {
		return nil
	}
	return try.Do(func() {
		comparisons := g.comparisons()
		g.each(func(metric string, values []float64) { g.compareMetric(metric, values, comparisons, emit) })
	})
}

// compareMetric emits the comparisons of one metric, which are one family.
func (g *Groups) compareMetric(metric string, values []float64, comparisons []comparison, emit func(cells []string) error) {
	results, unmatched := make([]inference.Paired, len(comparisons)), make([]int, len(comparisons))
	p, tests := make([]float64, len(comparisons)), 0
	for i, c := range comparisons {
		var left, right []float64
		left, right, unmatched[i] = c.matched(values)
		results[i] = inference.Compare(left, right)
		if p[i] = results[i].P; !math.IsNaN(p[i]) {
			tests++
		}
	}
	for i, holm := range inference.Holm(p) {
		c, r := comparisons[i], &results[i]
		left, right := g.compared(c.left), g.compared(c.right)
		if r.Interval.Warning != "" {
			where := g.describe(c.left, g.without(g.by)) + ", " + metric + ", " + left + " and " + right
			g.warnings.add("paired: "+r.Interval.Warning, where)
		}
		cells := append(g.without(c.left.cells), metric, left, right, strconv.Itoa(r.N), strconv.Itoa(unmatched[i]))
		cells = appendNumbers(cells, r.Mean, r.SD, r.Interval.Low, r.Interval.High)
		cells = appendNumbers(append(cells, r.Interval.Method), r.CohenDz, r.HedgesGz, r.T, r.P, holm, r.PWilcoxon)
		try.Check(emit(append(cells, strconv.Itoa(tests), Verdict(r, holm))))
	}
}

// Verdict says what a comparison shows of its left side at a corrected p value below 0.05: lower, higher, or unclear;
// equal where there are pairs and every one is.
func Verdict(r *inference.Paired, holm float64) string {
	switch {
	case r.N > 0 && r.Min == 0 && r.Max == 0:
		return "equal"
	case !(holm < 1-inference.Level):
		return "unclear"
	case r.Mean < 0:
		return "lower"
	}
	return "higher"
}

// compared returns a group's cell in the compared column.
func (g *Groups) compared(at *group) string {
	return at.cells[slices.Index(g.by, g.settings.Pairs.Column)]
}

// matched returns the values of both sides by unit, and how many values have no counterpart.
func (c comparison) matched(values []float64) (left, right []float64, unmatched int) {
	others := map[int]float64{} // by unit
	for _, r := range c.right.runs {
		if v := values[r.row]; !math.IsNaN(v) {
			others[r.unit] = v
		}
	}
	for _, l := range c.left.runs {
		v := values[l.row]
		if other, ok := others[l.unit]; ok && !math.IsNaN(v) {
			left, right = append(left, v), append(right, other)
		} else if !math.IsNaN(v) {
			unmatched++
		}
	}
	return left, right, unmatched + len(others) - len(left)
}

// comparisons lists the pairs of groups to compare, context by context.
func (g *Groups) comparisons() []comparison {
	column := slices.Index(g.by, g.settings.Pairs.Column)
	if column < 0 {
		try.Fail("pairs.column: %s is not among the columns of a group: %v", g.settings.Pairs.Column, g.by)
	}
	for i := range g.groups {
		at := g.groups[i].runs
		for k := 1; k < len(at); k++ {
			if at[k].unit == at[k-1].unit {
				try.Fail("pairs: runs %s and %s differ in nothing, so that neither has one counterpart", g.name(at[k-1]), g.name(at[k]))
			}
		}
	}
	var contexts [][]*group
	index := numbering{}
	for i := range g.groups {
		at := index.of(g.without(g.groups[i].cells))
		if at == len(contexts) {
			contexts = append(contexts, nil)
		}
		contexts[at] = append(contexts[at], &g.groups[i])
	}
	var all []comparison
	for _, members := range contexts {
		all = append(all, g.pairs(members)...)
	}
	if base := g.settings.Pairs.Baseline; base != "" && !slices.ContainsFunc(g.groups, func(at group) bool { return tables.SameCell(at.cells[column], base) }) {
		try.Fail("pairs.baseline: no run has %s = %q", g.settings.Pairs.Column, base)
	}
	if len(all) == 0 && len(g.runs.Distinct(g.settings.Pairs.Column)) > 1 {
		g.warnings.add(fmt.Sprintf("paired: no two settings differ in %s alone, so that nothing is compared", g.settings.Pairs.Column), "")
	}
	for _, members := range contexts {
		if len(members) == 1 && len(all) > 0 {
			g.warnings.add(fmt.Sprintf("paired: there is no other %s to compare with", g.settings.Pairs.Column), g.describe(members[0], g.by))
		}
	}
	return all
}

// pairs lists the pairs of the groups of one context: each with each later one, or each with the baseline on the right.
func (g *Groups) pairs(members []*group) []comparison {
	var all []comparison
	if base := g.settings.Pairs.Baseline; base != "" {
		at := slices.IndexFunc(members, func(m *group) bool { return tables.SameCell(g.compared(m), base) })
		for i, m := range members {
			if at >= 0 && i != at {
				all = append(all, comparison{m, members[at]})
			}
		}
		return all
	}
	for i, left := range members {
		for _, right := range members[i+1:] {
			all = append(all, comparison{left, right})
		}
	}
	return all
}

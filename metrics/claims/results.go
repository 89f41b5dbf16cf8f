package claims

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"windtunnel/metrics"
	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
	"windtunnel/toy/exact"
	"windtunnel/toy/train"
)

// results is a results folder as claims read it. What it has read for one claim it keeps for the next.
type results struct {
	src   tables.Source
	runs  *tables.Table
	byRun map[string]map[string][]int // by table and run: the rows
	paths map[string]*tracedPath      // by run
}

// table returns a table with a column run, some columns of it loaded, and its rows by run. key is the claim's key that asks for
// the last column.
func (r *results) table(name, key string, columns ...string) (*tables.Table, map[string][]int) {
	t := try.Must(r.src.Table(name))
	need(t, key, append([]string{"run"}, columns...)...)
	rows := r.byRun[name]
	if rows == nil {
		rows = map[string][]int{}
		for row := range t.Len() {
			run := t.Text(row, "run")
			rows[run] = append(rows[run], row)
		}
		r.byRun[name] = rows
	}
	return t, rows
}

// need reads the columns, in one pass where they lie in a file. The error names the first that the table lacks after the
// key of the claim that names it.
func need(t *tables.Table, key string, columns ...string) {
	try.Check(t.Need(key, columns...))
	try.Check(t.Load(columns...))
}

// choose returns the rows of runs that a selection names, at least one.
func (r *results) choose(key string, where tables.Where) []int {
	for _, column := range slices.Sorted(maps.Keys(where)) {
		need(r.runs, key, column)
	}
	rows := where.Select(r.runs)
	if len(rows) == 0 {
		try.Fail("%s: selects no run of %d", key, r.runs.Len())
	}
	return rows
}

// name returns a run's name.
func (r *results) name(row int) string { return r.runs.Text(row, "run") }

// marked returns the name of a run, with its status where the policy is another than the one minimizer.
func (r *results) marked(row int) string {
	if status := r.runs.Text(row, "status"); tables.Qualified(status) {
		return r.name(row) + " (" + status + ")"
	}
	return r.name(row)
}

// same says whether two rows of runs hold the same values in the columns.
func (r *results) same(a, b int, columns []string) bool {
	for _, column := range columns {
		if !tables.SameCell(r.runs.Text(a, column), r.runs.Text(b, column)) {
			return false
		}
	}
	return true
}

// brokenRun is the error of a run that ended without the value asked of it, which is a verdict rather than a fault of
// the tables.
type brokenRun struct{ run, status, lacks string }

func (b *brokenRun) Error() string { return fmt.Sprintf("%s: %s, no %s", b.run, b.status, b.lacks) }

// missing ends the evaluation for want of a run's value.
func (r *results) missing(row int, lacks string) {
	status := r.runs.Text(row, "status")
	if slices.Contains([]string{string(train.Diverged), string(exact.Stalled), tables.Failed}, status) {
		try.Check(&brokenRun{r.name(row), status, lacks})
	}
	try.Fail("run %s (%s) has no %s", r.name(row), status, lacks)
}

// reading is a metric of runs, by row of the table runs, and of the points of their paths.
type reading struct {
	name string // "tv_star" or "kl_star_pi on good"
	at   func(s spot) float64
}

// of is the metric of a run.
func (m reading) of(row int) float64 { return m.at(spot{row, atEnd}) }

// read returns a metric of runs, or of a prompt or group of prompts. key is the metric's dotted path in the claim and
// promptKey that of the prompt.
func (r *results) read(key, metric, promptKey, prompt string) reading {
	if prompt != "" {
		return r.readPrompt(key, metric, promptKey, prompt)
	}
	need(r.runs, key, metric)
	of := func(row int) float64 {
		v := try.Must(r.runs.Number(row, metric))
		if math.IsNaN(v) {
			r.missing(row, metric)
		}
		return v
	}
	at := func(p *tracedPath, point int) float64 {
		t, _ := r.table(tables.Traces, key, metric)
		return try.Must(t.Number(p.traces[point], metric))
	}
	return reading{metric, r.along(metric, of, at)}
}

func (r *results) readPrompt(key, metric, promptKey, prompt string) reading {
	prompts, rows := r.table(tables.Prompts, key, "prompt", metric)
	names := promptsOf(prompts, promptKey, prompt)
	name := metric + " on " + prompt
	of := func(row int) float64 {
		sum, count := 0.0, 0.0
		for _, at := range rows[r.name(row)] {
			if !slices.Contains(names, prompts.Text(at, "prompt")) {
				continue
			}
			v := try.Must(prompts.Number(at, metric))
			sum, count = sum+v, count+1
		}
		mean := sum / count // NaN of nothing
		if math.IsNaN(mean) {
			r.missing(row, name)
		}
		return mean
	}
	measure, known := metrics.Find(metric)
	at := func(p *tracedPath, point int) float64 {
		if !known {
			try.Fail("%s: %s is no metric of a policy, and so not known along a path by prompt", key, metric)
		}
		sum, count, logPi := 0.0, 0.0, make([]float64, len(p.pi[0][point]))
		for i, view := range p.views {
			if slices.Contains(names, p.prompts[i]) {
				for k, pi := range p.pi[i][point] {
					logPi[k] = math.Log(pi)
				}
				view.Set(logPi)
				sum, count = sum+measure.Value(view), count+1
			}
		}
		return sum / count
	}
	return reading{name, r.along(name, of, at)}
}

// promptsOf returns the names that a prompt or group stands for in a table with a column prompt.
func promptsOf(t *tables.Table, key, prompt string) []string {
	all := t.Distinct("prompt")
	names := tables.MatchPrompts(all, prompt)
	if len(names) == 0 {
		try.Fail("%s: table %s has no prompt %q; it has %s", key, t.Name, prompt, strings.Join(all, ", "))
	}
	return names
}

// pair is two matched rows of runs.
type pair struct{ left, right int }

// pairs selects two sides and matches every run of the left one with the only run of the right one that has the same
// values in the match columns. None or several is an error; without columns the right side is one run.
func (r *results) pairs(leftKey string, left tables.Where, rightKey string, right tables.Where, match []string) []pair {
	need(r.runs, "match", match...)
	lefts := r.choose(leftKey, left)
	rights := r.choose(rightKey, right)
	matched := make([]pair, len(lefts))
	for i, l := range lefts {
		found := -1
		for _, c := range rights {
			if !r.same(l, c, match) {
				continue
			}
			if found >= 0 {
				try.Fail("match: %s has several counterparts in %s: %s and %s; match on a column that tells them apart",
					r.name(l), rightKey, r.name(found), r.name(c))
			}
			found = c
		}
		if found < 0 {
			try.Fail("match: %s has no counterpart in %s with %s", r.name(l), rightKey, r.runs.Describe(l, match))
		}
		matched[i] = pair{l, found}
	}
	return matched
}

// grouped splits a list by the cells of its entries' rows in the columns by, in order of appearance.
func grouped[T any](r *results, list []T, by []string, row func(T) int) [][]T {
	var groups [][]T
	for _, one := range list {
		i := len(groups) - 1 // what belongs together mostly stands together
		for i >= 0 && row(groups[i][0]) != row(one) && !r.same(row(groups[i][0]), row(one), by) {
			i--
		}
		if i < 0 {
			i, groups = len(groups), append(groups, nil)
		}
		groups[i] = append(groups[i], one)
	}
	return groups
}

// groups splits pairs by the cells of their left sides.
func (r *results) groups(pairs []pair, by []string) [][]pair {
	return grouped(r, pairs, by, func(p pair) int { return p.left })
}

// at returns " at objective=dpo", or nothing where nothing is named.
func at(where string) string {
	if where == "" {
		return ""
	}
	return " at " + where
}

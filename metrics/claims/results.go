package claims

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"windtunnel/metrics"
	"windtunnel/metrics/tables"
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

func open(src tables.Source) (*results, error) {
	runs, err := src.Table(tables.Runs)
	if err != nil {
		return nil, err
	}
	if err := need(runs, "", "run", "status"); err != nil {
		return nil, err
	}
	return &results{src, runs, map[string]map[string][]int{}, map[string]*tracedPath{}}, nil
}

// table returns a table with a column run, some columns of it loaded, and its rows by run. key is the claim's key that asks for
// the last column.
func (r *results) table(name, key string, columns ...string) (*tables.Table, map[string][]int, error) {
	t, err := r.src.Table(name)
	if err != nil {
		return nil, nil, err
	}
	if err := need(t, key, append([]string{"run"}, columns...)...); err != nil {
		return nil, nil, err
	}
	rows := r.byRun[name]
	if rows == nil {
		rows = map[string][]int{}
		last, list := "", []int(nil)
		for row := range t.Len() {
			if run := t.Text(row, "run"); run != last || list == nil {
				rows[last] = list
				last, list = run, rows[run]
			}
			list = append(list, row)
		}
		rows[last] = list
		r.byRun[name] = rows
	}
	return t, rows, nil
}

// need reads the columns, in one pass where they lie in a file. The error names the first that the table lacks after the
// key of the claim that names it.
func need(t *tables.Table, key string, columns ...string) error {
	if err := t.Need(key, columns...); err != nil {
		return err
	}
	return t.Load(columns...)
}

// choose returns the rows of runs that a selection names, at least one.
func (r *results) choose(key string, where tables.Where) ([]int, error) {
	for _, column := range slices.Sorted(maps.Keys(where)) {
		if err := need(r.runs, key, column); err != nil {
			return nil, err
		}
	}
	rows := where.Select(r.runs)
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: selects no run of %d", key, r.runs.Len())
	}
	return rows, nil
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

// missing returns the error for a run without a value.
func (r *results) missing(row int, lacks string) error {
	switch status := r.runs.Text(row, "status"); status {
	case string(train.Diverged), string(exact.Stalled), tables.Failed:
		return &brokenRun{r.name(row), status, lacks}
	default:
		return fmt.Errorf("run %s (%s) has no %s", r.name(row), status, lacks)
	}
}

// reading is a metric of runs, by row of the table runs, and of the points of their paths.
type reading struct {
	name string // "tv_star" or "kl_star_pi on good"
	of   func(row int) (float64, error)
	at   func(s spot) (float64, error)
}

// read returns a metric of runs, or of a prompt or group of prompts. key is the metric's dotted path in the claim and
// promptKey that of the prompt.
func (r *results) read(key, metric, promptKey, prompt string) (reading, error) {
	if prompt != "" {
		return r.readPrompt(key, metric, promptKey, prompt)
	}
	if err := need(r.runs, key, metric); err != nil {
		return reading{}, err
	}
	of := func(row int) (float64, error) {
		v, err := r.runs.Number(row, metric)
		if err == nil && math.IsNaN(v) {
			err = r.missing(row, metric)
		}
		return v, err
	}
	at := func(p *tracedPath, point int) (float64, error) {
		t, _, err := r.table(tables.Traces, key, metric)
		if err != nil {
			return 0, err
		}
		return t.Number(p.traces[point], metric)
	}
	return reading{metric, of, r.along(metric, of, at)}, nil
}

func (r *results) readPrompt(key, metric, promptKey, prompt string) (reading, error) {
	prompts, rows, err := r.table(tables.Prompts, key, "prompt", metric)
	if err != nil {
		return reading{}, err
	}
	names, err := promptsOf(prompts, promptKey, prompt)
	if err != nil {
		return reading{}, err
	}
	name := metric + " on " + prompt
	of := func(row int) (float64, error) {
		sum, count := 0.0, 0.0
		for _, at := range rows[r.name(row)] {
			if !slices.Contains(names, prompts.Text(at, "prompt")) {
				continue
			}
			v, err := prompts.Number(at, metric)
			if err != nil {
				return 0, err
			}
			sum, count = sum+v, count+1
		}
		mean := sum / count // NaN of nothing
		if math.IsNaN(mean) {
			return mean, r.missing(row, name)
		}
		return mean, nil
	}
	measure, known := metrics.Find(metric)
	at := func(p *tracedPath, point int) (float64, error) {
		if !known {
			return 0, fmt.Errorf("%s: %s is no metric of a policy, and so not known along a path by prompt", key, metric)
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
		return sum / count, nil
	}
	return reading{name, of, r.along(name, of, at)}, nil
}

// promptsOf returns the names that a prompt or group stands for in a table with a column prompt.
func promptsOf(t *tables.Table, key, prompt string) ([]string, error) {
	all := t.Distinct("prompt")
	names := tables.MatchPrompts(all, prompt)
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: table %s has no prompt %q; it has %s", key, t.Name, prompt, strings.Join(all, ", "))
	}
	return names, nil
}

// pair is two matched rows of runs.
type pair struct{ left, right int }

// pairs selects two sides and matches every run of the left one with the only run of the right one that has the same
// values in the match columns. None or several is an error; without columns the right side is one run.
func (r *results) pairs(leftKey string, left tables.Where, rightKey string, right tables.Where, match []string) ([]pair, error) {
	if err := need(r.runs, "match", match...); err != nil {
		return nil, err
	}
	lefts, err := r.choose(leftKey, left)
	if err != nil {
		return nil, err
	}
	rights, err := r.choose(rightKey, right)
	if err != nil {
		return nil, err
	}
	matched := make([]pair, len(lefts))
	for i, l := range lefts {
		found := -1
		for _, c := range rights {
			if !r.same(l, c, match) {
				continue
			}
			if found >= 0 {
				return nil, fmt.Errorf("match: %s has several counterparts in %s: %s and %s; match on a column that tells them apart",
					r.name(l), rightKey, r.name(found), r.name(c))
			}
			found = c
		}
		if found < 0 {
			return nil, fmt.Errorf("match: %s has no counterpart in %s with %s", r.name(l), rightKey, r.runs.Describe(l, match))
		}
		matched[i] = pair{l, found}
	}
	return matched, nil
}

// groups splits pairs by the cells of their left sides, in order of appearance.
func (r *results) groups(pairs []pair, by []string) [][]pair {
	var groups [][]pair
	for _, p := range pairs {
		i := slices.IndexFunc(groups, func(g []pair) bool { return r.same(g[0].left, p.left, by) })
		if i < 0 {
			i, groups = len(groups), append(groups, nil)
		}
		groups[i] = append(groups[i], p)
	}
	return groups
}

// at returns " at objective=dpo", or nothing where nothing is named.
func at(where string) string {
	if where == "" {
		return ""
	}
	return " at " + where
}

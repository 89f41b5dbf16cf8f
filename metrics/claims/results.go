package claims

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"windtunnel/metrics/tables"
	"windtunnel/toy/train"
)

// results is a results folder as claims read it.
type results struct {
	src  tables.Source
	runs *tables.Table
}

func open(src tables.Source) (*results, error) {
	runs, err := src.Table(tables.Runs)
	if err != nil {
		return nil, err
	}
	if err := need(runs, "", "run", "status"); err != nil {
		return nil, err
	}
	return &results{src, runs}, nil
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
	case string(train.Diverged), tables.Failed:
		return &brokenRun{r.name(row), status, lacks}
	default:
		return fmt.Errorf("run %s (%s) has no %s", r.name(row), status, lacks)
	}
}

// reading is a metric of runs, by row of the table runs.
type reading struct {
	name string // "tv_star" or "kl_star_pi on good"
	of   func(row int) (float64, error)
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
	return reading{metric, func(row int) (float64, error) {
		v, err := r.runs.Number(row, metric)
		if err == nil && math.IsNaN(v) {
			err = r.missing(row, metric)
		}
		return v, err
	}}, nil
}

func (r *results) readPrompt(key, metric, promptKey, prompt string) (reading, error) {
	prompts, err := r.src.Table(tables.Prompts)
	if err != nil {
		return reading{}, err
	}
	if err := need(prompts, key, "run", "prompt", metric); err != nil {
		return reading{}, err
	}
	names, err := promptsOf(prompts, promptKey, prompt)
	if err != nil {
		return reading{}, err
	}
	of := make(map[string][]float64)
	for row := range prompts.Len() {
		if !slices.Contains(names, prompts.Text(row, "prompt")) {
			continue
		}
		v, err := prompts.Number(row, metric)
		if err != nil {
			return reading{}, err
		}
		run := prompts.Text(row, "run")
		of[run] = append(of[run], v)
	}
	name := metric + " on " + prompt
	return reading{name, func(row int) (float64, error) {
		sum := 0.0
		for _, v := range of[r.name(row)] {
			sum += v
		}
		mean := sum / float64(len(of[r.name(row)])) // NaN of nothing
		if math.IsNaN(mean) {
			return mean, r.missing(row, name)
		}
		return mean, nil
	}}, nil
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

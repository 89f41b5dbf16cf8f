package claims

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"windtunnel/metrics/tables"
	"windtunnel/toy/registry"
)

// Monotone claims that a metric rises or falls along a swept column, within each group of runs. Its value is the
// worst step against the direction, from any run to any later one, so that small steps back cannot add up unseen; it
// is negative if every step goes the right way, and must not exceed the slack.
//
//	claims:
//	  - kind: monotone
//	    metric: kl_ref_pi
//	    where: {objective: typo}
//	    along: lambda
//	    direction: decreasing
//	    slack: 1e-12
type Monotone struct {
	Metric    string       `yaml:"metric" required:"true" doc:"column of runs (of prompts where a prompt is given)"`
	Prompt    string       `yaml:"prompt,omitempty" doc:"read the metric of this prompt; a prefix such as good means the mean over good-1, good-2, ..."`
	Where     tables.Where `yaml:"where" doc:"which runs: by column, a value or a list of values; none means all"`
	Along     string       `yaml:"along" required:"true" doc:"column of runs that orders them, such as lambda"`
	By        []string     `yaml:"by" doc:"columns of runs whose values make a group; none means every setting (the columns between run and status) but along"`
	Direction string       `yaml:"direction" required:"true" oneof:"increasing,decreasing" doc:"of the metric, as along grows; equal values are in order"`
	Slack     float64      `yaml:"slack" range:"[0,inf)" doc:"largest step against the direction that is forgiven, in the metric's unit"`
}

var monotoneKind = registry.Kind[Params]{
	Name:    "monotone",
	Summary: "a metric rises or falls along a swept column",
	Source:  "this project",
	New:     func() Params { return &Monotone{} },
}

// Refs implements Params.
func (m *Monotone) Refs() tables.Refs {
	return tables.Refs{}.Where("where", tables.Runs, m.Where).Column("along", tables.Runs, m.Along).List("by", tables.Runs, m.By).
		Metric("metric", m.Metric, m.Prompt).Prompt("prompt", m.Prompt)
}

// evaluate reads the tables runs and, with a prompt, prompts.
func (m *Monotone) evaluate(r *results) (Result, error) {
	rows, err := r.choose("where", m.Where)
	if err != nil {
		return Result{}, err
	}
	metric, err := r.read("metric", m.Metric, "prompt", m.Prompt)
	if err != nil {
		return Result{}, err
	}
	groups, err := m.groups(r, rows)
	if err != nil {
		return Result{}, err
	}
	var w worst
	for _, group := range groups {
		if err := m.add(&w, r, metric, group); err != nil {
			return Result{}, err
		}
	}
	return w.Result, nil
}

// point is a run and its value of the column along.
type point struct {
	row int
	x   float64
}

// groups splits the rows into groups and orders each along the sweep.
func (m *Monotone) groups(r *results, rows []int) ([][]point, error) {
	by, err := m.by(r)
	if err != nil {
		return nil, err
	}
	var groups [][]point
	for _, row := range rows {
		x, err := r.runs.Number(row, m.Along)
		if err != nil {
			return nil, err
		}
		if math.IsNaN(x) {
			return nil, fmt.Errorf("along: run %s has no %s", r.name(row), m.Along)
		}
		i := slices.IndexFunc(groups, func(g []point) bool { return r.same(g[0].row, row, by) })
		if i < 0 {
			i, groups = len(groups), append(groups, nil)
		}
		groups[i] = append(groups[i], point{row, x})
	}
	for _, group := range groups {
		slices.SortStableFunc(group, func(a, b point) int { return cmp.Compare(a.x, b.x) })
		if err := m.refuse(r, group, by); err != nil {
			return nil, err
		}
	}
	return groups, nil
}

// refuse returns an error for an ordered group that is no sweep: a single run, or two at one value of along.
func (m *Monotone) refuse(r *results, group []point, by []string) error {
	if len(group) == 1 {
		return fmt.Errorf("along: %s is the only run with %s", r.name(group[0].row), r.runs.Describe(group[0].row, by))
	}
	for i, p := range group[1:] {
		if p.x == group[i].x {
			return fmt.Errorf("along: %s and %s share %s=%g; name the column that tells them apart in by",
				r.name(group[i].row), r.name(p.row), m.Along, p.x)
		}
	}
	return nil
}

// by returns the columns that make a group.
func (m *Monotone) by(r *results) ([]string, error) {
	if err := need(r.runs, "along", m.Along); err != nil {
		return nil, err
	}
	if len(m.By) > 0 {
		return m.By, need(r.runs, "by", m.By...)
	}
	return slices.DeleteFunc(r.runs.Settings(), func(c string) bool { return c == m.Along }), nil
}

// add measures how far each run of a group falls behind the best of the earlier ones.
func (m *Monotone) add(w *worst, r *results, metric reading, group []point) error {
	sign := 1.0
	if m.Direction == "decreasing" {
		sign = -1
	}
	best, bestRow := 0.0, -1
	for _, p := range group {
		v, err := metric.of(p.row)
		if err != nil {
			return err
		}
		if bestRow >= 0 {
			step := beyond(sign*best, sign*v)
			w.add(step, Result{step <= m.Slack, step, m.Slack,
				fmt.Sprintf("%s: %s %.4g, %s: %.4g", r.marked(bestRow), metric.name, best, r.marked(p.row), v)})
		}
		if bestRow < 0 || sign*v > sign*best {
			best, bestRow = v, p.row
		}
	}
	return nil
}

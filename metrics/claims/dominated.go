package claims

import (
	"errors"
	"fmt"
	"math"

	"windtunnel/metrics/tables"
	"windtunnel/toy/registry"
)

// Dominated claims that for every run of `where` some run of `by` is no worse in any of the metrics of `on`. Its value
// is the most that the nearest run of `by` is worse by, in the metric where it is worst (negative if it is better in
// all), over the runs of `where`; it must not exceed the slack. The paper's preservation claim, for environments drawn
// by seed:
//
//	claims:
//	  - kind: dominated
//	    where: {objective: [dpo, ipo, f-dpo]}
//	    improves: {metric: kl_star_pi, prompt: bad, better: lower, baseline_metric: kl_star_ref, by: 0.05}
//	    by: {objective: typo}
//	    within: [seed]
//	    on:
//	      - {metric: kl_star_pi, prompt: good, better: lower}
//	      - {metric: kl_star_pi, prompt: bad, better: lower}
//	    slack: 1e-3
//
// With `improves` only the runs count that are better than a baseline: a number, or another column at the same prompt.
// A run of `by` that broke dominates nothing.
type Dominated struct {
	Where    tables.Where `yaml:"where" doc:"which runs are dominated: by column, a value or a list of values; none means all"`
	Improves *Improvement `yaml:"improves" doc:"count only runs that are better than a baseline; left out, all count"`
	By       tables.Where `yaml:"by" required:"true" doc:"which runs dominate them"`
	Within   []string     `yaml:"within" doc:"columns of runs in which the two agree, such as seed; none means any"`
	On       []Axis       `yaml:"on" required:"true" doc:"the metrics in all of which the dominating run must be no worse"`
	Slack    float64      `yaml:"slack" range:"[0,inf)" doc:"how much worse still counts as no worse, in the metrics' unit"`
}

var dominatedKind = registry.Kind[Params]{
	Name:    "dominated",
	Summary: "for every selected run some run of another selection is no worse in any of several metrics",
	Source:  "this project",
	New:     func() Params { return &Dominated{} },
}

// Refs implements Params.
func (d *Dominated) Refs() tables.Refs {
	refs := tables.Refs{}.Where("where", tables.Runs, d.Where).Where("by", tables.Runs, d.By).List("within", tables.Runs, d.Within)
	if im := d.Improves; im != nil {
		refs = refs.Metric("improves.metric", im.Metric, im.Prompt).Metric("improves.baseline_metric", im.BaselineMetric, im.Prompt).
			Prompt("improves.prompt", im.Prompt)
	}
	for i, a := range d.On {
		refs = refs.Metric(axisKey(i, "metric"), a.Metric, a.Prompt).Prompt(axisKey(i, "prompt"), a.Prompt)
	}
	return refs
}

// Evaluate returns the verdict on the tables runs and, with a prompt, prompts.
func (d *Dominated) Evaluate(src tables.Source) (Result, error) { return settle(d.evaluate(src)) }

func (d *Dominated) evaluate(src tables.Source) (Result, error) {
	r, err := open(src)
	if err != nil {
		return Result{}, err
	}
	if err := need(r.runs, "within", d.Within...); err != nil {
		return Result{}, err
	}
	rows, err := r.choose("where", d.Where)
	if err != nil {
		return Result{}, err
	}
	if d.Improves != nil {
		if rows, err = d.Improves.filter(r, rows); err != nil {
			return Result{}, err
		}
	}
	others, err := r.choose("by", d.By)
	if err != nil {
		return Result{}, err
	}
	axes, err := d.axes(r)
	if err != nil {
		return Result{}, err
	}
	rivals, err := axes.rivals(others)
	if err != nil {
		return Result{}, err
	}
	var w worst
	for _, row := range rows {
		if err := d.judge(r, axes, row, rivals, &w); err != nil {
			return Result{}, err
		}
	}
	return w.Result, nil
}

// rival is a run that may dominate; one that broke has no values but the error that says so.
type rival struct {
	row    int
	values []float64
	broken error
}

func (a *axes) rivals(rows []int) ([]rival, error) {
	rivals := make([]rival, len(rows))
	for i, row := range rows {
		values, err := a.of(row)
		var broken *brokenRun
		if err != nil && !errors.As(err, &broken) {
			return nil, err
		}
		rivals[i] = rival{row, values, err}
	}
	return rivals, nil
}

// judge finds the rival that comes nearest to dominating a run.
func (d *Dominated) judge(r *results, a *axes, row int, rivals []rival, w *worst) error {
	values, err := a.of(row)
	if err != nil {
		return err
	}
	found, best, least := false, rival{}, math.Inf(1)
	for _, one := range rivals {
		if !r.same(row, one.row, d.Within) {
			continue
		}
		if one.broken != nil {
			err = one.broken
			continue
		}
		if worse := a.worse(one.values, values); !found || worse < least {
			found, best, least = true, one, worse
		}
	}
	switch {
	case found:
		w.see(least, Result{least <= d.Slack, least, d.Slack,
			fmt.Sprintf("%s: %s; nearest %s: %s", r.name(row), a.text(values), r.name(best.row), a.text(best.values))})
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("within: no run of by shares %s with %s", r.cells(row, d.Within), r.name(row))
}

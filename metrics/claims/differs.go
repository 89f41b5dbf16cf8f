package claims

import (
	"fmt"
	"maps"
	"slices"

	"windtunnel/metrics/inference"
	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
	"windtunnel/toy/registry"
)

// Differs claims that a metric differs between two sides beyond what the seeds explain. Every run of `left` is paired
// with the one run of `right` that has the same values in the columns of `match` and `by`; the claim is about the 95 %
// interval of the mean difference, left less right, by Student's t over the pairs, one for each combination of values of
// the columns `by`. Without limits the interval must exclude 0; with limits it must lie within them as a whole. The value
// is the end of an interval that is nearest to a limit or farthest beyond it.
type Differs struct {
	Metric string       `yaml:"metric" required:"true" doc:"column of runs (of prompts where a prompt is given)"`
	Prompt string       `yaml:"prompt,omitempty" doc:"read the metric of this prompt; a prefix such as good means the mean over good-1, good-2, ..."`
	Other  string       `yaml:"right_prompt,omitempty" doc:"prompt or prefix on the right side, where that is another one"`
	Left   tables.Where `yaml:"left" required:"true" doc:"which runs: by column, a value or a list of values"`
	Right  tables.Where `yaml:"right" required:"true" doc:"which runs to compare them with"`
	Match  []string     `yaml:"match" doc:"columns of runs that tell the pairs of one mean apart, on both sides alike"`
	By     []string     `yaml:"by" doc:"columns of runs whose values each have a mean of their own"`
	Select *Select      `yaml:"select" doc:"compare each side at its own best value of a column, chosen on other runs"`
	Min    *float64     `yaml:"min" doc:"smallest allowed difference, left less right"`
	Max    *float64     `yaml:"max" doc:"largest allowed difference"`
	Above  *float64     `yaml:"above" doc:"differences must be greater than this"`
	Below  *float64     `yaml:"below" doc:"differences must be less than this"`
}

// limits are optional here.
func (d *Differs) limits() Limits { return Limits{d.Min, d.Max, d.Above, d.Below} }

// Check refuses limits that exclude everything, and pairs that nothing tells apart.
func (d *Differs) Check() []registry.Problem {
	if d.Other != "" && d.Prompt == "" {
		return []registry.Problem{{Key: "right_prompt", Wrong: "is given without a prompt of the left side", Allowed: "prompt beside it"}}
	}
	if len(d.Match) == 0 {
		return []registry.Problem{{Key: "match", Wrong: "is empty", Allowed: "a column that differs between the pairs of a mean, such as seed"}}
	}
	if d.limits() == (Limits{}) {
		return nil
	}
	return d.limits().Check()
}

func (d *Differs) Refs() tables.Refs {
	refs := tables.Refs{}.Where("left", tables.Runs, d.Left).Where("right", tables.Runs, d.Right).List("match", tables.Runs, d.Match).
		List("by", tables.Runs, d.By).Metric("metric", d.Metric, d.Prompt).Prompt("prompt", d.Prompt).Prompt("right_prompt", d.Other)
	if d.Select != nil {
		refs = refs.Column("select.column", tables.Runs, d.Select.Column).Where("select.where", tables.Runs, d.Select.Where)
	}
	return refs
}

// evaluate reads the tables runs and, with a prompt, prompts.
func (d *Differs) evaluate(r *results, w *worst) {
	metric := r.read("metric", d.Metric, "prompt", d.Prompt)
	other := metric
	if d.Other != "" {
		other = r.read("metric", d.Metric, "right_prompt", d.Other)
	}
	pairs, chosen := d.pairs(r, metric, other)
	for _, group := range r.groups(pairs, d.By) {
		d.refuse(r, group)
		left, right := make([]float64, len(group)), make([]float64, len(group))
		for i, p := range group {
			left[i], right[i] = metric.of(p.left), other.of(p.right)
		}
		compared := inference.Compare(left, right)
		where := at(r.runs.Describe(group[0].left, d.By))
		if !compared.Interval.Known() {
			try.Fail("metric: %s%s: %s", metric.name, where, compared.Interval.Warning)
		}
		d.add(w, &compared, metric.name+where)
	}
	w.Detail += chosen
}

// pairs matches the runs of both sides. Where each is to be at its own best value of a column, it says which these are.
func (d *Differs) pairs(r *results, metric, other reading) (pairs []pair, chosen string) {
	match := slices.Concat(d.By, d.Match)
	if d.Select == nil {
		return r.pairs("left", d.Left, "right", d.Right, match), ""
	}
	left := d.Select.narrow(r, "left", d.Left, metric)
	right := d.Select.narrow(r, "right", d.Right, other)
	pairs = r.pairs("left", left, "right", right, match)
	chooses := d.Select.Where.Matcher(r.runs)
	pairs = slices.DeleteFunc(pairs, func(p pair) bool { return chooses(p.left) || chooses(p.right) })
	if len(pairs) == 0 {
		try.Fail("select.where: leaves no runs to compare")
	}
	return pairs, fmt.Sprintf("; %s %s and %s", d.Select.Column, left[d.Select.Column][0], right[d.Select.Column][0])
}

// refuse ends the evaluation if one mean would be taken over settings that neither match nor by names, or over one run twice.
func (d *Differs) refuse(r *results, group []pair) {
	settings := slices.DeleteFunc(r.runs.Settings(), func(c string) bool { return slices.Contains(d.Match, c) || slices.Contains(d.By, c) })
	seen := map[string]bool{}
	for _, p := range group {
		for _, column := range settings {
			if !r.same(group[0].left, p.left, []string{column}) || !r.same(group[0].right, p.right, []string{column}) {
				try.Fail("by: %s and %s would be averaged, but differ in %s; name it in by or match, or select one", r.name(group[0].left), r.name(p.left), column)
			}
		}
		key := r.runs.Describe(p.left, d.Match)
		if seen[key] {
			try.Fail("match: several runs of left have %s; match on a column that tells them apart", key)
		}
		seen[key] = true
	}
}

// add compares an interval with the limits, or with 0.
func (d *Differs) add(w *worst, p *inference.Paired, label string) {
	detail := fmt.Sprintf("%s: mean difference %.4g, 95 %% interval %.4g to %.4g over %d pairs", label, p.Mean, p.Interval.Low, p.Interval.High, p.N)
	var own worst
	if d.limits() == (Limits{}) {
		end, excess := p.Interval.Low, -p.Interval.Low
		if p.Mean < 0 {
			end, excess = p.Interval.High, p.Interval.High
		}
		own.add(excess, Result{Holds: excess < 0, Value: end, Bound: 0})
	} else {
		d.limits().add(&own, p.Interval.Low, label)
		d.limits().add(&own, p.Interval.High, label)
	}
	own.Detail = detail
	w.add(own.excess, own.Result)
}

// Select chooses a setting such as lambda for each side of a comparison by itself: the value of a column at which the
// metric's mean over some of the runs is best. The comparison is made on the other runs, since what is chosen and measured
// on the same draws looks better than it is.
type Select struct {
	Column string       `yaml:"column" required:"true" doc:"column of runs whose value is chosen, such as lambda"`
	Better string       `yaml:"better" required:"true" oneof:"lower,higher" doc:"which values of the metric are better"`
	Where  tables.Where `yaml:"where" required:"true" doc:"the runs that choose and do not count, such as half of the seeds; at a value that is chosen all of them have the metric"`
}

// narrow returns the selection of a side with the chosen value of the column in it.
func (s *Select) narrow(r *results, key string, where tables.Where, metric reading) tables.Where {
	need(r.runs, "select.column", s.Column)
	rows := r.choose(key, where)
	chooses, sums, counts := s.Where.Matcher(r.runs), map[string]float64{}, map[string]int{}
	for _, row := range rows {
		if !chooses(row) {
			continue
		}
		at := r.runs.Text(row, s.Column)
		sums[at], counts[at] = sums[at]+signIf(s.Better == "higher")*metric.of(row), counts[at]+1
	}
	best := ""
	for _, at := range r.runs.Distinct(s.Column) {
		if counts[best] == 0 || sums[at]/float64(counts[at]) < sums[best]/float64(counts[best]) { // not where at has none: NaN is not less
			best = at
		}
	}
	if counts[best] == 0 {
		try.Fail("select.where: selects no run of %s", key)
	}
	where = maps.Clone(where)
	where[s.Column] = []string{best}
	return where
}

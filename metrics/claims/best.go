package claims

import (
	"math"
	"strconv"

	"windtunnel/metrics/tables"
	"windtunnel/toy/registry"
)

// Best claims that the best value of a metric lies within limits: of each run's path the best over its points, or of runs the
// best in each group that shares the values of the columns `by`. Only what fulfils all conditions of `given` counts. Its value is
// that of the group nearest to a limit or farthest beyond it. Groups in which nothing counts are left out, and counted in the
// detail; where nothing counts in any, the claim does not hold, by +Inf. So the paper's preservation claim asks how near the good prompt
// stays to pi_star at the best strength of those that bring the bad one half-way.
type Best struct {
	Metric string       `yaml:"metric" required:"true" doc:"column of runs (of prompts where a prompt is given)"`
	Prompt string       `yaml:"prompt,omitempty" doc:"read the metric of this prompt; a prefix such as good means the mean over good-1, good-2, ..."`
	Better string       `yaml:"better" required:"true" oneof:"lower,higher" doc:"which values are the better ones"`
	Where  tables.Where `yaml:"where" doc:"which runs: by column, a value or a list of values; none means all"`
	Over   string       `yaml:"over,omitempty" oneof:"runs,points" doc:"points: each run is a group of its own, of the points of its path"`
	By     []string     `yaml:"by" doc:"columns of runs whose values make a group; none means that all runs are one"`
	Given  []Condition  `yaml:"given" doc:"conditions that count"`
	Limits `yaml:",inline"`
}

// Condition is one on a metric, at the same run or point.
type Condition struct {
	Metric string   `yaml:"metric" required:"true" doc:"column of runs (of prompts where a prompt is given)"`
	Prompt string   `yaml:"prompt,omitempty" doc:"of this prompt; a prefix such as bad means the mean over bad-1, bad-2, ..."`
	Min    *float64 `yaml:"min" doc:"smallest value"`
	Max    *float64 `yaml:"max" doc:"largest value"`
	Of     string   `yaml:"of,omitempty" doc:"another metric, at the same prompt, of which min and max are shares"`
}

// rounding is how far, relative to what it is held against, a value may miss a condition that it was made to fulfil.
const rounding = 1e-9

// Check refuses a claim without limits or with limits that exclude everything, and conditions without any.
func (b *Best) Check() []registry.Problem {
	problems := b.Limits.Check()
	for i, c := range b.Given {
		for _, p := range (Limits{Min: c.Min, Max: c.Max}).Check() {
			p.Key = givenKey(i, p.Key)
			problems = append(problems, p)
		}
	}
	grouped := b.Over == points && len(b.By) > 0
	return append(problems, registry.If(grouped, "by", "makes groups of runs", "no by beside over: points, where each run is a group")...)
}

func (b *Best) Refs() tables.Refs {
	refs := tables.Refs{}.Where("where", tables.Runs, b.Where).List("by", tables.Runs, b.By).Metric("metric", b.Metric, b.Prompt).
		Prompt("prompt", b.Prompt)
	for i, c := range b.Given {
		refs = refs.Metric(givenKey(i, "metric"), c.Metric, c.Prompt).Prompt(givenKey(i, "prompt"), c.Prompt)
		if c.Of != "" {
			refs = refs.Metric(givenKey(i, "of"), c.Of, c.Prompt)
		}
	}
	return refs
}

func givenKey(i int, key string) string { return "given." + strconv.Itoa(i) + "." + key }

// evaluate reads the tables runs and, with prompts, prompts; of paths those of the points.
func (b *Best) evaluate(r *results, w *worst) {
	metric := r.read("metric", b.Metric, "prompt", b.Prompt)
	need(r.runs, "by", b.By...)
	counts := r.conditions(b.Given)
	by := b.By
	if b.Over == points {
		by = []string{"run"}
	}
	all := r.spots("where", b.Where, b.Over)
	sign, empty := signIf(b.Better == "higher"), 0
	groups := grouped(r, all, by, func(s spot) int { return s.row })
	for _, group := range groups {
		best, value := spot{}, math.NaN()
		for _, s := range group {
			if !counts(s) {
				continue
			}
			if v := metric.at(s); math.IsNaN(value) || sign*v < sign*value {
				best, value = s, v
			}
		}
		if math.IsNaN(value) {
			empty++
			continue
		}
		b.Limits.add(w, value, r.spotName(best)+": best "+metric.name)
	}
	w.besides(empty, len(groups), r.name(all[0].row))
}

// conditions returns what says whether a spot fulfils all conditions.
func (r *results) conditions(given []Condition) func(spot) bool {
	type test struct {
		Condition
		metric reading
		of     func(spot) float64
	}
	var tests []test
	for i, c := range given {
		t := test{Condition: c}
		t.metric = r.read(givenKey(i, "metric"), c.Metric, givenKey(i, "prompt"), c.Prompt)
		if c.Of != "" {
			t.of = r.read(givenKey(i, "of"), c.Of, givenKey(i, "prompt"), c.Prompt).at
		}
		tests = append(tests, t)
	}
	return func(s spot) bool {
		for _, t := range tests {
			v := t.metric.at(s)
			unit := 1.0
			if t.of != nil {
				unit = t.of(s)
			}
			slack := func(limit float64) float64 { return rounding * math.Abs(limit*unit) }
			if t.Min != nil && !(v >= *t.Min*unit-slack(*t.Min)) || t.Max != nil && !(v <= *t.Max*unit+slack(*t.Max)) {
				return false
			}
		}
		return true
	}
}

package claims

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
	"windtunnel/toy/registry"
)

// Crossing claims where a metric first comes within a level, along a swept column or the points of a path: at a value within
// limits. In place of a metric it can be the total variation to a counterpart, the one run of `with` that has the same values in
// the columns of `match`. Where several runs of a group share a value of `along`, as seeds do, the one farthest from the level
// counts. The value between two that were run is interpolated, linearly in the metric and in the logarithm of `along`; with
// `interpolate: false` it is the first that is within. Where the level is not reached it is +Inf.
type Crossing struct {
	Metric      string       `yaml:"metric,omitempty" doc:"column of runs (of prompts where a prompt is given); without it the total variation to the run of with"`
	Prompt      string       `yaml:"prompt,omitempty" doc:"read the metric of this prompt, or the mean over good-1, good-2, ... for a prefix such as good; total variations are of each"`
	Where       tables.Where `yaml:"where" doc:"which runs: by column, a value or a list of values; none means all"`
	With        tables.Where `yaml:"with,omitempty" doc:"the runs that total variations are to"`
	Match       []string     `yaml:"match" doc:"columns of runs in which counterparts agree; none if with selects a single run"`
	Along       string       `yaml:"along" required:"true" doc:"column of runs that orders them, such as lambda; strength for the points of each run's path"`
	By          []string     `yaml:"by" doc:"columns of runs whose values make a group; none means every setting but along"`
	Level       float64      `yaml:"level" doc:"the level, in the metric's unit"`
	Within      string       `yaml:"within" oneof:"below,above" doc:"the side of the level on which the metric is within it"`
	Interpolate bool         `yaml:"interpolate" doc:"whether the value lies between those that were run"`
	Value       string       `yaml:"value,omitempty" doc:"column of runs whose value counts where the level is reached, of several runs the largest, with interpolate: false; without it along"`
	Limits      `yaml:",inline"`
}

// Check refuses a claim without limits or with limits that exclude everything, and one without exactly one of metric and with.
func (c *Crossing) Check() []registry.Problem {
	if (c.Metric == "") == (len(c.With) == 0) {
		return []registry.Problem{{Key: "metric", Wrong: "is given beside with or missing with it", Allowed: "exactly one of metric and with"}}
	}
	if c.Value != "" && (c.Interpolate || c.Along == tables.Strength) {
		return []registry.Problem{{Key: "value", Wrong: "stands beside values between those that were run", Allowed: "interpolate: false, along a column"}}
	}
	if c.Metric == "" && c.Along == tables.Strength {
		return []registry.Problem{{Key: "with", Wrong: "is given along strength", Allowed: "a metric along strength"}}
	}
	return c.Limits.Check()
}

func (c *Crossing) Refs() tables.Refs {
	refs := alongRef(tables.Refs{}.Where("where", tables.Runs, c.Where).Where("with", tables.Runs, c.With).List("match", tables.Runs, c.Match),
		c.Along).List("by", tables.Runs, c.By).Prompt("prompt", c.Prompt)
	if c.Value != "" {
		refs = refs.Column("value", tables.Runs, c.Value)
	}
	if c.Metric == "" {
		return refs.Column("with", tables.Policies, "pi")
	}
	return refs.Metric("metric", c.Metric, c.Prompt)
}

// evaluate reads the tables runs and, with a prompt, prompts, or policies; of paths those of the points.
func (c *Crossing) evaluate(r *results, w *worst) {
	distance := c.reading(r)
	groups := r.sequences(c.Where, c.Along, c.By)
	for _, group := range groups {
		label := r.name(group[0].row)
		if group[0].point == atEnd {
			label = fmt.Sprintf("%s to %s", label, r.name(group[len(group)-1].row))
		}
		c.Limits.add(w, c.first(r, group, distance), fmt.Sprintf("%s: within %g at %s", label, c.Level, c.Along))
	}
}

// reading returns how far a spot is beyond the level, at most 0 within it.
func (c *Crossing) reading(r *results) func(s spot) float64 {
	sign := signIf(c.Within == "above")
	if c.Metric != "" {
		metric := r.read("metric", c.Metric, "prompt", c.Prompt)
		return func(s spot) float64 { return sign * (metric.at(s) - c.Level) }
	}
	pairs := r.pairs("where", c.Where, "with", c.With, c.Match)
	policies := r.policies(c.Prompt)
	return func(s spot) float64 {
		at := slices.IndexFunc(pairs, func(p pair) bool { return p.left == s.row })
		far := math.Inf(-1)
		err := try.Do(func() {
			for _, one := range r.variations(policies, pairs[at]) {
				far = max(far, sign*(one.tv-c.Level))
			}
		})
		if broken, ok := errors.AsType[*brokenRun](err); ok && broken.run == r.name(s.row) {
			return math.Inf(1) // where there is no policy it is not within
		}
		try.Check(err)
		return far
	}
}

// first returns where an ordered group first comes within the level.
func (c *Crossing) first(r *results, group []station, distance func(spot) float64) float64 {
	lastX, last := math.NaN(), math.NaN()
	for i := 0; i < len(group); {
		x, far, begin := group[i].x, math.Inf(-1), i
		for ; i < len(group) && group[i].x == x; i++ {
			far = max(far, distance(group[i].spot))
		}
		if far <= 0 {
			if share := last / (last - far); c.Interpolate && last < math.Inf(1) && lastX > 0 && !math.IsInf(x, 1) {
				return lastX * math.Pow(x/lastX, share)
			}
			if c.Value == "" {
				return x
			}
			most := math.Inf(-1)
			for _, s := range group[begin:i] {
				most = max(most, try.Must(r.runs.Number(s.row, c.Value)))
			}
			return most
		}
		lastX, last = x, far
	}
	return math.Inf(1)
}

package claims

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
	"windtunnel/toy/registry"
)

// Dominated claims that for every run of `where` some run of `by` is no worse in any of the metrics of `on`. Its value
// is the most that the nearest run of `by` is worse by, in the metric where it is worst (negative if it is better in
// all), over the runs of `where`; it must not exceed the slack. So stands the paper's preservation claim, for environments drawn by seed.
// With `improves` only the runs count that are better than a baseline: a number, or another column at the same prompt.
// A run of `by` that broke dominates nothing.
type Dominated struct {
	Where    tables.Where `yaml:"where" doc:"which runs are dominated: by column, a value or a list of values; none means all"`
	Improves *Improvement `yaml:"improves" doc:"count only runs that are better than a baseline; left out, all count"`
	By       tables.Where `yaml:"by" required:"true" doc:"which runs dominate them"`
	Within   []string     `yaml:"within" doc:"columns of runs in which the two agree, such as seed; none means any"`
	On       []Axis       `yaml:"on" required:"true" doc:"the metrics in all of which the dominating run must be no worse"`
	Slack    float64      `yaml:"slack" range:"[0,inf)" doc:"how much worse still counts as no worse, in the metrics' unit"`
	Over     string       `yaml:"over,omitempty" oneof:"runs,points" doc:"points reads the points of the runs' paths instead of the runs' ends"`
	Refute   bool         `yaml:"refute,omitempty" doc:"claim the opposite of every run of where: that at one of its points, of those that improve, nothing in by is better in all metrics by more than the slack; the value is by how much something is"`
}

func (d *Dominated) Limit() (key string, limit float64, least bool) { return "slack", d.Slack, false }

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

// evaluate reads the tables runs and, with a prompt, prompts.
func (d *Dominated) evaluate(r *results, w *worst) {
	need(r.runs, "within", d.Within...)
	spots := r.spots("where", d.Where, d.Over)
	if d.Improves != nil {
		spots = d.Improves.filter(r, spots)
	}
	others := r.spots("by", d.By, d.Over)
	axes := d.axes(r)
	rivals := axes.rivals(others)
	var hardest Result
	for i, s := range spots {
		one := d.held(r, axes, s, rivals)
		if !d.Refute {
			w.add(one.Value, one)
			continue
		}
		// Of each run the point that is hardest to beat.
		if i == 0 || spots[i-1].row != s.row || one.Value < hardest.Value {
			hardest = one
		}
		if i == len(spots)-1 || spots[i+1].row != s.row {
			w.add(hardest.Value-d.Slack, hardest)
		}
	}
}

// rival is a spot that may dominate; one of a run that broke has no values but the error that says so.
type rival struct {
	spot
	values []float64
	broken error
}

func (a axes) rivals(spots []spot) []rival {
	rivals := make([]rival, len(spots))
	for i, s := range spots {
		one := rival{spot: s}
		one.broken = try.Do(func() { one.values = a.of(s) })
		if _, broken := errors.AsType[*brokenRun](one.broken); !broken {
			try.Check(one.broken)
		}
		rivals[i] = one
	}
	return rivals
}

// held holds a spot against the rival that comes nearest to dominating it, and returns what that says.
func (d *Dominated) held(r *results, a axes, s spot, rivals []rival) Result {
	values := a.of(s)
	var best *rival
	var broken error
	least := math.Inf(1)
	row, within := -1, false
	for i := range rivals {
		one := &rivals[i]
		if one.row != row {
			row, within = one.row, r.same(s.row, one.row, d.Within)
		}
		if !within {
			continue
		}
		if one.broken != nil {
			broken = one.broken
			continue
		}
		if worse := a.worse(one.values, values); best == nil || worse < least {
			best, least = one, worse
		}
	}
	if best == nil {
		try.Check(broken)
		try.Fail("within: no run of by shares %s with %s", r.runs.Describe(s.row, d.Within), r.name(s.row))
	}
	detail := fmt.Sprintf("%s: %s; nearest %s: %s", r.spotName(s), a.text(values), r.spotName(best.spot), a.text(best.values))
	if d.Refute {
		least = -least
	}
	return Result{least <= d.Slack, least, d.Slack, detail}
}

// Axis is one metric of a comparison on several.
type Axis struct {
	Metric string `yaml:"metric" required:"true" doc:"column of runs (of prompts where a prompt is given)"`
	Prompt string `yaml:"prompt,omitempty" doc:"read the metric of this prompt; a prefix such as good means the mean over good-1, good-2, ..."`
	Better string `yaml:"better" required:"true" oneof:"lower,higher" doc:"which values are the better ones"`
}

// axes are the metrics to compare on; sign is -1 where higher is better.
type axes []struct {
	reading
	sign float64
}

func (d *Dominated) axes(r *results) axes {
	all := make(axes, len(d.On))
	for i, a := range d.On {
		all[i].reading, all[i].sign = r.read(axisKey(i, "metric"), a.Metric, axisKey(i, "prompt"), a.Prompt), signIf(a.Better == "higher")
	}
	return all
}

// of returns the values at a spot, one a metric.
func (a axes) of(s spot) []float64 {
	values := make([]float64, len(a))
	for i := range a {
		values[i] = a[i].at(s)
	}
	return values
}

// worse returns by how much the first run's values are worse than the second's, where they are worst.
func (a axes) worse(first, second []float64) float64 {
	most := math.Inf(-1)
	for i := range a {
		most = max(most, beyond(a[i].sign*first[i], a[i].sign*second[i]))
	}
	return most
}

// text writes values after their metrics' names.
func (a axes) text(values []float64) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = fmt.Sprintf("%s %.4g", a[i].name, v)
	}
	return strings.Join(parts, ", ")
}

// axisKey is the dotted path of a key of the i-th axis.
func axisKey(i int, key string) string { return "on." + strconv.Itoa(i) + "." + key }

// Improvement says which runs are better than a baseline by a share of it, at the least.
type Improvement struct {
	Metric         string   `yaml:"metric" required:"true" doc:"column of runs (of prompts where a prompt is given)"`
	Prompt         string   `yaml:"prompt,omitempty" doc:"read both metrics of this prompt; a prefix such as bad means the mean over bad-1, bad-2, ..."`
	Better         string   `yaml:"better" required:"true" oneof:"lower,higher" doc:"which values are the better ones"`
	Baseline       *float64 `yaml:"baseline" doc:"the value to improve on, in the metric's unit"`
	BaselineMetric string   `yaml:"baseline_metric,omitempty" doc:"or the column that holds it for each run, such as kl_star_ref for kl_star_pi"`
	By             float64  `yaml:"by" required:"true" range:"(0,inf)" doc:"smallest improvement that counts, as a share of the baseline's absolute value: 0.05 is 5 percent"`
}

// Check wants exactly one baseline.
func (im *Improvement) Check() []registry.Problem {
	return registry.If((im.Baseline == nil) == (im.BaselineMetric == ""), "baseline", "is given beside baseline_metric or missing with it", "exactly one of baseline and baseline_metric")
}

// filter keeps the spots that improve on the baseline, at least one.
func (im *Improvement) filter(r *results, spots []spot) []spot {
	metric := r.read("improves.metric", im.Metric, "improves.prompt", im.Prompt)
	baseline := func(spot) float64 { return *im.Baseline }
	if im.Baseline == nil {
		baseline = r.read("improves.baseline_metric", im.BaselineMetric, "improves.prompt", im.Prompt).at
	}
	var kept []spot
	for _, s := range spots {
		if im.holds(metric.at(s), baseline(s)) {
			kept = append(kept, s)
		}
	}
	if len(kept) == 0 && spots[0].point != atEnd {
		try.Check(&brokenRun{r.name(spots[0].row), NothingCounts, fmt.Sprintf("point that improves %s by %g %%", metric.name, 100*im.By)})
	}
	if len(kept) == 0 {
		try.Fail("improves: none of %d selected runs improves %s by %g %%", len(spots), metric.name, 100*im.By)
	}
	return kept
}

// holds says whether a value improves on a baseline; on an infinitely bad one everything else does.
func (im *Improvement) holds(value, base float64) bool {
	if im.Better == "higher" {
		value, base = -value, -base
	}
	if math.IsInf(base, 0) {
		return value < base
	}
	return value <= base-im.By*math.Abs(base)+rounding*math.Abs(base)
}

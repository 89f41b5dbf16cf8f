package claims

import (
	"fmt"
	"math"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
	"windtunnel/toy/registry"
)

// Regret claims that little of a metric is lost where a swept number is off its best value, or where something else is changed:
// of each group of runs, or each path, it takes the best value of the metric over those between the ends of `among`, and holds it
// against the metric at `times` that number, or, with `with`, at the same number in the counterpart, the one run of `with` that
// has the same values in the columns of `match` (over the points of paths, of its path). Its value is the loss, negative where
// something is gained, of the group that loses most.
type Regret struct {
	Metric string       `yaml:"metric" required:"true" doc:"column of runs (of prompts where a prompt is given)"`
	Prompt string       `yaml:"prompt,omitempty" doc:"read the metric of this prompt; a prefix such as good means the mean over good-1, good-2, ..."`
	Better string       `yaml:"better" required:"true" oneof:"lower,higher" doc:"which values are the better ones"`
	Where  tables.Where `yaml:"where" doc:"which runs: by column, a value or a list of values; none means all"`
	Along  string       `yaml:"along" required:"true" doc:"column of runs that orders them, such as lambda; strength for the points of each run's path"`
	By     []string     `yaml:"by" doc:"columns of runs whose values make a group; none means every setting but along"`
	Among  []float64    `yaml:"among" doc:"least and greatest value of along among which the best is chosen; none means all"`
	Times  float64      `yaml:"times" range:"(0,inf)" doc:"multiple of the best value of along at which the metric is read"`
	With   tables.Where `yaml:"with,omitempty" doc:"runs in which the metric is read in place of those of where"`
	Match  []string     `yaml:"match" doc:"columns of runs in which counterparts agree; none if with selects a single run"`
	Max    float64      `yaml:"max" required:"true" doc:"largest allowed loss, in the metric's unit"`
}

// Check wants two ends of among.
func (g *Regret) Check() []registry.Problem {
	n := len(g.Among)
	return registry.If(n != 0 && (n != 2 || g.Among[0] > g.Among[1]), "among", fmt.Sprintf("has %d numbers", n), "the least and the greatest value")
}

func (g *Regret) Limit() (key string, limit float64, least bool) { return "max", g.Max, false }

func (g *Regret) Refs() tables.Refs {
	return alongRef(tables.Refs{}.Where("where", tables.Runs, g.Where), g.Along).List("by", tables.Runs, g.By).Where("with", tables.Runs, g.With).
		List("match", tables.Runs, g.Match).Metric("metric", g.Metric, g.Prompt).Prompt("prompt", g.Prompt)
}

// evaluate reads the tables runs and, with a prompt, prompts; of paths those of the points.
func (g *Regret) evaluate(r *results, w *worst) {
	metric := r.read("metric", g.Metric, "prompt", g.Prompt)
	for _, group := range r.sequences(g.Where, g.Along, g.By) {
		best, most := g.best(group, metric)
		other := g.other(r, group, best)
		v := metric.at(other)
		lost := signIf(g.Better == "lower") * beyond(most, v)
		w.add(lost-g.Max, Result{lost <= g.Max, lost, g.Max,
			fmt.Sprintf("%s: %s %.4g, %s: %.4g", r.spotName(best.spot), metric.name, most, r.spotName(other), v)})
	}
}

// best returns the best station of a group and its value.
func (g *Regret) best(group []station, metric reading) (best station, value float64) {
	found := false
	for _, s := range group {
		if len(g.Among) == 2 && (s.x < g.Among[0]*(1-rounding) || s.x > g.Among[1]*(1+rounding)) {
			continue
		}
		v := metric.at(s.spot)
		if !found || v != value && (v > value) == (g.Better == "higher") {
			best, value, found = s, v, true
		}
	}
	if !found {
		try.Fail("among: no %s lies between %g and %g", g.Along, g.Among[0], g.Among[1])
	}
	return best, value
}

// other returns the spot that the best one is held against.
func (g *Regret) other(r *results, group []station, best station) spot {
	if len(g.With) > 0 {
		pairs := r.pairs("where", tables.Where{"run": {r.name(best.row)}}, "with", g.With, g.Match)
		if best.point == atEnd {
			return spot{pairs[0].right, atEnd}
		}
		group = r.stations(pairs[0].right)
	}
	wanted := g.Times * best.x
	for _, s := range group {
		if math.Abs(s.x-wanted) <= rounding*math.Abs(wanted) || math.IsNaN(wanted) && math.IsNaN(s.x) {
			return s.spot
		}
	}
	try.Fail("times: nothing was run at %s %g, %g times the best of %s", g.Along, wanted, g.Times, r.spotName(best.spot))
	return spot{}
}

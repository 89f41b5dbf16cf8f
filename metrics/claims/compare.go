package claims

import (
	"fmt"
	"math"

	"windtunnel/metrics/tables"
	"windtunnel/toy/registry"
)

// Compare claims how a metric of every run of `where` relates to the same metric of its counterpart, the one run of
// `with` that has the same values in the columns of `match`. For less and greater its value is the metric of the run that
// decides and its bound the counterpart's metric, less or plus the margin; for equal they are the absolute difference
// and the tolerance.
type Compare struct {
	Metric    string       `yaml:"metric" required:"true" doc:"column of runs (of prompts where a prompt is given)"`
	Prompt    string       `yaml:"prompt,omitempty" doc:"read the metric of this prompt; a prefix such as good means the mean over good-1, good-2, ..."`
	Where     tables.Where `yaml:"where" doc:"which runs: by column, a value or a list of values; none means all"`
	With      tables.Where `yaml:"with" required:"true" doc:"which runs to compare them with"`
	Match     []string     `yaml:"match" doc:"columns of runs in which counterparts agree; none if with selects a single run"`
	Relation  string       `yaml:"relation" required:"true" oneof:"less,greater,equal" doc:"how the runs of where relate to those of with"`
	Margin    float64      `yaml:"margin" range:"[0,inf)" doc:"how much less or greater, at the least, in the metric's unit"`
	Tolerance float64      `yaml:"tolerance" range:"[0,inf)" doc:"largest difference that counts as equal, in the metric's unit"`
}

// Check refuses a margin for equal and a tolerance for anything else.
func (c *Compare) Check() []registry.Problem {
	if c.Relation == "equal" {
		return registry.If(c.Margin != 0, "margin", "has no meaning for relation: equal", "tolerance instead")
	}
	return registry.If(c.Tolerance != 0, "tolerance", "has no meaning for relation: "+c.Relation, "margin instead")
}

func (c *Compare) Refs() tables.Refs {
	return tables.Refs{}.Where("where", tables.Runs, c.Where).Where("with", tables.Runs, c.With).List("match", tables.Runs, c.Match).
		Metric("metric", c.Metric, c.Prompt).Prompt("prompt", c.Prompt)
}

// evaluate reads the tables runs and, with a prompt, prompts.
func (c *Compare) evaluate(r *results, w *worst) {
	pairs := r.pairs("where", c.Where, "with", c.With, c.Match)
	metric := r.read("metric", c.Metric, "prompt", c.Prompt)
	for _, p := range pairs {
		value, other := metric.of(p.left), metric.of(p.right)
		detail := fmt.Sprintf("%s: %s %.4g, %s: %.4g", r.marked(p.left), metric.name, value, r.marked(p.right), other)
		switch c.Relation {
		case "less":
			bound := other - c.Margin
			w.add(beyond(value, bound), Result{value < bound, value, bound, detail})
		case "greater":
			bound := other + c.Margin
			w.add(beyond(bound, value), Result{value > bound, value, bound, detail})
		default: // equal
			gap := math.Abs(beyond(value, other))
			w.add(gap, Result{gap <= c.Tolerance, gap, c.Tolerance, detail})
		}
	}
}

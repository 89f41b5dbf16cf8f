package claims

import (
	"windtunnel/metrics/tables"
	"windtunnel/toy/registry"
)

// Bound claims that a metric of every selected run lies within limits. Its value is that of the run nearest to a limit
// or farthest beyond it.
//
//	claims:
//	  - kind: bound
//	    metric: tv_star
//	    where: {objective: typo, lambda: 1e-5}
//	    max: 0.02
//	  - {kind: bound, metric: kl_star_pi, prompt: good, where: {objective: typo}, below: 0.02}
//
// min and max allow the limit itself, above and below do not; a lower and an upper limit may be combined.
type Bound struct {
	Metric string       `yaml:"metric" required:"true" doc:"column of runs (of prompts where a prompt is given)"`
	Prompt string       `yaml:"prompt,omitempty" doc:"read the metric of this prompt; a prefix such as good means the mean over good-1, good-2, ..."`
	Where  tables.Where `yaml:"where" doc:"which runs: by column, a value or a list of values; none means all"`
	Min    *float64     `yaml:"min" doc:"smallest allowed value"`
	Max    *float64     `yaml:"max" doc:"largest allowed value"`
	Above  *float64     `yaml:"above" doc:"values must be greater than this"`
	Below  *float64     `yaml:"below" doc:"values must be less than this"`
}

func (b *Bound) limits() limits { return limits{b.Min, b.Max, b.Above, b.Below} }

// Check refuses a claim without limits or with limits that exclude everything.
func (b *Bound) Check() []registry.Problem { return b.limits().check() }

// Limit is the limit of the claim, see limits.limit.
func (b *Bound) Limit() (key string, limit float64, least bool) { return b.limits().limit() }

// Refs implements Params.
func (b *Bound) Refs() tables.Refs {
	return tables.Refs{}.Where("where", tables.Runs, b.Where).Metric("metric", b.Metric, b.Prompt).Prompt("prompt", b.Prompt)
}

// evaluate reads the tables runs and, with a prompt, prompts.
func (b *Bound) evaluate(r *results) Result {
	rows := r.choose("where", b.Where)
	metric := r.read("metric", b.Metric, "prompt", b.Prompt)
	var w worst
	for _, row := range rows {
		b.limits().add(&w, metric.of(row), r.marked(row)+": "+metric.name)
	}
	return w.Result
}

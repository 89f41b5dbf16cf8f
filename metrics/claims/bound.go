package claims

import (
	"windtunnel/metrics/tables"
)

// Bound claims that a metric of every selected run lies within limits. Its value is that of the run nearest to a limit
// or farthest beyond it. min and max allow the limit itself, above and below do not; a lower and an upper limit may be combined.
type Bound struct {
	Metric string       `yaml:"metric" required:"true" doc:"column of runs (of prompts where a prompt is given)"`
	Prompt string       `yaml:"prompt,omitempty" doc:"read the metric of this prompt; a prefix such as good means the mean over good-1, good-2, ..."`
	Where  tables.Where `yaml:"where" doc:"which runs: by column, a value or a list of values; none means all"`
	Limits `yaml:",inline"`
}

func (b *Bound) Refs() tables.Refs {
	return tables.Refs{}.Where("where", tables.Runs, b.Where).Metric("metric", b.Metric, b.Prompt).Prompt("prompt", b.Prompt)
}

// evaluate reads the tables runs and, with a prompt, prompts.
func (b *Bound) evaluate(r *results, w *worst) {
	rows := r.choose("where", b.Where)
	metric := r.read("metric", b.Metric, "prompt", b.Prompt)
	for _, row := range rows {
		b.Limits.add(w, metric.of(row), r.marked(row)+": "+metric.name)
	}
}

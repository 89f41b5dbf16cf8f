package claims

import (
	"fmt"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
)

// Monotone claims that a metric rises or falls along a swept column, within each group of runs. Its value is the
// worst step against the direction, from any run to any later one, so that small steps back cannot add up unseen; it
// is negative if every step goes the right way, and must not exceed the slack.
type Monotone struct {
	Metric    string       `yaml:"metric" required:"true" doc:"column of runs (of prompts where a prompt is given)"`
	Prompt    string       `yaml:"prompt,omitempty" doc:"read the metric of this prompt; a prefix such as good means the mean over good-1, good-2, ..."`
	Where     tables.Where `yaml:"where" doc:"which runs: by column, a value or a list of values; none means all"`
	Along     string       `yaml:"along" required:"true" doc:"column of runs that orders them, such as lambda; strength for the points of each run's path"`
	By        []string     `yaml:"by" doc:"columns of runs whose values make a group; none means every setting (the columns between run and status) but along"`
	Direction string       `yaml:"direction" required:"true" oneof:"increasing,decreasing" doc:"of the metric, as along grows; equal values are in order"`
	Next      bool         `yaml:"next" doc:"only steps from each run to the next count, not to all later ones"`
	Slack     float64      `yaml:"slack" range:"[0,inf)" doc:"largest step against the direction that is forgiven, in the metric's unit"`
}

func (m *Monotone) Limit() (key string, limit float64, least bool) { return "slack", m.Slack, false }

func (m *Monotone) Refs() tables.Refs {
	return alongRef(tables.Refs{}.Where("where", tables.Runs, m.Where), m.Along).List("by", tables.Runs, m.By).
		Metric("metric", m.Metric, m.Prompt).Prompt("prompt", m.Prompt)
}

// evaluate reads the tables runs and, with a prompt, prompts; of paths those of the points.
func (m *Monotone) evaluate(r *results, w *worst) {
	metric := r.read("metric", m.Metric, "prompt", m.Prompt)
	sign := signIf(m.Direction == "decreasing")
	for _, group := range r.sequences(m.Where, m.Along, m.By) {
		best, at := metric.at(group[0].spot), group[0].spot
		for i, p := range group[1:] {
			if p.x == group[i].x {
				try.Fail("along: %s and %s share %s=%g; name the column that tells them apart in by",
					r.spotName(group[i].spot), r.spotName(p.spot), m.Along, p.x)
			}
			v := metric.at(p.spot)
			step := beyond(sign*best, sign*v)
			w.add(step, Result{step <= m.Slack, step, m.Slack,
				fmt.Sprintf("%s: %s %.4g, %s: %.4g", r.spotName(at), metric.name, best, r.spotName(p.spot), v)})
			if m.Next || sign*v > sign*best {
				best, at = v, p.spot
			}
		}
	}
}

package claims

import (
	"fmt"
	"math"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
)

// Growth claims by how many powers of ten a metric that is not negative grows from the runs of `from` to their counterparts,
// the one run of `to` that has the same values in the columns of `match`. Its value is log10 of the quotient that is nearest to
// a limit or farthest beyond it, 0 where the metric falls, or is 0 in both. A metric that is 0 in from alone has no growth, which is
// an error.
type Growth struct {
	Metric string       `yaml:"metric" required:"true" doc:"column of runs (of prompts where a prompt is given)"`
	Prompt string       `yaml:"prompt,omitempty" doc:"read the metric of this prompt; a prefix such as good means the mean over good-1, good-2, ..."`
	From   tables.Where `yaml:"from" required:"true" doc:"which runs: by column, a value or a list of values"`
	To     tables.Where `yaml:"to" required:"true" doc:"which runs the metric may have grown to"`
	Match  []string     `yaml:"match" doc:"columns of runs in which counterparts agree; none if to selects a single run"`
	Pooled bool         `yaml:"pooled" doc:"hold the largest value in the runs of to against the largest in those of from, without counterparts"`
	Falls  bool         `yaml:"falls" doc:"measure by how many powers of ten the metric falls instead"`
	Limits `yaml:",inline"`
}

func (g *Growth) Refs() tables.Refs {
	return tables.Refs{}.Where("from", tables.Runs, g.From).Where("to", tables.Runs, g.To).List("match", tables.Runs, g.Match).
		Metric("metric", g.Metric, g.Prompt).Prompt("prompt", g.Prompt)
}

// evaluate reads the tables runs and, with a prompt, prompts.
func (g *Growth) evaluate(r *results, w *worst) {
	metric := r.read("metric", g.Metric, "prompt", g.Prompt)
	var pairs []pair
	if g.Pooled {
		pairs = []pair{{r.largest("from", g.From, metric), r.largest("to", g.To, metric)}}
	} else {
		pairs = r.pairs("from", g.From, "to", g.To, g.Match)
	}
	for _, p := range pairs {
		from, to := metric.of(p.left), metric.of(p.right)
		if from < 0 || to < 0 {
			try.Fail("metric: %s is negative in %s or %s, and growth is of what is not", metric.name, r.name(p.left), r.name(p.right))
		}
		if from == 0 && (to > 0 || g.Falls) {
			try.Fail("metric: %s is 0 in %s, and from there no change has a number", metric.name, r.name(p.left))
		}
		value := decades(from, to)
		if g.Falls {
			value = decades(to, from)
		}
		g.Limits.add(w, value, fmt.Sprintf("%s: %s %.4g, %s: %.4g; powers of ten", r.name(p.right), metric.name, to, r.name(p.left), from))
	}
}

// largest returns the first selected run with the largest value.
func (r *results) largest(key string, where tables.Where, metric reading) int {
	rows := r.choose(key, where)
	at, most := rows[0], math.Inf(-1)
	for _, row := range rows {
		if v := metric.of(row); v > most {
			at, most = row, v
		}
	}
	return at
}

// decades returns log10(to/from), 0 where that is negative or both are the same.
func decades(from, to float64) float64 {
	if from == to {
		return 0
	}
	return max(0, math.Log10(to)-math.Log10(from))
}

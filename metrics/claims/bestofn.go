package claims

import (
	"fmt"
	"math"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
)

// BestOfNBound claims that the best of n responses of the reference is no further from it than theory allows: KL(pi to
// pi_ref) <= log n - (n-1)/n (Beirami et al. 2024, arXiv 2401.01879, theorem 1). Its value is that of the run nearest to the
// bound or farthest beyond it.
type BestOfNBound struct {
	Metric string       `yaml:"metric" doc:"column of runs with KL(pi to pi_ref)"`
	N      string       `yaml:"n" doc:"column of runs with n"`
	Where  tables.Where `yaml:"where" doc:"which runs: by column, a value or a list of values"`
	Slack  float64      `yaml:"slack" range:"[0,inf)" doc:"how far beyond the bound is rounding (nats)"`
}

func (b *BestOfNBound) Refs() tables.Refs {
	return tables.Refs{}.Where("where", tables.Runs, b.Where).Column("n", tables.Runs, b.N).Column("metric", tables.Runs, b.Metric)
}

// evaluate reads the table runs.
func (b *BestOfNBound) evaluate(r *results, w *worst) {
	rows := r.choose("where", b.Where)
	metric := r.read("metric", b.Metric, "prompt", "")
	for _, row := range rows {
		kl := metric.of(row)
		n := try.Must(r.runs.Number(row, b.N))
		if !(n >= 1) {
			try.Fail("n: run %s has the %s %v, not a number of samples", r.name(row), b.N, n)
		}
		bound := math.Log(n) - (n-1)/n
		w.add(beyond(kl, bound), Result{kl <= bound+b.Slack, kl, bound, fmt.Sprintf("%s: %s %.4g, bound %.4g", r.name(row), metric.name, kl, bound)})
	}
}

package spec

import (
	"strconv"
	"windtunnel/experiments/spec/decode"

	"gopkg.in/yaml.v3"
)

// seedsForm is what seeds look like: their number, or a list.
type seedsForm struct{}

// Either lists the two forms.
func (seedsForm) Either() []any { return []any{0, []int{}} }

// mostSeeds bounds the seeds of one plan.
const mostSeeds = 1_000_000

// seeds makes the key seeds the last dimension.
func (r *sweepReader) seeds(exp *Experiment) {
	n := exp.Seeds.Node
	if n == nil {
		return
	}
	values := r.seedSeries(exp.Seed, n)
	if values == nil {
		return
	}
	for _, d := range r.dims {
		for _, k := range d.keys {
			if k.written != nil && k.written.Value == "seed" {
				r.fail(r.Error(n, "seeds", "stands beside "+k.spelled(k.first())+", which sweeps the seed too", "one of the two"))
				return
			}
		}
	}
	r.dims = append(r.dims, dimension{rows: values.len(), place: func(row int) (string, *decode.Node) { return "seeds", values.node(row) },
		keys: []sweptKey{{series: values, written: scalar("seed"), spelled: func(int) string { return "seeds" }}}})
}

// seedSeries reads a number of seeds or a list of them.
func (r *sweepReader) seedSeries(first int, n *decode.Node) series {
	if n.Kind == yaml.SequenceNode && len(n.Content) > 0 {
		return newWritten(n.Content)
	}
	count, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || n.Style != 0 || count < 1 || count > mostSeeds {
		r.fail(r.Error(n, "seeds", "is "+cellText(n), "a whole number in [1,"+strconv.Itoa(mostSeeds)+"], or a list of seeds"))
		return nil
	}
	return consecutive{first, count, n}
}

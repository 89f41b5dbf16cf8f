package claims

import (
	"fmt"
	"math"

	"windtunnel/toy/registry"
)

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
	if (im.Baseline == nil) == (im.BaselineMetric == "") {
		return []registry.Problem{{Key: "baseline", Wrong: "is given beside baseline_metric or missing with it",
			Allowed: "exactly one of baseline and baseline_metric"}}
	}
	return nil
}

// filter keeps the rows that improve on the baseline, at least one.
func (im *Improvement) filter(r *results, rows []int) ([]int, error) {
	metric, err := r.read("improves.metric", im.Metric, "improves.prompt", im.Prompt)
	if err != nil {
		return nil, err
	}
	baseline, err := im.baseline(r)
	if err != nil {
		return nil, err
	}
	var kept []int
	for _, row := range rows {
		value, err := metric.of(row)
		if err != nil {
			return nil, err
		}
		base, err := baseline(row)
		if err != nil {
			return nil, err
		}
		if im.holds(value, base) {
			kept = append(kept, row)
		}
	}
	if len(kept) == 0 {
		return nil, fmt.Errorf("improves: none of %d selected runs improves %s by %g %%", len(rows), metric.name, 100*im.By)
	}
	return kept, nil
}

// holds says whether a value improves on a baseline; on an infinitely bad one everything else does.
func (im *Improvement) holds(value, base float64) bool {
	if im.Better == "higher" {
		value, base = -value, -base
	}
	if math.IsInf(base, 0) {
		return value < base
	}
	return value <= base-im.By*math.Abs(base)
}

// baseline returns the value to improve on by row.
func (im *Improvement) baseline(r *results) (func(row int) (float64, error), error) {
	if im.Baseline != nil {
		return func(int) (float64, error) { return *im.Baseline, nil }, nil
	}
	metric, err := r.read("improves.baseline_metric", im.BaselineMetric, "improves.prompt", im.Prompt)
	return metric.of, err
}

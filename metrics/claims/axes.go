package claims

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Axis is one metric of a comparison on several.
type Axis struct {
	Metric string `yaml:"metric" required:"true" doc:"column of runs (of prompts where a prompt is given)"`
	Prompt string `yaml:"prompt,omitempty" doc:"read the metric of this prompt; a prefix such as good means the mean over good-1, good-2, ..."`
	Better string `yaml:"better" required:"true" oneof:"lower,higher" doc:"which values are the better ones"`
}

// axes are the metrics to compare on; sign is -1 where higher is better.
type axes struct {
	metrics []reading
	sign    []float64
}

func (d *Dominated) axes(r *results) (*axes, error) {
	a := &axes{}
	for i, axis := range d.On {
		metric, err := r.read(axisKey(i, "metric"), axis.Metric, axisKey(i, "prompt"), axis.Prompt)
		if err != nil {
			return nil, err
		}
		sign := 1.0
		if axis.Better == "higher" {
			sign = -1
		}
		a.metrics, a.sign = append(a.metrics, metric), append(a.sign, sign)
	}
	return a, nil
}

// of returns a run's values, one a metric.
func (a *axes) of(row int) ([]float64, error) {
	values := make([]float64, len(a.metrics))
	for i, metric := range a.metrics {
		v, err := metric.of(row)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

// worse returns by how much the first run's values are worse than the second's, where they are worst.
func (a *axes) worse(first, second []float64) float64 {
	most := math.Inf(-1)
	for i, sign := range a.sign {
		most = max(most, beyond(sign*first[i], sign*second[i]))
	}
	return most
}

// text writes values after their metrics' names.
func (a *axes) text(values []float64) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = fmt.Sprintf("%s %.4g", a.metrics[i].name, v)
	}
	return strings.Join(parts, ", ")
}

// axisKey is the dotted path of a key of the i-th axis.
func axisKey(i int, key string) string { return "on." + strconv.Itoa(i) + "." + key }

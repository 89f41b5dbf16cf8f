package model

import (
	"windtunnel/metrics"
)

// Description is what a page needs to know before it asks.
type Description struct {
	Default string   `json:"default"` // the fragment of the default state
	Kinds   []Kind   `json:"kinds"`
	Metrics []Metric `json:"metrics"`
}

// Metric describes a measure of a policy.
type Metric struct {
	Name    string `json:"name"`
	Unit    string `json:"unit"`
	Summary string `json:"summary"`
}

// Describe returns the losses of the registry with their parameters, and the metrics.
func Describe() Description {
	d := Description{Default: Default().Fragment(), Kinds: Kinds()}
	for _, m := range metrics.All() {
		d.Metrics = append(d.Metrics, Metric{m.Name, m.Unit, m.Summary})
	}
	return d
}

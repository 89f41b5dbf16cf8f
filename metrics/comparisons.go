package metrics

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// ofComparisons are measured over the comparisons of the data.
var ofComparisons = []Metric{
	{Name: "accuracy", Source: "arXiv 2405.19534 (ranking accuracy)", OverData: true,
		Summary: "Share of comparison weight where pi gives the chosen response more probability than the rejected one; " +
			"equal ones count 1/2.",
		Value: overComparisons(func(v *View, chosen, rejected int) float64 { return ranks(v.LogPi[chosen], v.LogPi[rejected]) })},
	{Name: "reward_accuracy", Source: "arXiv 2305.18290", OverData: true,
		Summary: "Share of comparison weight where the implicit reward log pi - log pi_start ranks the chosen response " +
			"above the rejected one; equal ones count 1/2.",
		Value: overComparisons(func(v *View, chosen, rejected int) float64 { return ranks(v.shift(chosen), v.shift(rejected)) })},
	{Name: "chosen_shift", Unit: "nats", Source: "arXiv 2410.08847 (likelihood displacement)", OverData: true,
		Summary: "Mean change of the chosen responses' log-probability since the start of training.",
		Value:   overComparisons(func(v *View, chosen, _ int) float64 { return v.shift(chosen) })},
	{Name: "rejected_shift", Unit: "nats", Source: "arXiv 2410.08847 (likelihood displacement)", OverData: true,
		Summary: "Mean change of the rejected responses' log-probability since the start of training.",
		Value:   overComparisons(func(v *View, _, rejected int) float64 { return v.shift(rejected) })},
	{Name: "margin", Unit: "nats", Source: "arXiv 2305.18290, eq. 7", OverData: true,
		Summary: "Mean logratio margin u: how much the log-probability of the chosen response grew more than that of the " +
			"rejected one since the start of training.",
		Value: overComparisons(func(v *View, chosen, rejected int) float64 { return difference(v.shift(chosen), v.shift(rejected)) })},
}

// overComparisons is the weighted mean of a number over the prompt's comparisons, NaN where it has none.
func overComparisons(number func(v *View, chosen, rejected int) float64) func(v *View) float64 {
	return func(v *View) float64 {
		sum := 0.0
		for i, w := range v.Weight {
			sum += w * number(v, v.Chosen[i], v.Rejected[i])
		}
		return sum / floats.Sum(v.Weight)
	}
}

// shift returns log pi - log pi_start of a response.
func (v *View) shift(response int) float64 {
	return difference(v.LogPi[response], v.LogStart[response])
}

// difference returns a - b, and 0 where both are the same infinity.
func difference(a, b float64) float64 {
	if a == b {
		return 0
	}
	return a - b
}

// ranks returns 1 if a > b, 1/2 if they are equal, 0 if a < b and NaN if they cannot be compared.
func ranks(a, b float64) float64 {
	switch {
	case a > b:
		return 1
	case a == b:
		return 0.5
	case a < b:
		return 0
	}
	return math.NaN()
}

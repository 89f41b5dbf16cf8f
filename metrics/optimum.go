package metrics

import (
	"math"
)

const samplers = "arXiv 2409.19605, published code"

// OnRequest lists the metrics that only runs have that ask for them, sorted by name: how far the policy is from RLHF's optimum at
// the loss's lambda, pi_ref pi_star^(1/lambda), whose rewards log pi_star - lambda log(pi/pi_ref) are all the same. They are no
// part of All.
func OnRequest() []Metric {
	return []Metric{
		{Name: "param_diff", Unit: "nats", Source: samplers,
			Summary: "Mean over ordered pairs of responses of how far their implicit rewards lambda log(pi/pi_start) differ from the true ones; empty above 4096 responses.",
			Value:   (*View).paramDiff},
		{Name: "value_diff", Unit: "nats", Source: samplers,
			Summary: "How much less regularized reward pi has than RLHF's optimum at the loss's lambda: lambda times KL(pi to the optimum).",
			Value:   (*View).valueDiff},
	}
}

// unexplained returns the reward of a response less its implicit one.
func (v *View) unexplained(i int) float64 { return v.LogStar[i] - v.Lambda*v.shift(i) }

func (v *View) paramDiff() float64 {
	k, sum := len(v.Pi), 0.0
	if math.IsNaN(v.Lambda) || k > MaxWinRate {
		return math.NaN()
	}
	for i := range k {
		at := v.unexplained(i)
		for j := range i {
			sum += math.Abs(at - v.unexplained(j))
		}
	}
	return 2 * sum / float64(k*k)
}

func (v *View) valueDiff() float64 {
	if math.IsNaN(v.Lambda) {
		return math.NaN()
	}
	top, mass, value := math.Inf(-1), 0.0, 0.0
	for i, l := range v.LogStart {
		top = max(top, l+v.LogStar[i]/v.Lambda)
	}
	for i, l := range v.LogStart {
		mass += math.Exp(l + v.LogStar[i]/v.Lambda - top)
		if v.Pi[i] > 0 {
			value += v.Pi[i] * v.unexplained(i)
		}
	}
	return v.Lambda*(top+math.Log(mass)) - value
}

package objective

import (
	"math"

	"windtunnel/toy/logspace"
)

// ChiPO holds the parameters of chi-squared preference optimization, -log sigmoid(lambda (g(x_w) - g(x_l))) with
// g(x) = x + exp(x), x the log-ratio: DPO with the sum of chi-squared divergence and KL (Huang et al., arXiv 2407.13399,
// algorithm 1). With r_max = R the argument of the sigmoid is clipped to [-2R, 2R], as in the paper, whose rewards lie in
// [0, R]: a comparison beyond has no gradient. Its experiments, and the default here, do without.
type ChiPO struct {
	Lambda float64  `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, the paper's beta"`
	RMax   *float64 `yaml:"r_max" range:"(0,1e6]" doc:"largest reward R: the scaled margin is clipped to [-2R,2R]; default not clipped"`
}

// Objective returns the loss.
func (p *ChiPO) Objective() *Objective {
	m := &Margin{Lambda: p.Lambda, Factor: 1, Outer: Logistic{}, Link: chiSquared}
	if p.RMax != nil {
		m.Outer = clipped(2 * *p.RMax)
	}
	return OnPairs(m)
}

// clipped is the logistic loss of a margin clipped to [-most, most]. At the bounds the slope is still the loss's.
func clipped(most float64) Outer {
	return Pointwise{At: func(z float64) (value, slope, curve float64) {
		clip := max(-most, min(z, most))
		if value = -logspace.LogSigmoid(clip); z == clip {
			slope, curve = -logspace.Sigmoid(-z), logspace.Sigmoid(z)*logspace.Sigmoid(-z)
		}
		return value, slope, curve
	}}
}

// chiSquared is the link log r + r = x + exp(x). Above x = 709 it is infinite in 64 bits.
var chiSquared = &bend{low: math.Inf(-1), high: math.Inf(1), inverse: chiSquaredInverse,
	Pointwise: Pointwise{At: func(x float64) (value, slope, curve float64) {
		e := math.Exp(x)
		return x + e, 1 + e, e
	}}}

// chiSquaredInverse solves x + exp(x) = t by Newton's method on the convex function, from above.
func chiSquaredInverse(t float64) float64 {
	if math.IsInf(t, 0) {
		return t
	}
	x := t
	if t > 1 {
		x = math.Log(t)
	}
	for range 60 {
		e := math.Exp(x)
		next := x - (x+e-t)/(1+e)
		if next == x {
			break
		}
		x = next
	}
	return x
}

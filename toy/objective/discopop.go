package objective

import (
	"math"

	"windtunnel/toy/logspace"
)

// DiscoPOP holds the parameters of the discovered preference loss, which blends the logistic with the exponential loss by
// m = sigmoid(z/tau), z = lambda (g(x_w) - g(x_l)):
//
//	-(1-m) log sigmoid(z) + m exp(-z)
//
// (Lu et al., arXiv 2406.08414). It is not convex: it has a dip at negative z.
type DiscoPOP struct {
	Lambda     float64    `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
	Tau        float64    `yaml:"tau" alias:"discopop_tau" range:"[1e-6,1e6]" doc:"temperature of the blend"`
	Divergence Divergence `yaml:",inline"`
}

// Objective returns the loss.
func (p *DiscoPOP) Objective() *Objective {
	return OnPairs(&Margin{Lambda: p.Lambda, Factor: 1, Outer: blended(p.Tau), Link: p.Divergence.link()})
}

// blended is psi. The exponential part is exp(-z + log sigmoid(z/tau)): its factors overflow and underflow apart.
func blended(tau float64) Outer {
	return Pointwise{shape: Shape{Low: Rises, High: Falls}, At: func(z float64) (value, slope, curve float64) {
		overflown := math.IsInf(z, -1)
		z = bounded(z)
		m, rest := logspace.Sigmoid(z/tau), logspace.Sigmoid(-z/tau)
		logistic := logspace.LogSigmoid(z)
		s, r := logspace.Sigmoids(z)
		e := math.Exp(-z + logspace.LogSigmoid(z/tau))
		turn := m * rest / tau // m'
		bend := turn * (rest - m) / tau
		value = e - logistic*rest
		slope = logistic*turn - r*rest + e*(rest/tau-1)
		curve = s*r*rest + 2*r*turn + logistic*bend + e*(1-2*rest/tau+rest*(rest-m)/tau/tau)
		if overflown {
			value = math.Inf(1)
		}
		return value, slope, curve
	}}
}

package objective

import (
	"math"

	"windtunnel/toy/logspace"
)

// EXO holds the parameters of efficient exact optimization on pairs: the reverse KL from the policy's preference
// s = sigmoid(z), z = lambda (g(x_w) - g(x_l)), to the smoothed label 1-e,
//
//	s (log s - log(1-e)) + (1-s) (log(1-s) - log e)
//
// (Ji et al., arXiv 2402.00856). It is not convex in z. Without smoothing the label is 1 and the divergence
// infinite, so e = 0 is refused.
type EXO struct {
	Lambda         float64    `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, EXO's beta"`
	LabelSmoothing float64    `yaml:"label_smoothing" alias:"epsilon" range:"(0,0.5]" doc:"probability that the label is wrong; at 0 the loss is infinite"`
	Divergence     Divergence `yaml:",inline"`
}

// Objective returns the loss.
func (p *EXO) Objective() *Objective {
	return OnPairs(&Margin{Lambda: p.Lambda, Factor: 1, Outer: reverseCrossEntropy(p.LabelSmoothing), Link: p.Divergence.link()})
}

// reverseCrossEntropy is psi; it is least, 0, where the odds z are those of the label, log((1-e)/e).
func reverseCrossEntropy(e float64) Outer {
	won, lost := math.Log1p(-e), math.Log(e)
	return Pointwise{shape: Shape{Low: Saturates, High: Saturates}, At: func(z float64) (value, slope, curve float64) {
		z = bounded(z)
		s, r := logspace.Sigmoids(z)
		off := z - (won - lost)
		value = s*(logspace.LogSigmoid(z)-won) + r*(logspace.LogSigmoid(-z)-lost)
		return value, s * r * off, s * r * ((r-s)*off + 1)
	}}
}

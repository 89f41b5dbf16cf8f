package objective

import "windtunnel/toy/logspace"

// ExpoRegression holds the parameters of regularized regression, the second loss of the compositional paper's follow-up:
//
//	(sigmoid(c - r) - (1 + lambda sigmoid(rc - rr))/(1 + lambda))^2
//
// with c, r the policy's log-probabilities and rc, rr the reference's: the policy's preference is regressed on a mixture
// of the label and the reference's preference. This is our reading of EXPO (Hu, Kong, He, Wipf, arXiv 2506.07492), not
// checked against the paper.
type ExpoRegression struct {
	Lambda float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"weight of the reference's preference against the label's"`
}

// Objective returns the loss.
func (p *ExpoRegression) Objective() *Objective { return OnPairs(regression{p.Lambda}) }

type regression struct{ lambda float64 }

var _, _ = Curved(regression{}), Structured(regression{})

func (regression) DifferenceOnly() bool { return true }

// Structure is that of a bounded function of the margin, least where the policy's preference is the target, which is below
// 1 for lambda > 0.
func (regression) Structure() (Structure, bool) {
	return Structure{Margin: &Shape{Low: Saturates, High: Saturates}, ReferenceFree: true}, true
}

// at returns, for one comparison, what is squared, and the first two derivatives of the policy's preference.
func (t regression) at(b *Batch, i int) (off, slope, curve float64) {
	z := b.Chosen[i] - b.Rejected[i]
	s, r := logspace.Sigmoids(z)
	// Both preferences measured from 1, where they are compared without cancellation.
	short := t.lambda / (1 + t.lambda) * logspace.Sigmoid(b.RefRejected[i]-b.RefChosen[i])
	return short - r, s * r, s * r * (r - s)
}

func (t regression) Loss(b *Batch) float64 {
	sum := 0.0
	for i, w := range b.Weight {
		off, _, _ := t.at(b, i)
		sum += w * off * off
	}
	return sum
}

func (t regression) Grad(b *Batch, scale float64, g *Grad) {
	for i, w := range b.Weight {
		off, slope, _ := t.at(b, i)
		g.ofMargin(i, scale*w*2*off*slope)
	}
}

func (t regression) Derivatives(b *Batch, scale float64, g *Grad, h *Hess) float64 {
	t.Grad(b, scale, g)
	for i, w := range b.Weight {
		off, slope, curve := t.at(b, i)
		h.ofMargin(i, scale*w*2*(slope*slope+off*curve))
	}
	return t.Loss(b)
}

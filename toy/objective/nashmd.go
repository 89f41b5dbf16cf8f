package objective

import "gonum.org/v1/gonum/floats"

// NashMDPG holds the parameters of Nash-MD's policy gradient, -P(pi > q) + lambda KL(pi to pi_ref), with the opponent q held back
// from differentiation, in expectation (Munos et al., arXiv 2312.00886, section 7). It is RLHF with the probability of beating the
// opponent for a reward.
type NashMDPG struct {
	Lambda   float64  `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"weight of KL(pi to pi_ref)"`
	Opponent Opponent `yaml:",inline"`
}

// Objective returns the two terms.
func (p *NashMDPG) Objective() *Objective {
	return (&WinRate{p.Opponent}).Objective().And(p.Lambda, (&KLPiRef{}).Objective())
}

// WinRate is minus the probability that the policy beats its opponent, -sum_y pi(y) P(y > q).
type WinRate struct {
	Opponent Opponent `yaml:",inline"`
}

// Objective returns the term.
func (p *WinRate) Objective() *Objective { return OnDist(&winRate{p.Opponent.playing()}) }

type winRate struct{ opponent }

var _ DistTerm = (*winRate)(nil)

func (t *winRate) Loss(d *Dist) float64 { return -floats.Dot(d.Pi, t.winRates(d)) }

func (t *winRate) Grad(d *Dist, scale float64, g []float64) {
	for i, win := range t.winRates(d) {
		g[i] -= scale * d.Pi[i] * win
	}
}

// Hess adds the same as Grad on the diagonal: d^2 exp(x)/dx^2 = exp(x).
func (t *winRate) Hess(d *Dist, scale float64, h []float64) {
	for i, win := range t.winRates(d) {
		h[i*len(d.Pi)+i] -= scale * d.Pi[i] * win
	}
}

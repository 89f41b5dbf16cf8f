package objective

import "slices"

// OnlineIPO holds the parameters of online IPO on general preferences, over all responses rather than sampled:
//
//	sum_ij mu_i mu_j [(d_i - d_j) - ((P q)_i - (P q)_j)/lambda]^2, d = log pi - log pi_ref,
//
// with P the win rates, q the opponent and mu how the pairs are drawn, both held back from differentiation (Calandriello et al.,
// arXiv 2403.08635; Zhou et al., arXiv 2503.08942). With pairs of the policy and itself as opponent that is IPO in expectation over
// pairs that the policy draws and labels that the win rates draw. With even pairs a gradient step is one of mirror descent in the
// game; with a mixture as opponent, Nash-MD's. Under train.extragradient: opponent it is EGPO's.
type OnlineIPO struct {
	Lambda   float64  `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, the game's beta"`
	Pairs    string   `yaml:"pairs" oneof:"uniform,policy,reference" doc:"what draws both responses of the pairs: each response alike, the policy, held back from differentiation, or the reference"`
	Opponent Opponent `yaml:",inline"`
}

// Objective returns the term. Empty Pairs are uniform.
func (p *OnlineIPO) Objective() *Objective {
	return OnDist(&onlineIPO{lambda: p.Lambda, pairs: oneOf("pairs", p.Pairs, "uniform", "policy", "reference"), opponent: p.Opponent.playing()})
}

type onlineIPO struct {
	opponent
	lambda        float64
	pairs         string
	even, residue []float64
}

var _ DistTerm = (*onlineIPO)(nil)

// drawn returns the distribution of one response of a pair.
func (t *onlineIPO) drawn(d *Dist) []float64 {
	switch t.pairs {
	case "policy":
		_, pi := d.fixed()
		return pi
	case "reference":
		return d.Ref
	}
	if len(t.even) != len(d.Pi) {
		t.even = slices.Repeat([]float64{1 / float64(len(d.Pi))}, len(d.Pi))
	}
	return t.even
}

// wanted returns how the pairs are drawn, and d - P q/lambda, which the loss wants alike for all responses.
func (t *onlineIPO) wanted(d *Dist) (mu, w []float64) {
	mu, wins := t.drawn(d), t.winRates(d)
	t.residue = sized(t.residue, len(mu))
	for i, win := range wins {
		t.residue[i] = d.LogPi[i] - d.LogRef[i] - win/t.lambda
	}
	return mu, t.residue
}

// Sums over pairs are written out: near a vertex of the simplex a mean would round what is left of them.

func (t *onlineIPO) Loss(d *Dist) float64 {
	mu, w := t.wanted(d)
	sum := 0.0
	for i, a := range w {
		for j, b := range w {
			sum += mu[i] * mu[j] * (a - b) * (a - b)
		}
	}
	return sum
}

func (t *onlineIPO) Grad(d *Dist, scale float64, g []float64) {
	mu, w := t.wanted(d)
	for i, a := range w {
		sum := 0.0
		for j, b := range w {
			sum += mu[j] * (a - b)
		}
		g[i] += 4 * scale * mu[i] * sum
	}
}

func (t *onlineIPO) Hess(d *Dist, scale float64, h []float64) {
	mu := t.drawn(d)
	for i, a := range mu {
		for j, b := range mu {
			if i != j {
				h[i*len(mu)+i] += 4 * scale * a * b
				h[i*len(mu)+j] -= 4 * scale * a * b
			}
		}
	}
}

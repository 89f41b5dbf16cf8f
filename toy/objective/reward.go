package objective

import "windtunnel/toy/registry"

// Reward is the negative expected reward -sum_y pi(y) log pi_star(y), in nats.
type Reward struct{}

// Objective returns the term.
func (*Reward) Objective() *Objective { return OnDist(reward{}) }

type reward struct{}

func (reward) Loss(d *Dist) float64 {
	sum := 0.0
	for k, pi := range d.Pi {
		sum -= pi * d.LogStar[k]
	}
	return sum
}

func (reward) Grad(d *Dist, scale float64, g []float64) {
	for k, pi := range d.Pi {
		g[k] -= scale * pi * d.LogStar[k]
	}
}

// Hess adds the same as Grad: d^2 exp(x)/dx^2 = exp(x).
func (t reward) Hess(d *Dist, scale float64, h []float64) { t.Grad(d, scale, h) }

var rewardKind = registry.Kind[Params]{
	Name:    "reward",
	Summary: "a term: the negative expected reward -sum_y pi(y) log pi_star(y) (RLHF without its penalty)",
	Source:  "Hu, He, Wipf 2024, arXiv 2407.09072, published synthetic code",
	New:     func() Params { return &Reward{} },
}

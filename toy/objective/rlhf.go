package objective

// RLHF holds the parameters of the exact regularized reward, sum_y pi(y) [lambda (log pi(y) - log pi_ref(y)) - log
// pi_star(y)]: expected reward log pi_star with a KL penalty, computed over all responses rather than sampled. It
// reads no comparisons.
type RLHF struct {
	Lambda float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"weight of KL(pi to pi_ref)"`
}

// Objective returns the two terms.
func (p *RLHF) Objective() *Objective {
	return (&Reward{}).Objective().And(p.Lambda, (&KLPiRef{}).Objective())
}

// Reward is the negative expected reward -sum_y pi(y) log pi_star(y), in nats.
type Reward struct{}

// Objective returns the term.
func (*Reward) Objective() *Objective { return OnDist(reward{}) }

type reward struct{}

var _ DistTerm = reward{}

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

// Hess adds the same as Grad on the diagonal: d^2 exp(x)/dx^2 = exp(x).
func (reward) Hess(d *Dist, scale float64, h []float64) {
	for k, pi := range d.Pi {
		h[k*len(d.Pi)+k] -= scale * pi * d.LogStar[k]
	}
}

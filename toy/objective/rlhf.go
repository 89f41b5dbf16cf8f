package objective

import "windtunnel/toy/registry"

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

var rlhfKind = registry.Kind[Params]{
	Name:    "rlhf",
	Summary: "exact RLHF with reward log pi_star: sum_y pi(y) [lambda (log pi(y) - log pi_ref(y)) - log pi_star(y)]",
	Source:  "Hu, He, Wipf 2024, arXiv 2407.09072, published synthetic code",
	New:     func() Params { return &RLHF{Lambda: defaultLambda} },
}

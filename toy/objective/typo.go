package objective

import "windtunnel/toy/registry"

// TYPO holds the parameters of the paper's compositional loss (arXiv 2407.09072; EXPO in arXiv 2506.07492):
// -log sigmoid(log pi(y_w) - log pi(y_l)) + lambda KL(pi_ref to pi). The reference regularizes through the
// unsupervised second term alone.
type TYPO struct {
	Lambda      float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"weight of KL(pi_ref to pi)"`
	KLReduction string  `yaml:"kl_reduction" oneof:"sum,mean" doc:"sum is the true KL over the K responses; mean divides it by K, as the published code does"`
}

// Objective returns the two terms.
func (p *TYPO) Objective() *Objective {
	o := (&BradleyTerry{}).Objective()
	o.add(p.Lambda, (&KLRefPi{Reduction: p.KLReduction}).Objective())
	return o
}

var typoKind = registry.Kind[Params]{
	Name:    "typo",
	Aliases: []string{"expo"},
	Summary: "the paper's compositional loss: -log sigmoid(log pi(y_w) - log pi(y_l)) + lambda KL(pi_ref to pi)",
	Source:  "Hu, He, Wipf 2024, arXiv 2407.09072; EXPO in arXiv 2506.07492",
	New:     func() Params { return &TYPO{Lambda: defaultLambda, KLReduction: "sum"} },
}

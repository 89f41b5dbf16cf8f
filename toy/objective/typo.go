package objective

import "windtunnel/toy/registry"

// TYPO holds the parameters of the paper's compositional loss (arXiv 2407.09072; EXPO in arXiv 2506.07492):
// -log sigmoid(log pi(y_w) - log pi(y_l)) + lambda KL(pi_ref to pi). The reference regularizes through the
// unsupervised second term alone, which ReferenceSamples estimates where responses cannot be enumerated: up to a
// constant by lambda times the mean of -log pi over samples of pi_ref.
type TYPO struct {
	Lambda           float64          `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"weight of KL(pi_ref to pi)"`
	KLReduction      string           `yaml:"kl_reduction" oneof:"sum,mean" doc:"sum is the true KL over the K responses; mean divides it by K, as the published code does; only with reference_samples: exact"`
	ReferenceSamples ReferenceSamples `yaml:"reference_samples" doc:"exact: the KL over all K responses; a whole number N: minus the mean log-probability of N responses a prompt, drawn from pi_ref once; pair: that of the two compared responses"`
}

// Objective returns the two terms.
func (p *TYPO) Objective() *Objective {
	o := (&BradleyTerry{}).Objective()
	switch {
	case p.ReferenceSamples.pair:
		return o.And(p.Lambda, OnPairs(pairEntropy()))
	case p.ReferenceSamples.n > 0:
		return o.And(p.Lambda, &Objective{Sampled: &Sampled{Weight: 1, N: p.ReferenceSamples.n}})
	}
	return o.And(p.Lambda, (&KLRefPi{Reduction: p.KLReduction}).Objective())
}

// SamplesReference says whether responses are drawn from the reference.
func (p *TYPO) SamplesReference() bool { return p.ReferenceSamples.n > 0 }

// Check refuses a reduction that only the exact term has.
func (p *TYPO) Check() []registry.Problem {
	if p.KLReduction == "mean" && p.ReferenceSamples != (ReferenceSamples{}) {
		return []registry.Problem{{Key: "kl_reduction", Wrong: "is mean, but samples are averaged over themselves",
			Allowed: "sum, or reference_samples: exact"}}
	}
	return nil
}

var typoKind = registry.Kind[Params]{
	Name:    "typo",
	Aliases: []string{"expo"},
	Summary: "the paper's compositional loss: -log sigmoid(log pi(y_w) - log pi(y_l)) + lambda KL(pi_ref to pi)",
	Source:  "Hu, He, Wipf 2024, arXiv 2407.09072; EXPO in arXiv 2506.07492",
	New:     func() Params { return &TYPO{Lambda: defaultLambda, KLReduction: "sum"} },
}

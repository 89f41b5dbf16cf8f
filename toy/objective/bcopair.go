package objective

import "windtunnel/toy/registry"

// BCOPair holds the parameters of binary classifier optimization on pairs, with rewards r = lambda g(x), x the log-ratio:
// -log sigmoid(r_w - delta) - log sigmoid(-(r_l - delta)) (Jung et al., arXiv 2404.04656).
type BCOPair struct {
	Lambda     float64    `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, BCO's beta"`
	Delta      float64    `yaml:"delta" range:"[-1e6,1e6]" doc:"reward that divides good from bad"`
	Divergence Divergence `yaml:",inline"`
}

// Objective returns the loss.
func (p *BCOPair) Objective() *Objective {
	return OnPairs(&Sides{Lambda: p.Lambda, Factor: 1, Chosen: Logistic{}, Rejected: CrossEntropy{Lose: 1}, Shift: p.Delta,
		Link: p.Divergence.link()})
}

var bcoPairKind = registry.Kind[Params]{
	Name:    "bco-pair",
	Aliases: []string{"bco_pair"},
	Summary: "binary classifier on pairs: -log sigmoid(r_w - delta) - log sigmoid(delta - r_l), r = lambda times the log-ratio",
	Source:  "Jung et al. 2024, arXiv 2404.04656",
	TRL:     "dpo/bco_pair",
	New:     func() Params { return &BCOPair{Lambda: defaultLambda, Divergence: reverseKL} },
}

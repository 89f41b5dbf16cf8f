package objective

import "windtunnel/toy/registry"

// APODown holds the parameters of anchored preference optimization for a policy that is better than its data,
//
//	sigmoid(lambda x_w) + 1 - sigmoid(lambda (g(x_w) - g(x_l)))
//
// with x the log-ratio: the chosen response falls, the rejected one falls more (D'Oosterlinck et al., arXiv 2408.06266). A divergence g enters the second part alone, as in TRL.
type APODown struct {
	Lambda     float64    `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, APO's beta"`
	Divergence Divergence `yaml:",inline"`
}

// Objective returns the two terms.
func (p *APODown) Objective() *Objective {
	return OnPairs(&Sides{Lambda: p.Lambda, Factor: 1, Chosen: rising(1)}).
		And(1, OnPairs(&Margin{Lambda: p.Lambda, Factor: 1, Outer: falling(1), Link: p.Divergence.link()}))
}

var apoDownKind = registry.Kind[Params]{
	Name:    "apo-down",
	Aliases: []string{"apo_down"},
	Summary: "anchored: the chosen response down, the rejected one further down",
	Source:  "D'Oosterlinck et al. 2024, arXiv 2408.06266",
	TRL:     "dpo/apo_down",
	New:     func() Params { return &APODown{Lambda: defaultLambda, Divergence: reverseKL} },
}

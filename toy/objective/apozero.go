package objective

import "windtunnel/toy/registry"

// APOZero holds the parameters of anchored preference optimization for a policy that is worse than its data,
// 1 - sigmoid(lambda x_w) + sigmoid(lambda x_l), x the log-ratio (D'Oosterlinck et al., arXiv 2408.06266).
type APOZero struct {
	Lambda float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, APO's beta"`
}

// Objective returns the loss.
func (p *APOZero) Objective() *Objective {
	return OnPairs(&Sides{Lambda: p.Lambda, Factor: 1, Chosen: falling(1), Rejected: rising(1)})
}

var apoZeroKind = registry.Kind[Params]{
	Name:    "apo-zero",
	Aliases: []string{"apo_zero"},
	Summary: "anchored: the chosen response up, the rejected one down, each by itself",
	Source:  "D'Oosterlinck et al. 2024, arXiv 2408.06266",
	TRL:     "dpo/apo_zero",
	New:     func() Params { return &APOZero{Lambda: defaultLambda} },
}

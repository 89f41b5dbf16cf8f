package objective

import "windtunnel/toy/registry"

// APOZeroUnpaired holds the parameters of APO-zero on single responses: the mean of w_d (1 - sigmoid(lambda x)) over
// desirable and w_u sigmoid(lambda x) over undesirable ones, x the log-ratio (D'Oosterlinck et al., arXiv 2408.06266,
// appendix; TRL's KTO trainer). A comparison is two responses.
type APOZeroUnpaired struct {
	Lambda      float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, APO's beta"`
	Desirable   float64 `yaml:"desirable_weight" alias:"w_d" range:"[0,1e6]" doc:"weight of desirable responses"`
	Undesirable float64 `yaml:"undesirable_weight" alias:"w_u" range:"[0,1e6]" doc:"weight of undesirable responses"`
}

// Objective returns the loss.
func (p *APOZeroUnpaired) Objective() *Objective {
	return OnPairs(&Sides{Lambda: p.Lambda, Factor: 0.5, Chosen: falling(p.Desirable), Rejected: rising(p.Undesirable), Unpaired: true})
}

var apoZeroUnpairedKind = registry.Kind[Params]{
	Name:    "apo-zero-unpaired",
	Aliases: []string{"apo_zero_unpaired"},
	Summary: "APO-zero as a mean over single responses; also on unpaired data",
	Source:  "D'Oosterlinck et al. 2024, arXiv 2408.06266",
	TRL:     "kto/apo_zero_unpaired",
	New:     func() Params { return &APOZeroUnpaired{Lambda: defaultLambda, Desirable: 1, Undesirable: 1} },
}

package objective

// APOZero holds the parameters of anchored preference optimization for a policy that is worse than its data,
// 1 - sigmoid(lambda x_w) + sigmoid(lambda x_l), x the log-ratio (D'Oosterlinck et al., arXiv 2408.06266).
type APOZero struct {
	Lambda float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, APO's beta"`
}

// Objective returns the loss.
func (p *APOZero) Objective() *Objective {
	return OnPairs(anchored(p.Lambda, 1, 1, 1))
}

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
	sides := anchored(p.Lambda, 0.5, p.Desirable, p.Undesirable)
	sides.Unpaired = true
	return OnPairs(sides)
}

// anchored is factor (desirable (1 - sigmoid(lambda x_w)) + undesirable sigmoid(lambda x_l)), the loss of APO-zero and, about
// a reference point, of KTO.
func anchored(lambda, factor, desirable, undesirable float64) *Sides {
	return &Sides{Lambda: lambda, Factor: factor, Chosen: falling(desirable), Rejected: rising(undesirable)}
}

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

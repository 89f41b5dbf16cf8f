package objective

// BCO holds the parameters of binary classifier optimization, the mean over responses of -log sigmoid(r - delta) for the
// desirable and -log sigmoid(delta - r) for the undesirable, r = lambda times the log-ratio (Jung et al., arXiv
// 2404.04656). A comparison is two responses. delta is held back from differentiation.
type BCO struct {
	Lambda float64  `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, BCO's beta"`
	Delta  *float64 `yaml:"delta" range:"[-1e6,1e6]" doc:"reward that divides good from bad; default the running mean of rewards over the steps so far"`
}

// Objective returns the loss.
func (p *BCO) Objective() *Objective {
	sides := classifier(p.Lambda, 0.5)
	sides.Unpaired = true
	if p.Delta != nil {
		sides.Shift = *p.Delta
		return OnPairs(sides)
	}
	return OnPairs(&Centered{Sides: sides, Running: true})
}

// BCOPair holds the parameters of binary classifier optimization on pairs, with rewards r = lambda g(x), x the log-ratio:
// -log sigmoid(r_w - delta) - log sigmoid(-(r_l - delta)) (Jung et al., arXiv 2404.04656).
type BCOPair struct {
	Lambda     float64    `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, BCO's beta"`
	Delta      float64    `yaml:"delta" range:"[-1e6,1e6]" doc:"reward that divides good from bad"`
	Divergence Divergence `yaml:",inline"`
}

// Objective returns the loss.
func (p *BCOPair) Objective() *Objective {
	sides := classifier(p.Lambda, 1)
	sides.Shift, sides.Link = p.Delta, p.Divergence.link()
	return OnPairs(sides)
}

// classifier is factor (-log sigmoid(lambda x_w) - log sigmoid(-lambda x_l)): is a response good or bad?
func classifier(lambda, factor float64) *Sides {
	return &Sides{Lambda: lambda, Factor: factor, Chosen: Logistic{}, Rejected: CrossEntropy{Lose: 1}}
}

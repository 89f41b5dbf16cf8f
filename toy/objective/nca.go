package objective

// NCA holds the parameters of noise contrastive alignment on pairs, with rewards r = lambda g(x), x the log-ratio,
//
//	-log sigmoid(r_w) - log sigmoid(-r_w)/2 - log sigmoid(-r_l)/2
//
// (Chen et al., arXiv 2402.05369). It holds the chosen response's likelihood up.
type NCA struct {
	Lambda     float64    `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, NCA's alpha"`
	Divergence Divergence `yaml:",inline"`
}

// Objective returns the loss.
func (p *NCA) Objective() *Objective {
	return OnPairs(&Sides{Lambda: p.Lambda, Factor: 1, Chosen: CrossEntropy{Win: 1, Lose: 0.5}, Rejected: CrossEntropy{Lose: 0.5},
		Link: p.Divergence.link()})
}

package objective

// SPPO holds the parameters of self-play preference optimization with hard labels, (x_w - 1/(2 lambda))^2 +
// (x_l + 1/(2 lambda))^2, x the log-ratio (Wu et al., arXiv 2405.00675).
type SPPO struct {
	Lambda     float64    `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, 1 over SPPO's eta"`
	Divergence Divergence `yaml:",inline"`
}

// Objective returns the loss, written as ((lambda x_w - 1/2)^2 + (lambda x_l + 1/2)^2) / lambda^2.
func (p *SPPO) Objective() *Objective {
	return OnPairs(&Sides{Lambda: p.Lambda, Factor: 1 / (p.Lambda * p.Lambda), Chosen: Square{0.5}, Rejected: Square{-0.5},
		Link: p.Divergence.link()})
}

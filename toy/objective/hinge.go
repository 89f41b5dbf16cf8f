package objective

// Hinge holds the parameters of the hinge loss max(0, 1 - z) of SLiC-HF (Zhao et al., arXiv 2305.10425) and
// RSO (Liu et al., arXiv 2309.06657), z = lambda (g(x_w) - g(x_l)), x the log-ratio.
type Hinge struct {
	Lambda     float64    `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength; 1/lambda is the margin asked for"`
	Divergence Divergence `yaml:",inline"`
}

// Objective returns the loss.
func (p *Hinge) Objective() *Objective {
	return OnPairs(&Margin{Lambda: p.Lambda, Factor: 1, Outer: hinge, Link: p.Divergence.link()})
}

package objective

// Robust holds the parameters of robust DPO, an unbiased estimate of DPO's loss on clean labels from labels flipped with
// probability e, z = lambda (g(x_w) - g(x_l)):
//
//	[-(1-e) log sigmoid(z) + e log sigmoid(-z)] / (1-2e)
//
// (Chowdhury, Kini, Natarajan, arXiv 2403.00409). At e = 1/2 labels say nothing and the loss is undefined.
type Robust struct {
	Lambda         float64    `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
	LabelSmoothing float64    `yaml:"label_smoothing" alias:"epsilon" range:"[0,0.5)" doc:"probability that a label is flipped; the loss divides by 1-2e"`
	Divergence     Divergence `yaml:",inline"`
}

// Objective returns the loss.
func (p *Robust) Objective() *Objective {
	e := p.LabelSmoothing
	outer := CrossEntropy{Win: (1 - e) / (1 - 2*e), Lose: -e / (1 - 2*e)}
	return OnPairs(&Margin{Lambda: p.Lambda, Factor: 1, Outer: outer, Link: p.Divergence.link()})
}

package objective

// DPO holds the parameters of direct preference optimization, with z = lambda (g(x_w) - g(x_l)) and x the log-ratio,
//
//	-(1-e) log sigmoid(z) - e log sigmoid(-z)
//
// (Rafailov et al., arXiv 2305.18290, equation 7; label smoothing e: conservative DPO, Mitchell 2023; divergences g: f-DPO,
// arXiv 2309.16240). By default e = 0 and g(x) = x.
type DPO struct {
	Lambda         float64    `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
	LabelSmoothing float64    `yaml:"label_smoothing" alias:"epsilon" range:"[0,0.5]" doc:"share of labels taken to be wrong (conservative DPO)"`
	Divergence     Divergence `yaml:",inline"`
}

// Objective returns the loss.
func (p *DPO) Objective() *Objective {
	return OnPairs(&Margin{Lambda: p.Lambda, Factor: 1, Outer: smoothed(p.LabelSmoothing), Link: p.Divergence.link()})
}

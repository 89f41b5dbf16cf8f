package objective

// DPONorm holds the parameters of DPO on rewards per token, -log sigmoid(lambda (g(x_w)/n_w - g(x_l)/n_l)), x the
// log-ratio and n the token counts (Meng et al., arXiv 2405.14734, appendix; Lambert et al., arXiv 2411.15124, section 5.2).
type DPONorm struct {
	Lambda     float64    `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
	Divergence Divergence `yaml:",inline"`
}

// Objective returns the loss.
func (p *DPONorm) Objective() *Objective {
	return OnPairs(&Margin{Lambda: p.Lambda, Factor: 1, Outer: Logistic{}, Link: p.Divergence.link(), Length: AveragedRewards})
}

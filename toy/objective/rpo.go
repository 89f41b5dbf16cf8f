package objective

// RPO holds the parameters of the loss of iterative reasoning preference optimization: DPO plus alpha times the chosen
// response's negative log-likelihood per token (Pang et al., arXiv 2404.19733).
type RPO struct {
	Lambda float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
	Alpha  float64 `yaml:"alpha" alias:"rpo_alpha" range:"[0,1e6]" doc:"weight of the chosen response's negative log-likelihood; 0 is DPO"`
}

// Objective returns the two terms.
func (p *RPO) Objective() *Objective {
	return (&DPO{Lambda: p.Lambda}).Objective().And(p.Alpha, likelihood())
}

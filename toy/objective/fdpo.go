package objective

import "windtunnel/toy/registry"

// FDPO holds the parameters of f-DPO, -log sigmoid(lambda (f'(r_w) - f'(r_l))) with r = pi/pi_ref (Wang et al., arXiv
// 2309.16240, theorem 1).
type FDPO struct {
	Lambda     float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, f-DPO's beta"`
	Divergence string  `yaml:"divergence" alias:"f_divergence,f_divergence_type" oneof:"js_divergence,js,reverse_kl,rkl,forward_kl,fkl,alpha_divergence,alpha" doc:"the f-divergence, long or short name"`
	Alpha      float64 `yaml:"alpha" alias:"f_alpha,f_alpha_divergence_coef" range:"[-50,50]" doc:"order of the alpha divergence; other divergences ignore it"`
}

// Objective returns the loss.
func (p *FDPO) Objective() *Objective {
	return (&DPO{Lambda: p.Lambda, Divergence: Divergence{p.Divergence, p.Alpha}}).Objective()
}

// Check refuses the alpha divergence of order 1.
func (p *FDPO) Check() []registry.Problem {
	return (&Divergence{p.Divergence, p.Alpha}).Check()
}

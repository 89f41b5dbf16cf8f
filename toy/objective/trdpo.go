package objective

// TRDPO holds the parameters of DPO with a trust region: DPO whose reference follows the policy, pi_ref becoming the
// normalized pi^alpha pi_ref^(1-alpha) after every so many steps (Gorbatovski et al., arXiv 2404.09656; there parameters
// are averaged, which for tabular and linear policies is the same). alpha 1 is the paper's hard update.
type TRDPO struct {
	Lambda float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
	Alpha  float64 `yaml:"alpha" alias:"ref_model_mixup_alpha" range:"(0,1]" doc:"weight of the policy in the new reference"`
	Every  int     `yaml:"every" alias:"ref_model_sync_steps" range:"[1,1e9]" doc:"steps between updates of the reference"`
}

// Objective returns DPO with a moving reference.
func (p *TRDPO) Objective() *Objective {
	o := (&DPO{Lambda: p.Lambda}).Objective()
	o.Moving = p.moving()
	return o
}

func (p *TRDPO) moving() *Moving { return &Moving{Alpha: p.Alpha, Every: p.Every} }

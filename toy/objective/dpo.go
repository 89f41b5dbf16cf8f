package objective

import "windtunnel/toy/registry"

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

var dpoKind = registry.Kind[Params]{
	Name:    "dpo",
	Aliases: []string{"sigmoid"},
	Summary: "direct preference optimization: -log sigmoid(lambda u), u the logratio margin",
	Source:  "Rafailov et al. 2023, arXiv 2305.18290, eq. 7; label smoothing: Mitchell 2023; divergences: arXiv 2309.16240",
	TRL:     "dpo/sigmoid",
	New:     func() Params { return &DPO{Lambda: defaultLambda, Divergence: reverseKL} },
}

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

var fdpoKind = registry.Kind[Params]{
	Name:    "f-dpo",
	Aliases: []string{"fdpo", "f_dpo"},
	Summary: "DPO with another f-divergence to the reference: -log sigmoid(lambda (f'(r_w) - f'(r_l))), r = pi/pi_ref",
	Source:  "Wang et al. 2023, arXiv 2309.16240, thm. 1",
	New:     func() Params { return &FDPO{Lambda: defaultLambda, Divergence: "js_divergence", Alpha: 0.5} },
}

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

var dpoNormKind = registry.Kind[Params]{
	Name:    "dpo-norm",
	Aliases: []string{"sigmoid_norm", "dpo_norm"},
	Summary: "length-normalized DPO: rewards are divided by token counts",
	Source:  "Meng et al. 2024, arXiv 2405.14734, app.; Lambert et al. 2024, arXiv 2411.15124",
	TRL:     "dpo/sigmoid_norm",
	New:     func() Params { return &DPONorm{Lambda: defaultLambda, Divergence: reverseKL} },
}

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

var robustKind = registry.Kind[Params]{
	Name:    "robust",
	Aliases: []string{"robust-dpo"},
	Summary: "DPO's loss on clean labels, estimated without bias from labels flipped with a known probability",
	Source:  "Chowdhury et al. 2024, arXiv 2403.00409",
	TRL:     "dpo/robust",
	New:     func() Params { return &Robust{Lambda: defaultLambda, LabelSmoothing: 0.1, Divergence: reverseKL} },
}

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

var rpoKind = registry.Kind[Params]{
	Name:    "rpo",
	Summary: "DPO plus alpha times the negative log-likelihood of the chosen response per token",
	Source:  "Pang et al. 2024, arXiv 2404.19733",
	New:     func() Params { return &RPO{Lambda: defaultLambda, Alpha: 1} },
}

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
	o.Moving = &Moving{Alpha: p.Alpha, Every: p.Every}
	return o
}

var trDPOKind = registry.Kind[Params]{
	Name:    "tr-dpo",
	Aliases: []string{"tr_dpo", "trdpo"},
	Summary: "DPO whose reference follows the policy",
	Source:  "Gorbatovski et al. 2024, arXiv 2404.09656",
	New:     func() Params { return &TRDPO{Lambda: defaultLambda, Alpha: 0.6, Every: 512} },
}

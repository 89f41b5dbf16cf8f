package objective

// SimPO holds the parameters of simple preference optimization, -log sigmoid(z) of
// z = lambda (log pi(y_w)/n_w - log pi(y_l)/n_l) - gamma, without reference and per token (Meng et al., arXiv 2405.14734,
// equation 6), with label smoothing e as in DPO.
type SimPO struct {
	Lambda         float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"scale of the margin, SimPO's beta"`
	Gamma          float64 `yaml:"gamma" alias:"simpo_gamma" range:"[-1e6,1e6]" doc:"margin asked for, in units of z"`
	LabelSmoothing float64 `yaml:"label_smoothing" alias:"epsilon" range:"[0,0.5]" doc:"share of labels taken to be wrong"`
}

// Objective returns the loss.
func (p *SimPO) Objective() *Objective {
	return OnPairs(&Margin{Lambda: p.Lambda, Factor: 1, Outer: CrossEntropy{1 - p.LabelSmoothing, p.LabelSmoothing, p.Gamma},
		ReferenceFree: true, Length: AveragedLogps})
}

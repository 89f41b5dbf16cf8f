package objective

import "windtunnel/toy/registry"

// DPO holds the parameters of direct preference optimization, -log sigmoid(lambda u) with the logratio margin
// u = (log pi - log pi_ref)(y_w) - (log pi - log pi_ref)(y_l) (Rafailov et al., arXiv 2305.18290, equation 7).
type DPO struct {
	Lambda float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
}

// Objective returns the loss.
func (p *DPO) Objective() *Objective {
	return onPairs(&Margin{Lambda: p.Lambda, Factor: 1, Outer: Logistic{}})
}

var dpoKind = registry.Kind[Params]{
	Name:    "dpo",
	Summary: "direct preference optimization: -log sigmoid(lambda u), u the logratio margin",
	Source:  "Rafailov et al. 2023, arXiv 2305.18290, eq. 7",
	New:     func() Params { return &DPO{Lambda: defaultLambda} },
}

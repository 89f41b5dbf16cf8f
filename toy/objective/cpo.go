package objective

import "windtunnel/toy/registry"

// CPO holds the parameters of contrastive preference optimization: a loss of z = lambda (log pi(y_w) - log pi(y_l)),
// without reference, plus cpo_alpha times the chosen response's negative log-likelihood per token (Xu et al., arXiv
// 2401.08417). The loss of z is -log sigmoid(z), with label smoothing e as in DPO, or TRL's hinge or ipo.
type CPO struct {
	Lambda         float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"scale of the margin, CPO's beta"`
	Loss           string  `yaml:"loss" alias:"loss_type" oneof:"sigmoid,hinge,ipo" doc:"the function of the margin"`
	LabelSmoothing float64 `yaml:"label_smoothing" alias:"epsilon" range:"[0,0.5]" doc:"share of labels taken to be wrong, with loss: sigmoid"`
	Alpha          float64 `yaml:"cpo_alpha" range:"[0,1e6]" doc:"weight of the chosen response's negative log-likelihood"`
}

// Objective returns the two terms. An empty Loss is sigmoid.
func (p *CPO) Objective() *Objective {
	m := &Margin{Lambda: p.Lambda, Factor: 1, Outer: smoothed(p.LabelSmoothing), ReferenceFree: true}
	switch oneOf("loss", p.Loss, "sigmoid", "hinge", "ipo") {
	case "hinge":
		m.Outer = hinge
	case "ipo":
		m.Outer, m.Factor = Square{0.5}, 1/(p.Lambda*p.Lambda)
	}
	if p.Alpha == 0 {
		return OnPairs(m)
	}
	return OnPairs(m).And(p.Alpha, likelihood())
}

// Check refuses label smoothing where there is none.
func (p *CPO) Check() []registry.Problem {
	if p.LabelSmoothing != 0 && (p.Loss == "hinge" || p.Loss == "ipo") {
		return []registry.Problem{{Key: "label_smoothing", Wrong: "loss: " + p.Loss + " has no label smoothing",
			Allowed: "0, or loss: sigmoid"}}
	}
	return nil
}

package objective

import "windtunnel/toy/registry"

// ODPO holds the parameters of DPO with an offset, -log sigmoid(lambda u - alpha gap), u the logratio margin and gap the
// true reward of the chosen response less that of the rejected one (Amini, Vieira, Cotterell, arXiv 2402.10571, with the
// identity as the scaling of the gap). In a bandit the reward is log pi_star.
type ODPO struct {
	Lambda float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
	Alpha  float64 `yaml:"alpha" range:"[0,1e6]" doc:"margin asked for, per unit of reward gap; 0 is DPO"`
}

// Objective returns the loss.
func (p *ODPO) Objective() *Objective {
	return onPairs(&Margin{Lambda: p.Lambda, Factor: 1, Outer: Logistic{}, Offset: gapOffset{p.Alpha}})
}

type gapOffset struct{ alpha float64 }

// Add subtracts alpha times the reward gap.
func (o gapOffset) Add(b *Batch, z []float64) {
	for i, gap := range b.Gap {
		z[i] -= o.alpha * gap
	}
}

var odpoKind = registry.Kind[Params]{
	Name:    "odpo",
	Summary: "DPO that asks for a larger margin where the reward gap is larger",
	Source:  "Amini et al. 2024, arXiv 2402.10571",
	New:     func() Params { return &ODPO{Lambda: defaultLambda, Alpha: 1} },
}

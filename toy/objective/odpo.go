package objective

import "math"

// ODPO holds the parameters of DPO with an offset, -log sigmoid(lambda u - alpha f(gap)), u the logratio margin and gap
// the reward of the chosen response less that of the rejected one (Amini, Vieira, Cotterell, arXiv 2402.10571), with f the
// logarithm, as in the code published with the paper, or the identity. In a bandit the reward is log pi_star.
//
// The logarithm is of positive gaps. Towards a gap of 0 the loss vanishes, and so it does at a label that contradicts the
// rewards: such a comparison is left out. That is this project's reading; the paper has none. On a population, where every
// comparison is also labelled against the rewards, all that is left is won by the better response, and the loss has no
// minimizer. With the identity it has one, pi_ref pi_star^((1+alpha)/lambda).
type ODPO struct {
	Lambda  float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
	Alpha   float64 `yaml:"alpha" range:"[0,1e6]" doc:"margin asked for, per unit of the scaled reward gap; 0 is DPO"`
	Scaling string  `yaml:"scaling" oneof:"log,identity" doc:"f, the scaling of the reward gap; log leaves out comparisons whose gap is not above 0"`
}

// Objective returns the loss. An empty Scaling is the logarithm.
func (p *ODPO) Objective() *Objective {
	m := &Margin{Lambda: p.Lambda, Factor: 1, Outer: Logistic{}}
	if scaling := oneOf("scaling", p.Scaling, "log", "identity"); p.Alpha > 0 {
		m.Offset = gapOffset{p.Alpha, scaling == "log"}
	}
	return OnPairs(m)
}

type gapOffset struct {
	alpha float64
	log   bool
}

// Add subtracts alpha times the scaled reward gap, and nothing where gaps are not known.
func (o gapOffset) Add(b *Batch, z []float64) {
	for i, gap := range b.Gap {
		if o.log {
			gap = math.Log(max(0, gap))
		}
		z[i] -= o.alpha * gap
	}
}

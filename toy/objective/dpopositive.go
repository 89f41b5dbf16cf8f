package objective

// DPOPositive holds the parameters of DPO-Positive, -log sigmoid(lambda (u - penalty max(0, -x_w))) with u = x_w - x_l and x
// the log-ratio (Pal et al., arXiv 2402.13228): the margin shrinks when the chosen response falls below the reference.
type DPOPositive struct {
	Lambda  float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
	Penalty float64 `yaml:"penalty" alias:"dpop_lambda" range:"[0,1e6]" doc:"the paper's lambda: weight of the chosen response's fall, relative to the margin; 0 is DPO"`
}

// Objective returns the loss.
func (p *DPOPositive) Objective() *Objective {
	m := &Margin{Lambda: p.Lambda, Factor: 1, Outer: Logistic{}}
	if p.Penalty > 0 {
		m.ChosenLink = newKinked(p.Penalty)
	}
	return OnPairs(m)
}

// kinked is the link x - penalty max(0, -x), with slope 1 at the kink, where the policy starts: a log-ratio that is 0 but for
// rounding is 0.
type kinked struct {
	Pointwise
	penalty float64
}

func newKinked(penalty float64) kinked {
	return kinked{Pointwise{At: func(x float64) (value, slope, curve float64) {
		if x < 0 {
			return x + penalty*x, 1 + penalty, 0
		}
		return x, 1, 0
	}}, penalty}
}

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
		m.ChosenLink = kinked{p.Penalty}
	}
	return OnPairs(m)
}

// kinked is the link x - penalty max(0, -x), with slope 1 at the kink, where the policy starts: a log-ratio that is 0 but for
// rounding is 0.
type kinked struct{ penalty float64 }

// Value writes x above 0 and (1+penalty) x below.
func (l kinked) Value(x, dst []float64) {
	for i, v := range x {
		dst[i] = v + l.penalty*min(0, v)
	}
}

// Slope writes 1 or 1+penalty.
func (l kinked) Slope(x, dst []float64) {
	for i, v := range x {
		dst[i] = 1
		if v < 0 {
			dst[i] += l.penalty
		}
	}
}

func (kinked) Curve(_, dst []float64) { clear(dst) }

var dpoPositiveKind = kindOf("dpo-positive,dpop,dpo_positive,smaug", "", DPOPositive{Lambda: defaultLambda, Penalty: 50},
	"DPO with a penalty when the chosen response falls below the reference",
	"Pal et al. 2024, arXiv 2402.13228")

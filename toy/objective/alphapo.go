package objective

import "math"

// AlphaPO holds the parameters of SimPO with the reward (1 - exp(-alpha a))/alpha in place of a = log pi(y)/n, which at
// alpha 0 is a itself (Gupta et al., arXiv 2501.03884).
type AlphaPO struct {
	Lambda         float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"scale of the margin, SimPO's beta"`
	Gamma          float64 `yaml:"gamma" alias:"simpo_gamma" range:"[-1e6,1e6]" doc:"margin asked for, in units of lambda times the reward"`
	Alpha          float64 `yaml:"alpha" range:"[-50,50]" doc:"shape of the reward; 0 is SimPO"`
	LabelSmoothing float64 `yaml:"label_smoothing" alias:"epsilon" range:"[0,0.5]" doc:"share of labels taken to be wrong"`
}

// Objective returns the loss.
func (p *AlphaPO) Objective() *Objective {
	o := (&SimPO{p.Lambda, p.Gamma, p.LabelSmoothing}).Objective()
	if p.Alpha != 0 {
		o.pair[0].Term.(*Margin).Link = boxCox(p.Alpha)
	}
	return o
}

// boxCox is the link (1 - exp(-a x))/a, a other than 0, the power transform of 1/pi; up to a constant it is the alpha
// divergence's link of order 1-a. Where -a x > 709 it is infinite in 64 bits.
func boxCox(a float64) *bend {
	l := &bend{low: math.Inf(-1), high: 1 / a,
		Pointwise: Pointwise{At: func(x float64) (value, slope, curve float64) {
			e := math.Exp(-a * x)
			return -math.Expm1(-a*x) / a, e, -a * e
		}},
		inverse: func(t float64) float64 { return -math.Log1p(-a*t) / a }}
	if a < 0 {
		l.low, l.high = 1/a, math.Inf(1)
	}
	return l
}

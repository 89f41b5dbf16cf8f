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
		o.pair[0].Term.(*Margin).Link = BoxCox{p.Alpha}
	}
	return o
}

// BoxCox is the link (1 - exp(-A x))/A, A other than 0, the power transform of 1/pi; up to a constant it is the alpha
// divergence's link of order 1-A. Where -A x > 709 it is infinite in 64 bits.
type BoxCox struct{ A float64 }

var _ Invertible = BoxCox{}

// Value writes (1 - exp(-A x))/A.
func (l BoxCox) Value(x, dst []float64) {
	for i, v := range x {
		dst[i] = -math.Expm1(-l.A*v) / l.A
	}
}

// Slope writes exp(-A x).
func (l BoxCox) Slope(x, dst []float64) {
	for i, v := range x {
		dst[i] = math.Exp(-l.A * v)
	}
}

// Curve writes -A exp(-A x).
func (l BoxCox) Curve(x, dst []float64) {
	for i, v := range x {
		dst[i] = -l.A * math.Exp(-l.A*v)
	}
}

// Inverse returns -log(1 - A t)/A.
func (l BoxCox) Inverse(t float64) float64 { return -math.Log1p(-l.A*t) / l.A }

// Range is (-Inf, 1/A) for A > 0 and (1/A, Inf) for A < 0.
func (l BoxCox) Range() (low, high float64) {
	if l.A > 0 {
		return math.Inf(-1), 1 / l.A
	}
	return 1 / l.A, math.Inf(1)
}

var alphaPOKind = kindOf("alphapo,alpha-po", "cpo/simpo", AlphaPO{Lambda: defaultLambda, Gamma: 0.5, Alpha: 0.25},
	"SimPO with a reward of another shape, (1 - pi^(-alpha/n))/alpha",
	"Gupta et al. 2025, arXiv 2501.03884")

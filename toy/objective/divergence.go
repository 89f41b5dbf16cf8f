package objective

import (
	"math"

	"windtunnel/toy/logspace"
	"windtunnel/toy/registry"
)

// Divergence are the keys that choose an f-divergence to the reference (f-DPO, arXiv 2309.16240). The zero value is the
// reverse KL.
type Divergence struct {
	Divergence string  `yaml:"divergence" alias:"f_divergence,f_divergence_type" oneof:"reverse_kl,rkl,forward_kl,fkl,js_divergence,js,alpha_divergence,alpha" doc:"the f-divergence to the reference, long or short name"`
	Alpha      float64 `yaml:"alpha" alias:"f_alpha,f_alpha_divergence_coef" range:"[-50,50]" doc:"order of the alpha divergence; other divergences ignore it"`
}

// reverseKL are the defaults of Divergence.
var reverseKL = Divergence{Divergence: "reverse_kl", Alpha: 0.5}

// Check refuses the alpha divergence of order 1, whose link divides by zero; its limit is the reverse KL.
func (d *Divergence) Check() []registry.Problem {
	if d.Alpha == 1 && (d.Divergence == "alpha" || d.Divergence == "alpha_divergence") {
		return []registry.Problem{{Key: "alpha", Wrong: "the alpha divergence of order 1 is undefined",
			Allowed: "any other order in [-50,50], or divergence: reverse_kl, its limit"}}
	}
	return nil
}

// link returns f'(r) as a function of x = log r, up to constants that cancel in the margin (f-DPO, arXiv 2309.16240). Reverse
// KL has f'(r) = log r + 1, the identity, which a Margin writes as a nil link.
func (d *Divergence) link() Link {
	switch d.Divergence {
	case "forward_kl", "fkl":
		return ForwardKL{}
	case "js_divergence", "js":
		return JensenShannon{}
	case "alpha_divergence", "alpha":
		return AlphaDivergence{d.Alpha}
	case "", "reverse_kl", "rkl":
	default:
		unknownWord("divergence", d.Divergence)
	}
	return nil
}

// ForwardKL is the link -1/r = -exp(-x) of f(r) = -log r. Below x = -709 it is -Inf in 64 bits.
type ForwardKL struct{}

var _, _, _ Invertible = ForwardKL{}, JensenShannon{}, AlphaDivergence{}

// Value writes -exp(-x).
func (ForwardKL) Value(x, dst []float64) {
	for i, v := range x {
		dst[i] = -math.Exp(-v)
	}
}

// Slope writes exp(-x).
func (ForwardKL) Slope(x, dst []float64) {
	for i, v := range x {
		dst[i] = math.Exp(-v)
	}
}

// Curve writes -exp(-x).
func (l ForwardKL) Curve(x, dst []float64) { l.Value(x, dst) }

// Inverse returns -log(-t).
func (ForwardKL) Inverse(t float64) float64 { return -math.Log(-t) }

// Range is (-Inf, 0).
func (ForwardKL) Range() (low, high float64) { return math.Inf(-1), 0 }

// JensenShannon is the link log(r/(1+r)) = log sigmoid(x); the published code's log(2 pi) - log(pi + pi_ref) is the
// same plus log 2.
type JensenShannon struct{}

var _ fused = JensenShannon{}

// Value writes log sigmoid(x).
func (JensenShannon) Value(x, dst []float64) {
	for i, v := range x {
		dst[i] = logspace.LogSigmoid(v)
	}
}

// Slope writes 1/(1+r) = sigmoid(-x).
func (JensenShannon) Slope(x, dst []float64) {
	for i, v := range x {
		dst[i] = 1 / (1 + math.Exp(v))
	}
}

// ValueSlope writes both, from one exponential.
func (JensenShannon) ValueSlope(x, value, slope []float64) {
	value, slope = value[:len(x)], slope[:len(x)]
	for i, v := range x {
		e := math.Exp(-math.Abs(v))
		log := math.Log1p(e)
		if v >= 0 {
			value[i], slope[i] = -log, e/(1+e)
		} else {
			value[i], slope[i] = v-log, 1/(1+e)
		}
	}
}

// Curve writes -sigmoid(x) sigmoid(-x).
func (JensenShannon) Curve(x, dst []float64) {
	for i, v := range x {
		dst[i] = -logspace.Sigmoid(v) * logspace.Sigmoid(-v)
	}
}

// Inverse returns log(e^t/(1-e^t)) for t < 0.
func (JensenShannon) Inverse(t float64) float64 { return t - logspace.Log1mExp(t) }

// Range is (-Inf, 0).
func (JensenShannon) Range() (low, high float64) { return math.Inf(-1), 0 }

// alphaCap is where TRL stops the exponent of the alpha-divergence's link from growing; beyond it the link is flat.
const alphaCap = 80

// AlphaDivergence is the link r^(Alpha-1)/(Alpha-1) = exp((Alpha-1) x)/(Alpha-1), Alpha other than 1, with the
// exponent capped at 80 as in TRL. It is bounded below for Alpha > 1. At Alpha 0 it is the forward KL.
type AlphaDivergence struct{ Alpha float64 }

// Value writes exp(min((Alpha-1) x, 80))/(Alpha-1).
func (l AlphaDivergence) Value(x, dst []float64) {
	a := l.Alpha - 1
	for i, v := range x {
		dst[i] = math.Exp(min(a*v, alphaCap)) / a
	}
}

// Slope writes exp((Alpha-1) x), or 0 beyond the cap.
func (l AlphaDivergence) Slope(x, dst []float64) {
	a := l.Alpha - 1
	for i, v := range x {
		dst[i] = 0
		if a*v < alphaCap {
			dst[i] = math.Exp(a * v)
		}
	}
}

// Curve writes (Alpha-1) exp((Alpha-1) x), or 0 beyond the cap.
func (l AlphaDivergence) Curve(x, dst []float64) {
	l.Slope(x, dst)
	for i := range x {
		dst[i] *= l.Alpha - 1
	}
}

// Inverse returns log((Alpha-1) t)/(Alpha-1), for t of the sign of Alpha-1.
func (l AlphaDivergence) Inverse(t float64) float64 {
	a := l.Alpha - 1
	return math.Log(a*t) / a
}

// Range is (0, Inf) for Alpha > 1 and (-Inf, 0) for Alpha < 1, leaving the cap aside: policies reach it only where
// |Alpha-1| times the log-ratio does, which for Alpha between 0 and 2 is a ratio of e^80.
func (l AlphaDivergence) Range() (low, high float64) {
	if l.Alpha > 1 {
		return 0, math.Inf(1)
	}
	return math.Inf(-1), 0
}

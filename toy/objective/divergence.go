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
	switch oneOf("divergence", d.Divergence, "reverse_kl", "rkl", "forward_kl", "fkl", "js_divergence", "js", "alpha_divergence", "alpha") {
	case "forward_kl", "fkl":
		return forwardKL
	case "js_divergence", "js":
		return jensenShannon
	case "alpha_divergence", "alpha":
		return alphaDivergence(d.Alpha)
	}
	return nil
}

// forwardKL is the link -1/r = -exp(-x) of f(r) = -log r. Below x = -709 it is -Inf in 64 bits.
var forwardKL = &bend{low: math.Inf(-1), high: 0,
	Pointwise: Pointwise{At: func(x float64) (value, slope, curve float64) {
		e := math.Exp(-x)
		return -e, e, -e
	}},
	inverse: func(t float64) float64 { return -math.Log(-t) }}

// jensenShannon is the link log(r/(1+r)) = log sigmoid(x), with slope sigmoid(-x); the published code's log(2 pi) - log(pi + pi_ref)
// is the same plus log 2.
var jensenShannon = &bend{low: math.Inf(-1), high: 0,
	Pointwise: Pointwise{At: func(x float64) (value, slope, curve float64) {
		e := math.Exp(-math.Abs(x))
		small, large, log := e/(1+e), 1/(1+e), math.Log1p(e)
		if x >= 0 {
			return -log, small, -small * large
		}
		return x - log, large, -small * large
	}},
	inverse: func(t float64) float64 { return t - logspace.Log1mExp(t) }}

// alphaCap is where TRL stops the exponent of the alpha-divergence's link from growing; beyond it the link is flat.
const alphaCap = 80

// alphaDivergence is the link r^(alpha-1)/(alpha-1) = exp((alpha-1) x)/(alpha-1), alpha other than 1, with the exponent capped
// at 80 as in TRL. At alpha 0 it is the forward KL. Its range is given with the cap left aside: policies reach it only where
// |alpha-1| times the log-ratio does, which for alpha between 0 and 2 is a ratio of e^80.
func alphaDivergence(alpha float64) *bend {
	a := alpha - 1
	l := &bend{low: math.Inf(-1), high: 0,
		Pointwise: Pointwise{At: func(x float64) (value, slope, curve float64) {
			e := math.Exp(min(a*x, alphaCap))
			if value = e / a; a*x < alphaCap {
				slope, curve = e, e*a
			}
			return value, slope, curve
		}},
		inverse: func(t float64) float64 { return math.Log(a*t) / a }}
	if a > 0 {
		l.low, l.high = 0, math.Inf(1)
	}
	return l
}

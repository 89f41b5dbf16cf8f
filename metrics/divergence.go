package metrics

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
)

// divergences are of the policy beside pi_star and pi_ref.
var divergences = []Metric{
	{Name: "kl_star_pi", Unit: "nats", Source: "arXiv 2407.09072",
		Summary: "KL(pi_star to pi), the distance that the paper's preservation figure shows.",
		Value:   func(v *View) float64 { return kl(v.LogStar, v.LogPi, v.Star, v.Pi) }},
	{Name: "kl_pi_star", Unit: "nats", Source: "Kullback and Leibler 1951",
		Summary: "KL(pi to pi_star).",
		Value:   func(v *View) float64 { return kl(v.LogPi, v.LogStar, v.Pi, v.Star) }},
	{Name: "kl_ref_pi", Unit: "nats", Source: "arXiv 2407.09072",
		Summary: "KL(pi_ref to pi), the direction of TYPO's regularizer.",
		Value:   func(v *View) float64 { return kl(v.LogRef, v.LogPi, v.Ref, v.Pi) }},
	{Name: "kl_pi_ref", Unit: "nats", Source: "Kullback and Leibler 1951",
		Summary: "KL(pi to pi_ref), the direction of RLHF's regularizer.",
		Value:   func(v *View) float64 { return kl(v.LogPi, v.LogRef, v.Pi, v.Ref) }},
	{Name: "kl_star_ref", Unit: "nats", Source: "arXiv 2407.09072",
		Summary: "KL(pi_star to pi_ref), the kl_star_pi of a policy that stays at pi_ref; it does not depend on pi.",
		Value:   func(v *View) float64 { return kl(v.LogStar, v.LogRef, v.Star, v.Ref) }},
	{Name: "js_star", Unit: "nats", Source: "Lin 1991",
		Summary: "Jensen-Shannon divergence between pi and pi_star, at most log 2.",
		Value:   func(v *View) float64 { return js(v.LogPi, v.LogStar, v.Pi, v.Star) }},
	{Name: "js_ref", Unit: "nats", Source: "Lin 1991",
		Summary: "Jensen-Shannon divergence between pi and pi_ref, at most log 2.",
		Value:   func(v *View) float64 { return js(v.LogPi, v.LogRef, v.Pi, v.Ref) }},
	{Name: "tv_star", Source: "this project",
		Summary: "Total variation between pi and pi_star.",
		Value:   func(v *View) float64 { return floats.Distance(v.Pi, v.Star, 1) / 2 }},
	{Name: "tv_ref", Source: "this project",
		Summary: "Total variation between pi and pi_ref.",
		Value:   func(v *View) float64 { return floats.Distance(v.Pi, v.Ref, 1) / 2 }},
	{Name: "entropy", Unit: "nats", Source: "Shannon 1948",
		Summary: "Entropy of pi, at most log K.",
		Value:   func(v *View) float64 { return stat.Entropy(v.Pi) }},
}

// kl returns KL(p to q) = sum p (log p - log q), summed as p (log p - log q) + q - p. The extra terms add up to 0 for
// normalized p and q and make each summand non-negative, so that between close distributions the rounding of the
// probabilities enters in second order instead of drowning the result. 0 log 0 is 0, and q = 0 < p gives +Inf.
func kl(logP, logQ, p, q []float64) float64 {
	sum := 0.0
	for i, lp := range logP {
		switch d := lp - logQ[i]; {
		case math.IsInf(lp, -1):
			sum += q[i]
		case math.IsInf(d, 1):
			return d
		case math.Abs(d) < 1:
			sum += p[i] * max(0, d+math.Expm1(-d))
		default:
			sum += p[i]*d + (q[i] - p[i])
		}
	}
	return sum
}

// js returns the Jensen-Shannon divergence of p and q. With m = (p+q)/2, a = log p - log q and t = (p-q)/(p+q) =
// tanh(a/2), a summand p/2 log(p/m) + q/2 log(q/m) equals m/2 (t a + log(1-t^2)): non-negative, and without the
// cancellation that the definition has where p and q are close.
func js(logP, logQ, p, q []float64) float64 {
	sum := 0.0
	for i, lp := range logP {
		m := (p[i] + q[i]) / 2
		if m == 0 {
			continue
		}
		a := math.Abs(lp - logQ[i])
		e := math.Exp(-a)
		switch t := -math.Expm1(-a) / (1 + e); {
		case a < 1:
			sum += m / 2 * (t*a + math.Log1p(-t*t))
		case e == 0:
			sum += m * math.Ln2
		default: // log(1-t^2) = 2 log 2 - a - 2 log(1+e) and t - 1 = -2e/(1+e)
			sum += m * (math.Ln2 - math.Log1p(e) - a*e/(1+e))
		}
	}
	return sum
}

const weakCriteria = "arXiv 2407.09072 (weak interpolation criteria)"

// ofMode are of the policy beside the mode policy of pi_star.
var ofMode = []Metric{
	{Name: "kl_mode_pi", Unit: "nats", Source: weakCriteria,
		Summary: "KL(pi_delta to pi), pi_delta being the mode policy of pi_star.",
		Value:   func(v *View) float64 { return kl(v.LogMode, v.LogPi, v.Mode, v.Pi) }},
	{Name: "tv_mode", Source: weakCriteria,
		Summary: "Total variation between pi and the mode policy pi_delta.",
		Value:   func(v *View) float64 { return floats.Distance(v.Pi, v.Mode, 1) / 2 }},
	{Name: "mode_mass", Source: weakCriteria,
		Summary: "Probability that pi gives to the most probable responses of pi_star.",
		Value:   func(v *View) float64 { return v.mass(v.Argmax) }},
}

// mass is the probability of some responses, NaN of none.
func (v *View) mass(responses []int) float64 {
	if len(responses) == 0 {
		return math.NaN()
	}
	sum := 0.0
	for _, i := range responses {
		sum += v.Pi[i]
	}
	return sum
}

// setMode fills Argmax, LogMode and Mode from LogStar and LogRef; without a pi_star there is none.
func (v *View) setMode() {
	if math.IsNaN(v.LogStar[0]) {
		v.LogMode, v.Mode = v.LogStar, v.LogStar
		return
	}
	cut := floats.Max(v.LogStar) + math.Log1p(-TieTolerance)
	var logRef []float64
	v.LogMode = make([]float64, len(v.LogStar))
	for i, l := range v.LogStar {
		v.LogMode[i] = math.Inf(-1)
		if l >= cut {
			v.Argmax = append(v.Argmax, i)
			logRef = append(logRef, v.LogRef[i])
		}
	}
	total := floats.LogSumExp(logRef)
	for j, i := range v.Argmax {
		if math.IsInf(total, -1) {
			v.LogMode[i] = -math.Log(float64(len(v.Argmax)))
		} else {
			v.LogMode[i] = logRef[j] - total
		}
	}
	v.Mode = exp(v.LogMode)
}

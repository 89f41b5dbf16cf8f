package metrics

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

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

package policy

import (
	"math"

	"windtunnel/toy/logspace"
)

// activation returns a unit's value and slope at its input.
type activation func(x float64) (value, slope float64)

// activations are the activations by name.
var activations = map[string]activation{"tanh": tanh, "relu": relu, "gelu": gelu, "silu": silu}

func tanh(x float64) (value, slope float64) {
	t := math.Tanh(x)
	return t, 1 - t*t
}

// relu has slope 0 at 0.
func relu(x float64) (value, slope float64) {
	if x > 0 {
		return x, 1
	}
	return 0, 0
}

// gelu is x Phi(x) with the normal distribution function Phi (Hendrycks and Gimpel, arXiv 1606.08415, section 2).
func gelu(x float64) (value, slope float64) {
	phi := math.Erfc(-x/math.Sqrt2) / 2
	return x * phi, phi + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
}

// silu is x sigmoid(x) (arXiv 1606.08415, section 4; arXiv 1702.03118).
func silu(x float64) (value, slope float64) {
	s := logspace.Sigmoid(x)
	return x * s, s * (1 + x*(1-s))
}

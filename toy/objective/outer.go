package objective

import (
	"math"

	"windtunnel/toy/logspace"
)

// Logistic is psi(z) = -log sigmoid(z), the negative log-likelihood of Bradley and Terry's model.
type Logistic struct{}

// Value writes -log sigmoid(z).
func (Logistic) Value(z, dst []float64) {
	for i, v := range z {
		dst[i] = -logspace.LogSigmoid(v)
	}
}

// Slope writes -sigmoid(-z).
func (Logistic) Slope(z, dst []float64) {
	dst = dst[:len(z)]
	for i, v := range z {
		// One branch suffices: exp(v) overflows to +Inf for large v, and 1/(1+Inf) is the right 0.
		dst[i] = -1 / (1 + math.Exp(v))
	}
}

// Curve writes sigmoid(z) sigmoid(-z).
func (Logistic) Curve(z, dst []float64) {
	for i, v := range z {
		dst[i] = logspace.Sigmoid(v) * logspace.Sigmoid(-v)
	}
}

// Attained is false: the loss falls for ever as the margin grows.
func (Logistic) Attained() bool { return false }

// Square is psi(z) = (z - Target)^2.
type Square struct{ Target float64 }

// Value writes (z - Target)^2.
func (s Square) Value(z, dst []float64) {
	for i, v := range z {
		dst[i] = (v - s.Target) * (v - s.Target)
	}
}

// Slope writes 2 (z - Target).
func (s Square) Slope(z, dst []float64) {
	dst = dst[:len(z)]
	for i, v := range z {
		dst[i] = 2 * (v - s.Target)
	}
}

// Curve writes 2.
func (s Square) Curve(z, dst []float64) {
	for i := range z {
		dst[i] = 2
	}
}

// Attained is true: the minimum is at z = Target.
func (Square) Attained() bool { return true }

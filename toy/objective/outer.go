package objective

import (
	"math"

	"windtunnel/toy/logspace"
)

// Outer is psi, a function of the scaled margin, applied to whole columns.
type Outer interface {
	// Value writes psi(z) to dst.
	Value(z, dst []float64)
	// Slope writes psi'(z) to dst.
	Slope(z, dst []float64)
	// Curve writes the second derivative of psi at z to dst.
	Curve(z, dst []float64)
}

// allOf writes value, slope and second derivative of psi.
func allOf(psi Outer, z, value, slope, curve []float64) {
	if at, ok := psi.(atOnce); ok {
		at.All(z, value, slope, curve)
		return
	}
	psi.Value(z, value)
	psi.Slope(z, slope)
	psi.Curve(z, curve)
}

// atOnce is an Outer that has all three cheaper together, with the same bits.
type atOnce interface {
	All(z, value, slope, curve []float64)
}

var _, _ atOnce = Logistic{}, Pointwise{}

var _, _, _, _ Shaped = Logistic{}, Square{}, CrossEntropy{}, Pointwise{}

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

// All writes value, slope and second derivative.
func (l Logistic) All(z, value, slope, curve []float64) {
	l.Slope(z, slope)
	for i, v := range z {
		e := math.Exp(-math.Abs(v)) // the smaller odds, of which the larger share is 1/(1+e)
		value[i] = math.Log1p(e)
		if v < 0 {
			value[i] = -(v - value[i])
		}
		curve[i] = 1 / (1 + e) * (e / (1 + e))
	}
}

// Shape is that of a strictly convex loss that falls for ever as the margin grows.
func (Logistic) Shape() Shape {
	return Shape{Low: Rises, High: Falls, Convexity: Strict, Monotone: true}
}

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

// Shape is that of a parabola, with its minimum at z = Target.
func (Square) Shape() Shape { return Shape{Low: Rises, High: Rises, Convexity: Strict} }

// CrossEntropy is psi(z) = -Win log sigmoid(z-Shift) - Lose log sigmoid(Shift-z), for Win + Lose > 0: the likelihood of
// a comparison that is won with probability Win and lost with probability Lose.
type CrossEntropy struct{ Win, Lose, Shift float64 }

// smoothed returns the logistic loss with label smoothing e: labels are wrong with probability e.
func smoothed(e float64) Outer {
	if e == 0 {
		return Logistic{}
	}
	return CrossEntropy{Win: 1 - e, Lose: e}
}

// Value writes psi(z), using log sigmoid(-x) = log sigmoid(x) - x.
func (c CrossEntropy) Value(z, dst []float64) {
	for i, v := range z {
		v -= c.Shift
		switch {
		case c.Lose == 0:
			dst[i] = -c.Win * logspace.LogSigmoid(v)
		case c.Win == 0:
			dst[i] = -c.Lose * logspace.LogSigmoid(-v)
		case v >= 0:
			dst[i] = c.Lose*v - (c.Win+c.Lose)*logspace.LogSigmoid(v)
		default:
			dst[i] = -c.Win*v - (c.Win+c.Lose)*logspace.LogSigmoid(-v)
		}
	}
}

// Slope writes Lose sigmoid(z) - Win sigmoid(-z).
func (c CrossEntropy) Slope(z, dst []float64) {
	dst = dst[:len(z)]
	for i, v := range z {
		// exp(v) may overflow to +Inf, and 1/(1+Inf) is the right 0; the larger share is 1 minus the smaller.
		v -= c.Shift
		if v >= 0 {
			lost := math.Exp(-v) / (1 + math.Exp(-v))
			dst[i] = c.Lose*(1-lost) - c.Win*lost
			continue
		}
		won := math.Exp(v) / (1 + math.Exp(v))
		dst[i] = c.Lose*won - c.Win*(1-won)
	}
}

// Curve writes (Win + Lose) sigmoid(z) sigmoid(-z).
func (c CrossEntropy) Curve(z, dst []float64) {
	for i, v := range z {
		dst[i] = (c.Win + c.Lose) * logspace.Sigmoid(v-c.Shift) * logspace.Sigmoid(c.Shift-v)
	}
}

// Shape is that of a strictly convex function with slopes -Win and Lose at the ends. An outcome that does not occur makes
// it fall for ever; a negative one, as robust DPO has, without bound.
func (c CrossEntropy) Shape() Shape {
	end := func(slope float64) End {
		switch {
		case slope > 0:
			return Rises
		case slope < 0:
			return Plunges
		}
		return Falls
	}
	return Shape{Low: end(c.Win), High: end(c.Lose), Convexity: Strict, Monotone: c.Win <= 0 || c.Lose <= 0}
}

// EndSlopes returns the limits -Win and Lose.
func (c CrossEntropy) EndSlopes() (low, high float64) { return -c.Win, c.Lose }

// Pointwise is psi written as one function of z.
type Pointwise struct {
	At    func(z float64) (value, slope, curve float64)
	shape Shape // the zero Shape says that it is not known
}

// Value writes psi(z).
func (p Pointwise) Value(z, dst []float64) {
	for i, v := range z {
		dst[i], _, _ = p.At(v)
	}
}

// Slope writes psi'(z).
func (p Pointwise) Slope(z, dst []float64) {
	for i, v := range z {
		_, dst[i], _ = p.At(v)
	}
}

// Curve writes the second derivative.
func (p Pointwise) Curve(z, dst []float64) {
	for i, v := range z {
		_, _, dst[i] = p.At(v)
	}
}

// All writes value, slope and second derivative.
func (p Pointwise) All(z, value, slope, curve []float64) {
	for i, v := range z {
		value[i], slope[i], curve[i] = p.At(v)
	}
}

// Shape returns what is known of the function.
func (p Pointwise) Shape() Shape { return p.shape }

// bounded keeps a margin finite, for functions in which it meets a factor that vanishes.
func bounded(z float64) float64 { return max(-math.MaxFloat64, min(z, math.MaxFloat64)) }

// falling is psi(z) = weight sigmoid(-z), the bounded loss of APO and KTO on a chosen response.
func falling(weight float64) Outer {
	return Pointwise{shape: mirrored(-weight), At: func(z float64) (value, slope, curve float64) {
		s, r := logspace.Sigmoids(z)
		return weight * r, -weight * s * r, weight * s * r * (s - r)
	}}
}

// rising is psi(z) = weight sigmoid(z), its mirror image, on a rejected response.
func rising(weight float64) Outer {
	return Pointwise{shape: mirrored(weight), At: func(z float64) (value, slope, curve float64) {
		s, r := logspace.Sigmoids(z)
		return weight * s, weight * s * r, weight * s * r * (r - s)
	}}
}

// hinge is psi(z) = max(0, 1-z), flat from the kink on.
var hinge = Pointwise{shape: Shape{Low: Rises, High: Level, Convexity: Weak, Hinge: true}, At: func(z float64) (value, slope, curve float64) {
	if z < 1 {
		return 1 - z, -1, 0
	}
	return 0, 0, 0
}}

// negative is psi(z) = -z: with t = log pi, the negative log-likelihood.
var negative = Pointwise{shape: Shape{Low: Rises, High: Plunges, Convexity: Weak, Monotone: true}, At: func(z float64) (value, slope, curve float64) { return -z, -1, 0 }}

// likelihood is the negative log-likelihood of the chosen response, per token.
func likelihood() *Objective {
	return OnPairs(&Sides{Lambda: 1, Factor: 1, Chosen: negative, ReferenceFree: true, Length: AveragedLogps})
}

// Package gradcheck differentiates functions numerically, to check derivatives that are written out by hand. Tests use
// it; nothing else does.
package gradcheck

import (
	"math"

	"gonum.org/v1/gonum/diff/fd"
)

// central is the central difference of fourth order: its error is h^4 f””'/30 and rounding over h.
var central = fd.Formula{
	Stencil:    []fd.Point{{Loc: -2, Coeff: 1. / 12}, {Loc: -1, Coeff: -2. / 3}, {Loc: 1, Coeff: 2. / 3}, {Loc: 2, Coeff: -1. / 12}},
	Derivative: 1,
	Step:       1e-3,
}

// Derivative returns f'(x). A loss may bend over a distance of 1 or of 1e-8, so no single step serves: the steps 0.1,
// 0.025, ... 1e-12 are tried in turn and the estimate with the smallest error kept, the error being its change from the
// one before, as in Ridders' method (Advances in Engineering Software 4, 1982), and the rounding of f over the step. It
// never looks at the derivative under test.
func Derivative(f func(float64) float64, x float64) float64 {
	rounding := 0x1p-52 * math.Abs(f(x))
	best, least, last := math.NaN(), math.Inf(1), math.NaN()
	for h := 0.1; h > 1e-12; h /= 4 {
		d := fd.Derivative(f, x, &fd.Settings{Formula: central, Step: h})
		if e := math.Abs(d-last) + rounding/h; e < least {
			best, least = d, e
		}
		last = d
	}
	return best
}

// Gradient returns the derivatives of f by each entry of x, of which f sees the changed copy.
func Gradient(f func([]float64) float64, x []float64) []float64 {
	at := append([]float64(nil), x...)
	grad := make([]float64, len(x))
	for i, v := range x {
		grad[i] = Derivative(func(t float64) float64 {
			at[i] = t
			return f(at)
		}, v)
		at[i] = v
	}
	return grad
}

// Close says whether a derivative agrees with its numerical estimate to 1e-6 relative. What rounding of f itself can
// do is forgiven: 5e-12 times scale, the size of the terms that f adds up.
func Close(got, want, scale float64) bool {
	return math.Abs(got-want) <= 1e-6*math.Abs(want)+5e-12*scale
}

package objective

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// Length says how token counts enter a loss. In a bandit every response is one token, and all three are the same.
type Length int

// Lengths.
const (
	Summed          Length = iota // log-probabilities are sums over tokens; counts do not matter
	AveragedLogps                 // log-probabilities are divided by the token count, before the link
	AveragedRewards               // the link's values are divided by the token count
)

// Link is an increasing function of the log-ratio x = log pi - log pi_ref, applied to whole columns.
type Link interface{ Outer }

// Invertible is a link that the exact solver can go back through, from margins to policies.
type Invertible interface {
	Link
	// Inverse returns x with link(x) = t, for t inside Range.
	Inverse(t float64) float64
	// Range returns the open interval of link's values, ends possibly infinite.
	Range() (low, high float64)
}

// bend is a link written as one function of x, with its inverse and its range.
type bend struct {
	Pointwise
	inverse   func(t float64) float64
	low, high float64
}

var _ Invertible = (*bend)(nil)

func (l *bend) Inverse(t float64) float64 { return l.inverse(t) }

func (l *bend) Range() (low, high float64) { return l.low, l.high }

// order is how many derivatives are wanted.
type order int

const (
	valueOnly order = iota
	withSlope
	withCurve
)

// view is what a loss makes of a response's log-probability before it compares.
type view struct {
	link          Link // nil is the identity
	referenceFree bool
	length        Length
}

// linked is one side of the comparisons after the link: x the log-ratio, t what the loss sees, d and dd the derivatives
// of t by the log-probability.
type linked struct{ x, t, d, dd []float64 }

// fill fills the side from its columns. tokens may be nil.
func (l *linked) fill(v view, logPi, logRef, tokens []float64, upTo order) {
	n := len(logPi)
	l.x, l.t, l.d, l.dd = sized(l.x, n), sized(l.t, n), sized(l.d, n), sized(l.dd, n)
	if v.referenceFree {
		copy(l.x, logPi)
	} else {
		floats.SubTo(l.x, logPi, logRef)
		if _, kink := v.link.(kinked); kink {
			for i, x := range l.x {
				if atReference(x, logRef[i]) {
					l.x[i] = 0
				}
			}
		}
	}
	if v.length == AveragedLogps {
		divide(l.x, tokens)
	}
	l.apply(v.link, upTo)
	switch v.length {
	case AveragedRewards:
		divide(l.t, tokens)
		divide(l.d, tokens)
		divide(l.dd, tokens)
	case AveragedLogps:
		divide(l.d, tokens)
		divide(l.dd, tokens)
		divide(l.dd, tokens)
	}
}

// atReference says whether a log-ratio is 0 but for the rounding of two normalizations. A policy that starts at its reference is
// at the kink of a loss that has one there, and not 1e-17 to a side that rounding chose.
func atReference(logRatio, logRef float64) bool {
	return math.Abs(logRatio) <= 0x1p-49*max(1, math.Abs(logRef))
}

// apply fills t from x and, as wanted, its derivatives; derivatives that are not wanted are left as they are.
func (l *linked) apply(link Link, upTo order) {
	if link == nil {
		copy(l.t, l.x)
		for i := range l.d {
			l.d[i], l.dd[i] = 1, 0
		}
		return
	}
	if b, ok := link.(*bend); ok && upTo >= withSlope { // one exponential serves all
		b.All(l.x, l.t, l.d, l.dd)
		return
	}
	link.Value(l.x, l.t)
	if upTo >= withSlope {
		link.Slope(l.x, l.d)
	}
	if upTo >= withCurve {
		link.Curve(l.x, l.dd)
	}
}

// sized returns a scratch column cut or grown to n entries, whatever they are.
func sized(column []float64, n int) []float64 { return slices.Grow(column[:0], n)[:n] }

// divide divides a column by the token counts; nil counts are 1.
func divide(x, tokens []float64) {
	for i, n := range tokens {
		x[i] /= n
	}
}

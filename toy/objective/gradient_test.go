package objective

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"windtunnel/toy/fixedseed"
	"windtunnel/toy/internal/gradcheck"
)

var lambdas = []float64{1e-8, 1e-4, 0.1, 1, 100, 1e8}

// comparisons returns inputs (chosen, rejected and the reference's) at which derivatives of a term are checked: ordinary
// and far-out ones, ties, and margins of the size of 1/lambda, where the loss bends. At lambda 1e8 it bends within 1e-8,
// too narrow for differences of float64 unless the log-ratios themselves are that small, enter the margin as they are and
// the function of the margin is smooth.
func comparisons(lambda float64, term PairTerm) [][4]float64 {
	if s, ok := term.(*Sides); ok {
		lambda = s.Lambda // which is not the loss's in the cross-entropy of a comparison
	}
	if _, formula := term.(reading); formula { // which may bend anywhere
		if lambda > 1e3 || lambda < 1e-3 {
			return nil
		}
		return [][4]float64{{-0.7, -1.2, -0.9, -0.9}, {-2.7, -0.9, -0.2, -0.4}, {-23, -65, -36, -22}, {-65, -23, -22, -36}, {-2, -2, -1, -1}}
	}
	all := [][4]float64{
		{-0.7, -1.2, -0.9, -0.9}, {-2.7, -0.9, -0.2, -0.4}, {-23, -65, -36, -22}, {-65, -23, -22, -36},
		{-50, -50.1, -3, -3.2}, {-600, -1, -2, -3}, {-1, -600, -3, -2}, {-1e4, 0, 0, -1e4}, {0, -1e4, -1e4, 0},
	}
	m, single := term.(*Margin)
	smooth := single && term.DifferenceOnly() && (m.Outer == Logistic{} || m.Outer == Square{0.5})
	if lambda < 1e3 {
		all = append(all, ties...)
	}
	if lambda < 1e3 || smooth {
		for _, z := range []float64{-20, -3, -0.3, 0, 0.3, 3, 20} {
			all = append(all, [4]float64{z / lambda / 2, -z / lambda / 2, 0, 0})
		}
	}
	return slices.DeleteFunc(all, func(in [4]float64) bool { return outside(term, in) })
}

// outside says whether a comparison is where a term has a kink, or two within a step, or is not defined: log-probabilities above 0 have no odds,
// and at 0 the odds end.
func outside(term PairTerm, in [4]float64) bool {
	m, ok := term.(*Margin)
	if !ok {
		return false
	}
	if m.ChosenLink != nil && math.Abs(in[0]-in[2]) < 1e-12 {
		return true
	}
	if m.Link == Link(logOdds) && max(in[0], in[1]) > -1e-3 {
		return true
	}
	m.Loss(single(in))
	z, slope := []float64{m.margin[0] - 1e-6, m.margin[0] + 1e-6}, make([]float64, 2)
	m.Outer.Slope(z, slope)
	kink := math.Abs(slope[0]-slope[1]) > 0.1 && math.Abs(z[0]) < 2
	// Flat a step of a tenth to either side but not here: differences of the slope would see nothing but the flats.
	around := make([]float64, 2)
	m.Outer.Slope([]float64{m.margin[0] - 0.1*m.Lambda, m.margin[0] + 0.1*m.Lambda}, around)
	return kink || around[0] == 0 && around[1] == 0 && slope[0] != 0
}

// ties are comparisons of margin zero.
var ties = [][4]float64{{-1, -1, -1, -1}, {-0.01, -4.6, -0.01, -4.6}, {-2, -2, -1, -1}, {-1.5, -1.5, 0, 0}}

// TestExtremes looks at what must not be NaN or infinite anywhere, ties at the largest lambda included. Without -tags soak a
// loss meets all comparisons at the least and the largest lambda; of the lambdas between, half of them at one and the others at the next.
func TestExtremes(t *testing.T) {
	levels := []float64{-1e4, -800, -300, -1e-300, 0}
	for k, lambda := range lambdas {
		for n, v := range variants(t, lambda) {
			for _, term := range v.objective.pair {
				for i := range 5 * 5 * 5 * 5 {
					if !fixedseed.Soak && 0 < k && k < len(lambdas)-1 && (i+n+k)%2 == 1 {
						continue
					}
					in := [4]float64{levels[i%5], levels[i/5%5], levels[i/25%5], levels[i/125]}
					b, g, h := single(in), newGrad(1), newHess(1)
					loss := term.Term.Loss(b)
					term.Term.Grad(b, 1, g)
					if c, ok := term.Term.(Curved); ok {
						c.Derivatives(b, 1, newGrad(1), h)
					}
					if math.IsInf(loss, 0) && far(lambda, in) {
						continue // and the gradient may be infinity times nothing
					}
					overflow := far(lambda, in) && !math.IsNaN(g.Chosen[0]) && !math.IsNaN(g.Rejected[0])
					if !finite(loss, g.Chosen[0], g.Rejected[0]) && !overflow || math.IsNaN(h.ChosenChosen[0]) ||
						math.IsNaN(h.RejectedRejected[0]) || math.IsNaN(h.ChosenRejected[0]) {
						t.Fatalf("%s lambda %g at %v: loss %v, gradient %v, second derivatives %v", v.name, lambda, in, loss, *g, *h)
					}
				}
			}
		}
	}
}

func TestPairGradient(t *testing.T) {
	checked := 0
	for _, lambda := range []float64{1e-8, 0.1, 100, 1e8} {
		for _, v := range variants(t, lambda) {
			for _, term := range v.objective.pair {
				for _, in := range comparisons(lambda, term.Term) {
					checkPair(t, v, term.Term, in)
					checked++
				}
			}
		}
	}
	if checked < 1000 {
		t.Errorf("%d comparisons checked", checked)
	}
}

// steepness is the size of the parts that a gradient adds up, which may cancel.
func steepness(term PairTerm, lambda float64) float64 {
	link := func(side *linked) float64 {
		if len(side.d) == 0 {
			return 1
		}
		return max(1, side.d[0])
	}
	switch term := term.(type) {
	case *Margin:
		return term.Lambda * term.Factor * max(link(&term.chosen), link(&term.rejected))
	case *Sides:
		return term.Lambda * term.Factor * max(link(&term.chosen), link(&term.rejected))
	}
	return lambda
}

// checkPair compares a term's derivatives at one comparison with differences of its value, what it detaches held, and its
// second derivatives, if it has them, with differences of the first.
func checkPair(t *testing.T, v variant, term PairTerm, in [4]float64) {
	t.Helper()
	b, g := single(in), newGrad(1)
	value := term.Loss(b)
	term.Grad(b, 1, g)
	if math.IsInf(value, 0) && far(v.lambda, in) {
		return
	}
	if r, is := term.(detachedMemory); is && r.source.HeldRows() {
		return // what it holds back cannot be held apart; see its formula
	}
	held := term
	if d, ok := term.(Detached); ok {
		held = d.Freeze(b)
		if got := held.Loss(b); got != value {
			t.Errorf("%s lambda %g at %v: loss %v, held %v", v.name, v.lambda, in, value, got)
		}
	}
	at := single(in)
	loss := func(x []float64) float64 {
		at.Chosen[0], at.Rejected[0] = x[0], x[1]
		return held.Loss(at)
	}
	want := gradcheck.Gradient(loss, in[:2])
	size := math.Abs(value)
	if m, single := term.(*Margin); single && (m.Outer == Square{}) || v.objective.Reads("c") { // parts that cancel
		size = max(size, 1)
	}
	for i, got := range []float64{g.Chosen[0], g.Rejected[0]} {
		if !finite(value, got) || !gradcheck.Close(got, want[i], size) {
			t.Errorf("%s lambda %g at %v: loss %v, derivative %d is %v, want %v", v.name, v.lambda, in, value, i, got, want[i])
		}
	}
	if c, ok := held.(Curved); ok {
		checkCurve(t, v, c, in)
	}
}

// far says whether a loss may overflow: the square of an exponential link does where a log-ratio is beyond 300, an
// exponential loss where the margin is beyond 700. What is infinite in 64 bits is infinite here, never NaN.
func far(lambda float64, in [4]float64) bool {
	most := max(math.Abs(in[0]-in[2])+math.Abs(in[1]-in[3]), math.Abs(in[0])+math.Abs(in[1]))
	return most > 300 || lambda*most > 700
}

func checkCurve(t *testing.T, v variant, term Curved, in [4]float64) {
	t.Helper()
	g, h := newGrad(1), newHess(1)
	term.Derivatives(single(in), 1, g, h)
	bend := steepness(term, v.lambda)
	at, slope := single(in), newGrad(1)
	for i, got := range [][2]float64{{h.ChosenChosen[0], h.ChosenRejected[0]}, {h.ChosenRejected[0], h.RejectedRejected[0]}} {
		for j := range 2 {
			first := func(x float64) float64 {
				at.Chosen[0], at.Rejected[0] = in[0], in[1]
				[2][]float64{at.Chosen, at.Rejected}[j][0] = x
				slope.Chosen[0], slope.Rejected[0] = 0, 0
				term.Grad(at, 1, slope)
				return [2]float64{slope.Chosen[0], slope.Rejected[0]}[i]
			}
			want := gradcheck.Derivative(first, in[j])
			scale := max(math.Abs(g.Chosen[0]), math.Abs(g.Rejected[0]), bend*math.Max(1, bend))
			if math.IsNaN(got[j]) || !math.IsInf(got[j], 0) && !gradcheck.Close(got[j], want, scale) {
				t.Errorf("%s lambda %g at %v: second derivative %d,%d is %v, want %v", v.name, v.lambda, in, i, j, got[j], want)
			}
		}
	}
}

func TestDistGradient(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	dists := []*Dist{
		dist([]float64{0, 0, 0}, []float64{0, 0, 0}, []float64{0, 0, 0}),
		dist([]float64{30, 0, -30}, []float64{-30, 0, 30}, []float64{1, 2, 3}),
		dist([]float64{1e4, 0, -1e4}, []float64{0, 1e4, 0}, []float64{-1e4, 0, 1}),
	}
	for range 5 {
		dists = append(dists, dist(gaussian(rng, 4, 2), gaussian(rng, 4, 2), gaussian(rng, 4, 2)))
	}
	checked := 0
	for _, lambda := range lambdas {
		for _, v := range variants(t, lambda) {
			for _, term := range v.objective.dist {
				for _, d := range dists {
					checkDist(t, v, term.Term, d)
					checked++
				}
			}
		}
	}
	if checked < 300 {
		t.Errorf("%d distributions checked", checked)
	}
}

// checkDist takes the entries of LogPi as free variables, with Pi = exp(LogPi), and what is held back from differentiation as fixed.
func checkDist(t *testing.T, v variant, term DistTerm, d *Dist) {
	t.Helper()
	k := len(d.LogPi)
	at := func(logPi []float64) *Dist {
		moved := *d
		moved.LogPi, moved.Pi = logPi, make([]float64, k)
		moved.LogHeld, moved.Held = d.LogPi, d.Pi
		for i, v := range logPi {
			moved.Pi[i] = math.Exp(v)
		}
		return &moved
	}
	loss, g, h := term.Loss(d), make([]float64, k), make([]float64, k*k)
	term.Grad(d, 1, g)
	term.Hess(d, 1, h)
	want := gradcheck.Gradient(func(x []float64) float64 { return term.Loss(at(x)) }, d.LogPi)
	for i := range g {
		if !finite(loss, g[i], h[i*k+i]) || !gradcheck.Close(g[i], want[i], math.Abs(loss)) {
			t.Errorf("%s lambda %g at %v: loss %v, derivative %d is %v, want %v", v.name, v.lambda, d.LogPi, loss, i, g[i], want[i])
		}
		for j := range g {
			first := func(x float64) float64 {
				moved, g := append([]float64(nil), d.LogPi...), make([]float64, k)
				moved[j] = x
				term.Grad(at(moved), 1, g)
				return g[i]
			}
			got := h[i*k+j]
			if want := gradcheck.Derivative(first, d.LogPi[j]); !gradcheck.Close(got, want, math.Abs(g[i])) {
				t.Errorf("%s lambda %g at %v: second derivative %d,%d is %v, want %v", v.name, v.lambda, d.LogPi, i, j, got, want)
			}
		}
	}
}

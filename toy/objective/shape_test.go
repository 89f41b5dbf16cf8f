package objective

import (
	"math"
	"slices"
	"testing"
)

// shaped are the functions psi that say what their shape is.
var shaped = map[string]Outer{
	"logistic": Logistic{}, "square": Square{0.5}, "hinge": hinge, "negative": negative, "falling": falling(1.5), "rising": rising(0.7),
	"nothing": rising(0), "smoothed": smoothed(0.2), "robust": CrossEntropy{Win: 1.125, Lose: -0.125}, "lost": CrossEntropy{Lose: 0.5},
	"shifted": CrossEntropy{Win: 1, Shift: 3}, "discopop": blended(0.05), "discopop tau 5": blended(5), "exo": reverseCrossEntropy(1e-3),
	"savage": gpoFunction("savage"), "exponential": gpoFunction("exponential"), "truncated square": gpoFunction("truncated-square"),
}

// TestShapes checks what a function says of its shape against its values.
func TestShapes(t *testing.T) {
	for name, psi := range shaped {
		shape, known := ShapeOf(psi)
		if !known {
			t.Errorf("%s: no shape", name)
			continue
		}
		lowest := math.Inf(1)
		for z := -30.0; z <= 30; z += 0.125 {
			lowest = min(lowest, of(psi.Value, z))
		}
		checkEnd(t, name+" at -inf", shape.Low, func(z float64) float64 { return of(psi.Value, -z) }, lowest)
		checkEnd(t, name+" at +inf", shape.High, func(z float64) float64 { return of(psi.Value, z) }, lowest)
		for z := -8.0; z <= 8; z += 0.125 {
			slope, curve := of(psi.Slope, z), of(psi.Curve, z)
			bend := of(psi.Value, z+0.25) + of(psi.Value, z-0.25) - 2*of(psi.Value, z)
			switch {
			case shape.Monotone && slope*of(psi.Slope, 0) <= 0, shape.Decreasing() && slope >= 0, shape.Monotone && shape.Low.Unattained() && slope <= 0:
				t.Errorf("%s: slope %v at %v", name, slope, z)
			case shape.Convexity >= Weak && bend < -1e-12, shape.Convexity == Strict && curve <= 0,
				shape.Convexity == StrictAtLosses && z <= 0 && curve <= 0:
				t.Errorf("%s: curvature %v, bend %v at %v", name, curve, bend, z)
			case shape.Hinge && of(psi.Value, z) != max(0, 1-z):
				t.Errorf("%s is no hinge at %v", name, z)
			case shape.Sigmoid != 0 && math.Abs(of(psi.Value, z)-of(psi.Value, 0)-shape.Sigmoid*(1/(1+math.Exp(-z))-0.5)) > 1e-14:
				t.Errorf("%s: no multiple of the sigmoid at %v", name, z)
			}
		}
	}
}

// checkEnd checks an end of a function by its values at growing arguments, where lowest is about its least value.
func checkEnd(t *testing.T, name string, end End, value func(float64) float64, lowest float64) {
	t.Helper()
	near, far, farther := value(12), value(24), value(600)
	var right bool
	switch end {
	case Rises:
		right = near < far && farther > 20*near && farther > 50
	case Plunges:
		right = near > far && farther < far-50
	case Level:
		right = near == far && far == farther && far <= lowest
	case Saturates:
		right = near < far && far <= farther && farther < 50
	case Falls:
		right = near > far && far >= farther && farther > -50 && farther <= lowest
	}
	if !right {
		t.Errorf("%s: end %d, but %v, %v, %v (lowest %v)", name, end, near, far, farther, lowest)
	}
}

// undecidedKinds are losses of which nothing but values is known: they read statistics of the batch, mix several combinations of their
// variables in one function, or have a divergence of the whole policy in the margin.
var undecidedKinds = []string{"alpha-dpo", "beta-dpo", "dr-dpo", "rainbow-po", "rpo-nemo", "tdpo2"}

// TestStructures checks that every registered pair term but a custom one says what it is made of.
func TestStructures(t *testing.T) {
	for _, kind := range Kinds() {
		if kind.Name == "custom" || kind.Name == "sum" {
			continue
		}
		for _, w := range kind.New().Objective().Bandit().pair {
			term, ok := w.Term.(Structured)
			undecided := slices.Contains(undecidedKinds, kind.Name)
			if !ok {
				if !undecided {
					t.Errorf("%s: %T has no structure", kind.Name, w.Term)
				}
				continue
			}
			st, known := term.Structure()
			if undecided {
				if known {
					t.Errorf("%s is said to be known", kind.Name)
				}
				continue
			}
			if !known || st.Margin == nil && st.Chosen == nil && st.Rejected == nil {
				t.Errorf("%s: structure %+v, known %v", kind.Name, st, known)
			}
			checkPulls(t, kind.Name, term, &st)
		}
	}
	if _, known := ShapeOf(Pointwise{At: blended(1).(Pointwise).At}); known {
		t.Error("the shape of a function that does not state one is said to be known")
	}
	if _, known := (&Custom{Lambda: 1, Psi: "sin1*m*sigmoid(m)*exp(square(m))", Constants: constants{"sin1": 0.84}}).Objective().pair[0].Term.(*Margin).Structure(); known {
		t.Error("the shape of a formula that no rule decides is said to be known")
	}
}

// checkPulls checks the signs of a term's gradient on one comparison where its structure gives them.
func checkPulls(t *testing.T, name string, term PairTerm, st *Structure) {
	t.Helper()
	decreasing := func(s *Shape) bool { return s == nil || s.Decreasing() }
	increasing := func(s *Shape) bool { return s == nil || s.Monotone && s.Low.Unattained() }
	for _, x := range []float64{-3, -1, -0.2} {
		b := Batch{Chosen: []float64{x}, Rejected: []float64{-1}, RefChosen: []float64{-0.7}, RefRejected: []float64{-1.5}, Weight: []float64{1}}
		g := Grad{Chosen: make([]float64, 1), Rejected: make([]float64, 1)}
		term.Grad(&b, 1, &g)
		if decreasing(st.Margin) && decreasing(st.Chosen) && !(g.Chosen[0] < 0) {
			t.Errorf("%s at %v: derivative %v by the chosen response", name, x, g.Chosen[0])
		}
		if decreasing(st.Margin) && increasing(st.Rejected) && (st.Margin != nil || st.Rejected != nil) && !(g.Rejected[0] > 0) {
			t.Errorf("%s at %v: derivative %v by the rejected response", name, x, g.Rejected[0])
		}
	}
}

package scorecard

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"windtunnel/experiments/spec"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
)

// convexSum is a random convex psi: a sum of logistic losses of different steepness and place, and in half of the
// draws a square.
type convexSum struct {
	weight, steep, shift []float64
	square, target       float64
}

func drawOuter(rng *rand.Rand) convexSum {
	var o convexSum
	for range 1 + rng.IntN(3) {
		o.weight = append(o.weight, 0.2+rng.Float64())
		o.steep = append(o.steep, 0.3+2*rng.Float64())
		o.shift = append(o.shift, rng.Float64())
	}
	if rng.IntN(2) == 0 {
		o.square, o.target = 0.1+rng.Float64(), 0.2+2*rng.Float64()
	}
	return o
}

func (o convexSum) Value(z, dst []float64) {
	for i, v := range z {
		dst[i] = o.square * (v - o.target) * (v - o.target)
		for j, w := range o.weight {
			dst[i] -= w * logspace.LogSigmoid(o.steep[j]*v-o.shift[j])
		}
	}
}

func (o convexSum) Slope(z, dst []float64) {
	for i, v := range z {
		dst[i] = 2 * o.square * (v - o.target)
		for j, w := range o.weight {
			dst[i] -= w * o.steep[j] * logspace.Sigmoid(o.shift[j]-o.steep[j]*v)
		}
	}
}

func (o convexSum) Curve(z, dst []float64) {
	for i, v := range z {
		dst[i] = 2 * o.square
		for j, w := range o.weight {
			s := logspace.Sigmoid(o.steep[j]*v - o.shift[j])
			dst[i] += w * o.steep[j] * o.steep[j] * s * (1 - s)
		}
	}
}

func (o convexSum) Shape() objective.Shape {
	s := objective.Shape{Low: objective.Rises, High: objective.Rises, Convexity: objective.Strict}
	if o.square == 0 {
		s.High, s.Monotone = objective.Falls, true
	}
	return s
}

// increasing is a random mu of the log-ratio x: a x + b log sigmoid(x) - c exp(-d x), concave, with the real line as range.
type increasing struct{ a, b, c, d float64 }

func drawLink(rng *rand.Rand) increasing {
	l := increasing{a: 0.2 + rng.Float64(), b: rng.Float64(), d: 0.1 + rng.Float64()}
	if rng.IntN(2) == 0 {
		l.c = rng.Float64()
	}
	return l
}

func (l increasing) value(x float64) float64 {
	return l.a*x + l.b*logspace.LogSigmoid(x) - l.c*math.Exp(min(-l.d*x, 690))
}

func (l increasing) Value(x, dst []float64) {
	for i, v := range x {
		dst[i] = l.value(v)
	}
}

func (l increasing) Slope(x, dst []float64) {
	for i, v := range x {
		dst[i] = l.a + l.b*logspace.Sigmoid(-v) + l.c*l.d*math.Exp(min(-l.d*v, 690))
	}
}

func (l increasing) Curve(x, dst []float64) {
	for i, v := range x {
		dst[i] = -l.b*logspace.Sigmoid(v)*logspace.Sigmoid(-v) - l.c*l.d*l.d*math.Exp(min(-l.d*v, 690))
	}
}

// Inverse is Newton's method from the left: mu is concave, so that it climbs to the root without overshooting.
func (l increasing) Inverse(t float64) float64 {
	x := -1.0
	for l.value(x) > t {
		x *= 2
	}
	slope := make([]float64, 1)
	for range 100 {
		l.Slope([]float64{x}, slope)
		step := (t - l.value(x)) / slope[0]
		x += step
		if math.Abs(step) <= 1e-16*math.Abs(x) {
			break
		}
	}
	return x
}

func (increasing) Range() (low, high float64) { return math.Inf(-1), math.Inf(1) }

// member is a loss of the QPO family.
type member struct {
	Lambda float64 `yaml:"lambda"`
	outer  convexSum
	link   increasing
}

func (m *member) Objective() *objective.Objective {
	term := &objective.Margin{Lambda: m.Lambda, Factor: 1, Outer: m.outer, Link: m.link}
	return objective.OnPairs(term)
}

// The theorem of arXiv 2407.09072: no loss psi(mu(r_w) - mu(r_l); lambda) improves bad prompts and leaves good ones at
// pi_star. Of 200 random ones, convex in psi and increasing in mu, every one that improves the bad prompt by half damages
// the good one, and TYPO dominates it.
func TestNoQPOMemberPreserves(t *testing.T) {
	rng := rand.New(rand.NewPCG(2407, 9072))
	var losses []spec.Objective
	for i := range 200 {
		losses = append(losses, spec.Objective{Name: fmt.Sprintf("member %d", i), Loss: &member{1, drawOuter(rng), drawLink(rng)}})
	}
	rows := fill(t, few(2, "preservation", "preservation/dominated"), losses...)
	for i, row := range rows {
		for test, cell := range row {
			if cell.Verdict != Fail || math.IsInf(cell.Reading.Value, 0) {
				t.Errorf("member %d, %s: %s %v (%s%s); %+v", i, test, cell.Verdict, cell.Reading.Value, cell.Reading.Detail, cell.Reading.None, losses[i].Loss)
			}
		}
		if c := row["preservation"]; !c.subject.isQPO() || c.Reading.Solver != "exact" {
			t.Errorf("member %d: QPO %v, solved by %q", i, c.subject.isQPO(), c.Reading.Solver)
		}
	}
}

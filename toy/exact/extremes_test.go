package exact

import (
	"math"
	"strings"
	"testing"

	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/train"
)

// TestNearVertex checks exact RLHF in a class along which the best response only outgrows the others: with basis (0,1,-1)
// and response 1 the best, response 2 vanishes first and a_1 = a_0 leaves lambda theta = log pi_star(1)/pi_star(0), up to
// terms of the order of exp(-theta). Derivatives there are of the order of exp(-theta), down to 1e-234.
func TestNearVertex(t *testing.T) {
	e := env([][]float64{{0.1, 0.6, 0.3}}, [][]float64{ref3})
	for _, lambda := range []float64{0.05, 0.01, 1.0 / 300} {
		p := build(t, e, &policy.LowRankParams{Basis: [][]float64{{0, 1, -1}}})
		s := solve(t, Problem{Env: e, Pairs: population(e), Policy: p}, &objective.RLHF{Lambda: lambda})
		want := math.Log(6) / lambda
		if s.Status != Local || strings.Contains(s.Reason, "not resolved") || math.Abs(p.Params()[0]-want) > 1e-9*want {
			t.Errorf("lambda %g: theta %v, want %v; %+v", lambda, p.Params(), want, s)
		}
	}
	// At 1e-4 theta is 17918 and all derivatives underflow: the probabilities are right, the rest is said to be unknown.
	s := solve(t, Problem{Env: e, Pairs: population(e), Policy: build(t, e, &policy.LowRankParams{Basis: [][]float64{{0, 1, -1}}})},
		&objective.RLHF{Lambda: 1e-4})
	if s.Status != Local || math.Exp(s.Policy[0][1]) != 1 || !strings.Contains(s.Reason, "not resolved") {
		t.Errorf("underflow: %+v", s)
	}
}

// TestOpposedReference checks TYPO from a reference far out on the wrong side, where the loss is nearly flat and a plain
// Newton step would land where all derivatives underflow. At the solution sigmoid(s) - p_star + lambda (pi_0 - ref_0) is
// 0, and for two responses pi_0 = sigmoid(s).
func TestOpposedReference(t *testing.T) {
	for _, far := range []float64{5, 10, 15} {
		e := env([][]float64{{math.Exp(far), math.Exp(-far)}}, [][]float64{{math.Exp(-far), math.Exp(far)}})
		for _, lambda := range []float64{1e-6, 0.01, 1} {
			s := solve(t, Problem{Env: e, Pairs: population(e)}, &objective.TYPO{Lambda: lambda})
			good, bad := logspace.Sigmoid(2*far), logspace.Sigmoid(-2*far)
			want := (bad + lambda*good) / (1 + lambda)
			if s.Status != train.Converged || math.Abs(math.Exp(s.Policy[0][1])-want) > 1e-12*want {
				t.Errorf("far %g lambda %g: pi_1 %v, want %v; %s", far, lambda, math.Exp(s.Policy[0][1]), want, s.Reason)
			}
		}
	}
}

// TestNearTie checks two nearly tied best responses above a crowd of hopeless ones, at a lambda that magnifies rounding:
// their scaled margins must not be rounded to the scale of the crowd's.
func TestNearTie(t *testing.T) {
	const lambda = 1e-7
	for gap := 1.0; gap < 30; gap++ {
		e := env([][]float64{{1, 1, 1, 1, 1}}, [][]float64{{1, 1, 1, 1, 1}})
		star := []float64{0, gap * 1e-8, -40, -40.25, -39.5}
		copy(e.Prompts[0].LogStar, star)
		s := solve(t, Problem{Env: e, Pairs: population(e)}, &objective.DPO{Lambda: lambda})
		if d := distance(s.Policy[0], closedDPO(&e.Prompts[0], lambda)); d > 2e-9 {
			t.Errorf("gap %g: off by %g", gap, d)
		}
		s = solve(t, Problem{Env: e}, &objective.RLHF{Lambda: lambda})
		if d := distance(s.Policy[0], closedDPO(&e.Prompts[0], lambda)); d > 2e-9 {
			t.Errorf("gap %g: rlhf off by %g", gap, d)
		}
	}
}

// contrary is a psi whose slope is not that of its values: these rise along it.
type contrary struct{}

func (contrary) Value(z, dst []float64) {
	for i, v := range z {
		dst[i] = math.Exp(-v)
	}
}

func (contrary) Slope(z, dst []float64) {
	for i, v := range z {
		dst[i] = math.Exp(-v)
	}
}

func (contrary) Curve(z, dst []float64) { contrary{}.Value(z, dst) }

func (contrary) Shape() objective.Shape {
	return objective.Shape{Low: objective.Rises, High: objective.Level, Convexity: objective.Strict}
}

// plain is an objective given as such.
type plain struct{ o *objective.Objective }

func (p plain) Objective() *objective.Objective { return p.o }

// TestStalled checks that a loss that no method can descend is reported as such, without a policy.
func TestStalled(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	o := objective.OnPairs(&objective.Margin{Lambda: 1, Factor: 1, Outer: contrary{}})
	for _, class := range []policy.Params{&policy.TabularParams{}, &policy.LowRankParams{Basis: [][]float64{{0, 1, -1}}}} {
		p := build(t, e, class)
		start := append([]float64(nil), p.Params()...)
		s := solve(t, Problem{Env: e, Pairs: population(e), Policy: p}, plain{o})
		if s.Status != Stalled || s.Policy[0] != nil || !math.IsNaN(s.Loss) || !strings.Contains(s.Reason, "gave up") {
			t.Errorf("%T: %+v", class, s)
		}
		for i, v := range start {
			if p.Params()[i] != v {
				t.Errorf("%T: the parameters moved to %v", class, p.Params())
			}
		}
	}
}

// TestWeightedPenalty checks that twice the loss under twice the penalty is the same problem.
func TestWeightedPenalty(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	for _, lambda := range []float64{0.3, 5} {
		once := solve(t, Problem{Env: e, Pairs: population(e), L2: 0.1}, &objective.DPO{Lambda: lambda})
		twice := solve(t, Problem{Env: e, Pairs: population(e), L2: 0.2},
			weigh(2, &objective.DPO{Lambda: lambda}))
		if d := distance(once.Policy[0], twice.Policy[0]); d > 1e-14 || math.Abs(2*once.Loss-twice.Loss) > 1e-14 {
			t.Errorf("lambda %g: policies differ by %g, losses %v and %v", lambda, d, once.Loss, twice.Loss)
		}
	}
}

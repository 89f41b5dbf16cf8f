package exact

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"windtunnel/toy/bandit"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
)

// The second derivatives of losses that couple comparisons are the differences of their gradients, over one prompt and over several,
// with a penalty and without.
func TestCoupledCurvature(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		one, two := random(rng, 4, 1), random(rng, 4, 1)
		both := &bandit.Env{Prompts: append(one.Prompts, two.Prompts...)}
		for _, e := range []*bandit.Env{one, both} {
			for _, l2 := range []float64{0, 0.1} {
				for name, loss := range map[string]objective.Params{"aot": &objective.AOT{Lambda: 0.7}, "smoothed": &objective.AOT{Lambda: 2, LabelSmoothing: 0.1},
					"unpaired": &objective.AOTUnpaired{Lambda: 0.7}, "low rank": &objective.AOTUnpaired{Lambda: 3}} {
					params := policy.Params(&policy.TabularParams{})
					if name == "low rank" {
						params = &policy.LowRankParams{Basis: [][]float64{{1, 0, -1, 0.5}, {0, 1, 0.3, -1}}}
					}
					p := &Problem{Env: e, Policy: build(t, e, params), Objective: loss.Objective(), Pairs: population(e), L2: l2}
					kinds, err := classify(p.Objective)
					if err != nil {
						t.Fatal(err)
					}
					s, err := newSolver(context.Background(), p, kinds)
					if err != nil {
						t.Fatal(err)
					}
					whole := policy.Block{Dim: len(s.start)}
					for x := range e.Prompts {
						whole.Prompts = append(whole.Prompts, x)
					}
					l := s.over(whole)
					at := l.newPoint(l.start)
					for i := range at.theta {
						at.theta[i] += rng.NormFloat64()
					}
					l.evaluate(at)
					next := l.newPoint(at.theta)
					const h = 1e-6
					for i := range l.dim {
						copy(next.theta, at.theta)
						next.theta[i] += h
						l.slope(next)
						for j, g := range next.grad {
							if difference := (g - at.grad[j]) / h; math.Abs(difference-at.hess[i*l.dim+j]) > 2e-5 {
								t.Errorf("%s, %d prompts, l2 %g: second derivative %d, %d is %v, by differences %v", name, len(e.Prompts), l2, i, j, at.hess[i*l.dim+j], difference)
							}
						}
					}
				}
			}
		}
	}
}

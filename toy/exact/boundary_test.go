package exact

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/train"
)

// alphaLoss is f-DPO's population loss with the alpha divergence at probabilities pi, zeros allowed.
func alphaLoss(p *bandit.Prompt, pi []float64, lambda, alpha float64) float64 {
	loss, k := 0.0, len(pi)
	for i := range k {
		for j := range k {
			if i == j {
				continue
			}
			t := math.Pow(pi[i]/math.Exp(p.LogRef[i]), alpha-1) - math.Pow(pi[j]/math.Exp(p.LogRef[j]), alpha-1)
			weight := logspace.Sigmoid(p.LogStar[i]-p.LogStar[j]) * 2 / float64(k*(k-1))
			loss -= weight * logspace.LogSigmoid(lambda*t/(alpha-1))
		}
	}
	return loss
}

// scan returns the lowest loss on a triangular grid over the simplex of three responses.
func scan(n int, loss func(pi []float64) float64) (best float64, at []float64) {
	best = math.Inf(1)
	for i := range n + 1 {
		for j := range n + 1 - i {
			pi := []float64{float64(i) / float64(n), float64(j) / float64(n), float64(n-i-j) / float64(n)}
			if v := loss(pi); v < best {
				best, at = v, pi
			}
		}
	}
	return best, at
}

// TestBoundary compares minimizers on the boundary of the simplex with a grid that includes the boundary.
func TestBoundary(t *testing.T) {
	const n = 100
	envs := map[string]*bandit.Env{
		"paper.md": env([][]float64{star3}, [][]float64{{0.9, 0.05, 0.05}}),
		"usual":    env([][]float64{star3}, [][]float64{ref3}),
		"opposed":  env([][]float64{{0.7, 0.2, 0.1}}, [][]float64{{0.1, 0.3, 0.6}}),
	}
	edges := 0
	for name, e := range envs {
		for _, alpha := range []float64{1.3, 1.5, 2} {
			for _, lambda := range []float64{1e-4, 1e-3, 0.03, 0.1, 0.3, 1, 3} {
				s := solve(t, Problem{Env: e, Pairs: population(e)}, &objective.FDPO{Lambda: lambda, Divergence: "alpha", Alpha: alpha})
				loss := func(pi []float64) float64 { return alphaLoss(&e.Prompts[0], pi, lambda, alpha) }
				best, at := scan(n, loss)
				pi := make([]float64, 3)
				logspace.Exp(pi, s.Policy[0])
				zeros := 0
				for k, p := range pi {
					if p == 0 {
						zeros++
					}
					if math.Abs(p-at[k]) > 2.0/n {
						t.Errorf("%s alpha %g lambda %g: %v, on the grid %v", name, alpha, lambda, pi, at)
						break
					}
				}
				if v := loss(pi); v > best*(1+1e-14) || math.Abs(v-s.Loss) > 1e-12 {
					t.Errorf("%s alpha %g lambda %g: loss %.16g (says %.16g), on the grid %.16g", name, alpha, lambda, v, s.Loss, best)
				}
				if (s.Status == Boundary) != (zeros > 0) || s.Status == Boundary && s.Reason == "" || math.IsNaN(s.GradNorm) {
					t.Errorf("%s alpha %g lambda %g: %+v", name, alpha, lambda, s)
				}
				edges += min(zeros, 1)
			}
		}
	}
	if edges < 10 {
		t.Errorf("only %d minimizers on the boundary: the test no longer tests it", edges)
	}
}

// TestBoundaryLimit checks the limit that paper.md section 4 states: all mass on the argmax of sum_y' (p_star(y > y') -
// 1/2) / pi_ref(y), which is not the mode.
func TestBoundaryLimit(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{{0.9, 0.05, 0.05}})
	s := solve(t, Problem{Env: e, Pairs: population(e)}, &objective.FDPO{Lambda: 1e-3, Divergence: "alpha", Alpha: 2})
	want := "prompt 0: the minimizer lies on the boundary of the simplex: responses 0, 2 at probability 0"
	if s.Status != Boundary || s.Reason != want || fmt.Sprint(s.Policy[0]) != "[-Inf 0 -Inf]" {
		t.Errorf("%+v", s)
	}
}

// TestBoundaryUndecided checks that no policy is reported where the problem on the boundary is not convex (alpha > 2) or
// has more than one group.
func TestBoundaryUndecided(t *testing.T) {
	e := env([][]float64{star3}, [][]float64{ref3})
	s := solve(t, Problem{Env: e, Pairs: population(e)}, &objective.FDPO{Lambda: 1e-3, Divergence: "alpha", Alpha: 3})
	if s.Status != Boundary || s.Policy[0] != nil || !math.IsNaN(s.Loss) {
		t.Errorf("alpha 3: %+v", s)
	}
	e = env([][]float64{{1, 1, 1, 1}}, [][]float64{{1, 1, 1, 1}})
	data := pairs([3]int{0, 1, 9}, [3]int{1, 0, 1}, [3]int{2, 3, 9}, [3]int{3, 2, 1})
	s = solve(t, Problem{Env: e, Pairs: data}, &objective.FDPO{Lambda: 0.1, Divergence: "alpha", Alpha: 2})
	if s.Status != Boundary || s.Policy[0] != nil {
		t.Errorf("two groups, no room: %+v", s)
	}
	if s = solve(t, Problem{Env: e, Pairs: data}, &objective.FDPO{Lambda: 10, Divergence: "alpha", Alpha: 2}); s.Status != NotUnique {
		t.Errorf("two groups, room enough: %+v", s)
	}
}

// TestUpToTheBoundary compares losses under a link that is bounded at probability 0 with all policies of a grid, the boundary among them: margins
// are bounded there, so that a response that never lost takes the minimum to the boundary, and to nowhere beyond.
func TestUpToTheBoundary(t *testing.T) {
	const steps = 100
	e := env([][]float64{star3}, [][]float64{ref3})
	for _, lambda := range []float64{0.01, 0.1, 1, 10} {
		for _, alpha := range []float64{1.5, 2} {
			blend := &objective.DiscoPOP{Lambda: lambda, Tau: 0.05, Divergence: objective.Divergence{Divergence: "alpha", Alpha: alpha}}
			convex := &objective.FDPO{Lambda: lambda, Divergence: "alpha", Alpha: alpha}
			free := &objective.AlphaPO{Lambda: lambda, Alpha: 1 - alpha} // without a reference
			for _, c := range []struct {
				loss objective.Params
				data string
			}{{convex, "never loses"}, {convex, "only a loss"}, {free, "never loses"}, {free, "only a loss"}, {free, "one pair"}, {free, "flipped"}, {blend, "only a loss"}, {blend, "flipped"}, {blend, "cycle"}, {blend, "never compared"}} {
				p := Problem{Env: e, Pairs: comparisons[c.data]}
				s := solve(t, p, c.loss)
				if s.Status == train.Diverged || c.loss == convex && s.Status != Boundary || s.Policy[0] == nil || strings.Contains(s.Reason, "responses  ") {
					t.Errorf("%T, alpha %g, lambda %g, %s: %s, %s", c.loss, alpha, lambda, c.data, s.Status, s.Reason)
					continue
				}
				l := newLossFunction(c.loss.Objective(), taken(t, &p, c.loss).tasks[0])
				at, least := l.newPoint(l.begin()), math.Inf(1)
				for i := range steps + 1 {
					for j := range steps + 1 - i {
						for k, n := range []int{i, j, steps - i - j} {
							at.theta[k] = math.Log(max(float64(n)/steps, 1e-300))
						}
						least = min(least, l.value(at))
					}
				}
				if s.Loss > least+1e-9 || s.Loss < least-0.1 {
					t.Errorf("%T, alpha %g, lambda %g, %s: the loss is %v, on a grid %v: %s", c.loss, alpha, lambda, c.data, s.Loss, least, s.Reason)
				}
			}
		}
	}
}

package exact

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/train"
)

// TestPowersOfTwo checks that a loss, and its penalty, times a power of two, which no digit notices, is solved in the same steps to the same
// bits: every bound that the solver sets is relative to the loss.
func TestPowersOfTwo(t *testing.T) {
	e := random(rand.New(rand.NewPCG(21, 4)), 4, 1)
	losses := everyLoss(0.7)
	losses["formula"] = &objective.Custom{Lambda: 0.7, Pair: "softplus(-lambda*u) + 0.1*square(c)"}
	losses["held"] = &objective.Custom{Lambda: 0.7, Pair: "-stopgrad(sigmoid(-lambda*u))*logsigmoid(lambda*u) + 0.01*square(c)"}
	check := func(what string, factor float64, p Problem, kind policy.Params, loss objective.Params) {
		t.Helper()
		p.Policy = build(t, p.Env, kind)
		once := solve(t, p, loss)
		p.Policy, p.L2 = build(t, p.Env, kind), factor*p.L2
		s := solve(t, p, &objective.Sum{Terms: []objective.Part{{Weight: objective.Times(factor), Loss: loss}}})
		// How long a loss that falls for ever is searched depends on where its derivatives underflow.
		if s.Status != once.Status || s.Iterations != once.Iterations && s.Status != train.Diverged || !slices.Equal(s.Policy[0], once.Policy[0]) ||
			s.Loss != factor*once.Loss && !math.IsNaN(s.Loss) {
			t.Errorf("%s: %s after %d steps at %v, loss %v; times %g %s after %d at %v, loss %v", what, once.Status, once.Iterations, once.Policy[0],
				once.Loss, factor, s.Status, s.Iterations, s.Policy[0], s.Loss)
		}
	}
	lowRank := &policy.LowRankParams{Basis: [][]float64{{0, 1, -1, 1}, {1, 0, 0, 2}}}
	for name, loss := range losses {
		for i, l2 := range []float64{0, 0.125} {
			if loss.Objective().Moving == nil || l2 == 0 {
				check(fmt.Sprintf("%s, l2 %g", name, l2), []float64{0x1p-20, 0x1p20}[i], Problem{Env: e, Pairs: population(e), L2: l2}, &policy.TabularParams{}, loss)
			}
			if loss.Objective().Moving == nil {
				check(fmt.Sprintf("%s, low rank, l2 %g", name, l2), []float64{0x1p20, 0x1p-20}[i], Problem{Env: e, Pairs: population(e), L2: l2}, lowRank, loss)
			}
		}
		for of, data := range comparisons {
			three := newBench(t, loss, data).env
			check(name+", "+of, 0x1p-30, Problem{Env: three, Pairs: data}, &policy.TabularParams{}, loss)
		}
	}
}

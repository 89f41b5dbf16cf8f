package exact

import (
	"math"
	"math/rand/v2"
	"testing"

	"windtunnel/toy/objective"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// TestTYPONeverGivesUp checks that TYPO, which is strictly convex, is minimized on 2,000 random problems, with probabilities of
// the reference down to 1e-12 and lambda from 1e-6 to 1e6, and by the condition of stationarity written out: for every response
// the wins that the policy predicts less those that it has, weighted, are lambda (pi_ref - pi).
func TestTYPONeverGivesUp(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 5))
	for i := range 2000 {
		k := 2 + rng.IntN(9)
		star, ref := make([]float64, k), make([]float64, k)
		for j := range k {
			star[j], ref[j] = math.Exp(3*rng.NormFloat64()), math.Exp(2*rng.NormFloat64())
			if rng.IntN(3) == 0 {
				ref[j] = math.Pow(10, -8-4*rng.Float64())
			}
		}
		e := env([][]float64{star}, [][]float64{ref})
		lambda := math.Pow(10, 12*rng.Float64()-6)
		data := population(e)
		if i%2 == 1 { // a few comparisons, most of them separable
			data = &preference.Pairs{}
			for range 5 + rng.IntN(30) {
				c := rng.IntN(k)
				r := (c + 1 + rng.IntN(k-1)) % k
				data.Prompt, data.Chosen, data.Rejected = append(data.Prompt, 0), append(data.Chosen, c), append(data.Rejected, r)
				data.Weight = append(data.Weight, rng.Float64()/20)
			}
		}
		s := solve(t, Problem{Env: e, Pairs: data}, &objective.TYPO{Lambda: lambda})
		if s.Status != train.Converged {
			t.Errorf("problem %d, K %d, lambda %g: %s: %s", i, k, lambda, s.Status, s.Reason)
			continue
		}
		logp, logRef := s.Policy[0], e.Prompts[0].LogReference()
		off, total := make([]float64, k), 0.0
		for p, w := range data.Weight {
			c, r := data.Chosen[p], data.Rejected[p]
			lost := w / (1 + math.Exp(logp[c]-logp[r]))
			off[c] -= lost
			off[r] += lost
			total += w
		}
		for j := range k {
			if d := off[j] - lambda*total*(math.Exp(logRef[j])-math.Exp(logp[j])); math.Abs(d) > 1e-12*max(1, lambda) {
				t.Errorf("problem %d, K %d, lambda %g, response %d: the gradient is %g", i, k, lambda, j, d)
				break
			}
		}
	}
}

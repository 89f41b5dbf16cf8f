package exact

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/bandit"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// Where comparisons nearly settle what is better, the loss is almost flat, and a walk along the gradient crawls. Losses that hold a
// statistic come to rest there all the same: where the gradient vanishes that training follows.
func TestRestsWhereAlmostFlat(t *testing.T) {
	for seed := range uint64(16) {
		const k = 12
		rng := rand.New(rand.NewPCG(seed, 5))
		e, count := random(rng, k, 1), map[[2]int]float64{}
		for range 100 {
			if i, j := rng.IntN(k), rng.IntN(k); i != j {
				if i > j != (rng.Float64() < 0.1) {
					i, j = j, i
				}
				count[[2]int{i, j}]++
			}
		}
		data := &preference.Pairs{}
		for i := range k {
			for j := range k {
				if n := count[[2]int{i, j}]; n > 0 {
					data.Prompt, data.Chosen, data.Rejected = append(data.Prompt, 0), append(data.Chosen, i), append(data.Rejected, j)
					data.Weight = append(data.Weight, n/100)
				}
			}
		}
		for name, loss := range map[string]objective.Params{"beta-dpo": &objective.BetaDPO{Lambda: 1, A: 0.6, Momentum: 0.9}, "bco": &objective.BCO{Lambda: 0.1}} {
			s := solve(t, Problem{Env: e, Pairs: data}, loss)
			switch s.Status {
			case train.Diverged:
			case Stationary:
				pol := build(t, e, &policy.TabularParams{})
				copy(pol.Params(), s.Policy[0])
				problem := train.NewProblem(e, pol, loss.Objective(), 0)
				gradient, full := make([]float64, k), train.Full(data, problem)
				batch, ref := &objective.Batch{Weight: data.Weight}, e.Prompts[0].LogReference()
				for i, c := range data.Chosen {
					r := data.Rejected[i]
					batch.Chosen, batch.Rejected = append(batch.Chosen, s.Policy[0][c]), append(batch.Rejected, s.Policy[0][r])
					batch.RefChosen, batch.RefRejected = append(batch.RefChosen, ref[c]), append(batch.RefRejected, ref[r])
				}
				for range 400 { // so that averages over the steps are those of this policy
					problem.Objective.Advance(batch)
				}
				problem.AddGrad(full, gradient)
				if norm := floats.Norm(gradient, 2); !(norm < 1e-10) {
					t.Errorf("seed %d, %s: the gradient is %v: %s", seed, name, norm, s.Reason)
				}
			default:
				t.Errorf("seed %d, %s: %s, %s", seed, name, s.Status, s.Reason)
			}
		}
	}
}

// A loss that couples comparisons has many minima, and one is found also where the reference starves the best response, so that the loss
// is almost flat at the start. Unpaired, over two prompts, margins run off as over one at small lambda, and no search creeps for ever.
func TestCoupledComesToRest(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 2))
	for n := range 12 {
		e := random(rng, 4+n%3, 1)
		x := &e.Prompts[0]
		refs := make([]float64, len(x.LogStar))
		for k, v := range x.LogReference() {
			refs[k] = math.Exp(v)
		}
		refs[floats.MaxIdx(x.LogStar)] = 1e-6
		stars := make([]float64, len(refs))
		for k, v := range x.LogStar {
			stars[k] = math.Exp(v)
		}
		starved := env([][]float64{stars}, [][]float64{refs})
		for _, lambda := range []float64{1, 10} {
			if s := solve(t, Problem{Env: starved, Pairs: population(starved)}, &objective.AOT{Lambda: lambda}); s.Status != Local {
				t.Errorf("%d at %g: %s, %s", n, lambda, s.Status, s.Reason)
			}
		}
		other := random(rng, 4+n%3, 1)
		if n == 0 { // of which nothing is known
			uniform := slices.Repeat([]float64{1}, 4)
			tied := env([][]float64{uniform, uniform}, [][]float64{{1, 2, 3, 4}, {4, 3, 2, 1}})
			data := pairs([3]int{0, 1, 1}, [3]int{1, 0, 1}, [3]int{0, 1, 1}, [3]int{1, 0, 1})
			data.Prompt = []int{0, 0, 1, 1}
			if s := solve(t, Problem{Env: tied, Pairs: data}, &objective.AOTUnpaired{Lambda: 0.3}); s.Status != Local {
				t.Errorf("tied: %s, %s", s.Status, s.Reason)
			}
		}
		both := &bandit.Env{Prompts: append(e.Prompts, other.Prompts...)}
		for _, lambda := range []float64{0.3, 3, 30} {
			if s := solve(t, Problem{Env: both, Pairs: population(both)}, &objective.AOTUnpaired{Lambda: lambda}); s.Status == Stalled || lambda < 1 && s.Status != train.Diverged {
				t.Errorf("unpaired, %d at %g: %s, %s", n, lambda, s.Status, s.Reason)
			}
		}
	}
}

// At a minimizer in the interior of the simplex the derivatives by the log-probabilities, as free variables, are one multiple of the
// probabilities. SPPO's is to meet that at small lambda too, where it is almost flat along the simplex and a search creeps for long.
func TestOneMultiplier(t *testing.T) {
	rng := rand.New(rand.NewPCG(50, 0))
	for _, k := range []int{3, 8, 20} {
		e := random(rng, k, 1)
		for _, lambda := range []float64{1e-6, 1e-3, 1} {
			p, loss := Problem{Env: e, Pairs: population(e)}, &objective.SPPO{Lambda: lambda}
			s := solve(t, p, loss)
			l := newLossFunction(loss.Objective(), taken(t, &p, loss).tasks[0])
			at := l.newPoint(s.Policy[0])
			l.value(at)
			slopes, _ := l.objective.FreeGrad(l.prompt(at, 0))
			low, high := math.Inf(1), math.Inf(-1)
			for i, v := range slopes {
				if at.pi[0][i] > 1e-4 { // of others the slope is what rounding leaves
					low, high = min(low, v/at.pi[0][i]), max(high, v/at.pi[0][i])
				}
			}
			if high-low > 1e-9*math.Abs(low) {
				t.Errorf("%d responses at %g: %s, multipliers from %v to %v", k, lambda, s.Status, low, high)
			}
		}
	}
}

package exact

import (
	"context"
	"math"
	"testing"

	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
)

// logs returns the logarithms of normalized weights.
func logs(weights ...float64) []float64 {
	out := make([]float64, len(weights))
	for i, w := range weights {
		out[i] = math.Log(w)
	}
	logspace.LogSoftmax(out, out)
	return out
}

// env builds an environment from alternating pi_star and pi_ref.
func env(stars, refs [][]float64) *bandit.Env {
	e := &bandit.Env{}
	for i := range stars {
		features := make([]float64, len(stars))
		features[i] = 1
		e.Prompts = append(e.Prompts, bandit.Prompt{LogStar: logs(stars[i]...), LogRef: logs(refs[i]...),
			Init: logs(refs[i]...), Features: features})
	}
	return e
}

// population lists all ordered pairs of every prompt with their probabilities under p_star.
func population(e *bandit.Env) *preference.Pairs {
	k := e.Responses()
	p := &preference.Pairs{}
	for x := range e.Prompts {
		for i := range k {
			for j := range k {
				if i != j {
					p.Prompt, p.Chosen, p.Rejected = append(p.Prompt, x), append(p.Chosen, i), append(p.Rejected, j)
					p.Weight = append(p.Weight, e.Preference(x, i, j)*2/float64(len(e.Prompts)*k*(k-1)))
				}
			}
		}
	}
	return p
}

// pairs lists comparisons of prompt 0, each {chosen, rejected, count}.
func pairs(rows ...[3]int) *preference.Pairs {
	p := &preference.Pairs{}
	for _, row := range rows {
		for range row[2] {
			p.Prompt, p.Chosen, p.Rejected = append(p.Prompt, 0), append(p.Chosen, row[0]), append(p.Rejected, row[1])
		}
	}
	return p
}

// build makes a policy that needs no randomness.
func build(t testing.TB, e *bandit.Env, kind policy.Params) policy.Affine {
	t.Helper()
	p, err := kind.Build(e, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p.(policy.Affine)
}

// solve runs Solve on a tabular policy without penalty unless the problem says otherwise.
func solve(t testing.TB, p Problem, loss objective.Params) *Solution {
	t.Helper()
	if p.Policy == nil {
		p.Policy = build(t, p.Env, &policy.TabularParams{})
	}
	p.Objective = loss.Objective()
	s, err := Solve(context.Background(), &p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// distance is the largest difference of a probability.
func distance(a, b []float64) float64 {
	worst := 0.0
	for k := range a {
		worst = max(worst, math.Abs(math.Exp(a[k])-math.Exp(b[k])))
	}
	return worst
}

var (
	star3 = []float64{0.6, 0.3, 0.1}
	ref3  = []float64{0.4, 0.4, 0.2}
)

package scorecard

import (
	"cmp"
	"context"
	"math"
	"slices"

	"windtunnel/experiments/bridge"
	"windtunnel/experiments/spec"
	"windtunnel/toy/objective"
	"windtunnel/toy/setup"
	"windtunnel/toy/train"
)

// twins returns for each loss the first that is the same in a bandit at every lambda, see objective.Same: itself where there is
// none before it.
func twins(subjects []*subject) []int {
	same := make([]int, len(subjects))
	for i, s := range subjects {
		same[i] = i
		for j, other := range subjects[:i] {
			if same[j] == j && alike(s, other) {
				same[i] = j
				break
			}
		}
	}
	return same
}

// alike says whether two losses have the same gradient, at their own lambda and at others.
func alike(a, b *subject) bool {
	if len(objective.Externals(a.objective.Loss))+len(objective.Externals(b.objective.Loss)) > 0 {
		return false // nothing is known of them but values
	}
	if cmp.Compare(a.lambda, b.lambda) != 0 { // of which both may be NaN
		return false
	}
	one, other := a.objective.Loss, b.objective.Loss
	if math.IsNaN(a.lambda) {
		return equal(one, other)
	}
	return !slices.ContainsFunc([]float64{a.lambda, 1e-3, 1, 1e3}, func(lambda float64) bool {
		return !equal(objective.WithLambda(one, lambda), objective.WithLambda(other, lambda))
	})
}

// equal says whether two losses have the same gradient.
func equal(a, b objective.Params) bool {
	factor, same := objective.Same(a.Objective(), b.Objective())
	return same && math.Abs(factor-1) <= 1e-9
}

// constant says whether the loss of every run of a plan is the same for all policies, as far as some of them tell, near where the
// runs start and elsewhere.
func constant(plan *spec.Plan) bool {
	for _, r := range plan.Runs {
		if r.Label != spec.UnderTest {
			continue
		}
		run := r.Run
		run.Constraint, run.Purpose = train.Constraint{}, ""
		same := false
		broken := bridge.With(context.Background(), run.Loss, func(loss objective.Params) {
			run.Loss = loss
			same = constantRun(&run)
		})
		if broken != nil || !same {
			return false
		}
	}
	return true
}

func constantRun(run *setup.Run) bool {
	made, err := setup.New(run, setup.Given{})
	if err != nil {
		return false
	}
	whole, theta := train.Full(made.Pairs, made.Problem), made.Policy.Params()
	draws, first := random(2), made.Problem.Loss(whole)
	for i := range 6 {
		for k := range theta {
			if i%2 == 1 {
				theta[k] = 0
			}
			theta[k] += draws.NormFloat64()
		}
		if math.Abs(made.Problem.Loss(whole)-first) > 1e-9*math.Abs(first) {
			return false
		}
	}
	return true
}

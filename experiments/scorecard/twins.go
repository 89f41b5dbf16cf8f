package scorecard

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"windtunnel/experiments/spec"
	"windtunnel/toy/bandit"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/setup"
	"windtunnel/toy/train"
)

// twins returns for each loss the first that is the same in a bandit: the same value and gradient at policies near to and far
// from the reference, in two environments, on the population and on single comparisons. A loss that carries something from step
// to step, or draws samples, has no twin.
func twins(subjects []*subject) []int {
	first, same := map[string]int{}, make([]int, len(subjects))
	for i, s := range subjects {
		same[i] = i
		print, ok := s.fingerprint()
		if !ok {
			continue
		}
		if at, known := first[print]; known {
			same[i] = at
		} else {
			first[print] = i
		}
	}
	return same
}

// fingerprint returns values and slopes of the loss, to eleven digits, and whether they tell it from others.
func (s *subject) fingerprint() (print string, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	var b strings.Builder
	draws := random(1)
	fmt.Fprintf(&b, "lambda %v", s.lambda)
	for _, env := range []bandit.Params{preservationBandit, &bandit.Random{Prompts: 1, Responses: 4, Star: "gaussian", Concentration: 1, Scale: 1,
		Temperature: 1, Perturbation: 1}} {
		for _, data := range []preference.Params{&preference.Population{}, &preference.Extremes{}} {
			run := &setup.Run{Loss: s.objective.Loss, Settings: setup.Settings{Environment: env, Preferences: data, Policy: &policy.TabularParams{}}}
			made, err := setup.New(run, setup.Given{})
			if err != nil || made.Objective.Advances() || len(made.Objective.State()) > 0 || made.Objective.Sampled != nil {
				return "", false
			}
			whole, theta := train.Full(made.Pairs, made.Problem), made.Policy.Params()
			start, grad := append([]float64(nil), theta...), make([]float64, len(theta))
			for _, scale := range []float64{0, 0.1, 1, 5, 30, 200} {
				for i := range theta {
					theta[i] = start[i] + scale*draws.NormFloat64()
				}
				clear(grad)
				made.Problem.AddGrad(whole, grad)
				for _, v := range append(grad, made.Problem.Loss(whole)) {
					b.WriteString(" " + digits(v))
				}
			}
		}
	}
	return b.String(), true
}

// digits writes a number to eleven digits, what is next to nothing as 0.
func digits(v float64) string {
	if math.Abs(v) < 1e-13 {
		v = 0
	}
	return strconv.FormatFloat(v, 'e', 10, 64)
}

// constant says whether the loss of every run of a plan is the same for all policies, as far as three of them tell.
func constant(plan *spec.Plan) bool {
	for _, r := range plan.Runs {
		if r.Label != spec.UnderTest {
			continue
		}
		run := r.Run
		run.Constraint, run.Purpose = train.Constraint{}, ""
		made, err := setup.New(&run, setup.Given{})
		if err != nil {
			return false
		}
		whole, theta := train.Full(made.Pairs, made.Problem), made.Policy.Params()
		draws, first := random(2), made.Problem.Loss(whole)
		for range 3 {
			for i := range theta {
				theta[i] += draws.NormFloat64()
			}
			if math.Abs(made.Problem.Loss(whole)-first) > 1e-9*math.Abs(first) {
				return false
			}
		}
	}
	return true
}

package scorecard

import (
	"fmt"
	"math"

	"windtunnel/toy/preference"
)

// Numbers of draws that are tried, doubling, each with several seeds.
const (
	fewestDraws = 100
	mostDraws   = 51200
	drawSeeds   = 3
	closeEnough = 0.05
)

var sampleEfficiency = &Test{
	Name:  "sample-efficiency",
	Asks:  "How many comparisons does the loss need to come near its own population minimizer?",
	Value: "comparisons at which the minimizer is within total variation 0.05 of the population's for each of 3 seeds, at lambda 1; doubling from 100 draws to 51200",
	Theory: "The minimizer's error falls as the root of the number of comparisons; a loss whose minimizer leans on few margins, or that does not exist on separable " +
		"samples, needs more.",
	Bound: 20000,
	Places: func(s *Subject) []*Place {
		var small []*Place
		for _, p := range s.lab.thinned(7) {
			if len(small) < 4 && p.Env.Responses() <= 6 && p.Name != "preservation" {
				small = append(small, p)
			}
		}
		return small
	},
	Measure: func(s *Subject, p *Place) Reading {
		if !s.comparesPairs() {
			return none("the loss reads no comparisons")
		}
		lambda, own := s.nearest(1), p.single()
		goal := s.solve(p.Name+" alone", lambda, func() task { return task{Settings: settingsAt(own, p.Seed)} })
		if !goal.whole() {
			return Reading{Value: math.Inf(1), Lambda: lambda, Solver: goal.Solver, Detail: goal.why()}
		}
		r := Reading{Value: math.Inf(1), Prompt: own.Prompts[0].Name, Lambda: lambda, Solver: goal.Solver, Expected: probabilities(goal.logPi[0]),
			Against: "the population's minimizer", Detail: fmt.Sprintf("not within %d draws", mostDraws)}
		for n := fewestDraws; n <= mostDraws; n *= 2 {
			worst, pairs, pi := s.sampled(p, n, lambda, goal)
			r.Reached = pi
			if worst <= closeEnough {
				r.Value, r.Detail = float64(pairs), fmt.Sprintf("%d draws, total variation %.3f", n, worst)
				return r
			}
		}
		return r
	},
}

// sampled returns the largest total variation to the goal over seeds with n draws, the largest number of pairs and the
// last policy.
func (s *Subject) sampled(p *Place, n int, lambda float64, goal *outcome) (worst float64, pairs int, pi []float64) {
	for seed := range drawSeeds {
		t := task{Settings: settingsAt(p.single(), p.Seed), loss: s.at(lambda)}
		t.Preferences = &preference.Sample{N: n, Sampling: "uniform", Temperature: 1, Coverage: 1, Seed: &seed}
		o := t.minimize(s.lab.ctx, lambda)
		s.evidence.add(p.Name, lambda, o)
		if !o.whole() {
			return 1, pairs, pi
		}
		pi = probabilities(o.logPi[0])
		pairs = max(pairs, o.pairs.Len())
		if worst = max(worst, variation(o.logPi[0], goal.logPi[0])); worst > closeEnough {
			return worst, pairs, pi
		}
	}
	return worst, pairs, pi
}

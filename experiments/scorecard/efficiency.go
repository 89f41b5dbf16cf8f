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
	Where: everywhere,
	Measure: func(s *Subject, p *Environment) Reading {
		if !s.comparesPairs() {
			return none("the loss reads no comparisons")
		}
		lambda, own := s.nearest(1), p.Alone
		goal := s.solve(p.Name+" alone", lambda, p.alone)
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
func (s *Subject) sampled(p *Environment, n int, lambda float64, goal *outcome) (worst float64, pairs int, pi []float64) {
	for seed := range drawSeeds {
		t := p.alone()
		t.loss, t.givenPairs = s.at(lambda), nil
		draw := s.shared.sample(p, n, seed, &t)
		o := t.minimize(s.shared.ctx, lambda, s.smooth())
		s.evidence.add(fmt.Sprintf("%s, %d draws", p.Name, n), lambda, o)
		if !o.whole() {
			return 1, pairs, pi
		}
		pi = probabilities(o.logPi[0])
		pairs = max(pairs, draw.size)
		if worst = max(worst, variation(o.logPi[0], goal.logPi[0])); worst > closeEnough {
			return worst, pairs, pi
		}
	}
	return worst, pairs, pi
}

// sampleKey tells samples apart, sampled is one: its comparisons with equal ones merged, and how many there were.
type (
	sampleKey struct {
		environment string
		n, seed     int
	}
	sampled struct {
		pairs *preference.Pairs
		size  int
	}
)

// sample draws comparisons for a task, the same for every loss.
func (c *shared) sample(p *Environment, n, seed int, t *task) sampled {
	t.Preferences = &preference.Sample{N: n, Sampling: "uniform", Temperature: 1, Coverage: 1, Seed: &seed}
	draw := c.samples.get(sampleKey{p.Name, n, seed}, func() sampled {
		drawn, err := t.run().BuildPreferences(p.aloneEnv)
		if err != nil {
			panic(err)
		}
		return sampled{merged(drawn, p.Env.Responses()), drawn.Len()}
	})
	t.givenPairs = draw.pairs
	return draw
}

// merged gives equal comparisons of one prompt their total weight.
func merged(all *preference.Pairs, responses int) *preference.Pairs {
	count := make([]float64, responses*responses)
	for i := range all.Len() {
		count[all.Chosen[i]*responses+all.Rejected[i]] += all.WeightOf(i)
	}
	var m preference.Pairs
	for at, w := range count {
		if w > 0 {
			m.Prompt, m.Weight = append(m.Prompt, 0), append(m.Weight, w)
			m.Chosen, m.Rejected = append(m.Chosen, at/responses), append(m.Rejected, at%responses)
		}
	}
	return &m
}

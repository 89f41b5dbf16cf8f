package scorecard

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"windtunnel/metrics/claims"
	"windtunnel/toy/bandit"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/setup"
	"windtunnel/toy/train"
)

const displacementTheory = "Likelihood displacement (Razin et al., arXiv 2410.08847): where responses share parameters, a larger margin may come with less " +
	"mass on both of its responses, and a loss that sees margins alone does not mind. In the environment entangled the only direction that the policy can move in " +
	"raises the chosen response by 1, leaves the rejected one and raises the third by 2 nats."

// entangled is a policy class of rank 1 in which raising the margin of 0 over 1 raises response 2 most.
var entangled = newEnvironment("entangled", &bandit.Declared{Prompts: []bandit.DeclaredPrompt{
	{Name: "x", PiStar: []float64{0.6, 0.3, 0.1}, PiRef: []float64{0.3, 0.3, 0.4}}}}, 0)

var displacement = &Test{
	Name:   "displacement",
	Asks:   "Does training on one comparison lower the chosen response's probability?",
	Value:  "fall of the chosen response's log-probability in 100 steps of Adam at 0.02, in nats, at the loss's own lambda",
	Theory: displacementTheory,
	Bound:  0.1,
	Where:  displacing,
	Measure: displaced(func(r *Reading, o *outcome, chosen, _ int, s *Subject) {
		r.Value = o.env.Prompts[0].LogRef[chosen] - o.logPi[0][chosen]
		fall := r.Value
		r.Again = func(bound float64) *Recipe {
			low := -bound
			again := newRecipe(o)
			again.add(s.Label, o)
			return again.claim("chosen_shift is the cell's value with the sign turned.", fall <= bound, &claims.Bound{Metric: "chosen_shift", Min: &low})
		}
	}),
}

var displacementMass = &Test{
	Name:   "displacement/mass",
	Asks:   "Where does the mass go: to the chosen, the rejected or neither?",
	Value:  "probability gained by responses that were not compared, in 100 steps of Adam at 0.02 on one comparison",
	Theory: displacementTheory,
	Bound:  0.1,
	Where:  displacing,
	Measure: displaced(func(r *Reading, o *outcome, chosen, rejected int, _ *Subject) {
		ref, pi := o.env.Prompts[0].PiRef, r.Reached
		r.Value = ref[chosen] - pi[chosen] + ref[rejected] - pi[rejected]
	}),
}

// displaced trains on one comparison and lets read take the value from where that ended.
func displaced(read func(r *Reading, o *outcome, chosen, rejected int, s *Subject)) func(*Subject, *Environment) Reading {
	return func(s *Subject, p *Environment) Reading {
		o, chosen, rejected := s.displaced(p)
		if !o.whole() {
			return Reading{Value: math.Inf(1), Solver: o.Solver, Detail: o.why()}
		}
		pi, ref := probabilities(o.logPi[0]), o.env.Prompts[0].PiRef
		up, down := pi[chosen]-ref[chosen], pi[rejected]-ref[rejected]
		r := Reading{Prompt: o.env.Prompts[0].Name, Lambda: s.Own, Solver: o.Solver, Reached: pi, Expected: ref, Against: "pi_ref, where training began",
			Detail: fmt.Sprintf("mass moved: chosen (response %d) %+.3f, rejected (response %d) %+.3f, neither %+.3f", chosen, up, rejected, down, -up-down)}
		read(&r, o, chosen, rejected, s)
		return r
	}
}

// displacing returns the entangled environment and all shared ones.
func displacing(s *Subject) []*Environment {
	return append([]*Environment{entangled}, s.shared.environments...)
}

// displaced trains on the one comparison of the best response with the worst.
func (s *Subject) displaced(p *Environment) (o *outcome, chosen, rejected int) {
	own, class := p.Alone, policy.Params(&policy.LowRankParams{Basis: [][]float64{{1, 0, 2}}, Rank: 1})
	star := own.Prompts[0].PiStar
	chosen, rejected = floats.MaxIdx(star), floats.MinIdx(star)
	if p != entangled {
		class = &policy.LowRankParams{Rank: max(1, (len(star)-1)/2)}
	} else {
		rejected = 1
	}
	o = s.solve("displaced on "+p.Name, s.Own, func() task {
		t := task{Settings: settingsAt(own, p.Seed), file: lines(comparison{chosen, rejected, 1})}
		t.Preferences = &preference.File{Path: "data/one_pair.jsonl"}
		t.Policy, t.Solver = class, setup.SolverTrain
		t.Train = train.Params{Optimizer: &train.Adam{LR: 0.02, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}, Schedule: &train.Constant{}, Epochs: 100}
		return t
	})
	return o, chosen, rejected
}

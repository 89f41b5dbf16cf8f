package scorecard

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"windtunnel/metrics/claims"
	"windtunnel/toy/bandit"
)

const regretValue = "expected reward sum(pi log pi_star), in nats, that is lost (negative: gained) to "

var misspecifiedReference = &Test{
	Name:  "misspecified/reference",
	Asks:  "What does it cost when the reference gives the best response almost nothing?",
	Value: regretValue + "the same loss with its proper reference, at the lambda from 0.01 to 100 that is best there; the wrong one gives the best response 1e-6",
	Theory: "Where pi_ref multiplies the policy (DPO, RLHF) a probability of 1e-6 costs 14 nats, which 1/lambda times the lead in reward has to make up; where a " +
		"divergence from pi_ref is added, small lambda makes it irrelevant.",
	Bound: 0.1,
	Where: everywhere,
	Measure: func(s *Subject, p *Environment) Reading {
		own := p.Alone
		best, at, broken := s.bestReward(p.Name+" alone", p.alone)
		if broken != nil {
			return *broken
		}
		x := own.Prompts[0]
		wrong := &bandit.Declared{Prompts: []bandit.DeclaredPrompt{{Name: x.Name, PiStar: x.PiStar, PiRef: starved(x.PiStar, x.PiRef)}}}
		o := s.solve(p.Name+" starved", at, func() task { return task{Settings: settingsAt(wrong, p.Seed)} })
		if !o.whole() {
			return Reading{Value: math.Inf(1), Lambda: at, Solver: o.Solver, Detail: o.why()}
		}
		regret := best.metric("reward", 0) - o.metric("reward", 0)
		return Reading{Value: regret, Prompt: x.Name, Lambda: at, Solver: o.Solver,
			Detail:  fmt.Sprintf("expected reward %.4g with the proper reference and %.4g with the wrong one", best.metric("reward", 0), o.metric("reward", 0)),
			Reached: probabilities(o.logPi[0]), Expected: probabilities(best.logPi[0]), Against: "the minimizer with the proper reference",
			Again: func(bound float64) *Recipe {
				const key = "environment.prompts.0.pi_ref"
				r, label := newRecipe(best), atLambda(s.Label, at)
				r.add(label, best)
				r.add(label+", starved", o)
				proper, starved := flow(x.PiRef), flow(wrong.Prompts[0].PiRef)
				r.sweep(key, proper, starved)
				where, with := only(label+", starved"), only(label)
				where[key], with[key] = []string{starved}, []string{proper}
				return r.claim("The wrong reference costs no expected reward; the value is the difference.", regret <= bound,
					&claims.Compare{Metric: "reward", Where: where, With: with, Relation: "equal", Tolerance: bound})
			}}
	},
}

// starved returns pi_ref with the best response of pi_star at 1e-6.
func starved(star, ref []float64) []float64 {
	const left = 1e-6
	best := floats.MaxIdx(star)
	wrong := make([]float64, len(ref))
	for i, v := range ref {
		wrong[i] = v / (1 - ref[best]) * (1 - left)
	}
	wrong[best] = left
	return wrong
}

var misspecifiedLambdaLow = &Test{
	Name:    "misspecified/lambda-low",
	Asks:    "What does a lambda cost that is ten times too small?",
	Value:   regretValue + "the lambda from 0.01 to 100 that is best",
	Theory:  "A loss that interpolates towards pi_star gives up reward beside the mode, one that goes to the mode gains by every smaller lambda, in population.",
	Bound:   0.1,
	Where:   everywhere,
	Measure: missetBy(0.1),
}

var misspecifiedLambdaHigh = &Test{
	Name:    "misspecified/lambda-high",
	Asks:    "What does a lambda cost that is ten times too large?",
	Value:   regretValue + "the lambda from 0.01 to 100 that is best",
	Theory:  "The more a loss gains by small lambdas the more a large one costs; a loss that stays between pi_ref and pi_star has less to lose.",
	Bound:   0.1,
	Where:   everywhere,
	Measure: missetBy(10),
}

// missetBy measures the reward lost at a multiple of the best lambda.
func missetBy(factor float64) func(*Subject, *Environment) Reading {
	return func(s *Subject, p *Environment) Reading {
		if !s.hasLambda() {
			return none("the loss has no lambda")
		}
		last := len(p.Env.Prompts) - 1
		best, at, broken := s.bestReward(p.Name, p.task)
		if broken != nil {
			return *broken
		}
		misset := onGrid(s.grid(s.smooth()), at*factor)
		o := s.minimum(p, misset)
		if !o.whole() {
			return Reading{Value: math.Inf(1), Lambda: misset, Solver: o.Solver, Detail: o.why()}
		}
		regret := best.metric("reward", last) - o.metric("reward", last)
		name := p.Env.Prompts[last].Name
		return Reading{Value: regret, Prompt: name, Lambda: misset, Solver: o.Solver,
			Detail:  fmt.Sprintf("expected reward on %s is %.4g at the best lambda, %.3g, and %.4g at %.3g", name, best.metric("reward", last), at, o.metric("reward", last), misset),
			Reached: probabilities(o.logPi[last]), Expected: probabilities(best.logPi[last]), Against: fmt.Sprintf("the minimizer at lambda %.3g", at),
			Again: func(bound float64) *Recipe {
				r := newRecipe(best)
				here, there := atLambda(s.Label, misset), atLambda(s.Label, at)
				r.add(there, best)
				r.add(here, o)
				return r.claim("The mis-set lambda costs no expected reward; the value is the difference.", regret <= bound,
					&claims.Compare{Metric: "reward", Prompt: name, Where: only(here), With: only(there), Relation: "equal", Tolerance: bound})
			}}
	}
}

// bestReward returns the minimizer with the highest expected reward on the last prompt over the lambdas from 0.01 to 100.
func (s *Subject) bestReward(variant string, make func() task) (best *outcome, at float64, broken *Reading) {
	lambdas := []float64{nan}
	if s.hasLambda() {
		lambdas = s.grid(s.smooth())
	}
	most := math.Inf(-1)
	for _, lambda := range lambdas {
		if lambda < 0.0099 || lambda > 101 {
			continue
		}
		o := s.solve(variant, lambda, make)
		if !o.whole() {
			continue
		}
		if v := o.metric("reward", len(o.env.Prompts)-1); v > most {
			best, at, most = o, lambda, v
		}
	}
	if best == nil {
		return nil, nan, &Reading{Value: math.Inf(1), Detail: "no minimizer at any lambda from 0.01 to 100"}
	}
	return best, at, nil
}

// onGrid returns the value of a grid nearest to v, whose last bits may differ.
func onGrid(grid []float64, v float64) float64 {
	for _, g := range grid {
		if math.Abs(g-v) < 1e-9*v {
			return g
		}
	}
	return v
}

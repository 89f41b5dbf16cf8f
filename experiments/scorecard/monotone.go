package scorecard

import (
	"fmt"
	"math"

	"windtunnel/metrics/claims"
)

var monotone = &Test{
	Name:  "monotone",
	Asks:  "Does the minimizer move towards pi_ref all the way as lambda grows?",
	Value: "largest rise of KL(pi_ref to pi), in nats, from one lambda to a larger one between 1e-3 and 1e3; negative where it falls everywhere",
	Theory: criteria + "Between its ends the minimizer should move between the two. For a loss that is a sum of a term and lambda times " +
		"KL(pi_ref to pi), the KL cannot rise with lambda; for DPO and IPO it falls because pi is an exponential family in 1/lambda.",
	Bound: 1e-3,
	Where: everywhere,
	Measure: func(s *Subject, p *Environment) Reading {
		if !s.hasLambda() {
			return none("the loss has no lambda")
		}
		var worst *rise
		for i := range p.Env.Prompts {
			r, broken := s.rise(p, i)
			if broken != nil {
				return *broken
			}
			if r != nil && (worst == nil || r.step > worst.step) {
				worst = r
			}
		}
		if worst == nil {
			return none("fewer than two values of lambda are allowed")
		}
		return worst.reading(s, p)
	},
}

// rise is the largest step of KL(pi_ref to pi) against decrease.
type rise struct {
	step     float64
	prompt   int
	low, top float64 // the lambdas of the step
	from, to *outcome
}

// rise walks along lambda at one prompt.
func (s *Subject) rise(p *Environment, prompt int) (*rise, *Reading) {
	var worst *rise
	var last *outcome
	lastLambda, lastKL := nan, nan
	for _, lambda := range s.grid(s.solvedFor()) {
		o := s.minimum(p, lambda)
		if !o.whole() {
			return nil, &Reading{Value: math.Inf(1), Lambda: lambda, Solver: o.Solver, Detail: o.why()}
		}
		kl := o.metric("kl_ref_pi", prompt)
		if last != nil {
			step := kl - lastKL
			if math.IsInf(kl, 1) && math.IsInf(lastKL, 1) {
				step = 0
			}
			if worst == nil || step > worst.step {
				worst = &rise{step, prompt, lastLambda, lambda, last, o}
			}
		}
		last, lastLambda, lastKL = o, lambda, kl
	}
	return worst, nil
}

func (w *rise) reading(s *Subject, p *Environment) Reading {
	name := p.Env.Prompts[w.prompt].Name
	before, after := w.from.metric("kl_ref_pi", w.prompt), w.to.metric("kl_ref_pi", w.prompt)
	return Reading{Value: w.step, Prompt: name, Lambda: w.top, Solver: w.to.Solver,
		Detail:  fmt.Sprintf("KL(pi_ref to pi) on %s is %.4g at lambda %.3g and %.4g at %.3g", name, before, w.low, after, w.top),
		Reached: probabilities(w.to.logPi[w.prompt]), Expected: probabilities(w.from.logPi[w.prompt]),
		Against: fmt.Sprintf("the policy at lambda %.3g, from which it should not move away from pi_ref", w.low),
		Again: func(bound float64) *Recipe {
			r := newRecipe(w.to)
			here, there := atLambda(s.Label, w.top), atLambda(s.Label, w.low)
			r.add(there, w.from)
			r.add(here, w.to)
			return r.claim("KL(pi_ref to pi) at the larger lambda and at the smaller differ by the value, whose sign is the cell's.", w.step <= bound,
				&claims.Compare{Metric: "kl_ref_pi", Prompt: name, Where: only(here), With: only(there), Relation: "equal", Tolerance: bound})
		}}
}

package scorecard

import (
	"fmt"
	"math"

	"windtunnel/metrics/claims"
)

// The ends of lambda at which the limits are read.
const (
	smallLambda = 1e-6
	largeLambda = 1e6
)

const criteria = "arXiv 2407.09072, interpolation criteria. "

var strongInterpolation = &Test{
	Name:  "strong-interpolation",
	Asks:  "Does the minimizer go to the true preferences pi_star as lambda falls?",
	Value: "total variation to pi_star at lambda 1e-6",
	Theory: criteria + "TYPO's minimizer goes to pi_star. Losses of the QPO family and RLHF go to the mode of pi_star instead, or " +
		"elsewhere on the boundary of the simplex, for any psi and mu.",
	Bound:   0.01,
	Where:   everywhere,
	Measure: limit("tv_star", smallLambda, "pi_star", func(o *outcome, p int) []float64 { return o.view(p).Star }),
}

var weakInterpolation = &Test{
	Name:  "weak-interpolation",
	Asks:  "Does the minimizer go to the mode policy pi_delta as lambda falls?",
	Value: "total variation to pi_delta at lambda 1e-6",
	Theory: criteria + "DPO, RLHF, IPO and f-DPO with reverse KL, forward KL, Jensen-Shannon or alpha < 1 go to the mode, all mass on " +
		"the best response. f-DPO with alpha > 1 goes to the response with the largest sum of (p_star - 1/2) over its pi_ref; TYPO " +
		"goes to pi_star, which is not the mode.",
	Bound:   0.01,
	Where:   everywhere,
	Measure: limit("tv_mode", smallLambda, "pi_delta, the mode policy", func(o *outcome, p int) []float64 { return o.view(p).Mode }),
}

var referenceLimit = &Test{
	Name:    "reference-limit",
	Asks:    "Does the minimizer go to the reference pi_ref as lambda grows?",
	Value:   "total variation to pi_ref at lambda 1e6",
	Theory:  criteria + "Every loss whose lambda weighs the reference goes to pi_ref.",
	Bound:   0.01,
	Where:   everywhere,
	Measure: limit("tv_ref", largeLambda, "pi_ref", func(o *outcome, p int) []float64 { return o.view(p).Ref }),
}

// limit reads the distance to an end at a lambda far out, at the worst prompt.
func limit(metric string, lambda float64, against string, end func(o *outcome, prompt int) []float64) func(*Subject, *Environment) Reading {
	return func(s *Subject, p *Environment) Reading {
		if !s.hasLambda() {
			return none("the loss has no lambda")
		}
		lambda := s.nearest(lambda)
		o := s.minimum(p, lambda)
		if !o.whole() {
			return Reading{Value: math.Inf(1), Lambda: lambda, Solver: o.Solver, Detail: o.why()}
		}
		worst, at := math.Inf(-1), 0
		for i := range o.env.Prompts {
			if v := o.metric(metric, i); !(v <= worst) {
				worst, at = v, i
			}
		}
		name := o.env.Prompts[at].Name
		return Reading{Value: worst, Prompt: name, Lambda: lambda, Solver: o.Solver,
			Detail:  fmt.Sprintf("%s on prompt %s at lambda %.3g", metric, name, lambda),
			Reached: probabilities(o.logPi[at]), Expected: end(o, at), Against: against,
			Again: func(bound float64) *Recipe {
				r, label := newRecipe(o), atLambda(s.Label, lambda)
				r.add(label, o)
				return r.claim(fmt.Sprintf("%s of %s on %s is at most the bound.", metric, label, name), worst <= bound,
					&claims.Bound{Metric: metric, Prompt: name, Where: only(label), Max: &bound})
			}}
	}
}

package scorecard

import (
	"math"

	"windtunnel/metrics/claims"
	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/setup"
	"windtunnel/toy/train"
)

// A loss's purpose is the policy that it has as its minimizer when nothing restrains training. RLHF can want the same
// policy: with the reward lambda log(pi_unconstrained / pi_ref) its unconstrained minimizer is that policy, since it
// then is lambda KL(pi to pi_unconstrained) plus a constant. The tests restrain both and ask how far apart they end: 0
// for RLHF by definition, and for DPO exactly the distance between DPO and RLHF. All at lambda = 1.
const constraintTheory = "arXiv 2407.09072. Losses that are derived from RLHF by its unconstrained solution share its minimizer only while nothing else restrains " +
	"the policy; their purpose is here the RLHF problem with reward lambda log(pi_unconstrained/pi_ref), which has the same unconstrained minimizer."

const constraintValue = "total variation between the restrained loss and the equally restrained RLHF problem of the same unconstrained minimizer, at lambda 1"

var constraintL2 = &Test{
	Name:   "constraint/l2",
	Asks:   "Does the loss keep its purpose under a penalty 0.1 * sum(theta^2)?",
	Value:  constraintValue,
	Theory: constraintTheory,
	Bound:  0.05,
	Where:  everywhere,
	Measure: restrained("l2", func(t *task) {
		t.Constraint = train.Constraint{L2: 0.1}
	}),
}

var constraintEarlyStopping = &Test{
	Name:   "constraint/early-stopping",
	Asks:   "Does the loss keep its purpose when gradient descent stops after 30 steps?",
	Value:  constraintValue,
	Theory: constraintTheory,
	Bound:  0.05,
	Where:  everywhere,
	Measure: restrained("early-stopping", func(t *task) {
		t.Solver = setup.SolverTrain
		t.Train = train.Params{Optimizer: &train.SGD{LR: 0.5}, Schedule: &train.Constant{}, Epochs: 30}
	}),
}

var constraintLowRank = &Test{
	Name:   "constraint/low-rank",
	Asks:   "Does the loss keep its purpose in a policy class of half the rank?",
	Value:  constraintValue,
	Theory: constraintTheory,
	Bound:  0.05,
	Where:  everywhere,
	Measure: restrained("low-rank", func(t *task) {
		k := len(t.Environment.(*bandit.Declared).Prompts[0].PiRef)
		t.Policy = &policy.LowRankParams{Rank: max(1, (k-1)/2)}
	}),
}

// restrained measures the distance between a loss and its purpose under a constraint.
func restrained(name string, restrain func(*task)) func(*Subject, *Environment) Reading {
	return func(s *Subject, p *Environment) Reading {
		lambda := s.nearest(1)
		own := p.Alone
		if len(own.Prompts[0].PiRef) < 3 && name == "low-rank" {
			return none("two responses leave no policy class to choose")
		}
		free := s.solve(p.Name+" alone", lambda, p.alone)
		if !free.whole() {
			return Reading{Value: math.Inf(1), Lambda: lambda, Solver: free.Solver, Detail: "unconstrained: " + free.why()}
		}
		purpose, ok := purposeOf(own, free.logPi[0])
		if !ok {
			return none("the unconstrained minimizer lies on the boundary of the simplex, where no reward leads to it")
		}
		tight := p.alone()
		restrain(&tight)
		tight.loss = s.at(lambda)
		reached := tight.minimize(s.shared.ctx, lambda, s.smooth())
		aim := tight
		aim.givenEnv, aim.givenPairs = nil, nil
		aim.Environment, aim.loss, aim.Solver, aim.Train = purpose, &objective.RLHF{Lambda: 1}, reached.Solver, reached.Train
		wanted := aim.minimize(s.shared.ctx, 1, true)
		s.evidence.add(p.Name+", restrained", lambda, reached)
		s.evidence.add(p.Name+", its purpose restrained", 1, wanted)
		if !reached.whole() || !wanted.whole() {
			return Reading{Value: math.Inf(1), Lambda: lambda, Solver: reached.Solver, Detail: reached.why()}
		}
		return apart(s, lambda, own, purpose, reached, wanted)
	}
}

// purposeOf returns the environment whose exact RLHF at lambda = 1 has the given minimizer: pi_star is proportional to
// pi_unconstrained/pi_ref. It says whether that is representable.
func purposeOf(own *bandit.Declared, logPi []float64) (*bandit.Declared, bool) {
	x := own.Prompts[0]
	star := make([]float64, len(logPi))
	for i, v := range logPi {
		star[i] = v - math.Log(x.PiRef[i])
	}
	logspace.LogSoftmax(star, star)
	logspace.Exp(star, star)
	for _, v := range star {
		if !(v > 0 && v < 1) {
			return nil, false
		}
	}
	return &bandit.Declared{Prompts: []bandit.DeclaredPrompt{{Name: x.Name, PiStar: star, PiRef: x.PiRef}}}, true
}

// apart is the reading of two restrained policies.
func apart(s *Subject, lambda float64, own, purpose *bandit.Declared, reached, wanted *outcome) Reading {
	distance := variation(reached.logPi[0], wanted.logPi[0])
	name := own.Prompts[0].Name
	return Reading{Value: distance, Prompt: name, Lambda: lambda, Solver: reached.Solver,
		Detail:  "on prompt " + name + atText(lambda),
		Reached: probabilities(reached.logPi[0]), Expected: probabilities(wanted.logPi[0]),
		Against: "the restrained RLHF problem with the same unconstrained minimizer",
		Again: func(bound float64) *Recipe {
			const key = "environment.prompts.0.pi_star"
			r := newRecipe(reached)
			here, there := atLambda(s.Label, lambda), "its purpose, rlhf"
			r.add(here, reached)
			r.add(there, wanted)
			mine, aims := flow(own.Prompts[0].PiStar), flow(purpose.Prompts[0].PiStar)
			r.sweep(key, mine, aims)
			left, right := only(here), only(there)
			left[key], right[key] = []string{mine}, []string{aims}
			return r.claim("The restrained loss ends where the restrained RLHF problem with the same unconstrained minimizer does.",
				distance <= bound, &claims.Distance{Left: left, Right: right, Max: &bound})
		}}
}

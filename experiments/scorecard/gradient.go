package scorecard

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"windtunnel/metrics/claims"
	"windtunnel/toy/bandit"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// duel is the environment of the gradient tests: two responses, the first the better one, an undecided reference.
var duel = newEnvironment("duel", &bandit.Declared{Prompts: []bandit.DeclaredPrompt{
	{Name: "x", PiStar: []float64{0.75, 0.25}, PiRef: []float64{0.5, 0.5}}}}, 0)

var gradientBounded = &Test{
	Name:  "gradient/bounded",
	Asks:  "Does the gradient stay bounded as a pair's margin grows?",
	Value: "decades by which the gradient's norm grows while the margin goes from 1e3 to 1e4 nats in either direction, at the loss's own lambda: 0 bounded, 1 linear",
	Theory: "Logistic losses have gradients of at most lambda, squares (IPO) grow linearly, links with r = pi/pi_ref itself (chi-PO, alpha > 1) exponentially in the " +
		"log-ratio.",
	Bound: 0.01,
	Where: at(duel),
	Measure: func(s *Subject, p *Environment) Reading {
		worst, at := math.Inf(-1), 0.0
		for _, side := range []float64{1, -1} {
			near, far := s.slope(p, side*1e3), s.slope(p, side*1e4)
			growth := math.Log10(far / near)
			switch {
			case near == 0 && far == 0:
				growth = math.Inf(-1)
			case math.IsInf(near, 0) || math.IsNaN(near) || math.IsNaN(far):
				growth = math.Inf(1)
			}
			if growth > worst || at == 0 {
				worst, at = growth, side*1e4
			}
		}
		return Reading{Value: max(0, worst), Prompt: "x", Lambda: s.Own,
			Detail: fmt.Sprintf("norm %.4g at margin %.3g, %.4g at %.3g", s.slope(p, at/10), at/10, s.slope(p, at), at)}
	},
}

var gradientMisordered = &Test{
	Name:   "gradient/misordered",
	Asks:   "Is there a gradient left where the policy has a pair the wrong way round?",
	Value:  "ratio of the gradient's norm at the reference to that where lambda times the margin is -20 (the margin at lambda above 1), decades: 0 as large, above 2 vanishing",
	Theory: "Convex losses of the margin pull hardest where the order is wrong. Bounded ones (apo, kto, exo) and the expected reward of a softmax policy (RLHF) vanish there.",
	Bound:  2,
	Where:  at(duel),
	Measure: func(s *Subject, p *Environment) Reading {
		margin := -20.0
		if s.hasLambda() && s.Own < 1 {
			margin /= s.Own
		}
		start, wrong := s.slope(p, 0), s.slope(p, margin)
		value := math.Log10(start / wrong)
		if start == 0 {
			return none("the gradient is 0 at the reference")
		}
		return Reading{Value: max(0, value), Prompt: "x", Lambda: s.Own, Detail: fmt.Sprintf("norm %.4g at the reference, %.4g at margin %.4g", start, wrong, margin)}
	},
}

// slope returns the norm of the gradient of one comparison of 0 over 1 by the logits, at a margin of 0 over 1 in nats.
func (s *Subject) slope(p *Environment, margin float64) float64 {
	t := p.task()
	t.loss, t.givenPairs = s.Loss, &preference.Pairs{Prompt: []int{0}, Chosen: []int{0}, Rejected: []int{1}}
	o, made := t.build()
	if o.err != nil {
		panic(o.err)
	}
	problem, batch := made.Problem, train.Full(made.Pairs, made.Problem)
	theta := made.Policy.Params()
	theta[0], theta[1] = margin/2, -margin/2
	grad := make([]float64, len(theta))
	problem.AddGrad(batch, grad)
	return floats.Norm(grad, 2)
}

var gradientSize = &Test{
	Name:   "gradient/size",
	Asks:   "How large is the gradient when training begins?",
	Value:  "norm of the population loss's gradient by the logits at pi_ref, at the loss's own lambda",
	Theory: "DPO's is at most lambda/sqrt(2), IPO's grows as 1/lambda: the same learning rate means different things.",
	Bound:  10,
	Where:  everywhere,
	Measure: func(s *Subject, p *Environment) Reading {
		t := p.task()
		t.loss = s.Loss
		o, made := t.build()
		if o.err != nil {
			return Reading{Value: math.Inf(1), Detail: o.err.Error()}
		}
		grad := make([]float64, len(made.Policy.Params()))
		made.Problem.AddGrad(train.Full(o.pairs, made.Problem), grad)
		norm := floats.Norm(grad, 2)
		return Reading{Value: norm, Lambda: s.Own, Detail: fmt.Sprintf("over %d prompts of %d responses", len(o.env.Prompts), o.env.Responses()),
			Again: func(bound float64) *Recipe {
				o.Solver, o.Train = "train", train.Params{Optimizer: &train.SGD{LR: 1e-9}, Schedule: &train.Constant{}, Epochs: 1}
				r := newRecipe(o)
				r.add(s.Label, o)
				return r.claim("grad_norm of the first step.", norm <= bound, &claims.Bound{Metric: "grad_norm", Max: &bound})
			}}
	},
}

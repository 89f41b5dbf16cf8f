package exact

import (
	"math"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
)

// oneByOne minimizes a sum of convex functions of single log-probabilities over the policies of one prompt, nil where the loss is no
// such sum or its minimum leaves mass over. With nu the multiplier of the constraint that probabilities sum to 1, every
// log-probability x by itself minimizes its function plus nu exp(x); the more nu, the lower all of them. So two nested
// bisections find it at any lambda, where Newton's method, in logits, meets a loss that is not convex.
func (s *solver) oneByOne(l *lossFunction, unit float64) *point {
	pair, dist := l.objective.Terms()
	for _, w := range pair {
		if !objective.SidesOnly(w.Term) {
			return nil
		}
	}
	if len(dist) > 0 || s.terms.held || s.terms.together {
		return nil
	}
	p := l.newPoint(l.tasks[0].logRef)
	prompt := l.prompt(p, 0)
	x, low, high := p.logp[0], make([]float64, l.dim), make([]float64, l.dim)
	// mass fills in the minimizers for nu and returns the logarithm of the sum of their probabilities.
	mass := func(nu float64) float64 {
		for k := range x {
			low[k], high[k] = -farther*max(1, unit), 0
		}
		for range bisections {
			for k := range x {
				x[k] = low[k] + (high[k]-low[k])/2
			}
			g, _ := l.objective.FreeGrad(prompt)
			for k, v := range g {
				if v+nu*math.Exp(x[k]) > 0 {
					high[k] = x[k]
				} else {
					low[k] = x[k]
				}
			}
		}
		return logspace.LogSumExp(x)
	}
	_, size := l.objective.FreeGrad(prompt)
	least, most := math.Log(size)-60, math.Log(size)+60
	if !(size > 0) || mass(math.Exp(least)) < 0 || mass(math.Exp(most)) > 0 {
		return nil
	}
	for range bisections {
		if middle := (least + most) / 2; mass(math.Exp(middle)) > 0 {
			least = middle
		} else {
			most = middle
		}
	}
	if floats.Min(x) < -farther*max(1, unit)/2 {
		return nil // towards a minimum at probability 0
	}
	copy(p.theta, x)
	l.value(p)
	return p
}

// bisections leave of an interval what a float64 cannot tell.
const bisections = 90

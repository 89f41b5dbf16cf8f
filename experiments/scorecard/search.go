package scorecard

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/exact"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/train"
)

// SolverSearch is what solver columns name policies that quasiNewton found: no config can ask for it.
const SolverSearch = "bfgs"

// When a search has arrived. Everything is in the search's own unit of length, which for losses of margins is a nat of
// lambda times a logit.
const (
	// restingShare is the share of its first norm that a gradient may keep at rest; next to a kink no gradient is small.
	restingShare = 1e-8
	// nudge is how far a second search starts from where the first ended, and samePolicy the total variation up to which
	// both ends are the same.
	nudge      = 0.05
	samePolicy = 1e-5
	// farOff is how far a logit is pushed to see whether the loss holds it, and vanished the probability of a response
	// that it does not hold and that counts as gone.
	farOff   = 40.0
	vanished = 1e-9
	// holds is the least rise of the loss, as a share of it or of 1, that counts as holding, and falls the least fall by
	// which a loss is without bound.
	holds, falls = 1e-11, 1e-6
	// rounds bounds how often a search is taken up again: after a push, or with a statistic taken anew.
	rounds = 60
)

// searcher minimizes the loss of one task over the parameters of its policy.
type searcher struct {
	problem     *train.Problem
	batch       *train.Minibatch
	pol         policy.Policy
	anchors     []*anchor
	theta       []float64 // the policy's own parameters
	start, grad []float64
	unit        float64 // of x: theta = start + unit x
}

// anchor is a term with a statistic that it holds back from differentiation. While it is held, the term has a potential.
type anchor struct {
	objective.Detached
	held objective.PairTerm // nil: the next evaluation takes the statistic
}

func (a *anchor) at(b *objective.Batch) objective.PairTerm {
	if a.held == nil {
		a.held = a.Freeze(b)
	}
	return a.held
}

// Loss implements objective.PairTerm.
func (a *anchor) Loss(b *objective.Batch) float64 { return a.at(b).Loss(b) }

// Grad implements objective.PairTerm.
func (a *anchor) Grad(b *objective.Batch, scale float64, g *objective.Grad) {
	a.at(b).Grad(b, scale, g)
}

// newSearcher returns a searcher at the policy's start.
func newSearcher(o *outcome, pol policy.Policy, unit float64) *searcher {
	s := &searcher{pol: pol, theta: pol.Params(), unit: unit}
	obj := *o.task.loss.Objective()
	for i, w := range obj.Pair {
		if d, ok := w.Term.(objective.Detached); ok {
			a := &anchor{Detached: d}
			s.anchors = append(s.anchors, a)
			obj.Pair[i].Term = a
		}
	}
	s.problem = train.NewProblem(o.env, pol, &obj, o.Constraint.L2)
	s.batch = train.Full(o.pairs, s.problem)
	s.start = append([]float64(nil), s.theta...)
	return s
}

// eval is the slope that quasiNewton minimizes.
func (s *searcher) eval(x, grad []float64) float64 {
	value := s.loss(x)
	clear(grad)
	s.problem.AddGrad(s.batch, grad)
	floats.Scale(s.unit, grad)
	return value
}

func (s *searcher) loss(x []float64) float64 {
	floats.AddScaledTo(s.theta, s.start, s.unit, x)
	return s.problem.Loss(s.batch)
}

// policies returns log-probabilities at x, a row a prompt.
func (s *searcher) policies(x []float64) [][]float64 {
	floats.AddScaledTo(s.theta, s.start, s.unit, x)
	rows := make([][]float64, s.pol.Prompts())
	for p := range rows {
		rows[p] = make([]float64, s.pol.Responses())
		s.pol.Logits(p, rows[p])
		logspace.LogSoftmax(rows[p], rows[p])
	}
	return rows
}

// searched searches in units of lambda times a margin, and in nats where that does not arrive, and keeps the better.
func (t task) searched(ctx context.Context, lambda float64) *outcome {
	first := t.search(ctx, scaledUnit(lambda))
	if first.err != nil || first.settled == arrived || scaledUnit(lambda) == 1 {
		return first
	}
	if second := t.search(ctx, 1); second.err == nil && second.settled == arrived {
		return second
	}
	return first
}

// search minimizes from the policy's start and says how that ended.
func (t task) search(ctx context.Context, unit float64) (o *outcome) {
	t.Solver = SolverSearch
	defer t.survive(&o)
	o, pol := t.build()
	if o.err != nil {
		return o
	}
	if o.err = ctx.Err(); o.err != nil {
		return o
	}
	s := newSearcher(o, pol, unit)
	x := make([]float64, len(s.theta))
	calm := s.descend(x)
	o.logPi = s.policies(x)
	o.reached = s.loss(x)
	switch open := s.open(x); {
	case math.IsNaN(o.reached) || math.IsInf(o.reached, 0) && o.reached > 0:
		o.status, o.reason, o.settled = string(exact.Stalled), "the loss is not finite where the search ended", underway
	case len(open) > 0:
		s.run(o, x, open)
	case calm || s.returns(x, o):
		o.status, o.settled = string(exact.Converged), arrived
	default:
		o.status, o.reason, o.settled = string(exact.Stalled), "the search did not come to rest", underway
	}
	return o
}

// descend minimizes from x and says whether the gradient has come to rest. Terms that hold a statistic back are minimized
// with it held, again and again, until the policy stays.
func (s *searcher) descend(x []float64) bool {
	if len(s.anchors) == 0 {
		_, rest := quasiNewton(s.eval, x)
		return rest <= restingShare
	}
	last := s.policies(x)
	for range rounds {
		s.release()
		quasiNewton(s.eval, x)
		now := s.policies(x)
		if apartMost(last, now) <= samePolicy/10 {
			return true
		}
		last = now
	}
	return false
}

// release lets the next evaluation take the statistics anew.
func (s *searcher) release() {
	for _, a := range s.anchors {
		a.held = nil
	}
}

// returns says whether a search that starts nearby ends at the same policy: what stands for a small gradient where the
// loss has kinks. It keeps the lower of both ends.
func (s *searcher) returns(x []float64, o *outcome) bool {
	for range 3 {
		other := append([]float64(nil), x...)
		for i := range other {
			other[i] += nudge * math.Sin(float64(i+1))
		}
		s.descend(other)
		again, value := s.policies(other), s.loss(other)
		same := apartMost(o.logPi, again) <= samePolicy
		if value < o.reached {
			copy(x, other)
			o.logPi, o.reached = again, value
		}
		if same {
			return true
		}
	}
	return false
}

// open lists the directions, each a coordinate and a sign, in which the loss does not hold the search's end: pushed far
// off, it does not rise.
func (s *searcher) open(x []float64) (pushes []float64) {
	base := s.loss(x)
	least := base + holds*max(1, math.Abs(base))
	probe := append([]float64(nil), x...)
	var all []float64
	for i, v := range x {
		for _, sign := range []float64{-1, 1} {
			probe[i] = v + sign*(farOff+math.Abs(v))
			if s.loss(probe) < least {
				if all == nil {
					all = make([]float64, len(x))
				}
				all[i] = probe[i] - v
			}
		}
		probe[i] = v
	}
	return all
}

// run follows a loss that does not hold its policy. Where probabilities come to rest while responses vanish, the policy
// is the one on the boundary of the simplex; else there is none.
func (s *searcher) run(o *outcome, x, push []float64) {
	for range 3 {
		floats.Add(x, push)
		s.descend(x)
		before, value := o.logPi, s.loss(x)
		fell := o.reached - value
		o.logPi, o.reached = s.policies(x), value
		if push = s.open(x); push == nil {
			push = make([]float64, len(x))
		}
		if fell <= falls && apartMost(before, o.logPi) <= samePolicy && s.vanish(o) {
			return
		}
	}
	o.status, o.settled = string(exact.Diverged), arrived
	o.reason = "the loss falls, or stays level, for ever as logits run off"
	o.logPi = make([][]float64, len(o.logPi))
}

// vanish sets responses to probability 0 that the search has driven out, and says whether there are some.
func (s *searcher) vanish(o *outcome) bool {
	gone := 0
	for _, row := range o.logPi {
		for k, v := range row {
			if v < math.Log(vanished) {
				row[k] = math.Inf(-1)
				gone++
			}
		}
		logspace.LogSoftmax(row, row)
	}
	o.status, o.settled = string(exact.Boundary), arrived
	o.reason = fmt.Sprintf("the loss falls for ever as %d responses lose all their probability, towards a policy without them", gone)
	return gone > 0
}

// apartMost is the largest total variation over prompts.
func apartMost(a, b [][]float64) float64 {
	most := 0.0
	for p := range a {
		most = max(most, variation(a[p], b[p]))
	}
	return most
}

// scaledUnit is one nat of lambda times a logit, in logits.
func scaledUnit(lambda float64) float64 {
	if math.IsNaN(lambda) {
		return 1
	}
	return min(1/lambda, 1e6)
}

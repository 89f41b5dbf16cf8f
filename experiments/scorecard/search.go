package scorecard

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/exact"
	"windtunnel/toy/logspace"
	"windtunnel/toy/policy"
	"windtunnel/toy/setup"
	"windtunnel/toy/train"
)

// SolverSearch is what solver columns name policies that quasiNewton found: no config can ask for it.
const SolverSearch = "bfgs"

// When a search has converged. Everything is in the search's own unit of length, which for losses of margins is a nat of
// lambda times a logit.
const (
	// gradientShare is the share of its first norm that a gradient may have at a minimum; next to a kink no gradient is small.
	gradientShare = 1e-6
	// flatShare is that at which a search stops.
	flatShare = 1e-8
	// nudge is how far a second search starts from where the first ended, and samePolicy the total variation up to which
	// both ends are the same.
	nudge      = 1e-3
	samePolicy = 1e-5
	// pushNats is how far a logit is pushed to find out whether the loss holds it, and vanished the probability of a response
	// that it does not hold and that counts as gone.
	pushNats = 40.0
	farther  = 1e3 // times as far, where the loss still must not rise
	vanished = 1e-9
	// holds is the least rise of the loss, as a share of it here or at the start, that counts as holding, and falls the
	// least fall after a push that shows that a search had not ended; after so many pushes it is given up.
	holds, falls = 1e-13, 1e-6
	pushes       = 3
	// unboundedFall is a fall below the start, in units of the loss there or of 1, that no loss with a bottom has.
	unboundedFall = 1e6
	// rounds bounds how often a search is taken up again: after a push, or with a statistic taken anew.
	rounds = 30
)

// searcher minimizes the loss of one task over the parameters of its policy.
type searcher struct {
	problem     *train.Problem
	batch       *train.Minibatch
	pol         policy.Policy
	release     func()    // lets terms take the statistics anew that they hold back; nil where none does
	theta       []float64 // the policy's own parameters
	start, grad []float64
	unit        float64 // of x: theta = start + unit x
	first       float64 // the loss at the start
	begin       float64 // the norm of its gradient there
}

// newSearcher returns a searcher for the least of a run's loss from its start.
func newSearcher(made *setup.Setup, unit float64) *searcher {
	s := &searcher{unit: unit}
	loss, release := made.Objective.Hold()
	held, err := setup.New(made.Run, setup.Given{Env: made.Env, Pairs: made.Pairs, Objective: loss})
	if err != nil {
		panic(fmt.Sprintf("scorecard: what was built once: %v", err))
	}
	s.problem, s.pol, s.theta, s.release = held.Problem, held.Policy, held.Policy.Params(), release
	s.batch = train.Full(made.Pairs, s.problem)
	s.start = append([]float64(nil), s.theta...)
	s.grad = make([]float64, len(s.theta))
	s.first = s.loss(s.grad)
	s.slope(s.grad)
	s.begin = floats.Norm(s.grad, 2)
	return s
}

// slope implements surface: the gradient by x.
func (s *searcher) slope(grad []float64) {
	clear(grad)
	s.problem.AddGrad(s.batch, grad)
	floats.Scale(s.unit, grad)
}

// loss implements surface: the loss at x.
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

// extremeUnit is how far from a nat, either way, the unit may be before an end that is not certain is compared with that of
// a search in nats.
const extremeUnit = 999

// searched searches in units of lambda times a margin, and in nats where that does not converge or where it is one of few
// points next to kinks at an extreme lambda, and returns the better. That a loss falls for ever is believed in the first unit
// alone: where lambda is small, many nats are no distance. A base, if there is one, is the outcome at another lambda.
func (t task) searched(ctx context.Context, lambda float64, base *outcome) *outcome {
	unit := 1.0
	if !math.IsNaN(lambda) {
		unit = min(1/lambda, 1e6)
	}
	first := t.search(ctx, unit, base)
	sure := first.convergence == converged && (first.certain || max(unit, 1/unit) < extremeUnit)
	if first.err != nil || sure || unit == 1 {
		return first
	}
	second := t.search(ctx, 1, nil)
	if second.err == nil && second.convergence == converged && second.whole() && (first.convergence != converged || second.reached < first.reached) {
		return second
	}
	if second.convergence != converged {
		first.convergence = unconverged
	}
	return first
}

// search minimizes from the policy's start and says how that ended.
func (t task) search(ctx context.Context, unit float64, base *outcome) (o *outcome) {
	t.Solver = SolverSearch
	defer t.survive(&o)
	o, made := t.build()
	if o.err != nil {
		return o
	}
	if o.err = ctx.Err(); o.err != nil {
		return o
	}
	s := newSearcher(made, unit)
	if s.sameAs(base) {
		o.logPi, o.reached, o.status, o.reason, o.convergence = s.policies(base.end), base.reached, base.status, base.reason, base.convergence
		o.certain = true // as sure as the base is
		if o.status == string(train.Diverged) {
			o.logPi = make([][]float64, len(o.logPi))
		}
		return o
	}
	x := make([]float64, len(s.theta))
	certain := s.descend(x)
	o.logPi, o.reached = s.policies(x), s.loss(x)
	s.conclude(o, x, certain)
	o.end, o.trial = x, s.trials(x)
	return o
}

// conclude says what the end of a descent is: a local minimum, a policy on the boundary of the simplex, a run to nowhere,
// or none of these as far as the search can tell. It may move x.
func (s *searcher) conclude(o *outcome, x []float64, certain bool) {
	o.status, o.reason, o.convergence = string(exact.Stalled), "the search did not come to rest", unconverged
	for range pushes {
		if math.IsNaN(o.reached) || math.IsInf(o.reached, 0) {
			return
		}
		if o.reached < s.first-unboundedFall*max(1, math.Abs(s.first)) {
			o.away("the loss falls without bound as logits run off")
			return
		}
		push := s.open(x)
		if push == nil {
			o.certain = certain
			if certain || s.release == nil && s.returns(x, o) {
				o.status, o.reason, o.convergence = string(train.Converged), "", converged
			}
			return
		}
		if s.bottomless(x, push, o.reached) {
			o.away("the loss falls without bound as logits run off")
			return
		}
		before, value := o.logPi, o.reached
		floats.Add(x, push)
		certain = s.descend(x)
		o.logPi, o.reached = s.policies(x), s.loss(x)
		if value-o.reached > falls {
			continue // it was no end
		}
		if apartMost(before, o.logPi) > samePolicy || !s.vanish(o) {
			o.away("the loss falls, by less and less, or stays level as logits run off")
		}
		return
	}
}

// away says that there is no minimizer.
func (o *outcome) away(reason string) {
	o.status, o.reason, o.convergence, o.certain = string(train.Diverged), reason, converged, true
	o.logPi = make([][]float64, len(o.logPi))
}

// trials returns the loss at some points around x.
func (s *searcher) trials(x []float64) []float64 {
	probe, values := make([]float64, len(x)), make([]float64, 4)
	for j := range values {
		for i, v := range x {
			probe[i] = v + float64(j)*math.Sin(float64(i+j))
		}
		values[j] = s.loss(probe)
	}
	return values
}

// sameAs says whether the loss is the same function of x as that of another outcome, as losses of lambda times a margin
// alone are at every lambda: so its end is the end here. A policy on the boundary of the simplex is not carried over,
// since which probabilities vanish depends on lambda.
func (s *searcher) sameAs(base *outcome) bool {
	if base == nil || base.end == nil || base.status == string(exact.Boundary) || !s.problem.Objective.DifferenceOnly() {
		return false
	}
	for j, v := range s.trials(base.end) {
		if !(math.Abs(v-base.trial[j]) <= 1e-9*max(1, math.Abs(v))) {
			return false
		}
	}
	return true
}

// descend minimizes from x and says whether the gradient has become small. Terms that hold a statistic back are minimized
// with it held, again and again, until the policy stays; every third time the way that is still to go is guessed from the
// last two (Aitken's extrapolation).
func (s *searcher) descend(x []float64) bool {
	if s.release == nil {
		return quasiNewton(s, x, flatShare*s.begin, s.near()) <= gradientShare*s.begin
	}
	last, step, before := append([]float64(nil), x...), make([]float64, len(x)), make([]float64, len(x))
	policies := s.policies(x)
	for round := range rounds {
		s.release()
		quasiNewton(s, x, flatShare*s.begin, s.near())
		now := s.policies(x)
		if apartMost(policies, now) <= samePolicy/10 {
			return true
		}
		copy(before, step)
		floats.SubTo(step, x, last)
		if ratio := floats.Dot(step, before) / floats.Dot(before, before); round%3 == 2 && ratio > 0 && ratio < 0.999 {
			floats.AddScaled(x, ratio/(1-ratio), step)
		}
		copy(last, x)
		policies = now
	}
	return false
}

// near is how far around its end a search takes gradients together: samePolicy in nats, and little in the search's unit.
func (s *searcher) near() float64 { return min(samePolicy/s.unit, 1e-3) }

// returns says whether a search that starts nearby ends at the same policy: what stands for a small gradient where the
// loss has kinks. It leaves the lower of both ends in x.
func (s *searcher) returns(x []float64, o *outcome) bool {
	for range 2 {
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
			return !s.slides(x)
		}
	}
	return false
}

// slides says whether a small step down the gradient lowers the loss as it would without a kink: then x is no end.
func (s *searcher) slides(x []float64) bool {
	value := s.loss(x)
	s.slope(s.grad)
	norm := floats.Norm(s.grad, 2)
	if norm <= gradientShare*s.begin {
		return false
	}
	const share = 1e-4 // of the way that the search has come, well above what it stops at
	size := share * floats.Norm(x, math.Inf(1))
	return s.loss(floats.AddScaledTo(make([]float64, len(x)), x, -size/norm, s.grad)) < value-size*norm/2
}

// open lists the directions, each a coordinate and a sign, in which the loss does not hold the search's end: pushed far
// off and farther, it does not rise.
func (s *searcher) open(x []float64) []float64 {
	base := s.loss(x)
	least := base + holds*max(math.Abs(s.first), math.Abs(base))
	probe := append([]float64(nil), x...)
	var all []float64
	signs := []float64{-1}
	if len(x) != s.pol.Prompts()*s.pol.Responses() { // not logits, of which some fall where others rise
		signs = []float64{-1, 1}
	}
	for i, v := range x {
		for _, sign := range signs {
			push := sign * (pushNats + math.Abs(v))
			level := func(times float64) bool {
				probe[i] = v + times*push
				return s.loss(probe) < least
			}
			if level(1) && level(farther) {
				if all == nil {
					all = make([]float64, len(x))
				}
				all[i] = push
			}
		}
		probe[i] = v
	}
	return all
}

// bottomless says whether the loss falls as fast far along the push as at its beginning.
func (s *searcher) bottomless(x, push []float64, value float64) bool {
	const far = 1e8
	probe := make([]float64, len(x))
	near := value - s.loss(floats.AddScaledTo(probe, x, 1, push))
	return near > falls && value-s.loss(floats.AddScaledTo(probe, x, far, push)) > far/2*near
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
	o.status, o.convergence, o.certain = string(exact.Boundary), converged, true
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

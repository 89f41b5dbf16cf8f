package exact

import (
	"math"
	"strings"

	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/train"
)

// margin minimizes a single margin loss over all policies of a prompt, without penalty. With z = lambda t the loss is
// sum w psi(z_w - z_l), whatever lambda is, and z is free up to a constant in every group of compared responses; where
// the link is bounded below, normalization may be impossible, which is a question for shares and simplexEdge.
func (s *solver) margin(t *task, m *marginTerm) (*result, error) {
	t = t.asking(m)
	groups := t.groups()
	for _, group := range groups {
		if m.shape.Low == objective.Unknown || m.Link != nil && m.shape.Convexity < objective.Strict && !m.shape.Decreasing() {
			continue
		}
		why, err := t.falls(m.Outer, m.shape, group)
		if err != nil {
			return nil, err
		}
		switch {
		case why != "" && s.terms.grounded():
			return s.simplexEdge(t, m, groups, &result{})
		case why != "":
			return &result{status: train.Diverged, logps: [][]float64{nil}, reason: t.reasonf("%s", why)}, nil
		}
	}
	r := &result{status: train.Converged, reason: inMargins}
	z := make([]float64, t.responses())
	for _, group := range groups {
		err := s.scaledMargins(t, m, group, z, r)
		switch {
		case err == nil && r.status == train.Diverged && s.terms.grounded():
			return s.general(t)
		case err != nil || r.logps != nil:
			return r, err
		}
	}
	if len(groups) > 1 {
		why := neverCompared(t, groups)
		if r.status == Local {
			why += "; " + strings.TrimPrefix(r.reason, t.name+": ")
		}
		r.status, r.reason = NotUnique, why
	}
	if m.Link == nil {
		r.logps = [][]float64{withShares(t, m, groups, z)}
		return r, nil
	}
	return s.linked(t, m, groups, z, r)
}

// asking returns the task without the comparisons that an infinite offset takes out of the loss.
func (t *task) asking(m *marginTerm) *task {
	if m.Offset == nil {
		return t
	}
	z := make([]float64, len(t.weight))
	m.Offset.Add(&objective.Batch{Gap: t.gap}, z)
	return t.only(func(i int) bool { return !math.IsInf(z[i], 1) })
}

// scaled is the loss of the scaled margins z, without its factor.
func (m *marginTerm) scaled() *objective.Objective {
	return objective.OnPairs(&objective.Margin{Lambda: 1, Factor: 1, Outer: m.Outer, ReferenceFree: true, Offset: m.Offset})
}

// scaledMargins writes a group's z, the largest being 0: the minimizer of sum w psi(z_w - z_l), a convex problem if psi is.
// Where there is none, or it is not found, the result has no policy.
func (s *solver) scaledMargins(t *task, m *marginTerm, group []int, z []float64, r *result) error {
	if len(group) == 1 {
		return nil
	}
	part := t.within(group)
	l := newLossFunction(m.scaled(), part)
	// Since they do not depend on lambda, nor on pi_ref, they serve the lambdas to come.
	found, err := s.once(l, func() (*result, error) {
		if m.shape.Convexity == objective.Strict {
			return s.descend(l, part.odds())
		}
		return s.searchMargins(m, l, part)
	})
	if err != nil {
		return err
	}
	r.iterations += found.iterations
	r.change = max(r.change, found.change)
	if found.theta == nil || found.status == Stalled {
		r.status, r.reason, r.logps = found.status, found.reason, [][]float64{nil}
		return nil
	}
	if graver(found.status, r.status) {
		r.status, r.reason = found.status, found.reason
	}
	top := math.Inf(-1)
	for _, v := range found.theta {
		top = max(top, v)
	}
	for i, k := range group {
		z[k] = found.theta[i] - top
	}
	return nil
}

// searchMargins searches for the scaled margins of a psi that is not strictly convex.
func (s *solver) searchMargins(m *marginTerm, l *lossFunction, part *task) (*result, error) {
	if m.shape.Hinge && m.Offset == nil {
		return part.hinged(), nil
	}
	inner := &solver{ctx: s.ctx, problem: &Problem{}, tasks: s.tasks, flows: s.flows}
	var err error
	if inner.terms, err = classify(l.objective); err != nil {
		return nil, err
	}
	l.start = make([]float64, part.responses())
	return inner.decideMargins(part, l)
}

// decideMargins searches and says what its end is.
func (s *solver) decideMargins(t *task, l *lossFunction) (*result, error) {
	starts, convex := [][]float64{l.start, t.odds()}, s.terms.convexInLogs()
	if !convex {
		starts = append(l.starts(1, nil), t.odds())
	}
	found, err := s.among(l, starts, 1, func(from []float64) (*end, error) { return s.settle(l, from, nil, 1) })
	if err != nil {
		return nil, err
	}
	r := &result{iterations: found.iterations, change: found.change, logps: [][]float64{nil}}
	switch {
	case found.away:
		r.status, r.reason = train.Diverged, t.reasonf("the loss falls for ever as margins run off: %s", found.describe())
		return r, nil
	case !found.converged:
		r.status, r.reason = Stalled, t.reasonf("no search came to rest, of %d", found.starts)
		return r, nil
	}
	r.logps[0], r.theta = found.at.logp[0], found.at.theta
	switch {
	case !convex:
		r.status, r.reason = Local, t.reasonf("%s", found.describe())
	case found.flat || !s.alone(t, l, found):
		r.status, r.reason = NotUnique, t.reasonf("some directions do not change the loss; one of the minimizers is reported")
	default:
		r.status, r.reason = train.Converged, inMargins
	}
	return r, nil
}

// hinged minimizes sum w max(0, 1 - z_w + z_l) over the margins of one group, which are whole numbers at some minimizer since
// the constraints z_w - z_l >= 1 - s are totally unimodular: it raises the part of the responses whose rise lowers the loss
// most, by 1, until none does. The slope along a direction is linear wherever that orders the responses in the same way, so that
// a minimizer is the only one if every part's rise costs.
func (t *task) hinged() *result {
	z := make([]float64, t.responses())
	r := &result{status: train.Converged, reason: inMargins, theta: z, logps: [][]float64{z}}
	for r.iterations < maxSteps {
		r.iterations++
		part, cost, total := t.rise(z)
		if cost < -netTolerance*total {
			for _, k := range part {
				z[k]++
			}
			continue
		}
		if cost <= netTolerance*total {
			r.status, r.reason = NotUnique, t.reasonf("the loss is piecewise linear, and %s may rise at no cost; one of the minimizers is reported", list(part))
		}
		return r
	}
	r.status, r.reason, r.theta = Stalled, t.reasonf("the hinge loss was not minimized in %d steps", maxSteps), nil
	return r
}

// rise returns the part of the responses whose rise from z costs a hinge loss least, and at what slope.
func (t *task) rise(z []float64) (part []int, cost, total float64) {
	n := t.responses()
	slope := mat.NewDense(n, n, nil) // of the row's rise over the column
	for i, c := range t.chosen {
		r, w := t.rejected[i], t.weight[i]
		if total += w; z[c]-z[r] < 1 {
			slope.Set(c, r, slope.At(c, r)-w)
		}
		if z[c]-z[r] <= 1 {
			slope.Set(r, c, slope.At(r, c)+w)
		}
	}
	cost = math.Inf(1)
	for k := 1; k < n; k++ {
		for _, ends := range [][2]int{{0, k}, {k, 0}} {
			if some, v := cheapest(slope, ends[0], ends[1]); v < cost-netTolerance*total {
				part, cost = some, v
			}
		}
	}
	return part, cost, total
}

// odds returns the log odds of winning for every response, a start at the right scale even for responses that win
// one time in 1e300; 0 for responses that only win or only lose.
func (t *task) odds() []float64 {
	won, lost := make([]float64, t.responses()), make([]float64, t.responses())
	for i, c := range t.chosen {
		won[c] += t.weight[i]
		lost[t.rejected[i]] += t.weight[i]
	}
	for k := range won {
		if won[k] > 0 && lost[k] > 0 {
			won[k] = math.Log(won[k]) - math.Log(lost[k])
		} else {
			won[k] = 0
		}
	}
	return won
}

// base returns what a margin loss compares log pi with: log pi_ref, or 0 without a reference.
func (t *task) base(m *marginTerm) []float64 {
	if m.ReferenceFree {
		return make([]float64, t.responses())
	}
	return t.logRef
}

// withShares returns the policy of the identity link, log pi = base + z/lambda + c, where c is free in every group.
// KL(pi_ref to pi) sees c through the groups' probabilities alone, and is smallest where these are pi_ref's.
func withShares(t *task, m *marginTerm, groups [][]int, z []float64) []float64 {
	logp, base := make([]float64, t.responses()), t.base(m)
	for _, group := range groups {
		scores, share := make([]float64, len(group)), make([]float64, len(group))
		for i, k := range group {
			scores[i], share[i] = base[k]+z[k]/m.Lambda, t.logRef[k]
		}
		logspace.LogSoftmax(scores, scores)
		for i, k := range group {
			logp[k] = scores[i]
			if len(groups) > 1 {
				logp[k] += logspace.LogSumExp(share)
			}
		}
	}
	return logp
}

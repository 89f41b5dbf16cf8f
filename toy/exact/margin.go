package exact

import (
	"math"

	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/train"
)

// margin minimizes a single margin loss over all policies of a prompt, without penalty. With z = lambda t the loss is
// sum w psi(z_w - z_l), whatever lambda is, and z is free up to a constant in every group of compared responses; where
// the link is bounded below, normalization may be impossible, which is a question for shares and simplexEdge.
func (s *solver) margin(t *task, m *marginTerm) (*result, error) {
	groups := t.groups()
	for _, group := range groups {
		why, err := t.falls(m.Outer, m.shape, group)
		if err != nil {
			return nil, err
		}
		if why != "" {
			return &result{status: train.Diverged, logps: [][]float64{nil}, reason: t.reasonf("%s", why)}, nil
		}
	}
	r := &result{status: train.Converged}
	z := make([]float64, t.responses())
	for _, group := range groups {
		if err := s.scaledMargins(t, m, group, z, r); err != nil || r.status == Stalled {
			return r, err
		}
	}
	if len(groups) > 1 {
		r.status = NotUnique
		r.reason = t.reasonf("%s and %s were never compared, not even through others; the minimizer nearest to pi_ref is reported",
			list(groups[0]), list(groups[1]))
	}
	if m.Link == nil {
		r.logps = [][]float64{withShares(t, m, groups, z)}
		return r, nil
	}
	return s.linked(t, m, groups, z, r)
}

// scaledMargins writes a group's z, the largest being 0: the minimizer of sum w psi(z_w - z_l), a convex problem.
func (s *solver) scaledMargins(t *task, m *marginTerm, group []int, z []float64, r *result) error {
	if len(group) == 1 {
		return nil
	}
	part := t.within(group)
	unit := &objective.Margin{Lambda: 1, Factor: 1, Outer: m.Outer, ReferenceFree: true}
	l := newLossFunction(objective.OnPairs(unit), part)
	found, err := s.descend(l, [][]float64{part.odds()})
	if err != nil {
		return err
	}
	r.iterations += found.iterations
	r.change = max(r.change, found.change)
	if found.status != train.Converged {
		r.status, r.reason, r.logps = found.status, found.reason, [][]float64{nil}
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

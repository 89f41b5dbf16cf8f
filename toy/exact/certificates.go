package exact

import (
	"math"
	"slices"

	"windtunnel/toy/objective"
	"windtunnel/toy/train"
)

const (
	// clearly is the share of its parts that a sum must exceed to count as positive or negative, far above what a search
	// for a stationary point leaves.
	clearly = 1e-6
	// asLow is how much of itself (or, below 1, of 1) a loss may exceed another and count as equal.
	asLow = 1e-9
	// samePoint is the relative difference of log-probabilities up to which two searches ended at one policy.
	samePoint = 1e-4
)

// compared lists the responses that comparisons mention, and the others.
func (t *task) compared() (some, rest []int) {
	for k := range t.responses() {
		if slices.Contains(t.chosen, k) || slices.Contains(t.rejected, k) {
			some = append(some, k)
		} else {
			rest = append(rest, k)
		}
	}
	return some, rest
}

// ruleRaised: a decreasing convex psi of t_w - t_l + p min(0, t_w), DPO-Positive. It is convex in the log-probabilities and
// nowhere rises when they all grow alike. A compared response that was never chosen may be lowered at a gain and what it
// gives up spread over the others. If there is none, following comparisons from any response ends in a cycle, along which
// margins sum to p min(0, t_w) summed: log-probabilities cannot fall without bound. Two minimizers would have one between
// them that leaves mass over, and the loss strictly falls when that is spread, since some chosen response is below its
// reference. Mass that responses never compared can take need not be spread, if the margins alone can be had for less.
func ruleRaised(s *solver, t *task, a *assumptions) (*Verdict, error) {
	if a.raised == nil {
		return nil, nil
	}
	shape := a.margins[0].Margin
	if !shape.Decreasing() || shape.Convexity != objective.Strict || shape.Low != objective.Rises {
		return nil, undecidable("a loss that treats the chosen response apart and is not strictly convex and decreasing")
	}
	seen, rest := t.compared()
	for _, k := range seen {
		if !slices.Contains(t.chosen, k) {
			return &Verdict{train.Diverged, t.reasonf("the loss falls for ever because response %d was never chosen", k)}, nil
		}
	}
	if len(rest) == 0 {
		return &Verdict{train.Converged, ""}, nil
	}
	return s.leastMass(t, a.raised, *shape, rest)
}

// leastMass decides where a loss of margins that costs nothing extra from the reference upwards leaves mass to responses
// that were never compared.
func (s *solver) leastMass(t *task, m *objective.Margin, shape objective.Shape, rest []int) (*Verdict, error) {
	pushed := &Verdict{Boundary, t.reasonf("the margins ask for more than all the mass, which leaves probability 0 to %s", list(rest))}
	z, mass := make([]float64, t.responses()), 0.0
	for _, group := range t.groups() {
		if len(group) == 1 {
			continue
		}
		if t.unbeaten(group) != nil {
			return pushed, nil
		}
		r := &result{status: train.Converged}
		if err := s.scaledMargins(t, &marginTerm{Margin: m, shape: shape}, group, z, r); err != nil || r.status != train.Converged {
			return nil, undecidable(t.reasonf("the margins alone are not found"))
		}
		low := math.Inf(1)
		for _, k := range group {
			low = min(low, z[k])
		}
		for _, k := range group {
			mass += t.ref[k] * math.Exp((z[k]-low)/m.Lambda)
		}
	}
	switch {
	case mass > 1+clearly:
		return pushed, nil
	case mass < 1-clearly:
		return &Verdict{NotUnique, t.reasonf("the margins leave mass over, which %s may take or leave", list(rest))}, nil
	}
	return nil, undecidable(t.reasonf("the margins ask for all the mass, to rounding"))
}

// ruleShift: where some response was never compared, raising the compared ones alike at its expense keeps their margins. A
// loss that strictly falls with it, or with the opposite move, has no minimizer in the interior. The first move ends where
// the others are at probability 0, and there is a minimizer if every compared response is held back from 0.
func ruleShift(_ *solver, t *task, a *assumptions) (*Verdict, error) {
	seen, rest := t.compared()
	link, shared := a.link()
	if len(rest) == 0 || len(a.singles) == 0 || a.barrier > 0 || !shared {
		return nil, nil
	}
	if link == nil && a.everySingle((*objective.Shape).Increasing) {
		return &Verdict{train.Diverged, t.reasonf("the loss falls for ever: lowering the compared responses alike for %s keeps their margins and lowers the rest",
			list(rest))}, nil
	}
	held, _ := t.held(a)
	if !a.sinking() || !a.boundedBelow() || !allOf(seen, held) {
		return nil, nil
	}
	return &Verdict{Boundary, t.reasonf("raising the compared responses alike keeps their margins and lowers the loss, which leaves probability 0 to %s",
		list(rest))}, nil
}

// boundedBelow says whether every part of the loss is, given that no log-probability exceeds 0.
func (a *assumptions) boundedBelow() bool {
	return a.everyMargin(func(p *objective.Shape) bool { return p.Low != objective.Plunges && p.High != objective.Plunges }) &&
		a.everySingle(func(p *objective.Shape) bool { return p.Low != objective.Plunges })
}

// held says which responses a function of one of them keeps from probability 0, as their log-probability would cost without
// bound, and for which such a function is strictly convex.
func (t *task) held(a *assumptions) (held, strict []bool) {
	held, strict = make([]bool, t.responses()), make([]bool, t.responses())
	for k := range held {
		held[k] = a.barrier > 0
	}
	for _, st := range a.singles {
		bounded := false
		if st.Link != nil {
			inverse, ok := st.Link.(objective.Invertible)
			if bounded = true; ok {
				low, _ := inverse.Range()
				bounded = !math.IsInf(low, -1)
			}
		}
		mark := func(who []int, shape *objective.Shape) {
			if shape == nil || bounded {
				return
			}
			for _, k := range who {
				held[k] = held[k] || shape.Low == objective.Rises
				strict[k] = strict[k] || shape.Convexity == objective.Strict
			}
		}
		mark(t.chosen, st.Chosen)
		mark(t.rejected, st.Rejected)
	}
	return held, strict
}

// allOf says whether all members are marked.
func allOf(members []int, marked []bool) bool {
	for _, k := range members {
		if !marked[k] {
			return false
		}
	}
	return true
}

// ruleCoercive: there is a minimizer if no set of responses can go to probability 0 at a bounded cost. Where margins cost
// without bound when they are lost, a response takes those that it beat with it; so each needs one among these that is
// held, or to take all.
func ruleCoercive(s *solver, t *task, a *assumptions) (*Verdict, error) {
	if len(a.singles) == 0 && a.barrier == 0 || !a.boundedBelow() {
		return nil, nil
	}
	held, _ := t.held(a)
	link, shared := a.link()
	lost := shared && link == nil && len(a.margins) > 0 && !a.margins[0].Coupled && a.margins[0].Margin.Low == objective.Rises
	for k := range t.responses() {
		reach := []int{k}
		if lost {
			reach = t.below(k)
		}
		if len(reach) < t.responses() && !slices.ContainsFunc(reach, func(j int) bool { return held[j] }) {
			return nil, nil
		}
	}
	if a.convex() {
		if a.sinking() {
			return &Verdict{train.Converged, ""}, nil
		}
		if sum, at, err := s.balance(t); err != nil || at != nil && sum < -clearly {
			return &Verdict{train.Converged, ""}, err
		}
	}
	return s.searched(t, a)
}

// below lists a response and those that it beat, directly or through others.
func (t *task) below(k int) []int {
	reach := []int{k}
	for at := 0; at < len(reach); at++ {
		for i, c := range t.chosen {
			if c == reach[at] && !slices.Contains(reach, t.rejected[i]) {
				reach = append(reach, t.rejected[i])
			}
		}
	}
	return reach
}

// ruleFace: a loss that is strictly convex in the compared log-probabilities, all of them held, beside responses that were
// never compared. These take what mass the others leave, if nothing pulls at any of these somewhere. If the compared ones,
// given all mass, still want more (see balance), the minimizer is there.
func ruleFace(s *solver, t *task, a *assumptions) (*Verdict, error) {
	seen, rest := t.compared()
	held, strict := t.held(a)
	if len(rest) == 0 || a.barrier > 0 || !a.boundedBelow() || !a.convex() || !allOf(seen, held) || !allOf(seen, strict) {
		return nil, nil
	}
	sum, at, err := s.balance(t)
	if err != nil {
		return nil, err
	}
	if at != nil && math.Abs(sum) < clearly && at.left(rest) > clearly {
		if len(rest) > 1 {
			return &Verdict{NotUnique, t.reasonf("%s share what mass the others leave as they like", list(rest))}, nil
		}
		return &Verdict{train.Converged, ""}, nil
	}
	if sum, at, err = s.balance(t.within(seen)); at == nil || sum > -clearly {
		return nil, err
	}
	return &Verdict{Boundary, t.reasonf("%s want more than all the mass, which leaves probability 0 to %s", list(seen), list(rest))}, nil
}

// left returns the probability of some responses of a single prompt.
func (p *point) left(some []int) float64 {
	total := 0.0
	for _, k := range some {
		total += p.pi[0][k]
	}
	return total
}

// balance finds a stationary policy and returns the sum of the loss's derivatives there by the log-probabilities as free
// variables, relative to what is added up. They are -nu times the probabilities, nu the multiplier of the constraint
// that these sum to 1. Where the loss is convex in the log-probabilities and nu > 0, the policy minimizes the loss over all
// policies that leave mass over as well, which is a convex problem, and is its only minimizer: one between two would leave
// mass over and have no derivative, and then nor would this. Where all derivatives vanish it is a free minimizer. at is nil
// where the search does not arrive.
func (s *solver) balance(t *task) (sum float64, at *point, err error) {
	l := newLossFunction(s.problem.Objective, t)
	l.start = t.logRef
	d, err := s.stationaryFrom(l)
	if err != nil || !d.converged {
		return 0, nil, err
	}
	g, scale := l.objective.FreeGrad(l.prompt(d.at, 0))
	for _, v := range g {
		sum += v
	}
	return sum / max(scale, math.SmallestNonzeroFloat64), d.at, nil
}

// searched answers for a loss that has a minimizer but is not convex: by Newton's method from the reference and from
// policies with one response far above or below the others. Several minimizers as low as each other are not decided on.
func (s *solver) searched(t *task, a *assumptions) (*Verdict, error) {
	const caveat = "a minimizer exists, but the loss is not convex"
	if !a.curved {
		return nil, undecidable(t.reasonf(caveat + " and has no second derivatives to search for others"))
	}
	starts := [][]float64{t.logRef}
	for k := range t.responses() {
		for _, far := range []float64{reach, -reach, 10 * reach, -10 * reach, 100 * reach, -100 * reach} {
			at := append([]float64(nil), t.logRef...)
			at[k] += far
			starts = append(starts, at)
		}
	}
	var best *descent
	var found []*descent
	for _, from := range starts {
		l := newLossFunction(s.problem.Objective, t)
		l.start = from
		d, err := s.stationaryFrom(l)
		if err != nil {
			return nil, err
		}
		if !d.at.finite() {
			continue
		}
		found = append(found, d)
		if best == nil || d.at.loss < best.at.loss {
			best = d
		}
	}
	if best == nil || !best.converged {
		return nil, undecidable(t.reasonf(caveat + " and the search for it does not arrive"))
	}
	for _, d := range found {
		if _, relative := compare(best.at, d.at); relative > samePoint && d.at.loss <= best.at.loss+asLow*max(1, math.Abs(best.at.loss)) {
			return nil, undecidable(t.reasonf(caveat + " and searches end as low at different policies"))
		}
	}
	return &Verdict{train.Converged, t.reasonf("%s: none other as low was found from %d starts", caveat, len(starts))}, nil
}

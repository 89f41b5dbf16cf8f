package exact

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/objective"
)

// none says in a sentence why a loss has no minimizer among the policies that give every response a positive probability, ""
// where no rule says so, and marks the responses that it pushes down wherever the policy is.
//
// At a minimizer in the interior of the simplex the derivatives by the log-probabilities, as free variables, are one multiple of
// the probabilities, so that all have the same sign or all are 0. Where the comparisons alone give two of them different signs,
// there is none. Where they add up to 0, all are 0, which one of known sign rules out.
func (t *task) none(a *terms) (why string, gone []bool) {
	if a.strange != "" {
		return "", nil
	}
	if why := t.unheld(a); why != "" {
		return why, nil
	}
	up, down, unseen := t.pulls(a)
	gone = make([]bool, t.responses())
	for _, k := range down {
		gone[k] = true
	}
	switch {
	case a.entropy > 0 || a.reward != 0 || len(a.parts) == 0:
	case len(down) > 0 && len(up) > 0:
		return fmt.Sprintf("wherever the policy is, the loss pushes %s up and %s down", list(up), list(down)), gone
	case len(down) > 0 && len(unseen) > 0:
		return fmt.Sprintf("wherever the policy is, the loss pushes %s down and leaves %s alone", list(down), list(unseen)), gone
	case a.invariant() && len(up) > 0:
		return fmt.Sprintf("wherever the policy is, the loss pushes %s up at the others' expense", list(up)), gone
	}
	return "", nil
}

// apart says in a sentence why sides that are coupled by quantile have no minimizer over the policies of one prompt, "" where they may.
// Where one response lies below another, more was chosen or more rejected of what is no higher than it, or as much. In the first two
// cases the gap between them is crossed by mass that only one move of the gap helps, so that at a minimizer wins and losses balance
// below every gap and all coupled values are equal. Pulling responses apart in the order of wins less losses is then better.
func (t *task) apart(a *terms) string {
	if len(a.parts) != 1 || !a.parts[0].Coupled || a.parts[0].Chosen == nil || a.barrier > 0 || a.entropy > 0 || a.reward != 0 {
		return ""
	}
	net, weight := t.lead()
	if floats.Norm(net, math.Inf(1)) <= netTolerance*weight {
		return ""
	}
	return "the loss falls for ever as the responses are pulled apart in the order of their wins less their losses"
}

// lead returns how much more every response was chosen than rejected, and the weight of all comparisons.
func (t *task) lead() (net []float64, weight float64) {
	net = make([]float64, t.responses())
	for i, c := range t.chosen {
		net[c] += t.weight[i]
		net[t.rejected[i]] -= t.weight[i]
		weight += t.weight[i]
	}
	return net, weight
}

// pulls lists the responses whose log-probability the loss wants higher or lower wherever the policy is, and those it does
// not see.
func (t *task) pulls(a *terms) (up, down, unseen []int) {
	k := t.responses()
	wants := make([]pull, k)
	for i, c := range t.chosen {
		for _, p := range a.parts {
			if p.Margin != nil {
				wants[c].add(p.Margin, 1)
				wants[t.rejected[i]].add(p.Margin, -1)
			}
		}
	}
	for _, p := range a.parts {
		bends, size := make([]float64, k), make([]float64, k)
		side := func(who int, shape *objective.Shape, weight float64) {
			switch {
			case shape == nil:
			case shape.Sigmoid != 0:
				bends[who] += weight * shape.Sigmoid
				size[who] += weight * math.Abs(shape.Sigmoid)
			default:
				wants[who].add(shape, 1)
			}
		}
		for i, c := range t.chosen {
			side(c, p.Chosen, t.weight[i]*p.weight)
			side(t.rejected[i], p.Rejected, t.weight[i]*p.weight)
		}
		for who, v := range bends {
			wants[who].up = wants[who].up || v < -netTolerance*size[who]
			wants[who].down = wants[who].down || v > netTolerance*size[who]
		}
	}
	for who, w := range wants {
		w.up = w.up || a.barrier > 0
		switch {
		case w.unknown || w.up && w.down:
		case w.up:
			up = append(up, who)
		case w.down:
			down = append(down, who)
		default:
			unseen = append(unseen, who)
		}
	}
	return up, down, unseen
}

// pull is what a loss wants of one log-probability.
type pull struct{ up, down, unknown bool }

// add takes in a function of the log-probability times direction.
func (p *pull) add(shape *objective.Shape, direction int) {
	switch {
	case shape.Decreasing() == (direction > 0) && shape.Monotone:
		p.up = true
	case shape.Monotone:
		p.down = true
	default:
		p.unknown = true
	}
}

// unheld: where a group of responses never lost to others that it was compared with, raising it over them raises margins and
// lowers none. A psi that falls for ever with the margin is lower at the end of that move than anywhere before; held factors
// and sorting do not change that. Under a link the move is a short one, which is enough where psi falls everywhere.
func (t *task) unheld(a *terms) string {
	link, shared := a.link()
	if a.hasSingles() || a.barrier > 0 || a.entropy > 0 || a.reward != 0 || !shared || len(a.parts) == 0 {
		return ""
	}
	falls, where := false, "for ever"
	if a.grounded() {
		where = "up to the boundary of the simplex"
	}
	for _, m := range a.parts {
		if m.Margin.Low.Unattained() || m.Margin.High != objective.Level && m.Margin.High != objective.Falls ||
			(link != nil || m.Held || m.Coupled) && !m.Margin.Decreasing() || m.Raised {
			return ""
		}
		falls = falls || m.Margin.High == objective.Falls
	}
	for _, group := range t.groups() {
		if winners := t.unbeaten(group); falls && winners != nil {
			return fmt.Sprintf("the loss falls %s because %s never lost to %s", where, list(winners), list(others(group, winners)))
		}
	}
	return ""
}

// balanced says whether opposite comparisons that share a held factor leave only one point at rest. A rest point balances both
// sides of every cut. If the compared pairs form no cycle, every pair is a cut, and balanced where it is without the factor: a
// strictly convex psi that rises at both ends of a pair compared both ways does so at one margin.
func (t *task) balanced(a *terms) bool {
	if len(a.parts) != 1 || a.hasSingles() || a.barrier > 0 {
		return false
	}
	m, groups := a.parts[0], t.groups()
	pairs := map[[2]int]bool{}
	for i, c := range t.chosen {
		r := t.rejected[i]
		pairs[[2]int{min(c, r), max(c, r)}] = true
	}
	return m.Symmetric && m.Link == nil && m.Margin.Convexity == objective.Strict && m.Margin.Low == objective.Rises &&
		m.Margin.High != objective.Plunges && len(pairs) == t.responses()-len(groups)
}

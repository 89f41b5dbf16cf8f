package exact

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"

	"windtunnel/toy/objective"
)

// terms is what is known of an objective. Of margin losses that are strictly convex, of divergences and of the expected reward
// all is known (other is empty); of more losses it is known what they are made of (parts), by which rules decide whether there
// is a minimizer; of the rest, that they have a value and a gradient.
type terms struct {
	margins []*marginTerm // of positive weight
	only    *marginTerm   // the sole term, where it is a margin loss of any function psi
	weight  float64       // its weight
	barrier float64       // weight of KL(pi_ref to pi): convex in the logits, grows without bound with any log-ratio
	entropy float64       // weight of KL(pi to pi_ref): convex in the probabilities, bounded
	reward  float64       // weight of the negative expected reward: linear in the probabilities

	other    string      // of which term all this is not all, and why; "" where it is
	strange  string      // of which term not even the parts are known, "" where those of all are
	parts    []part      // those of pair terms
	curved   bool        // all terms have second derivatives
	held     bool        // a statistic is held back from differentiation
	together bool        // a statistic is of the whole batch, so that prompts are not apart
	moving   bool        // the reference follows the policy
	raised   *marginTerm // the term, where it is the only one and its chosen responses have a link of their own
	margin   bool        // every pair term is of log-ratio margins alone, without offset
}

// part is what one pair term is made of, and its weight.
type part struct {
	objective.Structure
	weight float64
}

// marginTerm is a margin loss.
type marginTerm struct {
	*objective.Margin
	shape   objective.Shape
	inverse objective.Invertible // the link; nil is the identity, or a link that is not invertible
}

// strictly says whether a solution needs no more than is known: a strictly convex function of one margin and nothing else.
func (m *marginTerm) strictly() bool {
	return m.Plain() && m.shape.Convexity == objective.Strict && (m.Link == nil || m.inverse != nil)
}

// errSampled refuses an objective whose value no solver knows without the responses that were drawn.
var errSampled = errors.New("the exact solver has no statement about a term of sampled reference responses; take reference_samples: exact, or train instead")

// distTerm returns the term that an objective of a single distribution term consists of. Such terms are comparable.
func distTerm(p objective.Params) objective.DistTerm {
	_, dist := p.Objective().Terms()
	return dist[0].Term
}

// The distribution terms of which all is known.
var (
	klSum, klMean = distTerm(&objective.KLRefPi{Reduction: "sum"}), distTerm(&objective.KLRefPi{Reduction: "mean"})
	klReverse     = distTerm(&objective.KLPiRef{})
	rewardTerm    = distTerm(&objective.Reward{})
)

// classify says what is known of an objective. Terms of weight 0 do not count.
func classify(o *objective.Objective) (terms, error) {
	t := terms{moving: o.Moving != nil, curved: true, margin: true}
	if o.Sampled != nil {
		return t, errSampled
	}
	pair, dist := o.Terms()
	for _, w := range pair {
		t.addPair(w)
	}
	for _, w := range dist {
		switch w.Term {
		case klSum, klMean:
			t.barrier += w.Weight
		case klReverse:
			t.entropy += w.Weight
		case rewardTerm:
			t.reward += w.Weight
		default:
			t.other, t.strange = "a formula of distributions", "a formula of distributions"
		}
	}
	if t.barrier < 0 || t.entropy < 0 {
		t.other, t.strange = "a divergence of negative weight", "a divergence of negative weight"
	}
	if m, ok := soleMargin(pair); ok && len(dist) == 0 && pair[0].Weight > 0 {
		t.only, t.weight = m, pair[0].Weight
	}
	if t.raised != nil && (len(pair) > 1 || len(dist) > 0) {
		t.strange = "a margin loss that treats the chosen response apart, beside other terms"
	}
	return t, nil
}

// soleMargin returns the margin loss that the pair terms are.
func soleMargin(pair []objective.Weighted[objective.PairTerm]) (*marginTerm, bool) {
	if len(pair) != 1 {
		return nil, false
	}
	m, ok := pair[0].Term.(*objective.Margin)
	if !ok || m.ChosenLink != nil {
		return nil, false
	}
	t := &marginTerm{Margin: m}
	t.shape, _ = objective.ShapeOf(m.Outer)
	t.inverse, ok = m.Link.(objective.Invertible)
	return t, m.Link == nil || ok
}

// addPair takes in a pair term.
func (t *terms) addPair(w objective.Weighted[objective.PairTerm]) {
	_, curved := w.Term.(objective.Curved)
	t.curved = t.curved && curved
	m, isMargin := w.Term.(*objective.Margin)
	t.margin = t.margin && isMargin && m.Plain() && m.Link == nil && !m.ReferenceFree
	if isMargin {
		term := &marginTerm{Margin: m}
		known := false
		term.shape, known = objective.ShapeOf(m.Outer)
		term.inverse, _ = m.Link.(objective.Invertible)
		if m.ChosenLink != nil {
			t.raised = term
		}
		if known && term.strictly() && w.Weight > 0 {
			t.margins = append(t.margins, term)
		} else {
			t.other = "a margin loss that is not known to be strictly convex"
		}
	} else {
		t.other = "a loss that is not of one margin"
	}
	s, ok := w.Term.(objective.Structured)
	if !ok {
		t.held = t.held || !curved
		t.strange = "a formula of which nothing but its values is known"
		return
	}
	st, known := s.Structure()
	t.held = t.held || st.Held && !st.Invariant
	t.together = t.together || st.Coupled || st.Held && (st.Chosen != nil || st.Rejected != nil)
	if !known || w.Weight < 0 {
		t.strange = "a function of which nothing but its values is known"
		return
	}
	t.parts = append(t.parts, part{st, w.Weight})
}

// constant says whether nothing is left of the loss.
func (t *terms) constant() bool {
	return t.other == "" && len(t.margins) == 0 && t.barrier == 0 && t.entropy == 0 && t.reward == 0
}

// linked says whether a margin loss has a link other than the identity.
func (t *terms) linked() bool {
	return slices.ContainsFunc(t.margins, func(m *marginTerm) bool { return m.Link != nil })
}

// plunges says whether some margin loss falls without bound, as robust DPO's does on labels that it takes for flipped.
func (t *terms) plunges() bool {
	return slices.ContainsFunc(t.margins, func(m *marginTerm) bool {
		return m.shape.Low == objective.Plunges || m.shape.High == objective.Plunges
	})
}

// convex says whether the loss is convex in the logits, and so in the parameters of an affine policy. The identity link
// makes margins linear there, and KL(pi_ref to pi) is a log-sum-exp plus a linear function; so are functions of a response's
// log-probability that are convex and fall.
func (t *terms) convex() bool {
	if t.entropy != 0 || t.reward != 0 {
		return false
	}
	return t.other == "" && !t.linked() || t.strange == "" && t.convexInLogs() && t.everySingle(objective.Shape.Decreasing)
}

// wholePolicy says whether the loss sees all of a prompt's policy, not only the margins of its comparisons.
func (t *terms) wholePolicy() bool {
	return t.other != "" && !t.invariant() || t.linked() || t.barrier > 0 || t.entropy > 0 || t.reward != 0
}

// hasSingles says whether some part is a function of single responses.
func (t *terms) hasSingles() bool {
	return slices.ContainsFunc(t.parts, func(p part) bool { return p.Chosen != nil || p.Rejected != nil })
}

// on returns the terms at one prompt, without the parts that are constant there.
func (t *terms) on(x *task) *terms {
	here := *t
	here.parts = nil
	for _, p := range t.parts {
		if !p.Dispersed || objective.Dispersion(x.ref, x.logRef) > 0 {
			here.parts = append(here.parts, p)
		}
	}
	return &here
}

// link returns the link that all margins share, and false if they have several.
func (t *terms) link() (link objective.Link, shared bool) {
	free, seen := false, false
	for _, m := range t.parts {
		switch {
		case m.Margin == nil:
		case !seen:
			link, free, seen = m.Link, m.ReferenceFree, true
		case !sameLink(m.Link, link) || m.ReferenceFree != free && link != nil:
			return nil, false
		}
	}
	return link, true
}

// sameLink says whether two links are the same; those of formulas are only where both are the identity.
func sameLink(a, b objective.Link) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return reflect.TypeOf(a).Comparable() && a == b
}

// extends says whether the loss continues to policies with probabilities of 0 such that it takes its infimum at some policy: no
// part falls without bound, and a margin that runs off, if there are any, meets a bounded function. No margin does under a link that is
// bounded.
func (t *terms) extends() bool {
	return t.strange == "" && t.hasSingles() && t.boundedBelow() && !t.together && t.everyMargin(objective.Shape.Bounded) ||
		t.strange == "" && !t.hasSingles() && t.grounded() ||
		t.strange == "" && t.held && t.hasSingles() && t.everySingle(objective.Shape.Bounded) && len(t.parts) == 1
}

// grounded says whether the link that all margins share is bounded where a probability goes to 0.
func (t *terms) grounded() bool {
	link, shared := t.link()
	inverse, ok := link.(objective.Invertible)
	if !shared || !ok {
		return false
	}
	low, _ := inverse.Range()
	return !math.IsInf(low, -1)
}

// everyMargin says whether a statement holds of psi in every margin.
func (t *terms) everyMargin(holds func(objective.Shape) bool) bool {
	return !slices.ContainsFunc(t.parts, func(p part) bool { return p.Margin != nil && !holds(*p.Margin) })
}

// everySingle says whether a statement holds of every function of one response.
func (t *terms) everySingle(holds func(objective.Shape) bool) bool {
	return !slices.ContainsFunc(t.parts, func(p part) bool {
		return p.Chosen != nil && !holds(*p.Chosen) || p.Rejected != nil && !holds(*p.Rejected)
	})
}

// convexInLogs says whether the loss is a convex function of the log-probabilities as free variables.
func (t *terms) convexInLogs() bool {
	link, shared := t.link()
	for _, p := range t.parts {
		single := p.Chosen != nil || p.Rejected != nil
		shared = shared && !(single && p.Link != nil) && !p.Coupled && !p.Held && (!p.Raised || p.Margin.Decreasing())
	}
	convex := func(s objective.Shape) bool { return s.Convexity >= objective.Weak }
	return t.strange == "" && shared && link == nil && t.everyMargin(convex) && t.everySingle(convex)
}

// invariant says whether the same constant added to all log-probabilities changes nothing.
func (t *terms) invariant() bool {
	return t.barrier == 0 && t.entropy == 0 && t.reward == 0 && !slices.ContainsFunc(t.parts, func(p part) bool {
		return p.Margin != nil && p.Link != nil || p.Raised || (p.Chosen != nil || p.Rejected != nil) && !p.Invariant
	})
}

// boundedBelow says whether every part of the loss is, given that no log-probability exceeds 0.
func (t *terms) boundedBelow() bool {
	return t.everyMargin(func(p objective.Shape) bool { return p.Low != objective.Plunges && p.High != objective.Plunges }) &&
		t.everySingle(func(p objective.Shape) bool { return p.Low != objective.Plunges })
}

// holds says for every response whether a function of its log-probability keeps it from probability 0, since that would cost
// without bound.
func (t *terms) holds(x *task) []bool {
	held := make([]bool, x.responses())
	for k := range held {
		held[k] = t.barrier > 0
	}
	for _, p := range t.parts {
		if inverse, ok := p.Link.(objective.Invertible); p.Link != nil {
			if !ok {
				continue
			}
			if low, _ := inverse.Range(); !math.IsInf(low, -1) {
				continue
			}
		}
		mark := func(who []int, shape *objective.Shape) {
			for _, k := range who {
				held[k] = held[k] || shape != nil && shape.Low == objective.Rises
			}
		}
		mark(x.chosen, p.Chosen)
		mark(x.rejected, p.Rejected)
	}
	return held
}

// undecided is the error for a combination of terms and policy class without a statement about existence.
func undecided(why string) error {
	return fmt.Errorf("the exact solver cannot decide whether a minimizer exists: %s; add a penalty (constraint.l2 above 0), a "+
		"KL term, or use a policy class that contains all policies", why)
}

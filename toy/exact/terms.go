package exact

import (
	"errors"
	"fmt"
	"slices"

	"windtunnel/toy/objective"
)

// terms is what the solver knows about an objective. Existence and uniqueness are statements about these kinds, so a
// term that is not among them cannot be solved.
type terms struct {
	margins []*marginTerm // of positive weight
	only    *marginTerm   // the sole term, where it is a margin loss
	weight  float64       // its weight
	barrier float64       // weight of KL(pi_ref to pi): convex in the logits, grows without bound with any log-ratio
	entropy float64       // weight of KL(pi to pi_ref): convex in the probabilities, bounded
	reward  float64       // weight of the negative expected reward: linear in the probabilities
}

// marginTerm is a margin loss of which all is known that a solution needs.
type marginTerm struct {
	*objective.Margin
	shape   objective.Shape
	inverse objective.Invertible // the link; nil is the identity
}

// newMarginTerm returns a strictly convex loss of one margin and nothing else, or says why the term is none.
func newMarginTerm(term objective.PairTerm) (*marginTerm, error) {
	m, ok := term.(*objective.Margin)
	if !ok || !m.Plain() {
		return nil, unsolved(term)
	}
	t := &marginTerm{Margin: m}
	known := false
	switch t.shape, known = objective.ShapeOf(m.Outer); {
	case !known:
		return nil, fmt.Errorf("a function psi of which nothing but its values is known; train instead")
	case t.shape.Convexity != objective.Strict:
		return nil, unsolved(term)
	}
	if t.inverse, ok = m.Link.(objective.Invertible); m.Link != nil && !ok {
		return nil, fmt.Errorf("a link whose range and inverse are not known; train instead")
	}
	return t, nil
}

// unsolved refuses a pair term of another kind.
func unsolved(term objective.PairTerm) error {
	return fmt.Errorf("the pair term %T; it solves strictly convex losses of one margin, with positive weight", term)
}

// errSampled refuses an objective whose value no solver knows without the responses that were drawn.
var errSampled = errors.New("the exact solver has no statement about a term of sampled reference responses; take reference_samples: exact, or train instead")

// distTerm returns the term that an objective of a single distribution term consists of. Such terms are comparable.
func distTerm(p objective.Params) objective.DistTerm {
	_, dist := p.Objective().Terms()
	return dist[0].Term
}

// classify sorts an objective's terms into their kinds. Terms of weight 0 do not count.
func classify(o *objective.Objective) (terms, error) {
	var t terms
	if o.Moving != nil {
		return t, fmt.Errorf("the exact solver has no statement about a reference that moves with the policy; train instead")
	}
	if o.Sampled != nil {
		return t, errSampled
	}
	pair, dist := o.Terms()
	for _, w := range pair {
		if _, curved := w.Term.(objective.Curved); !curved {
			return t, fmt.Errorf("the exact solver has no statement about the pair term %T: it holds a statistic of the batch "+
				"back from differentiation or couples comparisons, so it descends no potential; train instead", w.Term)
		}
		m, err := newMarginTerm(w.Term)
		if w.Weight < 0 {
			err = unsolved(w.Term)
		}
		if err != nil {
			return t, fmt.Errorf("the exact solver has no statement about %v times %w", w.Weight, err)
		}
		t.margins, t.weight = append(t.margins, m), w.Weight
	}
	for _, w := range dist {
		switch w.Term {
		case distTerm(&objective.KLRefPi{Reduction: "sum"}), distTerm(&objective.KLRefPi{Reduction: "mean"}):
			t.barrier += w.Weight
		case distTerm(&objective.KLPiRef{}):
			t.entropy += w.Weight
		case distTerm(&objective.Reward{}):
			t.reward += w.Weight
		default:
			return t, fmt.Errorf("the exact solver has no statement about the distribution term %T", w.Term)
		}
	}
	if t.barrier < 0 || t.entropy < 0 {
		return t, fmt.Errorf("the exact solver has no statement about a KL term of negative weight")
	}
	if len(t.margins) == 1 && t.barrier == 0 && t.entropy == 0 && t.reward == 0 {
		t.only = t.margins[0]
	}
	return t, nil
}

// constant says whether nothing is left of the loss.
func (t *terms) constant() bool {
	return len(t.margins) == 0 && t.barrier == 0 && t.entropy == 0 && t.reward == 0
}

// linked says whether a margin loss has a link other than the identity.
func (t *terms) linked() bool {
	return slices.ContainsFunc(t.margins, func(m *marginTerm) bool { return m.Link != nil })
}

// attained says whether some margin loss grows in both directions of every comparison's margin.
func (t *terms) attained() bool {
	return slices.ContainsFunc(t.margins, func(m *marginTerm) bool { return m.shape.Attained() })
}

// plunges says whether some margin loss falls without bound, as robust DPO's does on labels that it takes for flipped.
func (t *terms) plunges() bool {
	return slices.ContainsFunc(t.margins, func(m *marginTerm) bool {
		return m.shape.Low == objective.Plunges || m.shape.High == objective.Plunges
	})
}

// convex says whether the loss is convex in the logits, and so in the parameters of an affine policy. The identity
// link makes margins linear there, and KL(pi_ref to pi) is a log-sum-exp plus a linear function.
func (t *terms) convex() bool { return !t.linked() && t.entropy == 0 && t.reward == 0 }

// wholePolicy says whether the loss sees all of a prompt's policy, not only the margins of its comparisons.
func (t *terms) wholePolicy() bool {
	return t.linked() || t.barrier > 0 || t.entropy > 0 || t.reward != 0
}

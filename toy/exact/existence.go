package exact

import (
	"context"
	"fmt"

	"windtunnel/toy/objective"
	"windtunnel/toy/train"
)

// Verdict says whether a loss has a minimizer over all policies, and whether it has only one.
type Verdict struct {
	Status Status // never Stalled
	Reason string // one sentence naming the prompt and the responses; what a Converged rests on
}

// Exists decides whether the problem's loss has a minimizer over all policies of every prompt, and only one, for many
// losses that Solve does not know how to minimize. It reads what pair terms say of themselves (objective.Structured) and
// the graph of comparisons; see rules for the reasons it knows. A term that holds a statistic back from differentiation,
// or a reference that moves, makes it a question of policies at which training rests.
//
// Diverged means that no policy is a minimizer, Boundary that the infimum is a value of the loss where some responses have
// probability 0 and no term's argument is infinite. Converged rests on a search from a fixed list of starts where the
// reason says so. The problem's policy is not used but for its size, and a penalty is refused. An error says why Exists
// cannot decide, or that the problem is malformed.
func Exists(ctx context.Context, p *Problem) (*Verdict, error) {
	if p.L2 != 0 {
		return nil, undecidable("a loss with a penalty on the parameters")
	}
	a, err := assumptionsOf(p.Objective)
	if err != nil {
		return nil, err
	}
	s, err := newSolver(ctx, p, terms{})
	if err != nil {
		return nil, err
	}
	total := &Verdict{Status: train.Converged}
	for _, t := range s.tasks {
		t.annotate()
		v, err := s.decide(t, a)
		if err != nil {
			return nil, err
		}
		if severity[v.Status] > severity[total.Status] || total.Reason == "" && v.Status == total.Status {
			total = v
		}
	}
	return total, nil
}

// assumptions are what an objective's terms say of themselves, which rules decide by.
type assumptions struct {
	margins []objective.Structure // those with a part on the margin
	singles []objective.Structure // those with a part on single responses
	weights []float64             // of singles
	barrier float64               // weight of KL(pi_ref to pi)
	held    bool                  // a statistic is held back from differentiation
	moving  bool                  // the reference follows the policy
	curved  bool                  // all terms have second derivatives
	raised  *objective.Margin     // the term, where it is the only one and its chosen responses have a link of their own
	plain   bool                  // every margin is that of the log-ratios, without offset
}

// assumptionsOf reads what an objective is made of. Terms of weight 0 do not count.
func assumptionsOf(o *objective.Objective) (*assumptions, error) {
	if o.Sampled != nil {
		return nil, fmt.Errorf("the exact solver has no statement about the existence of a minimizer beside sampled reference responses")
	}
	a := &assumptions{moving: o.Moving != nil, curved: true, plain: true}
	pair, dist := o.Terms()
	for _, w := range pair {
		term, ok := w.Term.(objective.Structured)
		if !ok || w.Weight < 0 {
			return nil, fmt.Errorf("the exact solver has no statement about the existence of a minimizer of %v times the pair term %T", w.Weight, w.Term)
		}
		st, known := term.Structure()
		if !known {
			return nil, fmt.Errorf("the exact solver has no statement about the existence of a minimizer of the pair term %T: the "+
				"course of one of its functions is not known", w.Term)
		}
		if st.PositiveGaps {
			return nil, undecidable("a loss that leaves out comparisons by their reward gap")
		}
		if _, curved := w.Term.(objective.Curved); !curved {
			a.curved = false
		}
		a.add(w, st)
	}
	for _, w := range dist {
		switch w.Term {
		case distTerm(&objective.KLRefPi{Reduction: "sum"}), distTerm(&objective.KLRefPi{Reduction: "mean"}):
			a.barrier += w.Weight
		default:
			return nil, fmt.Errorf("the exact solver has no statement about the existence of a minimizer beside the distribution term %T", w.Term)
		}
	}
	if a.barrier < 0 {
		return nil, fmt.Errorf("the exact solver has no statement about a KL term of negative weight")
	}
	if a.raised != nil && (len(a.margins) != 1 || len(a.singles) > 0 || a.barrier > 0) {
		return nil, undecidable("a margin loss that treats the chosen response apart, beside other terms")
	}
	return a, nil
}

// add takes in one pair term.
func (a *assumptions) add(w objective.Weighted[objective.PairTerm], st objective.Structure) {
	a.held = a.held || st.Held
	m, isMargin := w.Term.(*objective.Margin)
	a.plain = a.plain && isMargin && m.Plain() && m.Link == nil && !m.ReferenceFree
	if st.Margin != nil {
		a.margins = append(a.margins, st)
	}
	if st.Raised {
		a.raised = m
	}
	if st.Chosen != nil || st.Rejected != nil {
		a.singles, a.weights = append(a.singles, st), append(a.weights, w.Weight)
	}
}

// on returns the assumptions at one prompt, without the terms that are constant there.
func (a *assumptions) on(t *task) *assumptions {
	here := *a
	here.margins = nil
	for _, m := range a.margins {
		if !m.Dispersed || objective.Dispersion(t.ref, t.logRef) > 0 {
			here.margins = append(here.margins, m)
		}
	}
	return &here
}

// link returns the link that all margins share, and false if they have several.
func (a *assumptions) link() (objective.Link, bool) {
	for _, m := range a.margins {
		if m.Link != a.margins[0].Link || m.ReferenceFree != a.margins[0].ReferenceFree && m.Link != nil {
			return nil, false
		}
	}
	if len(a.margins) == 0 {
		return nil, true
	}
	return a.margins[0].Link, true
}

// everyMargin says whether a statement holds of psi in every margin.
func (a *assumptions) everyMargin(holds func(*objective.Shape) bool) bool {
	for _, m := range a.margins {
		if !holds(m.Margin) {
			return false
		}
	}
	return true
}

// everySingle says whether a statement holds of every function of one response.
func (a *assumptions) everySingle(holds func(*objective.Shape) bool) bool {
	for _, st := range a.singles {
		for _, side := range []*objective.Shape{st.Chosen, st.Rejected} {
			if side != nil && !holds(side) {
				return false
			}
		}
	}
	return true
}

// convex says whether the loss is a convex function of the log-probabilities as free variables.
func (a *assumptions) convex() bool {
	link, shared := a.link()
	for _, st := range a.singles {
		shared = shared && st.Link == nil
	}
	for _, m := range a.margins {
		shared = shared && !m.Coupled && (!m.Raised || m.Margin.Decreasing())
	}
	convex := func(s *objective.Shape) bool { return s.Convexity >= objective.Weak }
	return shared && link == nil && a.everyMargin(convex) && a.everySingle(convex)
}

// sinking says whether the loss strictly falls when all compared log-probabilities grow alike, margins held: every function
// of one response falls, and there is one, or KL(pi_ref to pi).
func (a *assumptions) sinking() bool {
	return (len(a.singles) > 0 || a.barrier > 0) && a.everySingle((*objective.Shape).Decreasing)
}

// invariant says whether the same constant added to all log-probabilities changes nothing.
func (a *assumptions) invariant() bool {
	for _, m := range a.margins {
		if m.Link != nil || m.Raised {
			return false
		}
	}
	for _, st := range a.singles {
		if !st.Invariant {
			return false
		}
	}
	return a.barrier == 0
}

// undecidable is the error for a loss and comparisons that no rule decides.
func undecidable(why string) error {
	return fmt.Errorf("the exact solver cannot decide whether there is one minimizer: %s", why)
}

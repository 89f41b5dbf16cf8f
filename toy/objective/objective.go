// Package objective holds the losses. A loss is a weighted sum of terms: pair terms look at the log-probabilities of
// compared responses, distribution terms at the whole policy of a prompt. TYPO is two terms, exact RLHF is two, DPO is
// one; nothing is a special case. Values, first and second derivatives are all written out by hand.
package objective

import "fmt"

// Batch holds n weighted comparisons as columns of length n; log-probabilities in nats. Columns after Weight may be nil.
//
// An unpaired example, one response with a verdict, is a comparison of which one side is absent: that side's weight is
// 0 and its log-probabilities are any finite numbers.
type Batch struct {
	Chosen, Rejected       []float64 // log pi of the chosen and of the rejected response, summed over its tokens
	RefChosen, RefRejected []float64 // the same under the frozen reference
	Weight                 []float64 // weights of the comparisons, summing to 1 where the loss is a mean

	ChosenTokens, RejectedTokens []float64 // token counts, at least 1; nil is 1 each
	ChosenTail, RejectedTail     []float64 // the part of Chosen and Rejected due to tokens past the shorter one's end; nil is 0
	Gap                          []float64 // true reward of the chosen less that of the rejected; nil is 0
	Dispersion                   []float64 // how sharp preferences on the prompt are, MallowsPO's index; nil is 1
	Collision, Peak              []float64 // log of the sum of the prompt's pi^2, and of its largest pi; nil is 0, a sure policy
	ChosenWeight, RejectedWeight []float64 // weights of the sides, summing to 2 together; nil is Weight for both
}

// sides returns the weights of the chosen and of the rejected responses.
func (b *Batch) sides() (chosen, rejected []float64) {
	if b.ChosenWeight == nil {
		return b.Weight, b.Weight
	}
	return b.ChosenWeight, b.RejectedWeight
}

// Grad receives the derivatives of a batch's loss with respect to Chosen and Rejected, and where not nil to their tails
// (with Chosen and Rejected held).
type Grad struct {
	Chosen, Rejected         []float64
	ChosenTail, RejectedTail []float64
}

// Hess receives second derivatives of a batch's loss, one 2x2 symmetric block a comparison.
type Hess struct {
	ChosenChosen, ChosenRejected, RejectedRejected []float64
}

// PairTerm is a term on comparisons. Implementations keep scratch and serve one goroutine.
type PairTerm interface {
	// Loss returns the sum of weight times loss over the batch.
	Loss(b *Batch) float64
	// Grad adds scale times the gradient of Loss to g.
	Grad(b *Batch, scale float64, g *Grad)
	// DifferenceOnly says that the term sees the policy through Chosen - Rejected alone, token counts being equal. A
	// softmax's normalizer then cancels, so Chosen and Rejected may be raw scores and a step costs O(n) whatever the
	// number of responses.
	DifferenceOnly() bool
}

// Curved is a term whose gradient is that of a potential, comparison by comparison. Terms that hold a statistic of the
// batch back from differentiation, or that couple comparisons, are not: what they are driven to is no minimum.
type Curved interface {
	PairTerm
	// Hess adds scale times the second derivatives of Loss to h.
	Hess(b *Batch, scale float64, h *Hess)
}

// Detached is a term that treats a statistic of the batch as a constant when it is differentiated (stop-gradient).
type Detached interface {
	PairTerm
	// Freeze returns the term with the statistic held at its value on b. At b it has the same value and gradient.
	Freeze(b *Batch) PairTerm
}

// Advancing is a term that carries a statistic from step to step. Loss and Grad do not change it.
type Advancing interface {
	PairTerm
	// Advance takes in a minibatch; training calls it once a step, before the gradient.
	Advance(b *Batch)
	// State returns the live memory of the statistic, nil if there is none: a checkpoint is a copy of it, and resuming
	// writes the copy back.
	State() []float64
}

// perToken is a term that reads token counts.
type perToken interface{ PerToken() bool }

// tailed is a term that reads ChosenTail and RejectedTail.
type tailed interface{ Tailed() bool }

// aligned is a term that may read Collision and Peak.
type aligned interface{ Aligned() bool }

// unpaired is a term that is also defined on single responses with a verdict.
type unpaired interface{ AcceptsUnpaired() bool }

// Dist is one prompt's policy beside its reference and the true preferences, K entries each.
type Dist struct {
	LogPi, Pi   []float64 // the policy, normalized
	LogRef, Ref []float64 // the frozen reference, normalized
	LogStar     []float64 // pi_star, normalized
}

// DistTerm is a term on the whole distribution of a prompt.
type DistTerm interface {
	// Loss returns the term's value at one prompt, in nats.
	Loss(d *Dist) float64
	// Grad adds scale times the derivative with respect to LogPi to g, treating its K entries as free variables (the
	// softmax's chain rule is the caller's).
	Grad(d *Dist, scale float64, g []float64)
	// Hess adds scale times the diagonal of the second derivative with respect to LogPi to h; the terms here have no
	// off-diagonal part.
	Hess(d *Dist, scale float64, h []float64)
}

// Weighted is a term with its coefficient in the sum.
type Weighted[T any] struct {
	Weight float64
	Term   T
}

// Objective is a weighted sum of terms. The zero Objective is the constant 0.
type Objective struct {
	Pair    []Weighted[PairTerm]
	Dist    []Weighted[DistTerm]
	Moving  *Moving  // nil: the reference stays frozen
	Sampled *Sampled // nil: none
}

// Moving says how the reference follows the policy: after every Every steps it becomes the normalized geometric mean
// pi^Alpha pi_ref^(1-Alpha), which for a tabular or linear policy is the mean of the parameters.
type Moving struct {
	Alpha float64 // weight of the policy, (0, 1]
	Every int     // steps, at least 1
}

// DifferenceOnly says whether the whole objective needs only differences of log-probabilities within a prompt.
func (o *Objective) DifferenceOnly() bool {
	for _, t := range o.Pair {
		if !t.Term.DifferenceOnly() {
			return false
		}
	}
	return len(o.Dist) == 0 && o.Sampled == nil
}

// PerToken says whether some term reads token counts.
func (o *Objective) PerToken() bool {
	for _, t := range o.Pair {
		if p, ok := t.Term.(perToken); ok && p.PerToken() {
			return true
		}
	}
	return false
}

// Tailed says whether some term reads the batch's ChosenTail and RejectedTail, and asks for derivatives by them.
func (o *Objective) Tailed() bool {
	for _, t := range o.Pair {
		if l, ok := t.Term.(tailed); ok && l.Tailed() {
			return true
		}
	}
	return false
}

// Aligned says whether some term reads the batch's Collision and Peak.
func (o *Objective) Aligned() bool {
	for _, t := range o.Pair {
		if a, ok := t.Term.(aligned); ok && a.Aligned() {
			return true
		}
	}
	return false
}

// AcceptsUnpaired says whether every pair term is defined on single responses with a verdict as well.
func (o *Objective) AcceptsUnpaired() bool {
	for _, t := range o.Pair {
		if u, ok := t.Term.(unpaired); !ok || !u.AcceptsUnpaired() {
			return false
		}
	}
	return true
}

// Advance hands a minibatch to the terms that carry a statistic from step to step.
func (o *Objective) Advance(b *Batch) {
	for _, t := range o.Pair {
		if a, ok := t.Term.(Advancing); ok {
			a.Advance(b)
		}
	}
}

// State returns the live memory of the terms that carry a statistic from step to step, in order; a term that keeps none
// gives nil.
func (o *Objective) State() [][]float64 {
	var state [][]float64
	for _, t := range o.Pair {
		if a, ok := t.Term.(Advancing); ok {
			state = append(state, a.State())
		}
	}
	return state
}

// add appends another objective's terms, scaled.
func (o *Objective) add(scale float64, other *Objective) {
	for _, t := range other.Pair {
		o.Pair = append(o.Pair, Weighted[PairTerm]{scale * t.Weight, t.Term})
	}
	for _, t := range other.Dist {
		o.Dist = append(o.Dist, Weighted[DistTerm]{scale * t.Weight, t.Term})
	}
	if other.Moving != nil {
		o.Moving = other.Moving
	}
	if other.Sampled != nil {
		o.Sampled = &Sampled{Weight: scale * other.Sampled.Weight, N: other.Sampled.N}
	}
}

// and returns o with another objective's terms added, scaled.
func (o *Objective) and(scale float64, other *Objective) *Objective {
	o.add(scale, other)
	return o
}

// Params are the parameters of one kind of objective.
type Params interface {
	// Objective builds a fresh objective with scratch of its own.
	Objective() *Objective
}

// unknownWord panics: no loss stands in for one that is not known. Configs never get here, their words are checked.
func unknownWord(key, word string) {
	panic(fmt.Sprintf("objective: %s: %q is not known", key, word))
}

// onPairs is the objective of a single pair term.
func onPairs(t PairTerm) *Objective {
	return &Objective{Pair: []Weighted[PairTerm]{{1, t}}}
}

// onDist is the objective of a single distribution term.
func onDist(t DistTerm) *Objective {
	return &Objective{Dist: []Weighted[DistTerm]{{1, t}}}
}

// Sampled is the cross-entropy of the reference to the policy, estimated from responses that are drawn from pi_ref for
// each prompt once, before training: Weight times the mean of -log pi(y) over them. Up to the entropy of pi_ref, a
// constant, its expectation is Weight KL(pi_ref to pi); it is how that term is had where responses cannot be enumerated.
type Sampled struct {
	Weight float64
	N      int // responses a prompt, at least 1
}

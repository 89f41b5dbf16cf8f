// Package objective holds the losses. A loss is a weighted sum of terms: pair terms look at the log-probabilities of
// compared responses, distribution terms at the whole policy of a prompt. TYPO is two terms, exact RLHF is two, DPO is
// one; nothing is a special case. Values, first and second derivatives are all written out by hand.
package objective

// Batch holds n weighted comparisons as columns of length n, in nats.
type Batch struct {
	Chosen, Rejected       []float64 // log pi of the chosen and of the rejected response
	RefChosen, RefRejected []float64 // the same under the frozen reference
	Weight                 []float64 // weights of the comparisons, summing to 1 where the loss is a mean
}

// Grad receives the derivatives of a batch's loss with respect to Chosen and Rejected.
type Grad struct {
	Chosen, Rejected []float64
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
	// Hess adds scale times the second derivatives of Loss to h.
	Hess(b *Batch, scale float64, h *Hess)
	// DifferenceOnly says that the term sees the policy through Chosen - Rejected alone. A softmax's normalizer then
	// cancels, so Chosen and Rejected may be raw scores and a step costs O(n) whatever the number of responses.
	DifferenceOnly() bool
}

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
	Pair []Weighted[PairTerm]
	Dist []Weighted[DistTerm]
}

// DifferenceOnly says whether the whole objective needs only differences of log-probabilities within a prompt.
func (o *Objective) DifferenceOnly() bool {
	for _, t := range o.Pair {
		if !t.Term.DifferenceOnly() {
			return false
		}
	}
	return len(o.Dist) == 0
}

// add appends another objective's terms, scaled.
func (o *Objective) add(scale float64, other *Objective) {
	for _, t := range other.Pair {
		o.Pair = append(o.Pair, Weighted[PairTerm]{scale * t.Weight, t.Term})
	}
	for _, t := range other.Dist {
		o.Dist = append(o.Dist, Weighted[DistTerm]{scale * t.Weight, t.Term})
	}
}

// Params are the parameters of one kind of objective.
type Params interface {
	// Objective builds a fresh objective with scratch of its own.
	Objective() *Objective
}

// onPairs is the objective of a single pair term.
func onPairs(t PairTerm) *Objective {
	return &Objective{Pair: []Weighted[PairTerm]{{1, t}}}
}

// onDist is the objective of a single distribution term.
func onDist(t DistTerm) *Objective {
	return &Objective{Dist: []Weighted[DistTerm]{{1, t}}}
}

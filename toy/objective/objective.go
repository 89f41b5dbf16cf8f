// Package objective holds the losses. A loss is a weighted sum of terms: pair terms read the log-probabilities of
// compared responses, distribution terms the whole policy of a prompt. TYPO is two terms, exact RLHF is two, DPO is
// one; nothing is a special case. Values, first and second derivatives are all written out by hand.
package objective

import (
	"fmt"
	"slices"

	"windtunnel/toy/logspace"
)

// Batch holds n weighted comparisons as columns of length n; log-probabilities in nats. Columns after Weight may be nil
// unless a term reads them.
//
// An unpaired example, one response with a verdict, is a comparison of which one side is absent: that side's weight is
// 0 and its log-probabilities are any finite numbers.
type Batch struct {
	Chosen, Rejected       []float64 // log pi of the chosen and of the rejected response, summed over its tokens
	RefChosen, RefRejected []float64 // the same under the frozen reference
	Weight                 []float64 // weights of the comparisons, summing to 1 where the loss is a mean

	ChosenTokens, RejectedTokens []float64 // token counts, at least 1; nil is 1 each
	ChosenTail, RejectedTail     []float64 // the part of Chosen and Rejected due to tokens past the shorter one's end; nil is 0
	ChosenKL, RejectedKL         []float64 // sum over a response's tokens of KL(pi_ref to pi) of each given those before; nil in a bandit, where both are the prompt's
	Gap                          []float64 // true reward of the chosen less that of the rejected; nil is 0
	ChosenReward, RejectedReward []float64 // the two, where each is known; nil is 0
	Dispersion                   []float64 // how sharp preferences on the prompt are, MallowsPO's index; nil is 1
	Collision, Peak              []float64 // log of the sum of the prompt's pi^2, and of its largest pi; nil is 0, a sure policy
	ChosenWeight, RejectedWeight []float64 // weights of the sides, summing to 2 together; nil is Weight for both

	Dists        []Dist    // the policies, for distribution terms
	Prompts      []int     // indices in Dists of the prompts that the comparisons are on
	PromptWeight []float64 // of each of Prompts, the weight of its comparisons

	// Only where an objective is Itemized:
	Order       []int     // the comparisons as they came, as positions in the columns; nil is each once
	OrderWeight []float64 // their weights; nil is Weight
	On          []int     // of each comparison, the position of its prompt in Dists; nil where there are none

	Drawn       []float64 // log pi of the responses that were drawn from the reference, for Sampled
	DrawnWeight []float64 // their weights, summing to 1 where the loss is a mean
}

// sides returns the weights of the chosen and of the rejected responses.
func (b *Batch) sides() (chosen, rejected []float64) {
	if b.ChosenWeight == nil {
		return b.Weight, b.Weight
	}
	return b.ChosenWeight, b.RejectedWeight
}

// entries is the number of comparisons as they came.
func (b *Batch) entries() int {
	if len(b.Order) == 0 {
		return len(b.Weight)
	}
	return len(b.Order)
}

// at returns the position in the columns of a comparison as they came.
func (b *Batch) at(entry int) int {
	if len(b.Order) == 0 {
		return entry
	}
	return b.Order[entry]
}

// weightOf returns the weight of a comparison as they came.
func (b *Batch) weightOf(entry int) float64 {
	if len(b.OrderWeight) == 0 {
		return b.Weight[b.at(entry)]
	}
	return b.OrderWeight[entry]
}

// Grad receives the derivatives of a batch's loss with respect to Chosen, Rejected and Drawn, and where not nil to the
// tails and divergences (with Chosen and Rejected held).
type Grad struct {
	Chosen, Rejected         []float64
	ChosenTail, RejectedTail []float64
	ChosenKL, RejectedKL     []float64
	Drawn                    []float64
}

// cleared makes room for the derivatives by n pairs, all 0.
func (g *Grad) cleared(n int) *Grad {
	g.Chosen, g.Rejected = sized(g.Chosen, n), sized(g.Rejected, n)
	clear(g.Chosen)
	clear(g.Rejected)
	return g
}

// Hess receives second derivatives of a batch's loss, one 2x2 symmetric block a comparison.
type Hess struct {
	ChosenChosen, ChosenRejected, RejectedRejected []float64
}

// ofMargin adds the derivative by the margin of a comparison, chosen less rejected.
func (g *Grad) ofMargin(i int, d float64) {
	g.Chosen[i] += d
	g.Rejected[i] -= d
}

// ofMargin adds the second derivative by the margin of a comparison.
func (h *Hess) ofMargin(i int, d float64) {
	h.ChosenChosen[i] += d
	h.ChosenRejected[i] -= d
	h.RejectedRejected[i] += d
}

// weighed returns the sum of values by weight.
func weighed(weight, values []float64) float64 {
	sum := 0.0
	for i, v := range values {
		sum += weight[i] * v
	}
	return sum
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
	// Derivatives returns Loss and adds scale times its first derivatives to g and its second to h.
	Derivatives(b *Batch, scale float64, g *Grad, h *Hess) float64
}

// Coupled is a term of all comparisons of the batch together that is the least of a sum of functions of one margin over the ways to
// couple them. As long as the coupling stays its second derivatives are those of that sum.
type Coupled interface {
	PairTerm
	// Couples lists the margins of the sum, each of the chosen response of one comparison and the rejected one of the same or of
	// another, with the second derivatives by them.
	Couples(b *Batch) (chosen, rejected []int, curve []float64)
	// Steepness returns what the margins are multiplied by, lambda.
	Steepness() float64
}

// SidesOnly says whether a term sees which responses were chosen and which rejected, and not of which comparison.
func SidesOnly(t PairTerm) bool {
	switch t := t.(type) {
	case *Sides, *Centered:
		return true
	case *transport:
		return t.unpaired
	}
	return false
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

// What a pair term may read or accept besides, as its parameters have it.
type (
	perToken interface{ PerToken() bool }           // reads ChosenTokens and RejectedTokens
	reading  interface{ Reads(column string) bool } // reads a column, by the name that formulas have for it
	unpaired interface{ AcceptsUnpaired() bool }    // is defined on single responses with a verdict
)

// Dist is one prompt's policy beside its reference and the true preferences, K entries each but for Wins.
type Dist struct {
	LogPi, Pi   []float64 // the policy, normalized
	LogRef, Ref []float64 // the frozen reference, normalized
	LogStar     []float64 // pi_star, normalized

	Wins          []float64 // K x K win rates row by row, the row's response over the column's; nil where no term Plays
	LogHeld, Held []float64 // the policy that terms hold back from differentiation; nil is the policy as it is
}

// DistTerm is a term on the whole distribution of a prompt.
type DistTerm interface {
	// Loss returns the term's value at one prompt, in nats.
	Loss(d *Dist) float64
	// Grad adds scale times the derivative with respect to LogPi to g, treating its K entries as free variables (the
	// softmax's chain rule is the caller's).
	Grad(d *Dist, scale float64, g []float64)
	// Hess adds scale times the second derivatives with respect to LogPi, as free variables again, to h, K x K row by row.
	Hess(d *Dist, scale float64, h []float64)
}

// Weighted is a term with its coefficient in the sum.
type Weighted[T any] struct {
	Weight float64
	Term   T
}

// Objective is a weighted sum of terms. The zero Objective is the constant 0.
type Objective struct {
	pair    []Weighted[PairTerm]
	dist    []Weighted[DistTerm]
	Moving  *Moving  // nil: the reference stays frozen
	Sampled *Sampled // nil: none
}

// Moving says how the reference follows the policy: after every Every steps it becomes the normalized geometric mean
// pi^Alpha pi_ref^(1-Alpha), which for a tabular or linear policy is the mean of the parameters.
//
// Both are at rest only where the policy is its reference and the loss has no gradient there: all log-ratios are 0, and a margin
// loss pulls by its slope at 0 at every response that was not chosen as often as it was rejected. Where there is one, the
// process goes on: with a pause long enough to reach DPO's minimizer pi_ref pi_star^(1/lambda), each move adds
// (Alpha/lambda) log pi_star to log pi_ref, so that the reference and the policy go to the mode, at any lambda, Alpha and Every.
type Moving struct {
	Alpha float64 // weight of the policy, (0, 1]
	Every int     // steps, at least 1
}

// Move replaces a prompt's log pi_ref and pi_ref by where they move, given the policy's log-probabilities.
func (m *Moving) Move(logRef, ref, logPi []float64) {
	for k, v := range logPi {
		logRef[k] = m.Alpha*v + (1-m.Alpha)*logRef[k]
	}
	logspace.Softmax(logRef, ref, logRef)
}

// Sampled is the cross-entropy of the reference to the policy, estimated from responses that are drawn from pi_ref for
// each prompt once, before training: Weight times the mean of -log pi(y) over them. Up to the entropy of pi_ref, a
// constant, its expectation is Weight KL(pi_ref to pi); it stands for that term where responses cannot be enumerated.
type Sampled struct {
	Weight float64
	N      int // responses a prompt, at least 1
}

// OnPairs returns the objective of a single pair term.
func OnPairs(t PairTerm) *Objective { return &Objective{pair: []Weighted[PairTerm]{{1, t}}} }

// OnDist returns the objective of a single distribution term.
func OnDist(t DistTerm) *Objective { return &Objective{dist: []Weighted[DistTerm]{{1, t}}} }

// And adds another objective's terms to o, scaled, and returns o. Two Sampled terms estimate one number, for which the
// larger of their samples then serves.
func (o *Objective) And(scale float64, other *Objective) *Objective {
	for _, t := range other.pair {
		o.pair = append(o.pair, Weighted[PairTerm]{scale * t.Weight, t.Term})
	}
	for _, t := range other.dist {
		o.dist = append(o.dist, Weighted[DistTerm]{scale * t.Weight, t.Term})
	}
	if other.Moving != nil && scale != 0 {
		o.Moving = other.Moving
	}
	if other.Sampled != nil {
		both := Sampled{Weight: scale * other.Sampled.Weight, N: other.Sampled.N}
		if o.Sampled != nil {
			both.Weight, both.N = both.Weight+o.Sampled.Weight, max(both.N, o.Sampled.N)
		}
		o.Sampled = &both
	}
	return o
}

// Loss returns the objective's value on a batch, all of its terms included. It panics where the batch lacks the policies
// or the drawn responses that a term is about, since without them the value would be that of another loss.
func (o *Objective) Loss(b *Batch) float64 {
	o.mustFit(b)
	loss := 0.0
	for _, t := range o.pair {
		loss += t.Weight * t.Term.Loss(b)
	}
	if len(o.dist) > 0 {
		for i, prompt := range b.Prompts {
			for _, t := range o.dist {
				loss += t.Weight * b.PromptWeight[i] * t.Term.Loss(&b.Dists[prompt])
			}
		}
	}
	if o.Sampled != nil {
		entropy := 0.0
		for i, w := range b.DrawnWeight {
			entropy -= w * b.Drawn[i]
		}
		loss += o.Sampled.Weight * entropy
	}
	return loss
}

// Grad adds the derivatives of Loss by the log-probabilities of single responses, compared or drawn, to g. Those of the
// distribution terms, which are by all of a prompt's log-probabilities, are DistGrad's.
func (o *Objective) Grad(b *Batch, g *Grad) {
	o.mustFit(b)
	for _, t := range o.pair {
		t.Term.Grad(b, t.Weight, g)
	}
	if o.Sampled != nil {
		for i, w := range b.DrawnWeight {
			g.Drawn[i] -= o.Sampled.Weight * w
		}
	}
}

// DistGrad adds the derivatives of the distribution terms on one prompt, whose comparisons have the given weight, by its
// LogPi (as K free variables) to g.
func (o *Objective) DistGrad(d *Dist, weight float64, g []float64) {
	for _, t := range o.dist {
		t.Term.Grad(d, t.Weight*weight, g)
	}
}

func (o *Objective) mustFit(b *Batch) {
	if len(o.dist) > 0 && len(b.Prompts) == 0 && b.ChosenKL == nil || o.Sampled != nil && len(b.Drawn) == 0 {
		panic("objective: a batch without the policies or the drawn responses that a term is about")
	}
}

// Comparisons returns the objective of the pair terms alone.
func (o *Objective) Comparisons() *Objective { return &Objective{pair: o.pair} }

// First returns the objective of the first pair term alone.
func (o *Objective) First() *Objective { return &Objective{pair: o.pair[:1]} }

// Terms returns the pair and distribution terms of weight other than 0, for a solver, whose method depends on their kinds.
func (o *Objective) Terms() (pair []Weighted[PairTerm], dist []Weighted[DistTerm]) {
	for _, t := range o.pair {
		if t.Weight != 0 {
			pair = append(pair, t)
		}
	}
	for _, t := range o.dist {
		if t.Weight != 0 {
			dist = append(dist, t)
		}
	}
	return pair, dist
}

// Compares says whether the objective reads comparisons at all.
func (o *Objective) Compares() bool { return len(o.pair) > 0 }

// WholePolicy says whether some term reads the probabilities of all responses to a prompt.
func (o *Objective) WholePolicy() bool { return len(o.dist) > 0 }

// DifferenceOnly says whether the whole objective needs only differences of log-probabilities within a prompt.
func (o *Objective) DifferenceOnly() bool {
	return !somePair(o, func(t PairTerm) bool { return !t.DifferenceOnly() }) && !o.WholePolicy() && o.Sampled == nil
}

// PerToken says whether some term reads token counts.
func (o *Objective) PerToken() bool {
	return somePair(o, perToken.PerToken) || o.Reads("n_c") || o.Reads("n_r")
}

// Tailed says whether some term reads the batch's ChosenTail and RejectedTail, and asks for derivatives by them.
func (o *Objective) Tailed() bool {
	return somePair(o, func(s *shortened) bool { return s.drop != 0 })
}

// Tokenwise says whether some term reads the batch's ChosenKL and RejectedKL, and asks for derivatives by them.
func (o *Objective) Tokenwise() bool { return hasPair[*cancelling](o) || hasPair[*stopped](o) }

// Aligned says whether some term reads the batch's Collision and Peak.
func (o *Objective) Aligned() bool {
	return somePair(o, func(r *reweighted) bool { return r.alignment != "none" })
}

// Dispersed says whether some term reads the batch's Dispersion.
func (o *Objective) Dispersed() bool { return o.Reads("dispersion") || hasPair[*dispersed](o) }

// Remembers says whether some term reads earlier steps of training, so that the loss has no value outside of it.
func (o *Objective) Remembers() bool {
	return somePair(o, func(t interface{ Remembers() bool }) bool { return t.Remembers() })
}

// Reads says whether a formula reads a column, by its name there.
func (o *Objective) Reads(column string) bool {
	return somePair(o, func(t reading) bool { return t.Reads(column) })
}

// Rewarded says whether some term reads the rewards of single responses.
func (o *Objective) Rewarded() bool { return o.Reads("reward_c") || o.Reads("reward_r") }

// Itemized says whether some term reads comparisons one by one, in the order in which they came, with their prompts.
func (o *Objective) Itemized() bool {
	return hasPair[*external](o) || hasPair[*stopped](o) || o.Filters()
}

// Filters says whether some term leaves comparisons out of each batch at random, so that the loss has no value outside of training.
func (o *Objective) Filters() bool { return hasPair[*filter](o) }

// Seed sets what those terms draw by; without it they draw by 0.
func (o *Objective) Seed(seed uint64) {
	somePair(o, func(f *filter) bool {
		f.seed = seed
		return false
	})
}

// Advances says whether some term carries a statistic from step to step.
func (o *Objective) Advances() bool { return hasPair[Advancing](o) }

// AcceptsUnpaired says whether every pair term is also defined on single responses with a verdict.
func (o *Objective) AcceptsUnpaired() bool {
	return !somePair(o, func(t PairTerm) bool {
		u, ok := t.(unpaired)
		return !ok || !u.AcceptsUnpaired()
	})
}

// hasPair says whether some pair term is a T, or behind another as in somePair.
func hasPair[T any](o *Objective) bool { return somePair(o, func(T) bool { return true }) }

// somePair says whether some pair term is a T of which a statement holds, or the term behind one that weighs comparisons.
func somePair[T any](o *Objective, holds func(T) bool) bool {
	return slices.ContainsFunc(o.pair, func(w Weighted[PairTerm]) bool {
		for term := w.Term; ; {
			if t, ok := term.(T); ok && holds(t) {
				return true
			}
			weighs, ok := term.(*reweighted)
			if !ok {
				return false
			}
			term = weighs.term
		}
	})
}

// Held says whether what training descends is not the gradient of the loss: a term of weight other than 0 holds a part of itself
// back from differentiation, or the reference follows the policy. Then there are policies at which training rests, and what is
// least is no minimizer that it would seek.
func (o *Objective) Held() bool {
	pair, dist := o.Terms()
	holds := func(term any) bool {
		_, detached := term.(Detached)
		h, formula := term.(interface{ holds() bool })
		return detached || formula && h.holds()
	}
	return o.Moving != nil || slices.ContainsFunc(pair, func(t Weighted[PairTerm]) bool { return holds(t.Term) }) ||
		slices.ContainsFunc(dist, func(t Weighted[DistTerm]) bool { return holds(t.Term) })
}

// Advance hands a minibatch to the terms that carry a statistic from step to step.
func (o *Objective) Advance(b *Batch) {
	for _, t := range o.pair {
		if a, ok := t.Term.(Advancing); ok {
			a.Advance(b)
		}
	}
}

// State returns the live memory of the terms that carry a statistic from step to step, in order; a term that keeps none
// gives nil.
func (o *Objective) State() [][]float64 {
	var state [][]float64
	for _, t := range o.pair {
		if a, ok := t.Term.(Advancing); ok {
			state = append(state, a.State())
		}
	}
	return state
}

// Frozen returns the objective with every statistic that a term keeps back from differentiation held at its value on a batch, so that
// the loss has a potential.
func (o *Objective) Frozen(b *Batch) *Objective {
	frozen := *o
	frozen.pair = slices.Clone(o.pair)
	for i, t := range o.pair {
		if d, ok := t.Term.(Detached); ok {
			frozen.pair[i].Term = d.Freeze(b)
		}
	}
	return &frozen
}

// Averaged returns an objective that is a mean over comparisons and falls and rises with this one, so that both are least at the same
// policies; nil where this one is not known to be an increasing function of one such mean and nothing else.
func (o *Objective) Averaged() *Objective {
	pair, dist := o.Terms()
	if len(pair) != 1 || len(dist) > 0 || o.Moving != nil || o.Sampled != nil || pair[0].Weight < 0 {
		return nil
	}
	f, ok := pair[0].Term.(*formula)
	if !ok || !f.program.Coupled() {
		return nil
	}
	mean := f.source.Averaged(f.scalars)
	if mean == nil {
		return nil
	}
	return (&Objective{}).And(pair[0].Weight, OnPairs(newFormula(mean, f.scalars, false)))
}

// Params are the parameters of one kind of objective.
type Params interface {
	// Objective builds a fresh objective with scratch of its own.
	Objective() *Objective
}

// oneOf returns the word of a parameter, the first of those that it may be where it is empty. It panics for others: no loss stands in
// for one that is not known. The words of configs have been checked.
func oneOf(key, word string, words ...string) string {
	if word == "" {
		return words[0]
	}
	if !slices.Contains(words, word) {
		panic(fmt.Sprintf("objective: %s: %q is not known", key, word))
	}
	return word
}

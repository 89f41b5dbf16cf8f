package language

import (
	"context"
	"crypto/sha256"
	"fmt"

	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
	"windtunnel/toy/objective"
	"windtunnel/toy/train"
)

// comparisons is the train.Task of a network and an objective on pairs. Its user sets the exported fields and calls
// prepare; one goroutine at a time may use it.
type comparisons[T kernel.Float] struct {
	Network   *llama.Network[T]    // trained in place
	Reference *llama.Network[T]    // frozen, left as it is, of the same shape
	Objective *objective.Objective // one that supports allows; it belongs to this training alone
	Pairs     []Pair
	Batch     int        // most pairs a step
	Micro     int        // a batch of more pairs is computed twice, so as not to hold all its activations; 0 is no limit
	Workers   int        // goroutines; 0 is one a processor
	Logps     *logpCache // of frozen networks; nil is one of its own

	*parameters[T]
	examples     []example
	tapes        []*llama.Tape[T]  // one a pair of the batch, or one a worker where batches are computed twice
	frozen       *llama.Network[T] // the reference, where the loss reads its distributions of tokens; else nil
	refTapes     []*llama.Tape[T]  // its tapes, as many; nil where not needed
	held         bool              // a tape for each pair
	columns      *columns
	start        logps         // of all pairs, at the start
	reference    logps         // of all pairs
	moving       *reference[T] // nil: the reference stays as it is
	keys         [2]contentKey // of the networks at the start: the policy, the reference
	indices      []int         // pairs of the step at hand
	loss         float64       // of the step at hand
	forwardWork  func(worker, index int)
	backwardWork func(worker, index int)
}

// prepare computes the log-probabilities of all pairs at the start and under the reference. A pair that a network cannot hold is an
// error.
func (c *comparisons[T]) prepare(ctx context.Context) error {
	if c.Logps == nil {
		c.Logps = &logpCache{}
	}
	c.parameters = newParameters(c.Network, c.Batch, newWorkers(c.Workers))
	c.allocate()
	n, s := len(c.Pairs), newScorer[T](c.workers)
	c.start, c.reference = newLogps(n), newLogps(n)
	start := keyOf(c.Network)
	if err := s.cached(ctx, c.Network, start, c.Pairs, c.Logps, c.start); err != nil {
		return err
	}
	key := keyOf(c.Reference)
	if err := s.cached(ctx, c.Reference, key, c.Pairs, c.Logps, c.reference); err != nil {
		return fmt.Errorf("the reference: %w", err)
	}
	c.keys = [2]contentKey{start, key}
	if c.Objective.Moving != nil {
		c.moving = newReference(c.Reference, s, n)
	}
	if c.Objective.Tokenwise() {
		if c.frozen = c.Reference; c.moving != nil {
			c.frozen = c.moving.network
		}
		for range c.tapes {
			c.refTapes = append(c.refTapes, llama.NewTape[T]())
		}
	}
	return nil
}

func (c *comparisons[T]) allocate() {
	responses, tailed := 2, c.Objective.Tailed()
	for i := range c.Pairs {
		e := newExample(&c.Pairs[i], tailed)
		c.examples = append(c.examples, e)
		responses = max(responses, len(e.responses))
	}
	c.columns = newColumns(c.Batch, responses)
	c.held = c.Micro == 0 || c.Batch <= c.Micro
	tapes := c.workers.size()
	if c.held {
		tapes = c.Batch
	}
	for range tapes {
		c.tapes = append(c.tapes, llama.NewTape[T]())
	}
	c.forwardWork, c.backwardWork = c.forwardPair, c.backwardSlot
}

func (c *comparisons[T]) Items() int { return len(c.Pairs) }

// Gradient computes a step: the whole batch forward, the loss's derivatives, then back. The losses of a batch may be
// coupled, so none goes back before all have come forward.
func (c *comparisons[T]) Gradient(b train.Batch) ([]float64, []int, float64) {
	c.backward(b)
	return c.grad, nil, c.reduce()
}

// backward leaves the gradient of a batch in the slots, and its loss.
func (c *comparisons[T]) backward(b train.Batch) {
	o, cols := c.Objective, c.columns
	c.indices = b.Items
	cols.resize(len(c.indices))
	c.workers.each(len(c.indices), c.forwardWork)
	if c.moving != nil {
		c.moving.refresh(c)
	}
	c.fillColumns()
	if !b.Ahead {
		o.Advance(&cols.Batch)
	}
	c.loss = o.Comparisons().Loss(&cols.Batch)
	if o.Sampled != nil { // draw by draw, as published runs were summed; Objective.Loss rounds otherwise
		for k, v := range cols.Drawn {
			c.loss -= o.Sampled.Weight * cols.Weight[k] * v
		}
	}
	cols.derive(o, c.examples, c.indices)
	c.workers.each(len(c.slots), c.backwardWork)
}

func (c *comparisons[T]) Loss() float64 { return c.loss }

func (c *comparisons[T]) measures() (Comparisons, Draws) {
	cols := c.columns
	return compare(logps{cols.Chosen, cols.Rejected}, cols.start, cols.tokens, cols.weight), noDraws()
}

// forwardPair computes the log-probabilities of the k-th pair of the batch.
func (c *comparisons[T]) forwardPair(worker, k int) {
	e := &c.examples[c.indices[k]]
	tape, ref := c.at(worker, k)
	c.forward(tape, ref, e, c.held)
	read(c.columns, k, e, tape)
	if ref != nil {
		c.columns.ChosenKL[k], c.columns.RejectedKL[k] = tape.Divergence(ref, 0), tape.Divergence(ref, 1)
	}
}

// at returns the tapes of the policy and of the reference for the k-th pair of the batch, nil for the second where the loss reads only
// log-probabilities of responses.
func (c *comparisons[T]) at(worker, k int) (tape, ref *llama.Tape[T]) {
	i := worker
	if c.held {
		i = k
	}
	if c.frozen != nil {
		ref = c.refTapes[i]
	}
	return c.tapes[i], ref
}

// forward brings the networks forward on a pair, which prepare has found to fit.
func (c *comparisons[T]) forward(tape, ref *llama.Tape[T], e *example, hold bool) {
	must(tape.Forward(c.Network, e.Prompt, e.responses, hold))
	if ref != nil {
		must(ref.Forward(c.frozen, e.Prompt, e.responses, false))
	}
}

// backwardSlot adds up the gradients of every pair of the batch that falls to a slot, in the batch's order.
func (c *comparisons[T]) backwardSlot(worker, slot int) {
	for k := slot; k < len(c.indices); k += len(c.slots) {
		e := &c.examples[c.indices[k]]
		tape, ref := c.at(worker, k)
		if !c.held {
			c.forward(tape, ref, e, true)
		}
		n := len(e.responses)
		tape.BackwardFrom(ref, c.columns.d[k][:n], c.columns.kl[k][:n], c.slots[slot])
	}
}

// fillColumns fills the batch's columns that do not depend on the policy.
func (c *comparisons[T]) fillColumns() {
	cols, total := c.columns, 0.0
	for k, i := range c.indices {
		cols.weight[k] = c.Pairs[i].weight()
		total += cols.weight[k]
	}
	cols.ChosenWeight, cols.RejectedWeight = cols.ChosenWeight[:0], cols.RejectedWeight[:0]
	for k, i := range c.indices {
		e := &c.examples[i]
		cols.Weight[k] = cols.weight[k] / total
		if w := 2 * cols.Weight[k]; len(e.Rejected) == 0 { // a single response has the weight of both
			cols.ChosenWeight, cols.RejectedWeight = append(cols.ChosenWeight, w), append(cols.RejectedWeight, 0)
		} else if len(e.Chosen) == 0 {
			cols.ChosenWeight, cols.RejectedWeight = append(cols.ChosenWeight, 0), append(cols.RejectedWeight, w)
		}
		cols.RefChosen[k], cols.RefRejected[k] = c.reference.chosen[i], c.reference.rejected[i]
		cols.start.chosen[k], cols.start.rejected[k] = c.start.chosen[i], c.start.rejected[i]
		cols.tokens.chosen[k], cols.tokens.rejected[k] = float64(len(e.Chosen)), float64(len(e.Rejected))
		cols.Gap[k] = e.Gap
	}
}

func (c *comparisons[T]) Moving() *objective.Moving { return c.Objective.Moving }

func (c *comparisons[T]) MoveReference(alpha float64) {
	if c.Network.Adapter() == nil {
		c.moving.mix(alpha, c.master)
		return
	}
	merged := c.Network.Merged().Params()
	wide := make([]float64, len(merged))
	for i, v := range merged {
		wide[i] = float64(v)
	}
	c.moving.mix(alpha, wide)
}

// reference is one that follows the policy: TR-DPO's mixture of weights (Gorbatovski et al., arXiv 2404.09656, eq. 6). An
// adapter's part is added to the weights before they are mixed.
type reference[T kernel.Float] struct {
	network  *llama.Network[T]
	master   []float64 // its weights before rounding
	scorer   *scorer[T]
	version  int   // how often it has moved
	versions []int // by pair, that of its log-probabilities
	refill   func(worker, k int)
}

func newReference[T kernel.Float](from *llama.Network[T], s *scorer[T], pairs int) *reference[T] {
	r := &reference[T]{network: copied(from), scorer: s, versions: make([]int, pairs)}
	for _, v := range r.network.Trainable() {
		r.master = append(r.master, float64(v))
	}
	return r
}

// copied returns a network of its own of what a network is.
func copied[T kernel.Float](n *llama.Network[T]) *llama.Network[T] {
	out, err := llama.NewNetwork(n.Merged(), nil)
	must(err) // only an adapter can be wrong
	return out
}

func (r *reference[T]) mix(alpha float64, policy []float64) {
	for i, v := range policy {
		r.master[i] = alpha*v + (1-alpha)*r.master[i]
	}
	r.round()
}

// round rounds the mixture into the network, which makes what was computed before it void.
func (r *reference[T]) round() {
	weights := r.network.Trainable()
	for i, v := range r.master {
		weights[i] = T(v)
	}
	r.version++
}

// refresh computes the batch's log-probabilities under the reference where they are of an older one.
func (r *reference[T]) refresh(c *comparisons[T]) {
	if r.refill == nil {
		r.refill = func(worker, k int) {
			i := c.indices[k]
			if r.versions[i] == r.version {
				return
			}
			var err error
			c.reference.chosen[i], c.reference.rejected[i], err = r.scorer.pair(worker, r.network, &c.Pairs[i])
			must(err) // the policy, of the same shape, holds the pair
			r.versions[i] = r.version
		}
	}
	c.workers.each(len(c.indices), r.refill)
}

// State returns the weights of a moving reference and what the objective carries from step to step.
func (c *comparisons[T]) State() [][]float64 {
	if c.moving == nil {
		return c.Objective.State()
	}
	return append([][]float64{c.moving.master}, c.Objective.State()...)
}

// Resumed rounds the parameters, and the reference if it moves.
func (c *comparisons[T]) Resumed() {
	c.Moved()
	if c.moving != nil {
		c.moving.round()
	}
}

// Identity returns the SHA-256 of what is trained, from what start, by what settings and on what, except the objective,
// which has no name here, and how long and in how many parts it is computed.
func (c *comparisons[T]) Identity(settings string) [sha256.Size]byte {
	h := sha256.New()
	fmt.Fprintf(h, "pairs %s %+v\n", settings, c.Objective.Sampled)
	h.Write(c.keys[0][:])
	h.Write(c.keys[1][:])
	for i := range c.examples {
		e := &c.examples[i]
		key := e.key(c.keys[0])
		h.Write(key[:])
		fmt.Fprintln(h, e.Gap, e.responses[2:])
		if w := e.weight(); w != 1 {
			fmt.Fprintln(h, "weight", w)
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// must panics on an error that was ruled out before.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

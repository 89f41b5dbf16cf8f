package tune

import (
	"context"
	"slices"

	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
	"windtunnel/toy/train"
)

// Trainer is a training on pairs that has begun. One goroutine at a time may use it.
type Trainer[T kernel.Float] struct {
	*descent[T]
	Loop      Loop[T]
	examples  []example
	tapes     []*llama.Tape[T] // one a pair of the batch, or one a worker where batches are computed twice
	held      bool             // a tape for each pair
	columns   *columns
	start     logps      // of all pairs, at the start
	reference logps      // of all pairs
	moving    *moving[T] // nil: the reference stays as it is
	loads     []int      // cost by pair of the batch, then by slot
	heaviest  []int      // pairs of the batch, or slots, by falling load
	indices   []int      // pairs of the step at hand

	forwardWork, backwardWork func(worker, index int)
}

// layOut makes room for everything that steps need.
func (t *Trainer[T]) layOut() {
	responses, tailed, samples := 2, t.Loop.Objective.Tailed(), t.Loop.samples()
	for i := range t.Loop.Pairs {
		e := newExample(&t.Loop.Pairs[i], samples, tailed)
		t.examples = append(t.examples, e)
		responses = max(responses, len(e.responses))
	}
	size := t.order.size
	t.columns = newColumns(size, responses)
	t.held = t.Loop.Micro == 0 || size <= t.Loop.Micro
	tapes := t.team.size()
	if t.held {
		tapes = size
	}
	for range tapes {
		t.tapes = append(t.tapes, llama.NewTape[T]())
	}
	t.loads, t.heaviest = make([]int, size), make([]int, size)
	t.forwardWork, t.backwardWork = t.forwardPair, t.backwardSlot
}

// Run takes the steps that are left and calls record at step 0, every Params.RecordEvery steps and at the end. While record
// runs the network is that after the recorded step, and Save may be called. Run returns an error of record, or the
// context's if that ends first; then it may be called again.
func (t *Trainer[T]) Run(ctx context.Context, record func(Record) error) (train.Outcome, error) {
	return t.run(ctx, record, t.gradient, t.moved)
}

func (t *Trainer[T]) moved() {
	if t.moving != nil {
		t.moving.follow(t)
	}
}

// gradient computes the coming step: the whole batch forward, the loss's derivatives, then back. The losses of a batch may
// be coupled, so none goes back before all have come forward.
func (t *Trainer[T]) gradient() Record {
	o, c := t.Loop.Objective, t.columns
	t.indices = t.order.batch(t.taken)
	c.resize(len(t.indices))
	t.weigh()
	t.team.each(len(t.indices), t.heaviest[:len(t.indices)], t.forwardWork)
	if t.moving != nil {
		t.moving.refresh(t)
	}
	t.lookUp()
	o.Advance(&c.Batch)
	r := Record{Loss: c.loss(o), Comparisons: compare(logps{c.Chosen, c.Rejected}, c.start, c.tokens), Draws: noDraws()}
	c.derive(o, t.examples, t.indices)
	t.weighSlots()
	t.team.each(len(t.slots), t.heaviest[:len(t.slots)], t.backwardWork)
	return r
}

// forwardPair computes the log-probabilities of the k-th pair of the batch.
func (t *Trainer[T]) forwardPair(worker, k int) {
	e, tape := &t.examples[t.indices[k]], t.tape(worker, k)
	t.forward(tape, e, t.held)
	read(t.columns, k, e, tape)
}

func (t *Trainer[T]) tape(worker, k int) *llama.Tape[T] {
	if t.held {
		return t.tapes[k]
	}
	return t.tapes[worker]
}

// forward runs an example that consult has found to fit.
func (t *Trainer[T]) forward(tape *llama.Tape[T], e *example, keep bool) {
	must(tape.Forward(t.network, e.Prompt, e.responses, keep))
}

// backwardSlot adds up the gradients of every pair of the batch that falls to a slot, in the batch's order.
func (t *Trainer[T]) backwardSlot(worker, slot int) {
	for k := slot; k < len(t.indices); k += len(t.slots) {
		e, tape := &t.examples[t.indices[k]], t.tape(worker, k)
		if !t.held {
			t.forward(tape, e, true)
		}
		tape.Backward(t.columns.d[k][:len(e.responses)], t.slots[slot])
	}
}

// lookUp fills the batch's columns that do not depend on the policy.
func (t *Trainer[T]) lookUp() {
	c := t.columns
	for k, i := range t.indices {
		e := &t.examples[i]
		c.RefChosen[k], c.RefRejected[k] = t.reference.chosen[i], t.reference.rejected[i]
		c.start.chosen[k], c.start.rejected[k] = t.start.chosen[i], t.start.rejected[i]
		c.tokens.chosen[k], c.tokens.rejected[k] = float64(len(e.Chosen)), float64(len(e.Rejected))
		c.Gap[k] = e.Gap
	}
}

// weigh puts the batch's pairs in order of falling cost: whoever is done early takes a short one last.
func (t *Trainer[T]) weigh() {
	for k, i := range t.indices {
		t.loads[k], t.heaviest[k] = t.examples[i].cost(), k
	}
	t.sortByLoad(len(t.indices))
}

// weighSlots does the same to the slots.
func (t *Trainer[T]) weighSlots() {
	for s := range t.slots {
		t.heaviest[s] = s
		for k := s + len(t.slots); k < len(t.indices); k += len(t.slots) {
			t.loads[s] += t.loads[k]
		}
		if s >= len(t.indices) {
			t.loads[s] = 0
		}
	}
	t.sortByLoad(len(t.slots))
}

func (t *Trainer[T]) sortByLoad(n int) {
	slices.SortStableFunc(t.heaviest[:n], func(a, b int) int { return t.loads[b] - t.loads[a] })
}

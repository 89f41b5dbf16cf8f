package tune

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
	"windtunnel/toy/train"
)

// Trainer is a training under way. One goroutine at a time may use it.
type Trainer[T kernel.Float] struct {
	Loop[T]
	team      *team
	master    []float64 // the trained parameters before rounding
	grad      []float64
	slots     [][]T     // partial gradients, zero between steps
	partial   []float64 // sums of squares, by chunk
	optimizer train.Optimizer
	order     order
	taken     int // steps

	examples  []example
	tapes     []*llama.Tape[T] // one a pair of the batch, or one a worker where batches are computed twice
	held      bool             // a tape for each pair
	columns   *columns
	start     logps      // of all pairs, at the start
	reference logps      // of all pairs
	moving    *moving[T] // nil: the reference stays as it is
	identity  Key        // of what is trained by what on what, see identify
	loads     []int      // cost by pair of the batch, then by slot
	heaviest  []int
	indices   []int // of the step at hand

	forwardWork, backwardWork, reduceWork, roundWork func(worker, index int)
}

// layOut makes room for everything that steps need.
func (t *Trainer[T]) layOut() {
	responses := 2
	tailed := t.Objective.Tailed()
	for i := range t.Pairs {
		e := newExample(&t.Pairs[i], t.samples(), tailed)
		t.examples = append(t.examples, e)
		responses = max(responses, len(e.responses))
	}
	size := t.order.size
	t.columns = newColumns(size, responses)
	t.held = t.Micro == 0 || size <= t.Micro
	tapes := t.team.size()
	if t.held {
		tapes = size
	}
	for range tapes {
		t.tapes = append(t.tapes, llama.NewTape[T]())
	}
	for range min(slots, size) {
		t.slots = append(t.slots, make([]T, len(t.master)))
	}
	t.loads, t.heaviest = make([]int, size), make([]int, size)
	t.forwardWork, t.backwardWork = t.forwardPair, t.backwardSlot
	t.reduceWork, t.roundWork = t.reduceChunk, t.roundChunk
}

// Step returns the number of steps taken.
func (t *Trainer[T]) Step() int { return t.taken }

// steps returns how many steps all epochs have, over which the schedule stretches, and after how many training ends.
func (t *Trainer[T]) steps() (full, total int) {
	full = t.order.perEpoch * t.Params.Epochs
	total = full
	if t.Params.MaxSteps > 0 {
		total = min(total, t.Params.MaxSteps)
	}
	return full, total
}

// Run takes the steps that are left and calls record at step 0, every Params.RecordEvery steps and at the end. While record
// runs the network is that after the recorded step, and Save may be called. Run returns an error of record, or the
// context's if that ends first; then it may be called again.
func (t *Trainer[T]) Run(ctx context.Context, record func(Record) error) (train.Outcome, error) {
	full, total := t.steps()
	if t.taken == 0 {
		if err := record(unknown()); err != nil {
			return train.Outcome{}, err
		}
	}
	for t.taken < total {
		if err := ctx.Err(); err != nil {
			return train.Outcome{}, err
		}
		r := t.gradient()
		end, stop := t.stopped(r)
		if !stop {
			t.move(r.GradNorm, t.Params.Schedule.Factor(t.taken, full))
		}
		if stop || r.Step == total || t.Params.RecordEvery > 0 && r.Step%t.Params.RecordEvery == 0 {
			if err := record(r); err != nil {
				return train.Outcome{}, err
			}
		}
		if stop {
			return end, nil
		}
	}
	if slices.ContainsFunc(t.master, func(v float64) bool { return !finite(v) }) {
		return train.Outcome{Status: train.Diverged, Steps: total,
			Reason: fmt.Sprintf("a parameter is not finite after step %d", total)}, nil
	}
	return train.Outcome{Status: train.Done, Steps: total}, nil
}

// unknown is the record of step 0, of which no batch was seen.
func unknown() Record {
	nan := math.NaN()
	return Record{0, nan, nan, Comparisons{0, nan, nan, nan, nan, nan, nan, nan, nan, nan}}
}

// stopped says whether training ends before this step's update, and why.
func (t *Trainer[T]) stopped(r Record) (train.Outcome, bool) {
	switch {
	case !finite(r.GradNorm):
		return train.Outcome{Status: train.Diverged, Steps: r.Step,
			Reason: fmt.Sprintf("the gradient's norm is %v at step %d", r.GradNorm, r.Step)}, true
	case r.GradNorm < t.Params.Tolerance:
		return train.Outcome{Status: train.Converged, Steps: r.Step,
			Reason: fmt.Sprintf("the gradient's norm fell to %.3g at step %d", r.GradNorm, r.Step)}, true
	}
	return train.Outcome{}, false
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// gradient computes the coming step's loss and gradient: the whole batch forward, the loss's derivatives, then back. The
// losses of a batch may be coupled, so none goes back before all have come forward.
func (t *Trainer[T]) gradient() Record {
	t.indices = t.order.batch(t.taken)
	c := t.columns
	c.resize(len(t.indices))
	t.weigh()
	t.team.each(len(t.indices), t.heaviest[:len(t.indices)], t.forwardWork)
	if t.moving != nil {
		t.moving.refresh(t)
	}
	t.lookUp()
	t.Objective.Advance(&c.Batch)
	r := Record{Step: t.taken + 1, Loss: c.loss(t.Objective), Comparisons: compare(logps{c.Chosen, c.Rejected}, c.start, c.tokens)}
	c.derive(t.Objective, t.examples, t.indices)
	t.weighSlots()
	t.team.each(len(t.slots), t.heaviest[:len(t.slots)], t.backwardWork)
	t.team.each(len(t.partial), nil, t.reduceWork)
	r.GradNorm = math.Sqrt(floats.Sum(t.partial))
	if !finite(r.GradNorm) {
		r.GradNorm = floats.Norm(t.grad, 2) // the squares may have overflowed where the norm does not
	}
	return r
}

// forwardPair computes the log-probabilities of the k-th pair of the batch.
func (t *Trainer[T]) forwardPair(worker, k int) {
	e := &t.examples[t.indices[k]]
	t.forward(t.tape(worker, k), e, t.held)
	read(t.columns, k, e, t.tape(worker, k))
}

func (t *Trainer[T]) tape(worker, k int) *llama.Tape[T] {
	if t.held {
		return t.tapes[k]
	}
	return t.tapes[worker]
}

// forward runs an example that consult has found to fit.
func (t *Trainer[T]) forward(tape *llama.Tape[T], e *example, keep bool) {
	if err := tape.Forward(t.Network, e.Prompt, e.responses, keep); err != nil {
		panic(err)
	}
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

// reduceChunk adds the slots' parts of the gradient in order and leaves zeros.
func (t *Trainer[T]) reduceChunk(_, i int) {
	low, high := i*chunk, min((i+1)*chunk, len(t.grad))
	grad := t.grad[low:high]
	clear(grad)
	for _, slot := range t.slots {
		part := slot[low:high]
		for j, v := range part {
			grad[j] += float64(v)
		}
		clear(part)
	}
	sum := 0.0
	for _, g := range grad {
		sum += g * g
	}
	t.partial[i] = sum
}

// roundChunk hands trained parameters to the network.
func (t *Trainer[T]) roundChunk(_, i int) {
	low, high := i*chunk, min((i+1)*chunk, len(t.master))
	trained := t.Network.Trainable()[low:high]
	for j, v := range t.master[low:high] {
		trained[j] = T(v)
	}
}

// move clips the gradient, given its norm, as PyTorch's clip_grad_norm_ does, and takes the step.
func (t *Trainer[T]) move(norm, factor float64) {
	if scale := min(1, t.Params.ClipNorm/(norm+1e-6)); t.Params.ClipNorm > 0 && scale < 1 {
		floats.Scale(scale, t.grad)
	}
	t.optimizer.Step(t.master, t.grad, factor)
	t.team.each(len(t.partial), nil, t.roundWork)
	t.taken++
	if t.moving != nil {
		t.moving.follow(t)
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

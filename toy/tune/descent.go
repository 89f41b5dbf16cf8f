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

// slots is the number of partial gradients of a step. It bounds how many processors are of use in going backward, and is
// part of what results depend on.
const slots = 8

// chunk is the number of parameters that are reduced at a time. Norms are sums over chunks, so results depend on it.
const chunk = 1 << 14

// descent moves the trained parameters of a network down the gradients that its owner puts into the slots.
type descent[T kernel.Float] struct {
	network   *llama.Network[T]
	params    train.Params
	team      *team
	order     order     // of what an epoch goes through
	master    []float64 // the trained parameters before rounding
	grad      []float64
	slots     [][]T     // partial gradients, zero between steps
	partial   []float64 // sums of squares, by chunk
	optimizer train.Optimizer
	taken     int // steps

	identity Key         // of what is trained by what on what: a checkpoint belongs to one
	carried  [][]float64 // what else goes on from step to step, live
	resumed  func()      // called after carried was overwritten; may be nil

	reduceWork, roundWork func(worker, index int)
}

// newDescent returns a descent before its first step, with as many slots as a batch has use for.
func newDescent[T kernel.Float](n *llama.Network[T], p train.Params, order order, workers int) *descent[T] {
	size := len(n.Trainable())
	d := &descent[T]{
		network: n, params: p, team: newTeam(workers), order: order, master: make([]float64, size), grad: make([]float64, size),
		partial: make([]float64, (size+chunk-1)/chunk), optimizer: p.Optimizer.Optimizer(size),
	}
	for i, v := range n.Trainable() {
		d.master[i] = float64(v)
	}
	for range min(slots, order.size) {
		d.slots = append(d.slots, make([]T, size))
	}
	d.reduceWork, d.roundWork = d.reduceChunk, d.roundChunk
	return d
}

// Step returns the number of steps taken.
func (d *descent[T]) Step() int { return d.taken }

// steps returns how many steps all epochs have, over which the schedule stretches, and after how many training ends.
func (d *descent[T]) steps() (full, total int) {
	full = d.order.perEpoch * d.params.Epochs
	total = full
	if d.params.MaxSteps > 0 {
		total = min(total, d.params.MaxSteps)
	}
	return full, total
}

// run takes the steps that are left. gradient leaves the coming step's gradient in the slots and returns its record but for
// Step and GradNorm; moved is called after every update.
func (d *descent[T]) run(ctx context.Context, record func(Record) error, gradient func() Record, moved func()) (train.Outcome, error) {
	full, total := d.steps()
	if d.taken == 0 {
		if err := record(Record{Loss: math.NaN(), GradNorm: math.NaN(), Comparisons: noComparisons(), Draws: noDraws()}); err != nil {
			return train.Outcome{}, err
		}
	}
	for d.taken < total {
		if err := ctx.Err(); err != nil {
			return train.Outcome{}, err
		}
		r := gradient()
		r.Step, r.GradNorm = d.taken+1, d.reduce()
		end, stop := d.stopped(r)
		if !stop {
			d.move(r.GradNorm, d.params.Schedule.Factor(d.taken, full))
			moved()
		}
		if stop || r.Step == total || d.params.RecordEvery > 0 && r.Step%d.params.RecordEvery == 0 {
			if err := record(r); err != nil {
				return train.Outcome{}, err
			}
		}
		if stop {
			return end, nil
		}
	}
	if slices.ContainsFunc(d.master, func(v float64) bool { return !finite(v) }) {
		return train.Outcome{Status: train.Diverged, Steps: total,
			Reason: fmt.Sprintf("a parameter is not finite after step %d", total)}, nil
	}
	return train.Outcome{Status: train.Done, Steps: total}, nil
}

// stopped says whether training ends before this step's update, and why.
func (d *descent[T]) stopped(r Record) (train.Outcome, bool) {
	switch {
	case !finite(r.GradNorm):
		return train.Outcome{Status: train.Diverged, Steps: r.Step,
			Reason: fmt.Sprintf("the gradient's norm is %v at step %d", r.GradNorm, r.Step)}, true
	case r.GradNorm < d.params.Tolerance:
		return train.Outcome{Status: train.Converged, Steps: r.Step,
			Reason: fmt.Sprintf("the gradient's norm fell to %.3g at step %d", r.GradNorm, r.Step)}, true
	}
	return train.Outcome{}, false
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// reduce adds up the slots and returns the gradient's norm, which is not finite if an entry is not.
func (d *descent[T]) reduce() float64 {
	d.team.each(len(d.partial), nil, d.reduceWork)
	if norm := math.Sqrt(floats.Sum(d.partial)); finite(norm) {
		return norm
	}
	return floats.Norm(d.grad, 2) // the squares may have overflowed where the norm does not
}

// reduceChunk adds the slots' parts of the gradient in order and leaves zeros.
func (d *descent[T]) reduceChunk(_, i int) {
	low, high := i*chunk, min((i+1)*chunk, len(d.grad))
	grad := d.grad[low:high]
	clear(grad)
	for _, slot := range d.slots {
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
	d.partial[i] = sum
}

// move clips the gradient, given its norm, as PyTorch's clip_grad_norm_ does, and takes the step.
func (d *descent[T]) move(norm, factor float64) {
	if scale := min(1, d.params.ClipNorm/(norm+1e-6)); d.params.ClipNorm > 0 && scale < 1 {
		floats.Scale(scale, d.grad)
	}
	d.optimizer.Step(d.master, d.grad, factor)
	d.round()
	d.taken++
}

// round hands the trained parameters to the network.
func (d *descent[T]) round() { d.team.each(len(d.partial), nil, d.roundWork) }

func (d *descent[T]) roundChunk(_, i int) {
	low, high := i*chunk, min((i+1)*chunk, len(d.master))
	trained := d.network.Trainable()[low:high]
	for j, v := range d.master[low:high] {
		trained[j] = T(v)
	}
}

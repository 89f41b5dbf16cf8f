package language

import (
	"math"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
)

// mostSlots is the number of partial gradients of a step. It bounds how many processors are of use in going backward, and
// is part of what results depend on.
const mostSlots = 8

// chunk is the number of parameters that are reduced at a time. Norms are sums over chunks, so results depend on it.
const chunk = 1 << 14

// parameters are the trained parameters of a network, in float64, and their gradient. The network has them rounded to its
// precision. A step computes the responses of its batch in parallel, each into a slot that depends on its position in
// the batch alone, and adds the slots up in order: results are the same bytes whatever the number of processors.
type parameters[T kernel.Float] struct {
	network *llama.Network[T]
	workers *workers
	master  []float64 // before rounding
	grad    []float64
	slots   [][]T     // partial gradients, zero between steps
	partial []float64 // sums of squares, by chunk

	reduceWork, roundWork func(worker, index int)
}

// newParameters returns the parameters of a network, with as many slots as a batch has use for.
func newParameters[T kernel.Float](n *llama.Network[T], batch int, w *workers) *parameters[T] {
	size := len(n.Trainable())
	p := &parameters[T]{network: n, workers: w, grad: make([]float64, size), partial: make([]float64, (size+chunk-1)/chunk)}
	for _, v := range n.Trainable() {
		p.master = append(p.master, float64(v))
	}
	for range min(mostSlots, batch) {
		p.slots = append(p.slots, make([]T, size))
	}
	p.reduceWork, p.roundWork = p.reduceChunk, p.roundChunk
	return p
}

func (p *parameters[T]) Params() []float64 { return p.master }

func (p *parameters[T]) Moved() { p.workers.each(len(p.partial), p.roundWork) }

func (p *parameters[T]) roundChunk(_, i int) {
	low, high := i*chunk, min((i+1)*chunk, len(p.master))
	trained := p.network.Trainable()[low:high]
	for j, v := range p.master[low:high] {
		trained[j] = T(v)
	}
}

// reduce adds up the slots and returns the gradient's norm, which is not finite if an element is not.
func (p *parameters[T]) reduce() float64 {
	p.workers.each(len(p.partial), p.reduceWork)
	norm := math.Sqrt(floats.Sum(p.partial))
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return floats.Norm(p.grad, 2) // the squares may have overflowed where the norm does not
	}
	return norm
}

// reduceChunk adds the slots' parts of the gradient in order and leaves zeros.
func (p *parameters[T]) reduceChunk(_, i int) {
	low, high := i*chunk, min((i+1)*chunk, len(p.grad))
	grad := p.grad[low:high]
	clear(grad)
	for _, slot := range p.slots {
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
	p.partial[i] = sum
}

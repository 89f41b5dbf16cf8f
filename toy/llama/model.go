package llama

import (
	"fmt"
	"math"
	"math/rand/v2"

	"windtunnel/toy/kernel"
)

// Model is the weights of a decoder. The flat slice that Params returns is what optimizers and gradients see.
type Model[T kernel.Float] struct {
	Config
	params []T       // in the order of a llama2.c checkpoint, see weights
	legacy []float32 // cosines and sines of the checkpoint, kept to write it again
}

// New returns a model of the given shape whose weights are drawn from rng as llama2.c initializes them: matrices and
// the embedding from a normal distribution with standard deviation 0.02, divided by sqrt(2 Layers) for wo and w3, and
// gains 1. An impossible shape is an error.
func New[T kernel.Float](c Config, rng *rand.Rand) (*Model[T], error) {
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	m := &Model[T]{Config: c, params: make([]T, c.Params()), legacy: legacyRotations(c)}
	for i := range m.params {
		m.params[i] = T(0.02 * rng.NormFloat64())
	}
	w := viewOf(c, m.params)
	for _, gains := range [][]T{w.attNorm, w.ffnNorm, w.finalNorm} {
		for i := range gains {
			gains[i] = 1
		}
	}
	for _, matrix := range [][]T{w.proj[targetO], w.proj[targetUp]} {
		for i := range matrix {
			matrix[i] /= T(math.Sqrt(2 * float64(c.Layers)))
		}
	}
	return m, nil
}

// Params returns all weights, in the order of a llama2.c checkpoint. It is the model's own memory, not a copy.
func (m *Model[T]) Params() []T { return m.params }

// Clone returns a copy that shares no weights.
func (m *Model[T]) Clone() *Model[T] { return Convert[T](m) }

// Convert returns a copy of the model in another precision.
func Convert[D, S kernel.Float](m *Model[S]) *Model[D] {
	d := &Model[D]{Config: m.Config, params: make([]D, len(m.params)), legacy: m.legacy}
	for i, v := range m.params {
		d.params[i] = D(v)
	}
	return d
}

// target names a matrix of a layer that maps one vector to another.
type target int

const (
	targetQ target = iota
	targetK
	targetV
	targetO
	targetGate
	targetDown
	targetUp
	targets // their number
)

// targetNames are the words of a config, by target.
var targetNames = [targets]string{"q", "k", "v", "o", "gate", "down", "up"}

// shape returns the rows and columns of a matrix: what it gives and what it takes.
func (c Config) shape(t target) (out, in int) {
	switch t {
	case targetK, targetV:
		return c.kvDim(), c.Dim
	case targetGate, targetUp:
		return c.Hidden, c.Dim
	case targetDown:
		return c.Dim, c.Hidden
	default:
		return c.Dim, c.Dim
	}
}

// weights are views into a flat slice of Config.Params() numbers: weights, or the gradients for them. Each holds its
// matrix for all layers in turn.
type weights[T kernel.Float] struct {
	Config
	embed     []T          // Vocab x Dim
	attNorm   []T          // Layers x Dim
	proj      [targets][]T // Layers x out x in
	ffnNorm   []T          // Layers x Dim
	finalNorm []T          // Dim
	head      []T          // Vocab x Dim; the embedding itself where tied
}

// viewOf lays the views over flat, in the order of llama2.c's version 0: embedding, attention gains, wq, wk, wv, wo,
// feed-forward gains, w1 (gate), w2 (down), w3 (up), final gain, classifier if it is another.
func viewOf[T kernel.Float](c Config, flat []T) weights[T] {
	next := func(n int) []T {
		part := flat[:n:n]
		flat = flat[n:]
		return part
	}
	matrix := func(t target) []T {
		out, in := c.shape(t)
		return next(c.Layers * out * in)
	}
	w := weights[T]{Config: c, embed: next(c.Vocab * c.Dim), attNorm: next(c.Layers * c.Dim)}
	for t := targetQ; t <= targetO; t++ {
		w.proj[t] = matrix(t)
	}
	w.ffnNorm = next(c.Layers * c.Dim)
	for t := targetGate; t < targets; t++ {
		w.proj[t] = matrix(t)
	}
	w.finalNorm = next(c.Dim)
	w.head = w.embed
	if !c.Tied {
		w.head = next(c.Vocab * c.Dim)
	}
	return w
}

// matrix returns the matrix t of one layer, out x in.
func (w *weights[T]) matrix(layer int, t target) []T {
	out, in := w.shape(t)
	return w.proj[t][layer*out*in:][:out*in]
}

// gains returns a layer's part of attNorm or ffnNorm.
func (w *weights[T]) gains(norm []T, layer int) []T { return norm[layer*w.Dim:][:w.Dim] }

// rotations returns cosines and sines by position and pair: entry p*headSize/2 + j is the angle p * 10000^(-2j/headSize)
// (Su et al. 2021, eq. 15), worked out in float64.
func rotations[T kernel.Float](c Config) (cos, sin []T) {
	half := c.headSize() / 2
	cos, sin = make([]T, c.SeqLen*half), make([]T, c.SeqLen*half)
	for p := range c.SeqLen {
		for j := range half {
			s, co := math.Sincos(float64(p) * math.Pow(ropeBase, -2*float64(j)/float64(c.headSize())))
			cos[p*half+j], sin[p*half+j] = T(co), T(s)
		}
	}
	return cos, sin
}

// legacyRotations returns what a version 0 checkpoint carries after the final gain: all cosines, then all sines.
func legacyRotations(c Config) []float32 {
	cos, sin := rotations[float32](c)
	return append(cos, sin...)
}

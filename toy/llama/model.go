// Package llama is a Llama-architecture decoder (Touvron et al. 2023) with its gradients written out by hand: RMSNorm
// before each block, rotary positions on adjacent pairs, grouped-query attention, SwiGLU, and a classifier that may be
// the embedding. It reads and writes the checkpoints of llama2.c (version 0).
//
// A [Model] is weights in one flat slice. A [Network] is a model, with or without a low-rank [Adapter], ready to run. A
// [Tape] runs one prompt and the responses to it, forward and backward: the prompt is computed once for all of them,
// nothing is padded, and the classifier sees only positions that predict a response token. A [Generator] continues a
// prompt token by token from cached keys and values.
//
// Everything is generic over float32, for use, and float64, for tests of accuracy. Nothing here starts a goroutine: many
// Tapes and Generators may read a Network at once, each of which belongs to one goroutine.
package llama

import (
	"fmt"
	"math"
	"math/rand/v2"

	"windtunnel/toy/kernel"
)

// Config is the shape of a model, as in the header of a llama2.c checkpoint.
type Config struct {
	Dim     int  // width of the residual stream; Heads divides it into an even head size
	Hidden  int  // width of the feed-forward block
	Layers  int  // number of blocks
	Heads   int  // query heads
	KVHeads int  // key/value heads; divides Heads. Query head h attends with key/value head h*KVHeads/Heads
	Vocab   int  // number of token ids
	SeqLen  int  // longest sequence, in tokens
	Tied    bool // the classifier is the embedding
}

const (
	ropeBase = 10000
	normEps  = 1e-5

	// maxSize bounds every number of a header and maxWeights their products, so that a broken header is not taken for a
	// large model: the largest Llama has 16384 dimensions, a vocabulary of 128256 and 405e9 weights.
	maxSize    = 1 << 24
	maxWeights = 1 << 40
)

// Check returns what is wrong with the shape, or nil.
func (c Config) Check() error {
	for _, f := range []struct {
		name  string
		value int
	}{
		{"dim", c.Dim}, {"hidden_dim", c.Hidden}, {"n_layers", c.Layers}, {"n_heads", c.Heads}, {"n_kv_heads", c.KVHeads},
		{"vocab_size", c.Vocab}, {"seq_len", c.SeqLen},
	} {
		if f.value < 1 || f.value > maxSize {
			return fmt.Errorf("%s is %d, allowed is 1 to %d", f.name, f.value, maxSize)
		}
	}
	switch {
	case c.Dim%c.Heads != 0:
		return fmt.Errorf("n_heads is %d, which does not divide dim %d", c.Heads, c.Dim)
	case c.headSize()%2 != 0:
		return fmt.Errorf("dim %d over n_heads %d gives heads of size %d, which rotary positions need even",
			c.Dim, c.Heads, c.headSize())
	case c.Heads%c.KVHeads != 0:
		return fmt.Errorf("n_kv_heads is %d, which does not divide n_heads %d", c.KVHeads, c.Heads)
	}
	// In float64, where the product of such numbers cannot overflow.
	layer := float64(c.Dim) * (2*float64(c.Dim+c.kvDim()) + 3*float64(c.Hidden))
	if n := float64(c.Layers)*layer + 2*float64(c.Vocab)*float64(c.Dim) + float64(c.SeqLen)*float64(c.headSize()); n > maxWeights {
		return fmt.Errorf("the header describes %.3g weights, allowed is %.3g", n, float64(maxWeights))
	}
	return nil
}

// Params returns the number of weights.
func (c Config) Params() int {
	layer := 2*c.Dim + 2*c.Dim*c.Dim + 2*c.kvDim()*c.Dim + 3*c.Hidden*c.Dim
	n := c.Vocab*c.Dim + c.Layers*layer + c.Dim
	if !c.Tied {
		n += c.Vocab * c.Dim
	}
	return n
}

func (c Config) headSize() int { return c.Dim / c.Heads }

// kvDim is the width of the keys, and of the values, of all key/value heads.
func (c Config) kvDim() int { return c.headSize() * c.KVHeads }

// kvHead is the key/value head that query head h attends with.
func (c Config) kvHead(h int) int { return h / (c.Heads / c.KVHeads) }

// Model is the weights of a decoder. Optimizers and gradients work on the flat slice that Params returns.
type Model[T kernel.Float] struct {
	Config
	params []T       // in the order of a llama2.c checkpoint, see weights
	legacy []float32 // cosines and sines of the checkpoint, so that it is written back with the same bytes
}

// New returns a model of the given shape whose weights are drawn from rng as llama2.c initializes them: matrices and
// the embedding from a normal distribution with standard deviation 0.02, divided by sqrt(2 Layers) for wo and w3, and
// gains 1. An impossible shape is an error.
func New[T kernel.Float](c Config, rng *rand.Rand) (*Model[T], error) {
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	cos, sin := rotations[float32](c)
	m := &Model[T]{Config: c, params: make([]T, c.Params()), legacy: append(cos, sin...)}
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

// gains returns a layer's part of attNorm or ffnNorm, nil where these are nil: the gradients of frozen weights.
func (w *weights[T]) gains(norm []T, layer int) []T {
	if norm == nil {
		return nil
	}
	return norm[layer*w.Dim:][:w.Dim]
}

// rotations returns cosines and sines by position and pair: element p*headSize/2 + j is the angle p * 10000^(-2j/headSize)
// (Su et al. 2021, eq. 15), computed in float64.
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

package llama

import "fmt"

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

	// maxSize bounds every number of a header and maxWeights their products, so that a broken one is told from a large
	// model: the largest Llama has 16384 dimensions, a vocabulary of 128256 and 405e9 weights.
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

// headSize is the number of dimensions of one head.
func (c Config) headSize() int { return c.Dim / c.Heads }

// kvDim is the width of the keys, and of the values, of all key/value heads.
func (c Config) kvDim() int { return c.headSize() * c.KVHeads }

// kvHead is the key/value head that query head h attends with.
func (c Config) kvHead(h int) int { return h / (c.Heads / c.KVHeads) }

// legacyFloats is the number of cosines and sines that a version 0 checkpoint carries for readers of old.
func (c Config) legacyFloats() int { return c.SeqLen * c.headSize() }

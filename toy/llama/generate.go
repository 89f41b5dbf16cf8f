package llama

import (
	"math"
	"math/rand/v2"

	"windtunnel/toy/kernel"
)

// Ids that end a continuation. llama2.c's run.c stops at BOS, which separates the texts that its models were trained on;
// EOS ends those of other trainers.
const (
	BOS int32 = 1
	EOS int32 = 2
)

// Generator continues prompts token by token, with the keys and values of what went before cached. It reads the network's
// parameters as they are at each call. One goroutine at a time may use a Generator.
type Generator[T kernel.Float] struct {
	network *Network[T]
	cache   []cache[T] // by layer
	pos     int        // of the next token
	end     int32      // see End

	activations[T]     // of the token at hand; attNormed serves for every vector of Dim that is soon read
	scores         []T // query heads of one key/value head x SeqLen
	logits, probs  []T // Vocab
	first          []T // logits of the first token after the prompt
	begin          int // position of that token
	candidates     []candidate
}

// cache is the past of one layer.
type cache[T kernel.Float] struct {
	keys   []T // kvDim x SeqLen, rotated
	values []T // SeqLen x kvDim
}

// NewGenerator returns a generator for the network.
func NewGenerator[T kernel.Float](n *Network[T]) *Generator[T] {
	c := n.model.Config
	g := &Generator[T]{network: n, cache: make([]cache[T], c.Layers)}
	for l := range g.cache {
		g.cache[l] = cache[T]{keys: make([]T, c.kvDim()*c.SeqLen), values: make([]T, c.SeqLen*c.kvDim())}
	}
	g.reserve(n, 1)
	g.scores = make([]T, c.Heads/c.KVHeads*c.SeqLen)
	g.logits, g.probs, g.first = make([]T, c.Vocab), make([]T, c.Vocab), make([]T, c.Vocab)
	g.candidates = make([]candidate, 0, c.Vocab)
	return g
}

// Generate appends a continuation of the prompt to dst and returns it. It ends before BOS or EOS, with s.Tokens tokens,
// or when prompt and continuation together have the model's SeqLen. The prompt includes its BOS. Each
// token that is not greedy takes one number from rng, which may be nil at temperature 0. Nothing is allocated if dst
// has room. An empty or over-long prompt, an unknown token or settings out of range are errors.
func (g *Generator[T]) Generate(prompt []int32, s Sampling, rng *rand.Rand, dst []int32) ([]int32, error) {
	err := g.Stream(prompt, s, rng, func(id int32) bool { dst = append(dst, id); return true })
	return dst, err
}

// Again is Generate with the prompt of the last Generate or Stream, which is not computed again. The network's parameters must
// be as they were then. It panics without such a prompt; settings out of range are an error.
func (g *Generator[T]) Again(s Sampling, rng *rand.Rand, dst []int32) ([]int32, error) {
	if g.begin == 0 {
		panic("llama: Again without a prompt")
	}
	if err := s.check(); err != nil {
		return dst, err
	}
	g.pos, g.end = g.begin, -1
	copy(g.logits, g.first)
	g.extend(s, rng, func(id int32) bool { dst = append(dst, id); return true })
	return dst, nil
}

// Stream is Generate with a call of yield for each token as it comes; it ends too when yield returns false.
func (g *Generator[T]) Stream(prompt []int32, s Sampling, rng *rand.Rand, yield func(id int32) bool) error {
	if err := g.start(prompt, s); err != nil {
		return err
	}
	g.extend(s, rng, yield)
	return nil
}

// extend calls yield for each token that follows the prompt.
func (g *Generator[T]) extend(s Sampling, rng *rand.Rand, yield func(id int32) bool) {
	for range min(s.Tokens, g.network.model.SeqLen-g.pos) {
		if id, more := g.next(s, rng); !more || !yield(id) {
			return
		}
	}
}

// End returns the token that ended the last continuation, which does not hold it: BOS, EOS, or -1 where the length or the
// caller ended it. A continuation's probability is that of its tokens and of this one.
func (g *Generator[T]) End() int32 { return g.end }

// start takes in the prompt and computes the logits of the first token of its continuation.
func (g *Generator[T]) start(prompt []int32, s Sampling) error {
	if err := s.check(); err != nil {
		return err
	}
	if err := check(g.network.Config(), prompt, nil); err != nil {
		return err
	}
	g.pos, g.end, g.begin = 0, -1, 0
	for _, id := range prompt {
		g.forward(id)
	}
	g.classify()
	g.begin = g.pos
	copy(g.first, g.logits)
	return nil
}

// next chooses a token and takes it in; more is false at an end of text.
func (g *Generator[T]) next(s Sampling, rng *rand.Rand) (id int32, more bool) {
	if s.Temperature == 0 {
		id = largest(g.logits)
	} else {
		id = g.sample(s, rng.Float64())
	}
	if id == BOS || id == EOS {
		g.end = id
		return id, false
	}
	if g.pos < g.network.model.SeqLen {
		g.forward(id)
		g.classify()
	}
	return id, true
}

// forward takes in one token: its keys and values go to the cache, its state to g.x.
func (g *Generator[T]) forward(id int32) {
	n := g.network
	w, c := &n.weights, n.model.Config
	copy(g.x, w.embed[int(id)*c.Dim:])
	for l := range g.cache {
		kernel.RMSNormRows(g.attNormed, g.x, w.gains(w.attNorm, l), g.attScale, normEps)
		g.attend(l)
		g.linear(l, targetO, g.mix, g.attNormed)
		kernel.AddTo(g.x, g.attNormed)
		kernel.RMSNormRows(g.attNormed, g.x, w.gains(w.ffnNorm, l), g.attScale, normEps)
		g.linear(l, targetGate, g.attNormed, g.gate)
		g.linear(l, targetUp, g.attNormed, g.up)
		kernel.SiLUMul(g.gate, g.gate, g.up)
		g.linear(l, targetDown, g.gate, g.attNormed)
		kernel.AddTo(g.x, g.attNormed)
	}
	g.pos++
}

// classify computes the logits of the next token from g.x.
func (g *Generator[T]) classify() {
	w, c := &g.network.weights, g.network.model.Config
	kernel.RMSNormRows(g.attNormed, g.x, w.finalNorm, g.attScale, normEps)
	kernel.MatVec(c.Vocab, c.Dim, w.head, c.Dim, g.attNormed, g.logits)
}

// attend computes g.mix of one layer from g.attNormed, and caches the position's key and value.
func (g *Generator[T]) attend(l int) {
	n, cache := g.network, &g.cache[l]
	c := n.model.Config
	size, kv, seen := c.headSize(), c.kvDim(), g.pos+1
	value := cache.values[g.pos*kv:][:kv]
	g.linear(l, targetQ, g.attNormed, g.q)
	g.linear(l, targetK, g.attNormed, g.k)
	g.linear(l, targetV, g.attNormed, value)
	at := g.pos * size / 2
	cos, sin := n.cos[at:][:size/2], n.sin[at:][:size/2]
	rotateRow(g.q, cos, sin, 1/T(math.Sqrt(float64(size))), 1)
	rotateRow(g.k, cos, sin, 1, 1)
	for i, v := range g.k {
		cache.keys[i*c.SeqLen+g.pos] = v
	}
	group := c.Heads / c.KVHeads
	for h := range c.KVHeads {
		q, mix := g.q[h*group*size:], g.mix[h*group*size:]
		kernel.MulNN(group, seen, size, q, size, cache.keys[h*size*c.SeqLen:], c.SeqLen, g.scores, c.SeqLen, false)
		for i := range group {
			kernel.Softmax(g.scores[i*c.SeqLen:][:seen])
		}
		kernel.MulNN(group, size, seen, g.scores, c.SeqLen, cache.values[h*size:], kv, mix, size, false)
	}
}

// linear computes y = W x, W being the matrix with the adapter's part.
func (g *Generator[T]) linear(l int, m target, x, y []T) {
	n := g.network
	out, in := n.model.shape(m)
	kernel.MatVec(out, in, n.weights.matrix(l, m), in, x, y)
	low, high := n.adapter.factorsOf(l, m)
	if low == nil {
		return
	}
	rank := n.adapter.Rank
	held := g.lowScaled[m]
	kernel.MatVec(rank, in, low, in, x, held)
	scaleBy(n.adapter.scale, held)
	kernel.MulNT(1, out, rank, held, rank, high, rank, y, out, true)
}

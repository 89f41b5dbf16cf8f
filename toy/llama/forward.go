package llama

import (
	"math"

	"windtunnel/toy/kernel"
)

// blockRows is the number of queries whose attention is computed at a time.
const blockRows = 32

// layer computes one layer from its input, a.x, and writes the next one's.
func (t *Tape[T]) layer(l int) {
	n, from := t.network, t.firstRow(l)
	w, dim, hidden := &n.weights, n.model.Dim, n.model.Hidden
	a, next := t.activations(l), t.out
	if l < n.model.Layers-1 {
		next = t.activations(l + 1).x
	}
	kernel.RMSNormRows(a.attNormed, a.x, w.gains(w.attNorm, l), a.attScale, normEps)
	t.linear(l, targetQ, a.attNormed, a.q, from, false)
	t.linear(l, targetK, a.attNormed, a.k, 0, false)
	t.linear(l, targetV, a.attNormed, a.v, 0, false)
	t.rotate(a.q, n.model.Heads, from, 1/T(math.Sqrt(float64(n.model.headSize()))), 1)
	t.rotate(a.k, n.model.KVHeads, 0, 1, 1)
	t.attend(a, from)
	copy(a.mid[from*dim:], a.x[from*dim:])
	t.linear(l, targetO, a.mix, a.mid, from, true)
	kernel.RMSNormRows(a.ffnNormed[from*dim:], a.mid[from*dim:], w.gains(w.ffnNorm, l), a.ffnScale[from:], normEps)
	t.linear(l, targetGate, a.ffnNormed, a.gate, from, false)
	t.linear(l, targetUp, a.ffnNormed, a.up, from, false)
	kernel.SiLUMul(a.activated[from*hidden:], a.gate[from*hidden:], a.up[from*hidden:])
	copy(next[from*dim:], a.mid[from*dim:])
	t.linear(l, targetDown, a.activated, next, from, true)
}

// activations returns where a layer computes: its own activations if they are held, else those that all layers share.
func (t *Tape[T]) activations(l int) *activations[T] {
	if !t.hold {
		l = 0
	}
	return &t.layers[l]
}

// linear computes y = x Wᵀ, or y += x Wᵀ with add, for the rows from the given one on, W being the matrix with the
// adapter's part.
func (t *Tape[T]) linear(l int, m target, x, y []T, from int, add bool) {
	n, rows := t.network, t.rows()-from
	out, in := n.model.shape(m)
	x, y = x[from*in:], y[from*out:]
	kernel.MulNT(rows, out, in, x, in, n.weights.matrix(l, m), in, y, out, add)
	low, high := n.adapter.factorsOf(l, m)
	if low == nil {
		return
	}
	rank := n.adapter.Rank
	held := t.activations(l).lowScaled[m][from*rank:]
	kernel.MulNT(rows, rank, in, x, in, low, in, held, rank, false)
	scaleBy(n.adapter.scale, held)
	kernel.MulNT(rows, out, rank, held, rank, high, rank, y, out, true)
}

// rotate turns each adjacent pair of x by its position's angle times direction (1 forward, -1 back), and scales it.
func (t *Tape[T]) rotate(x []T, heads, from int, scale, direction T) {
	half := t.network.model.headSize() / 2
	width := heads * 2 * half
	for row := from; row < t.rows(); row++ {
		p := t.positions[row] * half
		rotateRow(x[row*width:][:width], t.network.cos[p:][:half], t.network.sin[p:][:half], scale, direction)
	}
}

// rotateRow turns the pairs of every head of one position.
func rotateRow[T kernel.Float](x, cos, sin []T, scale, direction T) {
	for head := 0; head < len(x); head += 2 * len(cos) {
		h := x[head:][:2*len(cos)]
		for j, c := range cos {
			c, s := c*scale, sin[j]*direction*scale
			x0, x1 := h[2*j], h[2*j+1]
			h[2*j], h[2*j+1] = x0*c-x1*s, x0*s+x1*c
		}
	}
}

// attend computes a.mix from queries, keys and values.
func (t *Tape[T]) attend(a *activations[T], from int) {
	c := t.network.model.Config
	rows := t.rows()
	kernel.Transpose(rows, c.kvDim(), a.k, c.kvDim(), t.scratch.turned, rows)
	for h := range c.Heads {
		for _, s := range t.segments {
			for i := max(0, from-s.first); i < s.rows; i += blockRows {
				t.attendBlock(a, h, s, i, min(blockRows, s.rows-i))
			}
		}
	}
}

// attendBlock computes rows i..i+n-1 of a segment for one head: softmax of the causal scores, times the values.
func (t *Tape[T]) attendBlock(a *activations[T], head int, s segment, i, n int) {
	c := t.network.model.Config
	rows, size, kv, width, own := t.rows(), c.headSize(), c.kvDim(), s.width(), i+n
	column := c.kvHead(head) * size
	probs := t.probs(a, head, s, i)
	q := a.q[(s.first+i)*c.Dim+head*size:]
	keys := t.scratch.turned[column*rows:]
	if s.prefix > 0 {
		kernel.MulNN(n, s.prefix, size, q, c.Dim, keys, rows, probs, width, false)
	}
	kernel.MulNN(n, own, size, q, c.Dim, keys[s.first:], rows, probs[s.prefix:], width, false)
	for r := range n {
		line := probs[r*width:]
		visible := s.prefix + i + r + 1
		kernel.Softmax(line[:visible])
		clear(line[visible : s.prefix+own])
	}
	mix := a.mix[(s.first+i)*c.Dim+head*size:]
	if s.prefix > 0 {
		kernel.MulNN(n, size, s.prefix, probs, width, a.v[column:], kv, mix, c.Dim, false)
	}
	kernel.MulNN(n, size, own, probs[s.prefix:], width, a.v[s.first*kv+column:], kv, mix, c.Dim, s.prefix > 0)
}

// probs returns where the attention of a segment goes, from its row i on.
func (t *Tape[T]) probs(a *activations[T], head int, s segment, i int) []T {
	if !t.hold {
		return t.scratch.block
	}
	return a.probs[head*t.probsPerHead()+s.probs+i*s.width():]
}

// classify computes logits where a response token is predicted, and the tokens' log-probabilities.
func (t *Tape[T]) classify() {
	w, c, rows := &t.network.weights, t.network.model.Config, t.rows()
	first := t.segments[0].rows - 1
	normed := t.normed[first*c.Dim:]
	kernel.RMSNormRows(normed, t.out[first*c.Dim:], w.finalNorm, t.scale[first:], normEps)
	kernel.MulNT(rows-first, c.Vocab, c.Dim, normed, c.Dim, w.head, c.Dim, t.logits, c.Vocab, false)
	atStart := kernel.LogSumExp(t.logits[:c.Vocab])
	for r, s := range t.segments[1:] {
		t.sums[r] = 0
		for j := range s.length {
			line := t.Logits(r, j)
			norm := atStart
			if j > 0 {
				norm = kernel.LogSumExp(line)
			}
			logp := float64(line[t.targets[s.target+j]]) - norm
			t.logps[s.target+j] = T(logp)
			t.sums[r] += logp
		}
	}
}

func scaleBy[T kernel.Float](factor T, x []T) {
	for i := range x {
		x[i] *= factor
	}
}

package llama

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/kernel"
)

// gradients is the scratch of Backward: derivatives of the loss by what stands in activations under the same name.
type gradients[T kernel.Float] struct {
	x, normed, mix, q []T        // rows x Dim
	k, v              []T        // rows x kvDim
	gate, up          []T        // rows x Hidden
	low               []T        // rows x Rank
	less              []float64  // by response, d less kl
	params            weights[T] // gradients of the model's weights; nil where they are frozen
	adapter           []T
}

// Backward adds the gradient of a loss by Network.Trainable to grad, which is as long. d[i] is the derivative of the
// loss by Logp(i). It needs a Forward with hold before it, with the same parameters, and uses up what that held.
func (t *Tape[T]) Backward(d []float64, grad []T) { t.BackwardFrom(nil, d, nil, grad) }

// BackwardFrom is Backward of a loss that also depends on Divergence(ref, i), by kl[i]. It uses up the logits of the reference.
func (t *Tape[T]) BackwardFrom(ref *Tape[T], d, kl []float64, grad []T) {
	if !t.hold {
		panic("llama: Backward without a Forward that keeps its activations")
	}
	n := t.network
	if want := len(n.Trainable()); len(grad) != want || len(d) != t.Responses() {
		panic(fmt.Sprintf("llama: Backward of %d responses and %d parameters got %d and %d", t.Responses(), want, len(d), len(grad)))
	}
	t.reserveGradients(grad)
	t.classifyGrad(ref, d, kl)
	for l := n.model.Layers - 1; l >= 0; l-- {
		t.ffnGrad(l)
		t.attentionGrad(l)
	}
	if n.adapter == nil {
		dim := n.model.Dim
		for i, id := range t.tokens {
			kernel.AddTo(t.backward.params.embed[int(id)*dim:][:dim], t.backward.x[i*dim:][:dim])
		}
	}
	t.hold = false
}

func (t *Tape[T]) reserveGradients(grad []T) {
	b, c, rows := &t.backward, t.network.model.Config, t.rows()
	for _, s := range []*[]T{&b.x, &b.normed, &b.mix, &b.q} {
		*s = fit(*s, rows*c.Dim)
	}
	b.k, b.v = fit(b.k, rows*c.kvDim()), fit(b.v, rows*c.kvDim())
	b.gate, b.up = fit(b.gate, rows*c.Hidden), fit(b.up, rows*c.Hidden)
	if a := t.network.adapter; a != nil {
		b.low, b.adapter, b.params = fit(b.low, rows*a.Rank), grad, weights[T]{}
	} else {
		b.params = viewOf(c, grad)
	}
}

// classifyGrad turns the logits into their gradients, d (1[token] - softmax) and kl (softmax - that of the reference), and takes these
// back to the residual stream.
func (t *Tape[T]) classifyGrad(ref *Tape[T], d, kl []float64) {
	b, n := &t.backward, t.network
	c, first := n.model.Config, t.segments[0].rows-1
	rows := t.rows() - first
	if ref == nil {
		t.softmaxesTimes(d)
	} else {
		b.less = fit(b.less, len(d))
		t.softmaxesTimes(floats.SubTo(b.less, d, kl))
		ref.softmaxesTimes(kl)
		kernel.AddTo(t.logits, ref.logits)
	}
	for r, s := range t.segments[1:] {
		for j := range s.length {
			t.Logits(r, j)[t.targets[s.target+j]] += T(d[r])
		}
	}
	normed := b.normed[first*c.Dim:]
	kernel.MulNN(rows, c.Dim, c.Vocab, t.logits, c.Vocab, n.weights.head, c.Dim, normed, c.Dim, false)
	if n.adapter == nil {
		kernel.MulTN(c.Vocab, c.Dim, rows, t.logits, c.Vocab, t.normed[first*c.Dim:], c.Dim, b.params.head, c.Dim, true)
	}
	clear(b.x)
	at := first * c.Dim
	kernel.RMSNormGrad(b.x[at:], b.params.finalNorm, normed, t.out[at:], n.weights.finalNorm, t.scale[first:])
}

// softmaxesTimes turns the logits of every response's tokens into -d times their softmax, d by response.
func (t *Tape[T]) softmaxesTimes(d []float64) {
	atStart := 0.
	for r, s := range t.segments[1:] {
		if s.length > 0 {
			atStart += d[r]
		}
		for j := 1; j < s.length; j++ {
			softmaxTimes(t.Logits(r, j), d[r])
		}
	}
	softmaxTimes(t.logits[:t.network.model.Vocab], atStart)
}

// softmaxTimes turns logits into -d times their softmax.
func softmaxTimes[T kernel.Float](logits []T, d float64) {
	kernel.Softmax(logits)
	scaleBy(T(-d), logits)
}

// ffnGrad takes the gradient of the residual stream, b.x, back through a layer's feed-forward block.
func (t *Tape[T]) ffnGrad(l int) {
	a, b, n, from := t.activations(l), &t.backward, t.network, t.firstRow(l)
	w, hidden := &n.weights, n.model.Hidden
	t.linearGrad(l, targetDown, a.activated, b.x, b.gate, from, false)
	gate, up := b.gate[from*hidden:], b.up[from*hidden:]
	kernel.SiLUMulGrad(gate, up, gate, a.gate[from*hidden:], a.up[from*hidden:])
	t.linearGrad(l, targetGate, a.ffnNormed, b.gate, b.normed, from, false)
	t.linearGrad(l, targetUp, a.ffnNormed, b.up, b.normed, from, true)
	at := from * n.model.Dim
	kernel.RMSNormGrad(b.x[at:], b.params.gains(b.params.ffnNorm, l), b.normed[at:], a.mid[at:], w.gains(w.ffnNorm, l), a.ffnScale[from:])
}

// attentionGrad takes the gradient of the residual stream, b.x, back through a layer's attention.
func (t *Tape[T]) attentionGrad(l int) {
	a, b, n, from := t.activations(l), &t.backward, t.network, t.firstRow(l)
	w := &n.weights
	t.linearGrad(l, targetO, a.mix, b.x, b.mix, from, false)
	t.attendGrad(a, from)
	t.rotate(b.q, n.model.Heads, from, 1/T(math.Sqrt(float64(n.model.headSize()))), -1)
	t.rotate(b.k, n.model.KVHeads, 0, 1, -1)
	t.linearGrad(l, targetK, a.attNormed, b.k, b.normed, 0, false)
	t.linearGrad(l, targetV, a.attNormed, b.v, b.normed, 0, true)
	t.linearGrad(l, targetQ, a.attNormed, b.q, b.normed, from, true)
	kernel.RMSNormGrad(b.x, b.params.gains(b.params.attNorm, l), b.normed, a.x, w.gains(w.attNorm, l), a.attScale)
}

// linearGrad takes dY back through Tape.linear: dX = dY W, or dX += dY W with add, and the gradient of the matrix, or of
// its adapter, is added to the parameters'.
func (t *Tape[T]) linearGrad(l int, m target, x, dY, dX []T, from int, add bool) {
	b, n, rows := &t.backward, t.network, t.rows()-from
	out, in := n.model.shape(m)
	x, dY, dX = x[from*in:], dY[from*out:], dX[from*in:]
	kernel.MulNN(rows, in, out, dY, out, n.weights.matrix(l, m), in, dX, in, add)
	if n.adapter == nil {
		kernel.MulTN(out, in, rows, dY, out, x, in, b.params.matrix(l, m), in, true)
		return
	}
	low, high := n.adapter.factorsOf(l, m)
	if low == nil {
		return
	}
	rank := n.adapter.Rank
	dA, dB := n.adapter.factors(b.adapter, l, m)
	kernel.MulTN(out, rank, rows, dY, out, t.activations(l).lowScaled[m][from*rank:], rank, dB, rank, true)
	dLow := b.low[:rows*rank]
	kernel.MulNN(rows, rank, out, dY, out, high, rank, dLow, rank, false)
	scaleBy(n.adapter.scale, dLow)
	kernel.MulTN(rank, in, rows, dLow, rank, x, in, dA, in, true)
	kernel.MulNN(rows, in, rank, dLow, rank, low, in, dX, in, true)
}

// attendGrad computes b.q, b.k and b.v from b.mix. What several responses send back to the prompt's keys and values adds up.
func (t *Tape[T]) attendGrad(a *activations[T], from int) {
	b, c, rows := &t.backward, t.network.model.Config, t.rows()
	clear(b.k)
	clear(b.v)
	kernel.Transpose(rows, c.kvDim(), a.v, c.kvDim(), t.scratch.turned, rows)
	for h := range c.Heads {
		for _, s := range t.segments {
			for i := max(0, from-s.first); i < s.rows; i += blockRows {
				t.attendBlockGrad(a, h, s, i, min(blockRows, s.rows-i))
			}
		}
	}
}

// attendBlockGrad is attendBlock backward: dP = dMix Vᵀ, dS = softmax's gradient of it, dQ = dS K, and dK += dSᵀ Q and
// dV += Pᵀ dMix.
func (t *Tape[T]) attendBlockGrad(a *activations[T], head int, s segment, i, n int) {
	b, c := &t.backward, t.network.model.Config
	rows, size, kv, width, own := t.rows(), c.headSize(), c.kvDim(), s.width(), i+n
	column, row := c.kvHead(head)*size, (s.first+i)*c.Dim+head*size
	probs, dS := t.probs(a, head, s, i), t.scratch.block
	mix, q, dQ := b.mix[row:], a.q[row:], b.q[row:]
	values := t.scratch.turned[column*rows:]
	part := func(key, keys, at int, add bool) {
		key = key*kv + column
		kernel.MulNN(n, size, keys, dS[at:], width, a.k[key:], kv, dQ, c.Dim, add)
		kernel.MulTN(keys, size, n, dS[at:], width, q, c.Dim, b.k[key:], kv, true)
		kernel.MulTN(keys, size, n, probs[at:], width, mix, c.Dim, b.v[key:], kv, true)
	}
	if s.prefix > 0 {
		kernel.MulNN(n, s.prefix, size, mix, c.Dim, values, rows, dS, width, false)
	}
	kernel.MulNN(n, own, size, mix, c.Dim, values[s.first:], rows, dS[s.prefix:], width, false)
	for r := range n {
		line := dS[r*width:]
		visible := s.prefix + i + r + 1
		kernel.SoftmaxGrad(line[:visible], probs[r*width:][:visible])
		clear(line[visible : s.prefix+own])
	}
	if s.prefix > 0 {
		part(0, s.prefix, 0, false)
	}
	part(s.first, own, s.prefix, s.prefix > 0)
}

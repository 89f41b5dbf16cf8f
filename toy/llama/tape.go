package llama

import (
	"fmt"
	"math"
	"slices"

	"windtunnel/toy/kernel"
)

// Tape runs a network on one prompt and the responses to it, and backward. Its rows are the positions that are computed:
// first the prompt's, once, then those of each response in turn, each of which attends to the prompt and to itself. The
// last token of a response predicts nothing and has no row. The memory is used again by the next call, so that nothing is
// allocated after the longest example. One goroutine at a time may use a Tape.
type Tape[T kernel.Float] struct {
	network   *Network[T]
	hold      bool      // whether the activations of all layers are held, and Backward not yet done
	segments  []segment // the prompt, then the responses
	tokens    []int32   // by row, the token that goes in
	positions []int     // by row, counted from 0 at the start of the prompt
	targets   []int32   // the responses' tokens, one response after the other
	logps     []T       // by target
	sums      []float64 // by response

	layers []activations[T]
	out    []T // residual stream after the last layer, rows x Dim
	scale  []T // of the final norm, by row
	normed []T // rows x Dim
	logits []T // from the prompt's last row on, x Vocab

	scratch  scratch[T]
	backward gradients[T]
}

// segment is a prompt or a response among the rows of a Tape.
type segment struct {
	first  int // row
	rows   int
	prefix int // rows of the prompt that it attends to before its own: 0 for the prompt itself
	target int // of its first token, among the targets
	length int // in tokens
	probs  int // where its attention begins, among the probabilities of one head
}

// width is the number of keys that the last row attends to.
func (s segment) width() int { return s.prefix + s.rows }

// activations are what one layer computed. Matrices have a line for each row of the Tape.
type activations[T kernel.Float] struct {
	x         []T          // rows x Dim, the residual stream coming in
	attScale  []T          // by row, of the norm
	attNormed []T          // rows x Dim
	q         []T          // rows x Dim, rotated and divided by sqrt(headSize)
	k, v      []T          // rows x kvDim, k rotated
	probs     []T          // by head, segment and row of the segment, x width of the segment
	mix       []T          // rows x Dim, what attention gives
	mid       []T          // rows x Dim, the residual stream after attention
	ffnScale  []T          // by row, of the norm
	ffnNormed []T          // rows x Dim
	gate, up  []T          // rows x Hidden
	activated []T          // rows x Hidden, silu(gate) up
	lowScaled [targets][]T // rows x Rank, Alpha/Rank A x of adapted matrices
}

// scratch is overwritten by every layer.
type scratch[T kernel.Float] struct {
	turned []T // kvDim x rows: transposed keys, or values
	block  []T // blockRows x widest segment
}

// NewTape returns an empty tape.
func NewTape[T kernel.Float]() *Tape[T] { return &Tape[T]{} }

// Forward computes the log-probabilities of the responses to the prompt, and with hold keeps what Backward needs. A
// prompt without tokens, a token that is not in the vocabulary or a prompt and response longer than the model's SeqLen
// is an error, and leaves the tape without results. A response without tokens has log-probability 0.
func (t *Tape[T]) Forward(n *Network[T], prompt []int32, responses [][]int32, hold bool) error {
	t.network, t.hold, t.segments = nil, false, t.segments[:0]
	if err := check(n.Config(), prompt, responses); err != nil {
		return err
	}
	t.network, t.hold = n, hold
	t.layOut(prompt, responses)
	t.reserve()
	dim := n.model.Dim
	for row, id := range t.tokens {
		copy(t.layers[0].x[row*dim:][:dim], n.weights.embed[int(id)*dim:])
	}
	for layer := range n.model.Layers {
		t.layer(layer)
	}
	t.classify()
	return nil
}

// Responses returns the number of responses of the last Forward.
func (t *Tape[T]) Responses() int { return max(0, len(t.segments)-1) }

// Logp returns the log-probability of response i, in nats: the sum over its tokens, in float64.
func (t *Tape[T]) Logp(i int) float64 { return t.sums[i] }

// TokenLogps returns the log-probability of each token of response i, in nats, given what precedes it. It is overwritten by
// the next Forward.
func (t *Tape[T]) TokenLogps(i int) []T {
	s := t.segments[i+1]
	return t.logps[s.target:][:s.length]
}

// Logits returns the scores of all Vocab tokens for token j of response i, before the softmax. Backward and the next
// Forward overwrite them.
func (t *Tape[T]) Logits(i, j int) []T {
	vocab := t.network.model.Vocab
	return t.logits[t.predictor(t.segments[i+1], j)*vocab:][:vocab]
}

// Hidden returns the last hidden state, of Dim numbers after the final norm, from which token j of response i is predicted. Backward
// and the next Forward overwrite it.
func (t *Tape[T]) Hidden(i, j int) []T {
	dim := t.network.model.Dim
	return t.normed[(t.segments[0].rows-1+t.predictor(t.segments[i+1], j))*dim:][:dim]
}

// Divergence returns the sum over the tokens of response i of the Kullback-Leibler divergence from a reference's distribution of the
// token to this one's, KL(ref to pi), given what precedes it, in nats. The reference's tape has been brought Forward on the same tokens.
func (t *Tape[T]) Divergence(ref *Tape[T], i int) float64 {
	sum := 0.0
	for j := range t.segments[i+1].length {
		p, q := t.Logits(i, j), ref.Logits(i, j)
		normP, normQ := kernel.LogSumExp(p), kernel.LogSumExp(q)
		for v, score := range q {
			logq := float64(score) - normQ
			sum += math.Exp(logq) * (logq - (float64(p[v]) - normP))
		}
	}
	return sum
}

func check(c Config, prompt []int32, responses [][]int32) error {
	if len(prompt) == 0 {
		return fmt.Errorf("the prompt has no tokens")
	}
	outside := func(id int32) bool { return id < 0 || int(id) >= c.Vocab }
	if i := slices.IndexFunc(prompt, outside); i >= 0 {
		return fmt.Errorf("token %d of the prompt is %d, outside the vocabulary of %d", i, prompt[i], c.Vocab)
	}
	if len(prompt) > c.SeqLen {
		return fmt.Errorf("the prompt has %d tokens, the model holds %d", len(prompt), c.SeqLen)
	}
	for r, response := range responses {
		if i := slices.IndexFunc(response, outside); i >= 0 {
			return fmt.Errorf("token %d of response %d is %d, outside the vocabulary of %d", i, r, response[i], c.Vocab)
		}
		if n := len(prompt) + len(response); n > c.SeqLen {
			return fmt.Errorf("the prompt and response %d have %d tokens, the model holds %d", r, n, c.SeqLen)
		}
	}
	return nil
}

func (t *Tape[T]) layOut(prompt []int32, responses [][]int32) {
	t.tokens = append(t.tokens[:0], prompt...)
	t.targets = t.targets[:0]
	t.segments = append(t.segments[:0], segment{rows: len(prompt)})
	probs := len(prompt) * len(prompt)
	for _, response := range responses {
		s := segment{first: len(t.tokens), rows: max(0, len(response)-1), prefix: len(prompt), target: len(t.targets),
			length: len(response), probs: probs}
		t.segments = append(t.segments, s)
		t.tokens = append(t.tokens, response[:s.rows]...)
		t.targets = append(t.targets, response...)
		probs += s.rows * s.width()
	}
	t.positions = t.positions[:0]
	for _, s := range t.segments {
		for i := range s.rows {
			t.positions = append(t.positions, s.prefix+i)
		}
	}
}

func (t *Tape[T]) rows() int { return len(t.tokens) }

// firstRow is the first row whose output is used after a layer: in the last layer, the prompt's last, which predicts the
// first tokens. Keys and values are needed of all rows in every layer.
func (t *Tape[T]) firstRow(layer int) int {
	if layer == t.network.model.Layers-1 {
		return t.segments[0].rows - 1
	}
	return 0
}

// predictor is the line of the logits that predict token j of a response.
func (t *Tape[T]) predictor(s segment, j int) int {
	if j == 0 {
		return 0
	}
	return s.first + j - t.segments[0].rows
}

// probsPerHead is the number of attention probabilities that one head of one layer has.
func (t *Tape[T]) probsPerHead() int {
	last := t.segments[len(t.segments)-1]
	return last.probs + last.rows*last.width()
}

func (t *Tape[T]) reserve() {
	n, c, rows := t.network, t.network.model.Config, t.rows()
	held := 1
	if t.hold {
		held = c.Layers
	}
	for len(t.layers) < held {
		t.layers = append(t.layers, activations[T]{})
	}
	for i := range t.layers[:held] {
		t.layers[i].reserve(n, rows)
		if t.hold {
			t.layers[i].probs = fit(t.layers[i].probs, c.Heads*t.probsPerHead())
		}
	}
	t.out, t.normed, t.scale = fit(t.out, rows*c.Dim), fit(t.normed, rows*c.Dim), fit(t.scale, rows)
	t.logits = fit(t.logits, (rows-t.segments[0].rows+1)*c.Vocab)
	t.logps, t.sums = fit(t.logps, len(t.targets)), fit(t.sums, len(t.segments)-1)
	widest := 0
	for _, s := range t.segments {
		widest = max(widest, s.width())
	}
	t.scratch.turned = fit(t.scratch.turned, c.kvDim()*rows)
	t.scratch.block = fit(t.scratch.block, blockRows*widest)
}

func (a *activations[T]) reserve(n *Network[T], rows int) {
	c := n.model.Config
	for _, s := range []*[]T{&a.x, &a.attNormed, &a.q, &a.mix, &a.mid, &a.ffnNormed} {
		*s = fit(*s, rows*c.Dim)
	}
	for _, s := range []*[]T{&a.k, &a.v} {
		*s = fit(*s, rows*c.kvDim())
	}
	for _, s := range []*[]T{&a.gate, &a.up, &a.activated} {
		*s = fit(*s, rows*c.Hidden)
	}
	a.attScale, a.ffnScale = fit(a.attScale, rows), fit(a.ffnScale, rows)
	if n.adapter == nil {
		return
	}
	for i := range a.lowScaled {
		if n.adapter.on[i] {
			a.lowScaled[i] = fit(a.lowScaled[i], rows*n.adapter.Rank)
		}
	}
}

// fit returns s with length n, in its own memory if that suffices. The contents are undefined.
func fit[T any](s []T, n int) []T { return slices.Grow(s[:0], n)[:n] }

package policy

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
)

// Normalized is a policy whose scores are log-probabilities already, at a cost that does not grow with the number of
// responses.
type Normalized interface {
	Policy
	// Normalized is true.
	Normalized() bool
}

// network gives the logits of the next token after each node of a forest. The activations of its last forward pass stay
// for the backward pass.
type network interface {
	// forward adds the logits to dst, nodes x V.
	forward(params []float64, f *forest, dst []float64)
	// backward adds the gradient by the parameters to grad, given the derivatives d of a loss by the logits, nodes x V.
	backward(params []float64, f *forest, d, grad []float64)
}

// Autoregressive is a policy over sequences that draws them token by token: log pi(y) is the sum over t of the
// log-softmax of a network's logits at token y_t after the prefix y_1 ... y_(t-1). Scores are normalized
// log-probabilities, in O(T V width) a response and less where responses share prefixes; Logits gives all V^T of them
// through shared prefixes.
//
// Networks start at the reference whatever they can represent: their logits are log pi_ref of the next token, which is
// frozen, plus an output that is 0 at the start.
type Autoregressive struct {
	net     network
	params  []float64
	shape   bandit.Sequences
	prompts int
	frozen  []float64 // prompts x prefixes x V, added to the network's logits; nil is 0

	batch, whole *forest
	last         *forest   // the one that logp and the network's activations belong to; nil for none
	items        []Item    // of batch
	at           []float64 // the parameters of the last forward pass
	logp, pi     []float64 // nodes x V: conditional log-probabilities and probabilities of the next token
	d            []float64 // nodes x V: derivatives by the network's logits
	mass         []float64 // derivatives by log-probabilities, summed over what begins with a prefix
}

var _ Normalized = (*Autoregressive)(nil)

// sequencesOf returns the shape of an environment's sequences, or an error that names the policy that needs them.
func sequencesOf(env *bandit.Env, kind string) (bandit.Sequences, error) {
	if env.Sequences == nil {
		return bandit.Sequences{}, fmt.Errorf("%s draws sequences token by token, and the environment's responses are no sequences", kind)
	}
	return *env.Sequences, nil
}

// newAutoregressive returns the policy of a network with the given parameters.
func newAutoregressive(env *bandit.Env, net network, params, frozen []float64) *Autoregressive {
	prompts := len(env.Prompts)
	return &Autoregressive{net: net, params: params, shape: *env.Sequences, prompts: prompts, frozen: frozen,
		batch: newForest(*env.Sequences, prompts), whole: newForest(*env.Sequences, prompts), mass: make([]float64, env.Responses())}
}

// conditionals returns the reference's log-probabilities of the next token after every prefix, prompts x prefixes x V:
// the initial logits, summed over all sequences with a common beginning.
func conditionals(env *bandit.Env) []float64 {
	f := newForest(*env.Sequences, 0)
	v := env.Sequences.Vocabulary
	all := make([]float64, len(env.Prompts)*f.perTree*v)
	for p := range env.Prompts {
		table := all[p*f.perTree*v : (p+1)*f.perTree*v]
		logits := slices.Clone(env.Prompts[p].Init)
		for t := env.Sequences.Length - 1; t >= 0; t-- {
			for i := range len(logits) / v {
				row := table[(f.first[t]+i)*v : (f.first[t]+i+1)*v]
				logits[i] = logspace.LogSoftmax(row, logits[i*v:(i+1)*v])
			}
			logits = logits[:len(logits)/v]
		}
	}
	return all
}

func (a *Autoregressive) Params() []float64 { return a.params }

func (a *Autoregressive) Prompts() int { return a.prompts }

func (a *Autoregressive) Responses() int { return len(a.mass) }

func (a *Autoregressive) Normalized() bool { return true }

func (a *Autoregressive) Scores(items []Item, dst []float64) {
	a.evaluate(items)
	v, length := a.shape.Vocabulary, a.shape.Length
	for i, item := range items {
		sum := 0.0
		for t, node := range a.batch.path[i*length : (i+1)*length] {
			sum += a.logp[int(node)*v+a.batch.next(item.Response, t)]
		}
		dst[i] = sum
	}
}

// AddScoreGrad adds the parameter gradient. With g the derivative by the log-probability of a token after a prefix,
// summed over the items, the derivative by the logits there is g - pi sum(g).
func (a *Autoregressive) AddScoreGrad(items []Item, d, grad []float64) {
	a.evaluate(items)
	v, length := a.shape.Vocabulary, a.shape.Length
	clear(a.d)
	for i, item := range items {
		for t, node := range a.batch.path[i*length : (i+1)*length] {
			a.d[int(node)*v+a.batch.next(item.Response, t)] += d[i]
		}
	}
	a.throughSoftmax()
	a.net.backward(a.params, a.batch, a.d, grad)
}

func (a *Autoregressive) Logits(prompt int, dst []float64) {
	a.evaluateAll(prompt)
	v := a.shape.Vocabulary
	dst[0] = 0
	for t, first := range a.whole.first {
		for i := len(dst) / a.whole.below[t]; i > 0; i-- { // from the end, so that a prefix is overwritten after it is read
			before, row := dst[i-1], a.logp[(first+i-1)*v:(first+i)*v]
			for token, logp := range row {
				dst[(i-1)*v+token] = before + logp
			}
		}
	}
}

// AddLogitGrad adds the parameter gradient, given the derivatives by all log-probabilities of a prompt.
func (a *Autoregressive) AddLogitGrad(prompt int, d, grad []float64) {
	a.evaluateAll(prompt)
	v, mass := a.shape.Vocabulary, a.mass[:copy(a.mass, d)]
	for t := a.shape.Length - 1; t >= 0; t-- {
		first := a.whole.first[t]
		copy(a.d[first*v:], mass)
		for i := range len(mass) / v {
			sum := 0.0
			for _, m := range mass[i*v : (i+1)*v] {
				sum += m
			}
			mass[i] = sum
		}
		mass = mass[:len(mass)/v]
	}
	a.throughSoftmax()
	a.net.backward(a.params, a.whole, a.d, grad)
}

// evaluate does the forward pass for the items, unless it is the last that was done, with the same parameters.
func (a *Autoregressive) evaluate(items []Item) {
	if a.last == a.batch && slices.Equal(items, a.items) && slices.Equal(a.params, a.at) {
		return
	}
	a.items = append(a.items[:0], items...)
	a.batch.collect(items)
	a.forward(a.batch)
}

// evaluateAll is evaluate for all responses of a prompt.
func (a *Autoregressive) evaluateAll(prompt int) {
	if a.last == a.whole && a.whole.prompt[0] == prompt && slices.Equal(a.params, a.at) {
		return
	}
	a.whole.all(prompt)
	a.forward(a.whole)
}

func (a *Autoregressive) forward(f *forest) {
	v := a.shape.Vocabulary
	n := f.len() * v
	a.logp, a.pi, a.d = grown(a.logp, n), grown(a.pi, n), grown(a.d, n)
	clear(a.logp)
	if a.frozen != nil {
		for node, prefix := range f.prefix {
			start := (f.prompt[node]*f.perTree + prefix) * v
			copy(a.logp[node*v:(node+1)*v], a.frozen[start:start+v])
		}
	}
	a.net.forward(a.params, f, a.logp)
	for i := 0; i < n; i += v {
		logspace.Softmax(a.logp[i:i+v], a.pi[i:i+v], a.logp[i:i+v])
	}
	a.last, a.at = f, append(a.at[:0], a.params...)
}

// throughSoftmax turns derivatives by log-probabilities of tokens into derivatives by logits.
func (a *Autoregressive) throughSoftmax() {
	v := a.shape.Vocabulary
	for i := 0; i < len(a.d); i += v {
		row := a.d[i : i+v]
		sum := 0.0
		for _, g := range row {
			sum += g
		}
		floats.AddScaled(row, -sum, a.pi[i:i+v])
	}
}

// grown returns a slice of n numbers, in the memory of x if that is large enough.
func grown(x []float64, n int) []float64 { return slices.Grow(x[:0], n)[:n] }

package policy

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
	"windtunnel/toy/registry"
)

// MLPParams asks for logits = log pi_ref + f(features), f a multilayer perceptron whose last layer starts at zero. So
// training starts at the reference on every prompt, whether it is trained on or held out, and what is learned is a
// correction of the reference that carries over to other prompts by their features, as an adapter of a language model
// (LoRA, arXiv 2106.09685, which starts at zero likewise) corrects its model. A perceptron fitted to the reference
// beforehand would start only near it, and not even near it on prompts that it was not fitted to.
type MLPParams struct {
	Hidden     []int   `yaml:"hidden" range:"[1,1024]" doc:"units of the hidden layers, from the features on; at most 8 layers"`
	Activation string  `yaml:"activation" oneof:"tanh,relu,gelu,silu" doc:"of the hidden units; gelu is the exact one, by the normal distribution function"`
	InitScale  float64 `yaml:"init_scale" range:"(0,100]" doc:"standard deviation of the hidden layers' initial weights, times the root of their number of inputs; biases and the last layer start at 0"`
}

// mostHidden is the largest number of hidden layers.
const mostHidden = 8

// Check refuses perceptrons without hidden layers, which are linear, and deeper ones than any bandit needs.
func (p *MLPParams) Check() []registry.Problem {
	if n := len(p.Hidden); n < 1 || n > mostHidden {
		return []registry.Problem{{Key: "hidden", Wrong: fmt.Sprintf("has %d layers", n),
			Allowed: fmt.Sprintf("1 to %d numbers of units; policy: linear has none", mostHidden)}}
	}
	return nil
}

// Build returns the policy at the reference, its hidden weights drawn from rng.
func (p *MLPParams) Build(env *bandit.Env, rng *rand.Rand) (Policy, error) {
	m := &MLP{activation: activations[p.Activation], env: env, logits: make([]float64, env.Responses()),
		dLogits: make([]float64, env.Responses())}
	sizes := append([]int{len(env.Prompts[0].Features)}, p.Hidden...)
	sizes = append(sizes, env.Responses())
	total := 0
	for i, in := range sizes[:len(sizes)-1] {
		total += (in + 1) * sizes[i+1]
	}
	m.params = make([]float64, total)
	rest := m.params
	for i, in := range sizes[:len(sizes)-1] {
		out := sizes[i+1]
		l := layer{weights: blas64.General{Rows: in, Cols: out, Stride: out, Data: rest[:in*out]}, bias: rest[in*out : (in+1)*out],
			value: make([]float64, out), slope: make([]float64, out), delta: make([]float64, out)}
		m.layers = append(m.layers, l)
		rest = rest[(in+1)*out:]
	}
	for _, l := range m.layers[:len(m.layers)-1] {
		sd := p.InitScale / math.Sqrt(float64(l.weights.Rows))
		for i := range l.weights.Data {
			l.weights.Data[i] = sd * rng.NormFloat64()
		}
	}
	return m, nil
}

func (p *MLPParams) Random() bool { return true }

// MLP is the softmax of a prompt's initial logits plus a perceptron of its features. Parameters go layer by layer from the
// features on: the weights, number i*out + j that of input i for output j, then the biases. It serves one goroutine.
type MLP struct {
	env        *bandit.Env
	activation activation
	layers     []layer
	params     []float64
	logits     []float64 // scratch of K elements
	dLogits    []float64
}

var _ Policy = (*MLP)(nil)

// layer is an affine map and, of a hidden layer, its activations at the last prompt that was computed.
type layer struct {
	weights blas64.General // inputs x outputs
	bias    []float64
	value   []float64 // of the activation
	slope   []float64 // its derivative
	delta   []float64 // derivatives of a loss by the layer's outputs before the activation
}

func (m *MLP) Params() []float64 { return m.params }

func (m *MLP) Prompts() int { return len(m.env.Prompts) }

func (m *MLP) Responses() int { return len(m.logits) }

func (m *MLP) Logits(prompt int, dst []float64) {
	m.hidden(prompt)
	last := len(m.layers) - 1
	m.affine(last, m.input(last, prompt), dst[:len(m.logits)])
	floats.Add(dst[:len(m.logits)], m.env.Prompts[prompt].Init)
}

// Scores writes the items' logits, computing those of neighbouring items of one prompt once.
func (m *MLP) Scores(items []Item, dst []float64) {
	for i, item := range items {
		if i == 0 || items[i-1].Prompt != item.Prompt {
			m.Logits(item.Prompt, m.logits)
		}
		dst[i] = m.logits[item.Response]
	}
}

// AddScoreGrad goes back once for neighbouring items of one prompt.
func (m *MLP) AddScoreGrad(items []Item, d, grad []float64) {
	for i, item := range items {
		if i == 0 || items[i-1].Prompt != item.Prompt {
			clear(m.dLogits)
		}
		m.dLogits[item.Response] += d[i]
		if i == len(items)-1 || items[i+1].Prompt != item.Prompt {
			m.AddLogitGrad(item.Prompt, m.dLogits, grad)
		}
	}
}

// AddLogitGrad goes forward to the hidden units, as parameters may have changed since they were computed, and back.
func (m *MLP) AddLogitGrad(prompt int, d, grad []float64) {
	m.hidden(prompt)
	end := len(grad)
	for i := len(m.layers) - 1; i >= 0; i-- {
		l := &m.layers[i]
		if i == len(m.layers)-1 {
			copy(l.delta, d)
		}
		w := l.weights
		end -= len(w.Data) + len(l.bias)
		dw, db := w, grad[end+len(w.Data):][:len(l.bias)]
		dw.Data = grad[end : end+len(w.Data)]
		delta := vector(l.delta)
		blas64.Ger(1, vector(m.input(i, prompt)), delta, dw)
		floats.Add(db, l.delta)
		if i == 0 {
			return
		}
		below := &m.layers[i-1]
		blas64.Gemv(blas.NoTrans, 1, w, delta, 0, vector(below.delta))
		floats.Mul(below.delta, below.slope)
	}
}

// hidden computes the hidden units and their slopes at a prompt.
func (m *MLP) hidden(prompt int) {
	for i := range m.layers[:len(m.layers)-1] {
		l := &m.layers[i]
		m.affine(i, m.input(i, prompt), l.value)
		for j, x := range l.value {
			l.value[j], l.slope[j] = m.activation(x)
		}
	}
}

// input returns what layer i reads at the prompt whose hidden units were computed last.
func (m *MLP) input(i, prompt int) []float64 {
	if i == 0 {
		return m.env.Prompts[prompt].Features
	}
	return m.layers[i-1].value
}

func (m *MLP) affine(i int, x, dst []float64) {
	copy(dst, m.layers[i].bias)
	blas64.Gemv(blas.Trans, 1, m.layers[i].weights, vector(x), 1, vector(dst))
}

func vector(x []float64) blas64.Vector { return blas64.Vector{N: len(x), Inc: 1, Data: x} }

// activation returns a unit's value and slope at its input.
type activation func(x float64) (value, slope float64)

var activations = map[string]activation{"tanh": tanh, "relu": relu, "gelu": gelu, "silu": silu}

func tanh(x float64) (value, slope float64) {
	t := math.Tanh(x)
	return t, 1 - t*t
}

// relu has slope 0 at 0.
func relu(x float64) (value, slope float64) {
	if x > 0 {
		return x, 1
	}
	return 0, 0
}

// gelu is x Phi(x) with the normal distribution function Phi (Hendrycks and Gimpel, arXiv 1606.08415, section 2).
func gelu(x float64) (value, slope float64) {
	phi := math.Erfc(-x/math.Sqrt2) / 2
	return x * phi, phi + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
}

// silu is x sigmoid(x) (arXiv 1606.08415, section 4; arXiv 1702.03118).
func silu(x float64) (value, slope float64) {
	s := logspace.Sigmoid(x)
	return x * s, s * (1 + x*(1-s))
}

var mlpKind = registry.Kind[Params]{
	Name:    "mlp",
	Summary: "the reference's logits plus a multilayer perceptron of the prompt's features that starts at zero",
	Source:  "this project; zero at the start as LoRA, arXiv 2106.09685",
	New:     func() Params { return &MLPParams{Hidden: []int{32}, Activation: "tanh", InitScale: 1} },
}

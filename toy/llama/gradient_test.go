package llama

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"windtunnel/toy/internal/gradcheck"
)

// small has grouped heads and more rows than attention takes at a time.
var small = Config{Dim: 8, Hidden: 12, Layers: 3, Heads: 4, KVHeads: 2, Vocab: 11, SeqLen: 80}

// random returns a model whose weights, gains too, are far from their initial values.
func random(t testing.TB, c Config) *Model[float64] {
	t.Helper()
	m, err := New[float64](c, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	disturb(m.params, 0.4)
	return m
}

// disturb adds normal noise.
func disturb[T float32 | float64](x []T, scale float64) {
	rng := rand.New(rand.NewPCG(3, uint64(len(x))))
	for i := range x {
		x[i] += T(scale * rng.NormFloat64())
	}
}

// adapted returns an adapter with B other than 0.
func adapted[T float32 | float64](t testing.TB, c Config) *Adapter[T] {
	t.Helper()
	a, err := NewAdapter[T](c, LoRA{Rank: 2, Alpha: 3, Targets: targetNames[:]}, rand.New(rand.NewPCG(5, 6)))
	if err != nil {
		t.Fatal(err)
	}
	disturb(a.params, 0.3)
	return a
}

// tokens draws n ids.
func tokens(c Config, n int, seed uint64) []int32 {
	rng := rand.New(rand.NewPCG(seed, 0))
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(rng.IntN(c.Vocab))
	}
	return ids
}

// example is a prompt with responses and weights of their log-probabilities in a loss.
type example struct {
	prompt    []int32
	responses [][]int32
	d         []float64
}

// longExample spans several blocks of attention, in the prompt and in a response.
func longExample(c Config) example {
	return example{tokens(c, 35, 1), [][]int32{tokens(c, 40, 2), tokens(c, 1, 3), nil, tokens(c, 5, 4)}, []float64{0.7, -1.3, 5, 2}}
}

func shortExample(c Config) example {
	return example{tokens(c, 3, 5), [][]int32{tokens(c, 4, 6), tokens(c, 3, 7)}, []float64{1.1, -0.6}}
}

// loss is the sum of d times the log-probabilities.
func (e example) loss(t testing.TB, n *Network[float64], tape *Tape[float64]) float64 {
	if err := tape.Forward(n, e.prompt, e.responses, false); err != nil {
		t.Fatal(err)
	}
	sum := 0.
	for i, d := range e.d {
		sum += d * tape.Logp(i)
	}
	return sum
}

// gradient runs Backward on a gradient that is not 0 at first.
func (e example) gradient(t testing.TB, n *Network[float64], tape *Tape[float64]) []float64 {
	if err := tape.Forward(n, e.prompt, e.responses, true); err != nil {
		t.Fatal(err)
	}
	grad := make([]float64, len(n.Trainable()))
	for i := range grad {
		grad[i] = 10
	}
	tape.Backward(e.d, grad)
	for i := range grad {
		grad[i] -= 10
	}
	return grad
}

// Every parameter's derivative against differences, on a short example; of tied weights, every third one's.
func TestGradient(t *testing.T) {
	for _, tied := range []bool{true, false} {
		for _, lora := range []bool{false, true} {
			t.Run(fmt.Sprintf("tied %v, adapter %v", tied, lora), func(t *testing.T) {
				c, stride := small, 1
				if c.Tied = tied; tied {
					stride = 3
				}
				var a *Adapter[float64]
				if lora {
					a = adapted[float64](t, c)
				}
				n := network(t, random(t, c), a)
				e, tape := shortExample(c), NewTape[float64]()
				checkGradient(t, n, e, e.gradient(t, n, tape), stride)
			})
		}
	}
}

// Every 11th parameter's derivative, on an example of several blocks.
func TestGradientAcrossBlocks(t *testing.T) {
	c := small
	c.Tied = true
	n := network(t, random(t, c), nil)
	e := longExample(c)
	checkGradient(t, n, e, e.gradient(t, n, NewTape[float64]()), 11)
}

// checkGradient compares each stride-th derivative with central differences.
func checkGradient(t *testing.T, n *Network[float64], e example, grad []float64, stride int) {
	params, tape := n.Trainable(), NewTape[float64]()
	wrong := 0
	for i := 0; i < len(params) && wrong < 5; i += stride {
		at := params[i]
		f := func(h float64) float64 { params[i] = at + h; return e.loss(t, n, tape) }
		const h = 1e-4
		want := (8*(f(h)-f(-h)) - (f(2*h) - f(-2*h))) / (12 * h)
		params[i] = at
		if math.Abs(grad[i]-want) > 1e-6*math.Abs(want)+1e-8 {
			t.Errorf("parameter %d of %d: derivative %v, differences give %v", i, len(params), grad[i], want)
			wrong++
		}
	}
}

// Responses that share a prompt have the log-probabilities and gradients that each has alone.
func TestSharedPrompt(t *testing.T) {
	c := small
	n := network(t, random(t, c), nil)
	e, tape := longExample(c), NewTape[float64]()
	shared := e.gradient(t, n, tape)
	logps, first := slices.Clone(tape.sums), slices.Clone(tape.TokenLogps(0))
	apart := make([]float64, len(shared))
	for i := range e.responses {
		one := example{e.prompt, e.responses[i : i+1], e.d[i : i+1]}
		for j, g := range one.gradient(t, n, tape) {
			apart[j] += g
		}
		if got := tape.Logp(0); math.Abs(got-logps[i]) > 1e-11*math.Abs(got) {
			t.Errorf("response %d: logp %v with the others, %v alone", i, logps[i], got)
		}
		if i == 0 && !slices.EqualFunc(first, tape.TokenLogps(0), func(a, b float64) bool { return math.Abs(a-b) < 1e-11 }) {
			t.Errorf("token logps %v with the others, %v alone", first, tape.TokenLogps(0))
		}
	}
	compare(t, shared, apart, 1e-9)
	// A part of the response that moves to the prompt keeps its log-probability.
	whole := append(slices.Clone(e.prompt), e.responses[0]...)
	if err := tape.Forward(n, whole[:50], [][]int32{whole[50:]}, false); err != nil {
		t.Fatal(err)
	}
	for j, got := range tape.TokenLogps(0) {
		if want := first[j+15]; math.Abs(got-want) > 1e-11 {
			t.Errorf("token %d: logp %v with a longer prompt, %v before", j, got, want)
		}
	}
}

// compare allows a relative difference, against the largest element.
func compare(t *testing.T, got, want []float64, tolerance float64) {
	t.Helper()
	top := 0.
	for _, v := range want {
		top = max(top, math.Abs(v))
	}
	if top == 0 {
		t.Fatal("all are 0")
	}
	for i, v := range want {
		if math.Abs(got[i]-v) > tolerance*top {
			t.Fatalf("element %d: %v, want %v", i, got[i], v)
		}
	}
}

// The probabilities of all tokens add up to 1, and a response's is what its logits say.
func TestNormalized(t *testing.T) {
	n := network(t, random(t, small), nil)
	e := longExample(small)
	tape := forward(t, n, e.prompt, e.responses, false)
	for j := range e.responses[0] {
		sum, logits := 0., tape.Logits(0, j)
		for _, v := range logits {
			sum += math.Exp(v)
		}
		want := logits[e.responses[0][j]] - math.Log(sum)
		if got := tape.TokenLogps(0)[j]; math.Abs(got-want) > 1e-12*math.Abs(want) {
			t.Errorf("token %d: logp %v, logits give %v", j, got, want)
		}
	}
	if got := tape.Logp(2); got != 0 {
		t.Errorf("the empty response has logp %v", got)
	}
}

// The gradient by differences of gradcheck, which chooses its own steps, for a few parameters of each kind.
func TestGradientRidders(t *testing.T) {
	n := network(t, random(t, small), nil)
	e, tape := shortExample(small), NewTape[float64]()
	grad := e.gradient(t, n, tape)
	for i := 0; i < len(grad); i += 131 {
		at := n.model.params[i]
		want := gradcheck.Derivative(func(x float64) float64 {
			n.model.params[i] = x
			return e.loss(t, n, tape)
		}, at)
		n.model.params[i] = at
		if !gradcheck.Close(grad[i], want, 100) {
			t.Errorf("parameter %d: derivative %v, differences give %v", i, grad[i], want)
		}
	}
}

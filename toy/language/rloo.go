package language

import (
	"crypto/sha256"
	"fmt"

	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
	"windtunnel/toy/train"
)

// rloo is the train.Task of a network by leave-one-out REINFORCE (Kool et al. 2019; Ahmadian et al., arXiv 2402.14740, eq.
// 5): it climbs the mean over prompts of E[r(y)] - Lambda KL(pi to pi_ref), where continuations y are drawn at temperature 1
// from the whole distribution. With k continuations of a prompt and R_i = r(y_i) - Lambda log(pi(y_i)/pi_ref(y_i)), the
// gradient is estimated, without bias, by the mean over i of (R_i - mean of the others' R) grad log pi(y_i). The loss is the
// negative mean of R.
//
// Its user sets the exported fields and calls prepare; one goroutine at a time may use it.
type rloo[T kernel.Float] struct {
	Network   *llama.Network[T] // trained in place
	Reference *llama.Network[T] // frozen; shares no weights with the network
	Prompts   [][]int32
	Samples   int     // k, at least 2
	Tokens    int     // longest continuation, at least 1
	Lambda    float64 // [0, inf), in units of reward a nat
	Reward    Reward
	Batch     int // most prompts a step
	Seed      uint64
	Workers   int // goroutines; 0 is one a processor

	*parameters[T]
	actors   []*actor[T] // one a worker
	found    []outcome   // by prompt of the batch
	prompts  []int       // of the step at hand
	step     int         // the step at hand, from 0
	keys     [2]contentKey
	slotWork func(worker, slot int)
}

// prepare makes room for everything that steps need.
func (r *rloo[T]) prepare() {
	r.parameters = newParameters(r.Network, r.Batch, newWorkers(r.Workers))
	r.keys = [2]contentKey{keyOf(r.Network), keyOf(r.Reference)}
	for range r.workers.size() {
		r.actors = append(r.actors, &actor[T]{drawer: newDrawer(r.Network), policy: llama.NewTape[T](), reference: llama.NewTape[T](),
			drawn: make([]Continuation, r.Samples), responses: make([][]int32, r.Samples),
			value: make([]float64, r.Samples), d: make([]float64, r.Samples)})
	}
	r.found = make([]outcome, r.Batch)
	r.slotWork = r.slot
}

// outcome sums up the continuations of one prompt: means.
type outcome struct {
	reward, kl, tokens, value float64
}

func (r *rloo[T]) Items() int { return len(r.Prompts) }

func (r *rloo[T]) Gradient(b train.Batch) ([]float64, []int, float64) {
	r.prompts, r.step = b.Items, b.Step
	r.workers.each(len(r.slots), r.slotWork)
	return r.grad, nil, r.reduce()
}

// Loss returns the negative mean of R over the batch.
func (r *rloo[T]) Loss() float64 {
	loss, n := 0.0, float64(len(r.prompts))
	for k := range r.prompts {
		loss -= r.found[k].value / n
	}
	return loss
}

func (r *rloo[T]) measures() (Comparisons, Draws) {
	var d Draws
	n := float64(len(r.prompts))
	for k := range r.prompts {
		f := &r.found[k]
		d.Reward += f.reward / n
		d.KL += f.kl / n
		d.Tokens += f.tokens / n
	}
	return noComparisons(), d
}

// slot works on every prompt of the batch that falls to a slot, in the batch's order.
func (r *rloo[T]) slot(worker, slot int) {
	for k := slot; k < len(r.prompts); k += len(r.slots) {
		a := r.actors[worker]
		r.found[k] = a.act(r, r.prompts[k])
		a.policy.Backward(a.d, r.slots[slot])
	}
}

func (r *rloo[T]) State() [][]float64 { return nil }

func (r *rloo[T]) Resumed() { r.Moved() }

// Identity returns the SHA-256 of what is trained, against what and on what, except the reward, which has no name here.
func (r *rloo[T]) Identity(settings string) [sha256.Size]byte {
	h := sha256.New()
	fmt.Fprintf(h, "rloo %s %d %d %v %d\n", settings, r.Samples, r.Tokens, r.Lambda, r.Seed)
	h.Write(r.keys[0][:])
	h.Write(r.keys[1][:])
	fmt.Fprintln(h, r.Prompts)
	return [sha256.Size]byte(h.Sum(nil))
}

// actor is a worker's scratch.
type actor[T kernel.Float] struct {
	drawer            *drawer[T]
	policy, reference *llama.Tape[T]
	drawn             []Continuation
	responses         [][]int32
	value, d          []float64 // by continuation: R, and the derivative of the loss by its log-probability
}

// act draws a prompt's continuations, computes both networks on them, the policy's for going back, and weighs them.
// prepare has found them to fit.
func (a *actor[T]) act(r *rloo[T], prompt int) outcome {
	ids := r.Prompts[prompt]
	for j := range a.drawn {
		s := llama.Sampling{Temperature: 1, TopP: 1, Tokens: r.Tokens}
		must(a.drawer.draw(ids, j > 0, s, source{rolloutStream, r.Seed, r.step}.seedOf(prompt, j), &a.drawn[j]))
		a.responses[j] = a.drawn[j].Tokens
	}
	must(a.policy.Forward(r.Network, ids, a.responses, true))
	must(a.reference.Forward(r.Reference, ids, a.responses, false))
	var o outcome
	n := float64(len(a.drawn))
	for j := range a.drawn {
		reward, kl := r.Reward(prompt, a.drawn[j].Text()), a.policy.Logp(j)-a.reference.Logp(j)
		a.value[j] = reward - r.Lambda*kl
		o.reward += reward / n
		o.kl += kl / n
		o.tokens += float64(len(a.responses[j])) / n
		o.value += a.value[j] / n
	}
	advantages(a.d, a.value, -1/(n*float64(len(r.prompts))))
	return o
}

func advantages(dst, value []float64, scale float64) {
	sum := 0.0
	for _, v := range value {
		sum += v
	}
	others := float64(len(value) - 1)
	for j, v := range value {
		dst[j] = scale * (v - (sum-v)/others)
	}
}

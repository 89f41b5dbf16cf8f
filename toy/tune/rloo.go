package tune

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"

	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
	"windtunnel/toy/train"
)

// RLOO is the training of a network by leave-one-out REINFORCE (Kool et al. 2019; Ahmadian et al., arXiv 2402.14740, eq. 5):
// it climbs the mean over prompts of E[r(y)] - Lambda KL(pi to pi_ref), where continuations y are drawn at temperature 1
// from the whole distribution. With k continuations of a prompt and R_i = r(y_i) - Lambda log(pi(y_i)/pi_ref(y_i)), the
// gradient is estimated, without bias, by the mean over i of (R_i - mean of the others' R) grad log pi(y_i).
type RLOO[T kernel.Float] struct {
	Network   *llama.Network[T] // trained in place
	Reference *llama.Network[T] // frozen; nil is the network as it stands at the start
	Prompts   [][]int32
	Samples   int     // k, at least 2
	Tokens    int     // longest continuation, at least 1
	Lambda    float64 // [0, inf), in units of reward a nat
	Reward    Reward
	Params    train.Params // BatchSize counts prompts
	Seed      uint64
	Workers   int        // goroutines; 0 is one a processor
	Order     *rand.Rand // fresh source of the shuffled order; used only with Params.Shuffle
}

// Start checks the settings and returns the training before its first step.
func (l *RLOO[T]) Start() (*Reinforcer[T], error) {
	switch {
	case l.Samples < 2:
		return nil, fmt.Errorf("%d samples a prompt, allowed is 2 or more: each is measured against the others", l.Samples)
	case l.Tokens < 1:
		return nil, fmt.Errorf("continuations of %d tokens, allowed is 1 or more", l.Tokens)
	case !(l.Lambda >= 0) || !finite(l.Lambda):
		return nil, fmt.Errorf("lambda is %v, allowed is a finite number from 0", l.Lambda)
	case l.Params.Shuffle && l.Order == nil:
		return nil, fmt.Errorf("a shuffled order needs a source of random numbers")
	}
	for _, n := range []*llama.Network[T]{l.Network, l.Reference} {
		if n == nil {
			continue
		}
		if err := checkPrompts(n.Config(), l.Prompts); err != nil {
			return nil, err
		}
	}
	r := &Reinforcer[T]{Loop: *l, descent: newDescent(l.Network, l.Params, newOrder(l.Params, len(l.Prompts), l.Order), l.Workers)}
	r.Loop.Reference = apart(l.Network, l.Reference)
	r.identity = r.identify()
	for range r.team.size() {
		r.actors = append(r.actors, newActor(&r.Loop))
	}
	r.found = make([]outcome, r.order.size)
	r.work = r.slot
	return r, nil
}

// apart returns the reference, or a copy of it where it would be trained with the policy; nil is the policy.
func apart[T kernel.Float](policy, reference *llama.Network[T]) *llama.Network[T] {
	trained := &policy.Trainable()[0]
	if reference != nil && trained != &reference.Model().Params()[0] && trained != &reference.Trainable()[0] {
		return reference
	}
	if reference == nil {
		reference = policy
	}
	n, err := llama.NewNetwork(reference.Merged(), nil)
	must(err) // only an adapter can be wrong
	return n
}

// Reinforcer is a training by REINFORCE that has begun. One goroutine at a time may use it.
type Reinforcer[T kernel.Float] struct {
	*descent[T]
	Loop    RLOO[T]
	actors  []*actor[T] // one a worker
	found   []outcome   // by prompt of the batch
	prompts []int       // of the step at hand
	work    func(worker, slot int)
}

// outcome sums up the continuations of one prompt: means.
type outcome struct {
	reward, kl, tokens, value float64
}

// actor is a worker's scratch.
type actor[T kernel.Float] struct {
	drawer            *drawer[T]
	policy, reference *llama.Tape[T]
	drawn             []Continuation
	responses         [][]int32
	value, d          []float64 // by continuation: R, and the derivative of the loss by its log-probability
}

func newActor[T kernel.Float](l *RLOO[T]) *actor[T] {
	return &actor[T]{drawer: newDrawer(l.Network), policy: llama.NewTape[T](), reference: llama.NewTape[T](),
		drawn: make([]Continuation, l.Samples), responses: make([][]int32, l.Samples),
		value: make([]float64, l.Samples), d: make([]float64, l.Samples)}
}

// Run takes the steps that are left, as Trainer.Run does. Loss is the negative mean of R.
func (r *Reinforcer[T]) Run(ctx context.Context, record func(Record) error) (train.Outcome, error) {
	return r.run(ctx, record, r.gradient, func() {})
}

// gradient draws the coming step's continuations and estimates the gradient from them.
func (r *Reinforcer[T]) gradient() Record {
	r.prompts = r.order.batch(r.taken)
	r.team.each(len(r.slots), nil, r.work)
	record := Record{Comparisons: noComparisons()}
	n := float64(len(r.prompts))
	for k := range r.prompts {
		f := &r.found[k]
		record.Loss -= f.value / n
		record.Reward += f.reward / n
		record.KL += f.kl / n
		record.Draws.Tokens += f.tokens / n
	}
	return record
}

// slot works on every prompt of the batch that falls to a slot, in the batch's order.
func (r *Reinforcer[T]) slot(worker, slot int) {
	for k := slot; k < len(r.prompts); k += len(r.slots) {
		r.found[k] = r.actors[worker].act(r, r.prompts[k])
		r.actors[worker].policy.Backward(r.actors[worker].d, r.slots[slot])
	}
}

// act draws a prompt's continuations, computes both networks on them, the policy's for going back, and weighs them. Start
// has seen that they fit.
func (a *actor[T]) act(r *Reinforcer[T], prompt int) outcome {
	l, ids := &r.Loop, r.Loop.Prompts[prompt]
	for j := range a.drawn {
		s := llama.Sampling{Temperature: 1, TopP: 1, Tokens: l.Tokens}
		must(a.drawer.draw(ids, j > 0, s, Dice{Rollout, l.Seed, r.taken}.roll(prompt, j), &a.drawn[j]))
		a.responses[j] = a.drawn[j].Tokens
	}
	must(a.policy.Forward(l.Network, ids, a.responses, true))
	must(a.reference.Forward(l.Reference, ids, a.responses, false))
	var o outcome
	n := float64(len(a.drawn))
	for j := range a.drawn {
		reward, kl := l.Reward(prompt, a.drawn[j].Text()), a.policy.Logp(j)-a.reference.Logp(j)
		a.value[j] = reward - l.Lambda*kl
		o.reward += reward / n
		o.kl += kl / n
		o.tokens += float64(len(a.responses[j])) / n
		o.value += a.value[j] / n
	}
	advantages(a.d, a.value, -1/(n*float64(len(r.prompts))))
	return o
}

// advantages writes scale times each value less the mean of the others.
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

// must panics on an error that was ruled out before.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// identify returns the SHA-256 of what is trained, against what and on what, except the reward, which has no name here.
func (r *Reinforcer[T]) identify() Key {
	h, l := sha256.New(), &r.Loop
	start, reference := KeyOf(l.Network), KeyOf(l.Reference)
	fmt.Fprintf(h, "rloo %s %d %d %v %d\n", r.settings(), l.Samples, l.Tokens, l.Lambda, l.Seed)
	h.Write(start[:])
	h.Write(reference[:])
	fmt.Fprintln(h, l.Prompts)
	return Key(h.Sum(nil))
}

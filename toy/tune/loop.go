// Package tune trains language models: by losses of compared responses, on given pairs or on pairs drawn from the policy
// itself, and by REINFORCE against a reward. It evaluates them on pairs and on sampled continuations. It prints nothing
// and opens no file.
//
// Weights are trained in float64 and rounded to the network's precision for each step. A step computes its pairs in
// parallel, each into a gradient that depends on its place in the batch alone, and adds those up in order: results are
// the same bytes whatever the number of processors.
package tune

import (
	"context"
	"fmt"
	"math/rand/v2"

	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
	"windtunnel/toy/objective"
	"windtunnel/toy/train"
)

// Loop is the training of a network by an objective on pairs.
type Loop[T kernel.Float] struct {
	Network    *llama.Network[T]    // trained in place
	Reference  *llama.Network[T]    // frozen, left as it is; nil is the network as it stands at the start
	Objective  *objective.Objective // one that Supports allows; it belongs to this training alone
	Pairs      []Pair
	Params     train.Params
	Micro      int            // a batch of more pairs is computed twice, so as not to hold all its activations; 0 is no limit
	Workers    int            // goroutines; 0 is one a processor
	Order      *rand.Rand     // fresh source of the shuffled order; used only with Params.Shuffle
	References ReferenceCache // where log-probabilities of frozen networks are kept; nil is a Memory of its own
}

// Run trains from the start to the end, see Trainer.Run.
func (l *Loop[T]) Run(ctx context.Context, record func(Record) error) (train.Outcome, error) {
	t, err := l.Start(ctx)
	if err != nil {
		return train.Outcome{}, err
	}
	return t.Run(ctx, record)
}

// Start checks the settings, computes the log-probabilities under the reference and returns the training before its first
// step. An objective that a language model cannot be trained by, a pair that the networks cannot hold, and networks of
// different vocabularies are errors.
func (l *Loop[T]) Start(ctx context.Context) (*Trainer[T], error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	t := &Trainer[T]{Loop: *l, descent: newDescent(l.Network, l.Params, newOrder(l.Params, len(l.Pairs), l.Order), l.Workers)}
	if t.Loop.References == nil {
		t.Loop.References = &Memory{}
	}
	t.layOut()
	if err := t.consult(ctx); err != nil {
		return nil, err
	}
	return t, nil
}

func (l *Loop[T]) check() error {
	if err := Supports(l.Objective); err != nil {
		return err
	}
	if err := checkPairs(l.Pairs, l.samples()); err != nil {
		return err
	}
	if l.Params.Shuffle && l.Order == nil {
		return fmt.Errorf("a shuffled order needs a source of random numbers")
	}
	if r := l.Reference; r != nil && r.Config().Vocab != l.Network.Config().Vocab {
		return fmt.Errorf("the reference has a vocabulary of %d, the policy of %d", r.Config().Vocab, l.Network.Config().Vocab)
	}
	if l.Objective.Moving != nil && l.Reference != nil && l.Reference.Config() != l.Network.Config() {
		return fmt.Errorf("a reference that follows the policy needs its shape, %+v, and has %+v", l.Network.Config(), l.Reference.Config())
	}
	return nil
}

// samples is the number of the reference's samples that the objective looks at.
func (l *Loop[T]) samples() int {
	if l.Objective.Sampled == nil {
		return 0
	}
	return l.Objective.Sampled.N
}

// order is the order of pairs through the epochs.
type order struct {
	size, perEpoch int
	pairs          []int
	rng            *rand.Rand // nil: the given order
	epoch          int        // that pairs is the order of
}

// newOrder returns the order of n pairs by the settings.
func newOrder(p train.Params, n int, rng *rand.Rand) order {
	o := order{size: p.BatchSize, epoch: -1}
	if o.size == 0 || o.size > n {
		o.size = n
	}
	o.perEpoch = (n + o.size - 1) / o.size
	for i := range n {
		o.pairs = append(o.pairs, i)
	}
	if p.Shuffle && o.perEpoch > 1 {
		o.rng = rng
	}
	return o
}

// batch returns the pairs of a step, counted from 0. Steps must not go back; those left out have their shuffles drawn
// all the same.
func (o *order) batch(step int) []int {
	for o.epoch < step/o.perEpoch {
		o.epoch++
		if o.rng != nil {
			o.rng.Shuffle(len(o.pairs), func(i, j int) { o.pairs[i], o.pairs[j] = o.pairs[j], o.pairs[i] })
		}
	}
	at := step % o.perEpoch * o.size
	return o.pairs[at:min(at+o.size, len(o.pairs))]
}

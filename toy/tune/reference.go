package tune

import (
	"context"
	"crypto/sha256"
	"fmt"

	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
	"windtunnel/toy/objective"
)

// consult computes what training needs of all pairs before its first step: their log-probabilities at the start and under
// the reference. It is where a pair that does not fit into a network is found.
func (t *Trainer[T]) consult(ctx context.Context) error {
	n, s := len(t.Loop.Pairs), newScorer[T](t.team)
	t.start, t.reference = newLogps(n), newLogps(n)
	start := KeyOf(t.network)
	if err := s.lookUp(ctx, t.network, start, t.Loop.Pairs, t.Loop.References, t.start); err != nil {
		return err
	}
	if err := t.checkSamples(); err != nil {
		return err
	}
	reference, key := t.network, start
	if t.Loop.Reference != nil {
		reference, key = t.Loop.Reference, KeyOf(t.Loop.Reference)
	}
	if err := s.lookUp(ctx, reference, key, t.Loop.Pairs, t.Loop.References, t.reference); err != nil {
		return fmt.Errorf("the reference: %w", err)
	}
	if t.Loop.Objective.Moving != nil {
		t.moving = newMoving(t.Loop.Objective.Moving, reference, s, n)
		t.carried, t.resumed = [][]float64{t.moving.master}, t.moving.settle
	}
	t.carried = append(t.carried, t.Loop.Objective.State()...)
	t.identity = t.identify(start, key)
	return nil
}

// checkSamples returns which of the reference's samples the network cannot hold.
func (t *Trainer[T]) checkSamples() error {
	c := t.network.Config()
	for i := range t.examples {
		e := &t.examples[i]
		for j := range e.samples {
			sample := e.Samples[j]
			if n := len(e.Prompt) + len(sample); n > c.SeqLen {
				return fmt.Errorf("pair %d: the prompt and sample %d have %d tokens, the model holds %d", i, j, n, c.SeqLen)
			}
			for _, id := range sample {
				if id < 0 || int(id) >= c.Vocab {
					return fmt.Errorf("pair %d: sample %d has token %d, outside the vocabulary of %d", i, j, id, c.Vocab)
				}
			}
		}
	}
	return nil
}

// moving is a reference that follows the policy: TR-DPO's mixture of weights (Gorbatovski et al., arXiv 2404.09656, eq. 6).
// An adapter's part is added to the weights before they are mixed.
type moving[T kernel.Float] struct {
	objective.Moving
	network *llama.Network[T]
	master  []float64 // its weights before rounding
	scorer  *scorer[T]
	version int   // how often it has moved
	seen    []int // by pair, the version that its log-probabilities are of
	refill  func(worker, k int)
}

func newMoving[T kernel.Float](settings *objective.Moving, reference *llama.Network[T], s *scorer[T], pairs int) *moving[T] {
	network, err := llama.NewNetwork(reference.Merged(), nil)
	must(err) // only an adapter can be wrong
	m := &moving[T]{Moving: *settings, network: network, scorer: s, seen: make([]int, pairs)}
	for _, v := range network.Trainable() {
		m.master = append(m.master, float64(v))
	}
	return m
}

// follow mixes the policy into the reference if a mixture is due after the step.
func (m *moving[T]) follow(t *Trainer[T]) {
	if t.taken%m.Every != 0 {
		return
	}
	mix := func(i int, policy float64) { m.master[i] = m.Alpha*policy + (1-m.Alpha)*m.master[i] }
	if t.network.Adapter() == nil {
		for i, v := range t.master {
			mix(i, v)
		}
	} else {
		for i, v := range t.network.Merged().Params() {
			mix(i, float64(v))
		}
	}
	m.settle()
}

// settle rounds the mixture and makes what was computed before it void.
func (m *moving[T]) settle() {
	weights := m.network.Trainable()
	for i, v := range m.master {
		weights[i] = T(v)
	}
	m.version++
}

// refresh computes the batch's log-probabilities under the reference where they are of an older one.
func (m *moving[T]) refresh(t *Trainer[T]) {
	if m.refill == nil {
		m.refill = func(worker, k int) {
			i := t.indices[k]
			if m.seen[i] == m.version {
				return
			}
			var err error
			t.reference.chosen[i], t.reference.rejected[i], err = m.scorer.pair(worker, m.network, &t.Loop.Pairs[i])
			must(err) // the policy, of the same shape, holds the pair
			m.seen[i] = m.version
		}
	}
	t.team.each(len(t.indices), nil, m.refill)
}

// identify returns the SHA-256 of what is trained, from what start, by what settings and on what, except the objective,
// which has no name here, and how long and in how many parts it is computed.
func (t *Trainer[T]) identify(start, reference Key) Key {
	h := sha256.New()
	fmt.Fprintf(h, "pairs %s %+v\n", t.settings(), t.Loop.Objective.Sampled)
	h.Write(start[:])
	h.Write(reference[:])
	for i := range t.examples {
		e := &t.examples[i]
		key := e.key(start)
		h.Write(key[:])
		fmt.Fprintln(h, e.Gap, e.responses[2:])
	}
	return Key(h.Sum(nil))
}

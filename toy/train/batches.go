package train

import "math/rand/v2"

// batches hands out minibatches, epoch after epoch. In the given order they are resolved once; shuffled ones anew each
// time, into the same memory.
type batches struct {
	perEpoch int
	size     int
	at       int          // the next batch of the epoch
	fixed    []*Minibatch // nil when shuffled
	resolver *batcher
	current  Minibatch
	order    []int
	rng      *rand.Rand
}

func newBatches(l *Loop) *batches {
	n := l.Data.Len()
	b := &batches{size: l.Params.BatchSize, order: upTo(n), resolver: newBatcher(l.Data, l.Problem)}
	if b.size == 0 || b.size > n {
		b.size = n
	}
	b.perEpoch = (n + b.size - 1) / b.size
	if l.Params.Shuffle && b.perEpoch > 1 {
		b.rng = l.Order
		return b
	}
	for i := range b.perEpoch {
		m := &Minibatch{}
		b.resolver.resolve(b.indices(i), m)
		b.fixed = append(b.fixed, m)
	}
	return b
}

// indices returns the comparisons of the i-th batch of the epoch; the last one may be shorter.
func (b *batches) indices(i int) []int {
	return b.order[i*b.size : min((i+1)*b.size, len(b.order))]
}

// next returns the next minibatch, valid until the following call.
func (b *batches) next() *Minibatch {
	i := b.at
	b.at = (b.at + 1) % b.perEpoch
	if b.fixed != nil {
		return b.fixed[i]
	}
	if i == 0 {
		b.rng.Shuffle(len(b.order), func(i, j int) { b.order[i], b.order[j] = b.order[j], b.order[i] })
	}
	b.resolver.resolve(b.indices(i), &b.current)
	return &b.current
}

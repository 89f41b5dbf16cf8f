package language

import (
	"context"
	"io"
	"math/rand/v2"
	"testing"

	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
	"windtunnel/toy/objective"
	"windtunnel/toy/train"
)

// tiny returns a network small enough to take apart, with weights large enough to matter.
func tiny[T kernel.Float](t testing.TB, vocab int, seed uint64) *llama.Network[T] {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	m, err := llama.New[float64](llama.Config{Dim: 8, Hidden: 12, Layers: 2, Heads: 2, KVHeads: 1, Vocab: vocab, SeqLen: 24, Tied: true}, rng)
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Params() {
		m.Params()[i] = 0.5 * rng.NormFloat64()
	}
	return network(t, llama.Convert[T](m))
}

// adapted returns a network of the same model with an adapter that does something.
func adapted[T kernel.Float](t testing.TB, n *llama.Network[T]) *llama.Network[T] {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 1))
	a, err := llama.NewAdapter[T](n.Config(), llama.LoRA{Rank: 2, Alpha: 3, Targets: []string{"q", "v", "down"}}, rng)
	if err != nil {
		t.Fatal(err)
	}
	out, err := llama.NewNetwork(n.Model(), a)
	if err != nil {
		t.Fatal(err)
	}
	for i := range out.Trainable() {
		out.Trainable()[i] = T(0.3 * rng.NormFloat64())
	}
	return out
}

// tinyPairs returns pairs with tokens below vocab and so many samples each. Their responses have 1 to 6 tokens.
func tinyPairs(n, vocab, samples int) []Pair {
	rng := rand.New(rand.NewPCG(7, 1))
	tokens := func(n int) []int32 {
		ids := make([]int32, n)
		for i := range ids {
			ids[i] = rng.Int32N(int32(vocab))
		}
		return ids
	}
	var pairs []Pair
	for range n {
		p := Pair{Prompt: append([]int32{1}, tokens(rng.IntN(5))...), Chosen: tokens(1 + rng.IntN(6)), Rejected: tokens(1 + rng.IntN(6)),
			Gap: rng.Float64()}
		for range samples {
			p.Samples = append(p.Samples, tokens(1+rng.IntN(6)))
		}
		pairs = append(pairs, p)
	}
	return pairs
}

// tinyLoop trains a tiny network by an objective, with a reference of its own.
func tinyLoop[T kernel.Float](t testing.TB, o *objective.Objective) *pairLoop[T] {
	samples := 0
	if o.Sampled != nil {
		samples = o.Sampled.N
	}
	return &pairLoop[T]{
		comparisons: comparisons[T]{Network: tiny[T](t, 11, 1), Reference: tiny[T](t, 11, 2), Objective: o, Pairs: tinyPairs(12, 11, samples)},
		Params: train.Params{Optimizer: &train.Adam{LR: 1e-2, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8}, Schedule: &train.Cosine{}, BatchSize: 5,
			Epochs: 4, ClipNorm: 1, RecordEvery: 1}}
}

// pairLoop is a training on pairs before its start.
type pairLoop[T kernel.Float] struct {
	comparisons[T]
	Params train.Params
	Order  *rand.Rand
}

// pairTraining is one that has begun.
type pairTraining[T kernel.Float] struct {
	*comparisons[T]
	training
	steps int // taken, which says what batch is next
}

func (l *pairLoop[T]) Start(ctx context.Context) (*pairTraining[T], error) {
	c := l.comparisons
	c.Batch = l.Params.Batch(len(c.Pairs))
	if c.Reference == nil {
		c.Reference = copied(c.Network)
	}
	tr := &pairTraining[T]{comparisons: &c, training: training{begun(&c, l.Params, l.Order)}}
	return tr, c.prepare(ctx)
}

func (l *pairLoop[T]) Run(ctx context.Context, record func(Record) error) (train.Outcome, error) {
	tr, err := l.Start(ctx)
	if err != nil {
		return train.Outcome{}, err
	}
	return tr.Run(ctx, record)
}

// batch returns the batch of the step at hand, in the given order.
func (t *pairTraining[T]) batch() train.Batch {
	var items []int
	n := len(t.Pairs)
	for i := t.steps * t.Batch % ((n + t.Batch - 1) / t.Batch * t.Batch); i < n && len(items) < t.Batch; i++ {
		items = append(items, i)
	}
	return train.Batch{Items: items}
}

// gradient leaves the gradient of the step at hand in the slots and returns its loss.
func (t *pairTraining[T]) gradient() float64 {
	t.backward(t.batch())
	return t.loss
}

// training is a Trainer that records as a run does.
type training struct{ trainer *train.Trainer }

func begun(task train.Task, p train.Params, order *rand.Rand) *train.Trainer {
	return &train.Trainer{Task: task, Params: p, Order: func() *rand.Rand { return order }}
}

func (t training) Run(ctx context.Context, record func(Record) error) (train.Outcome, error) {
	return t.trainer.Run(ctx, func(s train.Record) error {
		r := Record{s, noComparisons(), noDraws()}
		if s.Step > 0 {
			r.Comparisons, r.Draws = t.trainer.Task.(trainable).measures()
		}
		return record(r)
	})
}

func (t training) Save(w io.Writer) error { return t.trainer.Save(w) }
func (t training) Load(r io.Reader) error { return t.trainer.Load(r) }
func (t training) Step() int              { return t.trainer.Steps() }

// prepared draws what policies are compared with.
func prepared[T kernel.Float](t testing.TB, e *continuationEvaluator[T]) {
	t.Helper()
	e.prepare()
	var err error
	if e.Baseline, err = e.drawBaseline(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func start[T kernel.Float](t testing.TB, l *pairLoop[T]) *pairTraining[T] {
	t.Helper()
	tr, err := l.Start(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// finish takes the steps that are left and returns the records.
func finish(t testing.TB, run func(context.Context, func(Record) error) (train.Outcome, error)) []Record {
	t.Helper()
	var records []Record
	if _, err := run(context.Background(), func(r Record) error {
		records = append(records, r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return records
}

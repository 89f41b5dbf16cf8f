package train

import (
	"math/rand/v2"
	"slices"
	"testing"

	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
)

// distinctPairs returns n comparisons at n prompts of their own, so that a minibatch tells which ones it holds.
func distinctPairs(n int) (*preference.Pairs, *Loop) {
	pairs := &preference.Pairs{}
	env := twoPrompts(nil, true)
	for len(env.Prompts) < n {
		env.Prompts = append(env.Prompts, env.Prompts[0])
	}
	for i := range n {
		pairs.Prompt, pairs.Chosen, pairs.Rejected = append(pairs.Prompt, i), append(pairs.Chosen, i%3), append(pairs.Rejected, (i+1)%3)
	}
	pol, _ := (&policy.TabularParams{}).Build(env, nil)
	return pairs, &Loop{Problem: NewProblem(env, pol, (&objective.DPO{Lambda: 0.5}).Objective(), 0), Data: pairs,
		Params: Params{Optimizer: &SGD{LR: 1e-2}, Schedule: &Constant{}, BatchSize: 5, Epochs: 1}}
}

// begun returns the trainer of a loop before its first step.
func begun(l *Loop) *Trainer {
	t := l.trainer()
	t.begin()
	return t
}

// takeStep takes the next step of a trainer, without the schedule and records.
func takeStep(t *Trainer) {
	grad, support, norm := t.Task.Gradient(t.batches.batch(t.taken))
	t.move(grad, support, norm, 1)
	t.taken++
}

// epoch returns which comparisons each batch of the next epoch holds.
func epoch(t *Trainer) [][]int {
	var all [][]int
	c := t.Task.(*comparisons)
	for range t.batches.perEpoch {
		c.resolve(t.batches.batch(t.taken))
		t.taken++
		all = append(all, slices.Clone(c.batch.Prompts))
	}
	return all
}

func TestBatchesInOrder(t *testing.T) {
	_, loop := distinctPairs(12)
	b := begun(loop)
	want := [][]int{{0, 1, 2, 3, 4}, {5, 6, 7, 8, 9}, {10, 11}}
	for range 2 {
		if got := epoch(b); !slices.EqualFunc(got, want, slices.Equal[[]int]) {
			t.Errorf("batches %v, want %v", got, want)
		}
	}
	for _, size := range []int{0, 12, 99} {
		loop.Params.BatchSize, loop.Params.Shuffle = size, size == 99
		if got := epoch(begun(loop)); len(got) != 1 || len(got[0]) != 12 {
			t.Errorf("batch size %d: batches %v", size, got)
		}
	}
}

func TestBatchesShuffled(t *testing.T) {
	_, loop := distinctPairs(23)
	loop.Params.Shuffle = true
	epochs := func(seed uint64) [][]int {
		loop.Order = rand.New(rand.NewPCG(seed, 0))
		b := begun(loop)
		var all [][]int
		for range 3 {
			batches := epoch(b)
			if len(batches) != 5 || len(batches[4]) != 3 {
				t.Fatalf("batches %v", batches)
			}
			order := slices.Concat(batches...)
			visited := slices.Sorted(slices.Values(order))
			if !slices.Equal(visited, upTo(23)) {
				t.Errorf("an epoch visits %v", visited)
			}
			all = append(all, order)
		}
		return all
	}
	first := epochs(1)
	if slices.Equal(first[0], first[1]) || slices.Equal(first[0], upTo(23)) {
		t.Errorf("orders %v and %v of two epochs", first[0], first[1])
	}
	if again := epochs(1); !slices.EqualFunc(first, again, slices.Equal[[]int]) {
		t.Error("one source gives two orders")
	}
	if other := epochs(2); slices.Equal(first[0], other[0]) {
		t.Error("two sources give one order")
	}
}

func TestShuffledAllocatesNothing(t *testing.T) {
	for _, optimizer := range []OptimizerParams{&SGD{LR: 1e-2}, &Adam{LR: 1e-2, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}} {
		_, loop := distinctPairs(23)
		loop.Params.Shuffle, loop.Params.Optimizer, loop.Order = true, optimizer, rand.New(rand.NewPCG(1, 0))
		loop.Params.ClipNorm = 1e-3
		trainer := begun(loop)
		step := func() { takeStep(trainer) }
		for range 50 {
			step()
		}
		if allocs := testing.AllocsPerRun(200, step); allocs != 0 {
			t.Errorf("%T: %v allocations a step", optimizer, allocs)
		}
	}
}

package engine

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"windtunnel/experiments/spec"
	_ "windtunnel/toy/fixedseed"
)

// A worker that has done other runs, whatever they were, does a run as a new one does.
func TestWorker(t *testing.T) {
	t.Parallel()
	const broken = `name: broken
environment: {kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.3, 0.1], pi_ref: [0.4, 0.4, 0.2]}]}
train: {optimizer: {kind: sgd, lr: 1e6}, batch_size: 0, epochs: 100, record_every: 1}
objectives: [{kind: ipo, lambda: 1}]
sweep: {seed: [1, 2, 3]}
`
	var runs []*spec.Run
	for _, text := range []string{trained, linear, solved, broken} {
		runs = append(runs, planOf(t, text).Runs...)
	}
	for range 5 {
		panics := *runs[0]
		panics.Loss = &brokenLoss{late: true}
		runs = append(runs, &panics)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(runs), func(i, j int) { runs[i], runs[j] = runs[j], runs[i] })
	used := &worker{}
	for _, run := range runs {
		want, err := (&worker{}).do(context.Background(), run)
		if err != nil {
			t.Fatal(err)
		}
		got, err := used.do(context.Background(), run)
		if err != nil {
			t.Fatal(err)
		}
		got.stack, want.stack = "", "" // addresses differ
		if back, err := decodeResult(got.append(nil)); err != nil || !slices.Equal(back.append(nil), got.append(nil)) {
			t.Fatalf("%s: what is decoded is encoded otherwise (%v)", run, err)
		}
		if !slices.Equal(got.append(nil), want.append(nil)) {
			t.Fatalf("%s by a used worker:\n%q\nby a new one:\n%q", run, got.append(nil), want.append(nil))
		}
	}
}

// Whatever bytes a cache gives back, they are a result or an error.
func FuzzDecodeResult(f *testing.F) {
	f.Add((&worker{}).failed(&spec.Run{}, "no reason").append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeResult(data)
		if err != nil {
			return
		}
		if again, err := decodeResult(r.append(nil)); err != nil || !slices.Equal(again.append(nil), r.append(nil)) {
			t.Fatalf("%q is not decoded again: %v", data, err)
		}
	})
}

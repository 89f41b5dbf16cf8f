package language

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"

	"windtunnel/toy/llama"
	"windtunnel/toy/objective"
	"windtunnel/toy/train"
)

// A network learns by DPO to prefer 5 to 6, is saved half way, and goes on from there in another training.
func Example_resume() {
	loop := func() *pairLoop[float64] {
		m, _ := llama.New[float64](llama.Config{Dim: 16, Hidden: 32, Layers: 1, Heads: 2, KVHeads: 1, Vocab: 8, SeqLen: 8, Tied: true},
			rand.New(rand.NewPCG(1, 1)))
		n, _ := llama.NewNetwork(m, nil)
		l := &pairLoop[float64]{Params: train.DefaultParams(), comparisons: comparisons[float64]{Network: n,
			Objective: (&objective.DPO{Lambda: 0.1}).Objective(),
			Pairs:     []Pair{{Prompt: []int32{1, 3}, Chosen: []int32{5, 2}, Rejected: []int32{6, 2}}}}}
		l.Params.Epochs, l.Params.RecordEvery = 40, 20
		return l
	}
	print := func(r Record) error {
		fmt.Printf("step %d: loss %.4f, margin %.3f\n", r.Step, r.Loss, r.Margin)
		return nil
	}
	first := loop()
	first.Params.MaxSteps = 20
	half, _ := first.Start(context.Background())
	half.Run(context.Background(), print)
	var checkpoint bytes.Buffer
	half.Save(&checkpoint)

	rest, _ := loop().Start(context.Background())
	if err := rest.Load(&checkpoint); err != nil {
		fmt.Println(err)
	}
	out, _ := rest.Run(context.Background(), print)
	fmt.Println(out.Status, out.Steps)
	// Output:
	// step 0: loss NaN, margin NaN
	// step 20: loss 0.6102, margin 1.733
	// step 40: loss 0.5501, margin 3.101
	// done 40
}

// What a network writes is compared by reward with what the reference writes, and it is measured how far it has moved. Here
// the network is the reference itself.
func Example_evaluation() {
	m, _ := llama.New[float64](llama.Config{Dim: 16, Hidden: 32, Layers: 1, Heads: 2, KVHeads: 1, Vocab: 8, SeqLen: 16, Tied: true},
		rand.New(rand.NewPCG(1, 1)))
	n, _ := llama.NewNetwork(m, nil)
	e := &continuationEvaluator[float64]{
		Reference: n, Prompts: [][]int32{{1, 3}, {1, 4}}, Samples: 100,
		Sampling: llama.Sampling{Temperature: 1, TopP: 1, Tokens: 10},
		Reward:   func(_ int, text []int32) float64 { return float64(len(text)) },
	}
	e.prepare()
	e.Baseline, _ = e.drawBaseline(context.Background())
	found, _, _ := e.evaluate(context.Background(), n)
	for _, f := range found {
		fmt.Printf("win rate %.2f, KL %.3f\n", f.WinRate, f.KL)
	}
	// Output:
	// win rate 0.54, KL 0.000
	// win rate 0.55, KL 0.000
}

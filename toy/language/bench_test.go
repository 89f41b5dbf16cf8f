package language

import (
	"fmt"
	"os"
	"testing"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/objective"
	"windtunnel/toy/train"
)

// BenchmarkStep takes a step of DPO on 8 pairs of the trace, all 240 of them where WINDTUNNEL_HH names the file, else its
// first 16, their reference cached. It reports tokens as PyTorch's script does: a prompt once for each of its two responses.
func BenchmarkStep(b *testing.B) {
	pairs := firstPairs(b)
	if os.Getenv("WINDTUNNEL_HH") != "" {
		pairs = hh(b)
	}
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			l := &pairLoop[float32]{Params: published(), comparisons: comparisons[float32]{Network: stories[float32](b),
				Objective: (&objective.DPO{Lambda: 0.1}).Objective(), Pairs: pairs, Workers: workers}}
			tr := start(b, l)
			optimizer := l.Params.Optimizer.Optimizer(len(tr.Params()))
			var batches []train.Batch
			for range len(pairs) / tr.Batch {
				batches = append(batches, tr.batch())
				tr.steps++
			}
			step := func(i int) {
				grad, _, norm := tr.Gradient(batches[i%len(batches)])
				floats.Scale(min(1, 1/(norm+1e-6)), grad)
				optimizer.Step(tr.Params(), grad, 1)
				tr.Moved()
			}
			for i := range batches {
				step(i) // every pair was seen
			}
			tokens := 0
			for _, p := range l.Pairs {
				tokens += 2*len(p.Prompt) + len(p.Chosen) + len(p.Rejected)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				step(i)
			}
			b.ReportMetric(float64(tokens)/float64(len(batches))*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}

package tune

import (
	"fmt"
	"testing"

	"windtunnel/toy/objective"
)

// BenchmarkStep takes a step of DPO on 8 pairs of the trace, their reference cached, at several numbers of processors. It
// reports tokens as PyTorch's script does: a prompt once for each of its two responses.
func BenchmarkStep(b *testing.B) {
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			l := &Loop[float32]{Network: stories[float32](b), Objective: (&objective.DPO{Lambda: 0.1}).Objective(), Pairs: firstPairs(b),
				Params: published(), Workers: workers}
			l.Params.Epochs = 1 << 30
			tr := start(b, l)
			step := func() {
				tr.gradient()
				tr.move(tr.reduce(), 1)
			}
			for range 4 {
				step() // every pair was seen
			}
			tokens := 0
			for _, p := range l.Pairs {
				tokens += 2*len(p.Prompt) + len(p.Chosen) + len(p.Rejected)
			}
			b.ReportAllocs()
			for b.Loop() {
				step()
			}
			b.ReportMetric(float64(tokens)/2*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}

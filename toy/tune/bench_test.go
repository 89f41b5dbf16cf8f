package tune

import (
	"fmt"
	"os"
	"testing"

	"windtunnel/toy/objective"
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
			l := &Loop[float32]{Network: stories[float32](b), Objective: (&objective.DPO{Lambda: 0.1}).Objective(), Pairs: pairs,
				Params: published(), Workers: workers}
			l.Params.Epochs = 1 << 30
			tr := start(b, l)
			step := func() {
				tr.gradient()
				tr.move(tr.reduce(), 1)
			}
			for range tr.order.perEpoch {
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
			b.ReportMetric(float64(tokens)/float64(tr.order.perEpoch)*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}

package spec

import (
	"fmt"
	"runtime"
	"testing"
)

// sweepOf is a config of lambdas times seeds times sizes of the data.
func sweepOf(lambdas, seeds, sizes int) string {
	return fmt.Sprintf(`%spreferences: {kind: sample}
objectives: [dpo]
sweep:
  lambda: {logspace: {from: -5, to: 2, num: %d}}
  seed: {linspace: {from: 1, to: %d, num: %d}}
  preferences.n: {linspace: {from: 1, to: %d, num: %d}}
`, head, lambdas, seeds, seeds, sizes, sizes)
}

// BenchmarkPlan plans 100,000 runs and resolves each as the engine does.
func BenchmarkPlan(b *testing.B) {
	text := sweepOf(100, 50, 20)
	b.ReportAllocs()
	runs := 0
	for b.Loop() {
		plan := loaded(b, text).Plan
		for _, r := range plan.All() {
			r.Content()
			r.Cells()
		}
		runs += plan.Len()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(runs), "ns/run")
}

// BenchmarkRun resolves runs of a plan that is loaded.
func BenchmarkRun(b *testing.B) {
	plan := loaded(b, sweepOf(100, 50, 20)).Plan
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		r := plan.Run(i % plan.Len())
		r.Content()
		r.Cells()
		i += 7919
	}
}

// The memory of a plan does not grow with its runs: a million of them, each resolved, stay below 100 MB.
func TestMillionRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	plan := loaded(t, sweepOf(100, 100, 100)).Plan
	if plan.Len() != 1_000_000 {
		t.Fatalf("%d runs", plan.Len())
	}
	var most uint64
	seen := map[[8]byte]bool{}
	for i, r := range plan.All() {
		content := r.Content()
		if i%1000 == 0 {
			seen[[8]byte(content[:8])] = true
		}
		if i%250_000 == 0 {
			most = max(most, heap())
		}
	}
	if most = max(most, heap()); most-before > 100<<20 {
		t.Errorf("the plan holds %d bytes", most-before)
	}
	if len(seen) != 1000 {
		t.Errorf("1000 runs have %d contents", len(seen))
	}
	runtime.KeepAlive(plan)
}

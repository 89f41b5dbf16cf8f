package spec

import (
	"fmt"
	"runtime"
	"testing"

	"windtunnel/toy/fixedseed"
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
		for _, r := range plan.Runs {
			r.Cells()
		}
		runs += len(plan.Runs)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(runs), "ns/run")
}

// BenchmarkRun resolves runs of a plan that is loaded.
func BenchmarkRun(b *testing.B) {
	plan := loaded(b, sweepOf(100, 50, 20)).Plan
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		r := plan.Runs[i%len(plan.Runs)]
		r.Cells()
		i += 7919
	}
}

// A plan may have 200,000 runs, which stay below 200 MB, and no more.
func TestManyRuns(t *testing.T) {
	if !fixedseed.Soak {
		t.Skip("skipped without -tags soak: plans of two hundred thousand runs take seconds")
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	plan := loaded(t, sweepOf(100, 50, 40)).Plan
	contents := map[[32]byte]bool{}
	for _, r := range plan.Runs {
		contents[r.Content] = true
	}
	if len(plan.Runs) != mostRuns || len(contents) != mostRuns {
		t.Fatalf("%d runs with %d contents", len(plan.Runs), len(contents))
	}
	contents = nil
	if held := heap() - before; held > 200<<20 {
		t.Errorf("the plan holds %d bytes", held)
	}
	runtime.KeepAlive(plan)
	path := writeConfig(t, sweepOf(100, 50, 41))
	if _, err := load(path, nil); err == nil || err.Error() != path+":6:3: sweep: plans 205000 runs; want at most 200000" {
		t.Errorf("error %v", err)
	}
}

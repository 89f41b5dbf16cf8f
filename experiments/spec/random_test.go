package spec

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"windtunnel/toy/preference"
)

// ks is the Kolmogorov-Smirnov distance of a sample to a distribution function.
func ks(sample []float64, cdf func(float64) float64) float64 {
	slices.Sort(sample)
	most, n := 0.0, float64(len(sample))
	for i, x := range sample {
		most = max(most, math.Abs(cdf(x)-float64(i)/n), math.Abs(float64(i+1)/n-cdf(x)))
	}
	return most
}

const drawn = head + "preferences: sample\nobjectives: [dpo]\nsweep: [{random: "

// Draws follow their distributions: the distance to gonum's stays below the 0.1 % point of Kolmogorov's statistic.
func TestDistributions(t *testing.T) {
	t.Parallel()
	plan := loaded(t, drawn+`{n: 2000, seed: 3, keys: {lambda: {log_uniform: [1e-4, 1]}, constraint.l2: {uniform: [2, 5]}, preferences.n: {int: [1, 4]}, train.shuffle: {choice: [true, false, false]}}}}]`).Plan
	if len(plan.Runs) != 2000 {
		t.Fatalf("%d runs", len(plan.Runs))
	}
	var logs, l2 []float64
	counts := map[int]float64{}
	shuffled := 0.0
	for _, r := range plan.Runs {
		logs, l2 = append(logs, math.Log(r.Lambda)), append(l2, r.Constraint.L2)
		counts[r.Preferences.(*preference.Sample).N]++
		if r.Train.Shuffle {
			shuffled++
		}
	}
	critical := 1.95 / math.Sqrt(2000)
	if d := ks(logs, distuv.Uniform{Min: math.Log(1e-4), Max: 0}.CDF); d > critical {
		t.Errorf("the logarithms are %v from uniform", d)
	}
	if d := ks(l2, distuv.Uniform{Min: 2, Max: 5}.CDF); d > critical {
		t.Errorf("the uniform draws are %v from uniform", d)
	}
	if chi := stat.ChiSquare([]float64{counts[1], counts[2], counts[3], counts[4]}, []float64{500, 500, 500, 500}); chi > 16.27 || len(counts) != 4 {
		t.Errorf("whole numbers %v: chi-square %v", counts, chi)
	}
	if chi := stat.ChiSquare([]float64{shuffled, 2000 - shuffled}, []float64{2000. / 3, 4000. / 3}); chi > 10.83 {
		t.Errorf("%v of 2000 choices are the first of three", shuffled)
	}
}

// A draw depends on the seed and its key alone, not on the other keys and blocks nor on the spelling of the distribution.
func TestDrawsAreIndependent(t *testing.T) {
	t.Parallel()
	draws := func(sweep string) []float64 { return lambdas(loaded(t, drawn+sweep+"}]\n").Plan) }
	first := draws("{n: 5, seed: 1, keys: {lambda: {log_uniform: [1e-4, 1]}}}")
	same(t, "another spelling", draws("{n: 5, seed: 1, keys: {lambda: {log-uniform: [1e-4, 1]}}}"), first)
	same(t, "another key", draws("{n: 5, seed: 1, keys: {constraint.l2: {uniform: [0, 1]}, lambda: {log_uniform: [1e-4, 1]}}}"), first)
	same(t, "another block", draws("{n: 5, seed: 1, keys: {lambda: {log_uniform: [1e-4, 1]}}}}, {grid: {train.epochs: [9]}"), first)
	same(t, "more draws", draws("{n: 7, seed: 1, keys: {lambda: {log_uniform: [1e-4, 1]}}}")[:5], first)
	plan := loaded(t, drawn+"{n: 5, seed: 1, keys: {constraint.l2: {uniform: [0, 1]}, lambda: {uniform: [0, 1]}}}}]\n").Plan
	for _, r := range plan.Runs {
		if r.Lambda == r.Constraint.L2 {
			t.Errorf("two keys both draw %v", r.Lambda)
		}
	}
	if other := draws("{n: 5, seed: 2, keys: {lambda: {log_uniform: [1e-4, 1]}}}"); slices.Equal(other, first) {
		t.Error("another seed gives the same draws")
	}
}

// Draws from a few values are all different; as many as there are is each once.
func TestDrawsAreDistinct(t *testing.T) {
	t.Parallel()
	plan := loaded(t, drawn+"{n: 6, seed: 1, keys: {train.epochs: {int: [1, 3]}, train.shuffle: {choice: [true, false]}}}}]\n").Plan
	names := ids(plan)
	slices.Sort(names)
	if len(plan.Runs) != 6 || len(slices.Compact(names)) != 6 {
		t.Errorf("the draws are %v", ids(plan))
	}
}

package objective

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"windtunnel/toy/logspace"
)

// keptBy returns which comparisons of a batch a loss keeps: those that it has derivatives by.
func keptBy(o *Objective, b *Batch) (kept []int) {
	g := newGrad(len(b.Chosen))
	o.Grad(b, g)
	for i, v := range g.Chosen {
		if v != 0 {
			kept = append(kept, i)
		}
	}
	return kept
}

// TestFilterShares: how often each set of comparisons is kept, over many seeds, is what drawing one after another without
// replacement comes to, all orders of draws summed up.
func TestFilterShares(t *testing.T) {
	const n, keep, seeds = 5, 3, 40000
	b := customBatch(rand.New(rand.NewPCG(3, 5)), n)
	o := (&BetaDPO{Lambda: 0.3, A: 0.6, Momentum: 0.5, LeaveOut: 0.4}).Objective()
	for range 4 { // so that the averages are near the batch's own
		o.Advance(b)
	}
	mean, square, weights := 0.0, 0.0, make([]float64, n)
	for i := range n {
		weights[i] = b.Chosen[i] - b.RefChosen[i] - b.Rejected[i] + b.RefRejected[i]
		mean += weights[i] / n
	}
	for _, u := range weights {
		square += (u - mean) * (u - mean)
	}
	share := 1 - math.Pow(0.5, 4)
	for i, u := range weights {
		weights[i] = math.Exp(-math.Pow((u-share*mean)/(share*math.Sqrt(square/(n-1))), 2) / 2)
	}
	want := map[int]float64{} // by the set, a bit a comparison
	var draw func(set int, probability float64, left int)
	draw = func(set int, probability float64, left int) {
		if left == 0 {
			want[set] += probability
			return
		}
		rest := 0.0
		for i, w := range weights {
			if set&(1<<i) == 0 {
				rest += w
			}
		}
		for i, w := range weights {
			if set&(1<<i) == 0 {
				draw(set|1<<i, probability*w/rest, left-1)
			}
		}
	}
	draw(0, 1, keep)
	got := map[int]float64{}
	for seed := range seeds {
		o.Seed(uint64(seed))
		set := 0
		for _, i := range keptBy(o, b) {
			set |= 1 << i
		}
		got[set]++
	}
	for set, p := range want {
		if error := (got[set] - seeds*p) / math.Sqrt(seeds*p*(1-p)); math.Abs(error) > 4 {
			t.Errorf("set %05b: kept %v times of %d, want %v: %.1f standard errors", set, got[set], seeds, seeds*p, error)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d sets kept, want %d", len(got), len(want))
	}
}

// TestFilterSteps follows the loss over some steps, as the published code computes it from what is kept: the mean of DPO's losses,
// with beta by the mean margin of what is kept. Another seed keeps others; the same, after a checkpoint too, the same.
func TestFilterSteps(t *testing.T) {
	const n, keep, beta = 7, 5, 0.7
	rng := rand.New(rand.NewPCG(5, 6))
	p := &BetaDPO{Lambda: beta, A: 0.6, Momentum: 0.9, LeaveOut: 0.2}
	o, average, moved := p.Objective(), 0.0, 0
	var before []int
	for step := range 30 {
		b := customBatch(rng, n)
		resumed, other := p.Objective(), p.Objective()
		copy(resumed.State()[0], o.State()[0])
		other.Seed(1)
		for _, o := range []*Objective{o, resumed, other} {
			o.Advance(b)
		}
		margins, mean := make([]float64, n), 0.0
		for i := range margins {
			margins[i] = b.Chosen[i] - b.RefChosen[i] - b.Rejected[i] + b.RefRejected[i]
			mean += margins[i] / n
		}
		average = 0.9*average + 0.1*mean
		kept, left := keptBy(o, b), 0.0
		for _, i := range kept {
			left += margins[i] / keep
		}
		if len(kept) != keep || !slices.Equal(kept, keptBy(resumed, b)) {
			t.Fatalf("step %d: kept %v and after a checkpoint %v, want %d", step, kept, keptBy(resumed, b), keep)
		}
		if !slices.Equal(kept, before) || !slices.Equal(kept, keptBy(other, b)) {
			moved++
		}
		before = kept
		used, want, g := max(beta*(1+0.6*(left-average)), 1e-3), 0.0, newGrad(n)
		o.Grad(b, g)
		for _, i := range kept {
			want -= logspace.LogSigmoid(used*margins[i]) / keep
			if slope := -used * logspace.Sigmoid(-used*margins[i]) / keep; !close(g.Chosen[i], slope) || !close(g.Rejected[i], -slope) {
				t.Errorf("step %d, pair %d: derivative %v, by hand %v", step, i, g.Chosen[i], slope)
			}
		}
		if got := valueOf(o, b); !close(got, want) {
			t.Errorf("step %d: %v, by hand %v", step, got, want)
		}
	}
	if moved < 20 {
		t.Errorf("in %d of 30 steps what is kept depends on the step or the seed", moved)
	}
}

// TestFilterItems: equal comparisons that stand in one place of the columns are drawn each by itself.
func TestFilterItems(t *testing.T) {
	b := customBatch(rand.New(rand.NewPCG(5, 7)), 2)
	b.Order, b.OrderWeight = []int{1, 0, 1, 1, 0}, slices.Repeat([]float64{0.2}, 5)
	b.Weight = []float64{0.4, 0.6}
	apart := customBatch(rand.New(rand.NewPCG(5, 7)), 2)
	apart = permuted(apart, []int{1, 0, 1, 1, 0})
	apart.Weight = b.OrderWeight
	p := &BetaDPO{Lambda: 0.3, A: 0.6, Momentum: 0.9, LeaveOut: 0.4}
	for seed := range 20 {
		together, one := p.Objective(), p.Objective()
		together.Seed(uint64(seed))
		one.Seed(uint64(seed))
		if got, want := valueOf(together, b), valueOf(one, apart); !close(got, want) {
			t.Errorf("seed %d: %v, each in a place of its own %v", seed, got, want)
		}
	}
}

// TestFilterExtremes: a policy that is still its reference, a single comparison, margins beyond any Gaussian.
func TestFilterExtremes(t *testing.T) {
	for _, margins := range [][]float64{{0, 0, 0, 0, 0}, {3}, {1e8, -1e8, 1e300, 0, 1}} {
		n := len(margins)
		b := &Batch{Chosen: margins, Rejected: make([]float64, n), RefChosen: make([]float64, n), RefRejected: make([]float64, n),
			Weight: slices.Repeat([]float64{1 / float64(n)}, n)}
		o := (&BetaDPO{Lambda: 0.1, A: 0.6, Momentum: 0.9, LeaveOut: 0.4}).Objective()
		for range 3 {
			o.Advance(b)
			g := newGrad(n)
			o.Grad(b, g)
			if v := valueOf(o, b); v-v != 0 || slices.ContainsFunc(g.Chosen, func(v float64) bool { return v-v != 0 }) {
				t.Errorf("margins %v: loss %v, derivatives %v", margins, v, g.Chosen)
			}
			if allocations := testing.AllocsPerRun(10, func() { o.Grad(b, g) }); allocations > 0 {
				t.Errorf("margins %v: %v allocations a step", margins, allocations)
			}
		}
	}
}

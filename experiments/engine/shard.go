package engine

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"windtunnel/experiments/cache"
	"windtunnel/experiments/spec"
)

// Shard is one of Count parts of a plan, from 1. The zero Shard is the whole plan.
type Shard struct {
	Index int `json:"index"`
	Count int `json:"count"`
}

// mostShards bounds Count.
const mostShards = 100_000

// Set implements pflag.Value: it reads i/n, with 1 <= i <= n.
func (s *Shard) Set(text string) error {
	index, count, _ := strings.Cut(text, "/")
	i, errI := strconv.Atoi(index)
	n, errN := strconv.Atoi(count)
	if errI != nil || errN != nil || n < 1 || n > mostShards || i < 1 || i > n {
		return fmt.Errorf("%q: i/n with i from 1 to n, and n at most %d", text, mostShards)
	}
	*s = Shard{i, n}
	return nil
}

// Type implements pflag.Value.
func (s *Shard) Type() string { return "i/n" }

// String writes what Set reads, "" for the whole plan.
func (s *Shard) String() string {
	if s.Whole() {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Index, s.Count)
}

// Whole says whether this is the whole plan.
func (s *Shard) Whole() bool { return s.Count == 0 }

// Folder returns the name of the shard's folder for an experiment.
func (s *Shard) Folder(name string) string {
	return fmt.Sprintf("%s.shard-%d-of-%d", name, s.Index, s.Count)
}

// part returns the numbers of the shard's runs, the most expensive first.
func (s *Shard) part(plan *spec.Plan) []int32 {
	order := byCost(plan)
	if s.Whole() {
		return order
	}
	shards := deal(plan, order, s.Count)
	var mine []int32
	for at, run := range order {
		if shards[at] == int32(s.Index) {
			mine = append(mine, run)
		}
	}
	return mine
}

// deal gives each run of the order to the shard, from 1, that has the least to do so far. The costs of two shards differ
// by at most one run's.
func deal(plan *spec.Plan, order []int32, count int) []int32 {
	loads := make(loadHeap, count)
	for i := range loads {
		loads[i].shard = int32(i + 1)
	}
	shards := make([]int32, len(order))
	for at, run := range order {
		shards[at] = loads[0].shard
		loads[0].cost += plan.Runs[run].Cost()
		heap.Fix(&loads, 0)
	}
	return shards
}

// byCost returns the numbers of all runs, the most expensive first, so that no long run is left to the end of a sweep.
// Runs of equal cost keep the order of the plan.
func byCost(plan *spec.Plan) []int32 {
	order := make([]int32, len(plan.Runs))
	costs := make([]float64, len(plan.Runs))
	for i := range order {
		order[i], costs[i] = int32(i), plan.Runs[i].Cost()
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(costs[b], costs[a]) })
	return order
}

// load is the cost that a shard has been given.
type load struct {
	cost  float64
	shard int32
}

// loadHeap has the shard of the least load on top, the first of several.
type loadHeap []load

func (h loadHeap) Len() int { return len(h) }
func (h loadHeap) Less(i, j int) bool {
	return h[i].cost < h[j].cost || h[i].cost == h[j].cost && h[i].shard < h[j].shard
}
func (h loadHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push and Pop are never called: the number of shards is fixed.
func (h *loadHeap) Push(x any) { *h = append(*h, x.(load)) }
func (h *loadHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// Standing is how far a shard is.
type Standing struct {
	Runs, Done, Failed int // Failed of Done
}

// Standings returns how far each of count shards of a plan is, by what the cache holds.
func Standings(plan *spec.Plan, from *cache.Store, count int) []Standing {
	order := byCost(plan)
	shards := deal(plan, order, count)
	all := make([]Standing, count)
	for at, i := range order {
		s, k := &all[shards[at]-1], keysOf(plan.Runs[i], Numerics())
		s.Runs++
		switch {
		case from.Has(k.result):
			s.Done++
		case from.Has(k.failure):
			s.Done++
			s.Failed++
		}
	}
	return all
}

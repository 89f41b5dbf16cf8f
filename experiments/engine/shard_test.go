package engine

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Every run is in exactly one shard, and no shard has more than another by more than one run's cost.
func TestShardsPartition(t *testing.T) {
	t.Parallel()
	plan := planOf(t, trained, "sweep.train.epochs=[1, 7, 30]")
	dearest := 0.0
	for i := range len(plan.Runs) {
		dearest = max(dearest, plan.Runs[i].Cost())
	}
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(1, len(plan.Runs)+3).Draw(t, "count")
		var all []int32
		var costs []float64
		for index := 1; index <= count; index++ {
			s := Shard{index, count}
			part, cost := s.part(plan), 0.0
			for _, i := range part {
				cost += plan.Runs[i].Cost()
			}
			all, costs = append(all, part...), append(costs, cost)
		}
		slices.Sort(all)
		for i, run := range all {
			if i != int(run) {
				t.Fatalf("run %d is in no shard or in two", i)
			}
		}
		if len(all) != len(plan.Runs) || slices.Max(costs)-slices.Min(costs) > dearest {
			t.Fatalf("%d runs in shards of cost %v", len(all), costs)
		}
	})
}

func TestSetShard(t *testing.T) {
	for text, want := range map[string]Shard{"1/1": {1, 1}, "2/3": {2, 3}, "100000/100000": {100_000, 100_000}} {
		var got Shard
		if err := got.Set(text); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "1", "0/3", "4/3", "-1/3", "1/0", "1/100001", "a/b", "1/2/3", "1 / 2", "1/2x"} {
		var got Shard
		if err := got.Set(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

func ExampleShard_Folder() {
	s := Shard{2, 3}
	fmt.Println(s.Folder("interpolation"), s.String())
	// Output: interpolation.shard-2-of-3 2/3
}

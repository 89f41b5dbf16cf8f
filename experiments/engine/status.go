package engine

import "windtunnel/experiments/spec"

// Standing is how far a shard is.
type Standing struct {
	Runs, Done, Failed int // Failed of Done
}

// Standings returns how far each of count shards of a plan is, by what the cache holds.
func Standings(plan *spec.Plan, from shelf, count int) []Standing {
	order := byCost(plan)
	shards := deal(plan, order, count)
	all := make([]Standing, count)
	for at, i := range order {
		s, k := &all[shards[at]-1], keysOf(plan.Run(int(i)), Numerics())
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

// Cached returns how many runs of the plan the cache settles.
func Cached(plan *spec.Plan, from shelf) int {
	all := Standings(plan, from, 1)
	return all[0].Done
}

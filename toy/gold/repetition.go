package gold

import (
	"cmp"
	"slices"
	"strings"

	"windtunnel/toy/registry"
)

// Repetition is minus the share of the continuation's n-grams that are repetitions of others, seq-rep-n:
//
//	-(1 - distinct n-grams / n-grams)
//
// (Welleck et al. 2020, arXiv 1908.04319). It lies in (-1, 0]; a continuation of fewer than n tokens or words has 0.
type Repetition struct {
	N    int    `yaml:"n" range:"[1,100]" doc:"length of the n-grams, in units"`
	Unit string `yaml:"unit" oneof:"tokens,words" doc:"what n-grams are made of"`
}

// Reward returns minus the share.
func (p *Repetition) Reward() Reward { return *p }

// Score implements [Reward]. What repeats nothing has 0, not -0.
func (p Repetition) Score(continuation string, ids []int32) float64 {
	if p.Unit == Words {
		return 0 - repeated(strings.Fields(continuation), p.N)
	}
	return 0 - repeated(ids, p.N)
}

// repeated returns the share of n-grams that are equal to another one before them.
func repeated[T cmp.Ordered](sequence []T, n int) float64 {
	total := len(sequence) - n + 1
	if total < 2 {
		return 0
	}
	grams := make([][]T, total)
	for i := range grams {
		grams[i] = sequence[i : i+n]
	}
	slices.SortFunc(grams, slices.Compare)
	distinct := len(slices.CompactFunc(grams, slices.Equal))
	return float64(total-distinct) / float64(total)
}

var repetitionKind = registry.Kind[Params]{
	Name:    "repetition",
	Summary: "minus the share of n-grams that the continuation repeats, in (-1, 0]",
	Source:  "Welleck et al. 2020, arXiv 1908.04319, seq-rep-n",
	New:     func() Params { return &Repetition{N: 3, Unit: Tokens} },
}

// Package gold holds rewards of continuations that are computed, not rated by people: what an experiment on a language
// model takes for the true reward. A reward is a function of the continuation, as text and as token ids, and not of the
// prompt.
//
// All rewards are pure functions: the same continuation has the same reward in any process and on any core.
package gold

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"windtunnel/toy/registry"
)

// Params is implemented by every parameter struct of Kinds. It is safe for concurrent use.
type Params interface {
	// Score returns the reward of one continuation, which is finite. ids are its tokens, without the one that ended it;
	// rewards that count tokens read only these, the others only the text. The parameters must have passed their checks.
	Score(continuation string, ids []int32) float64
}

// Default returns the parameters of the reward that is meant where none is named: VADER.
func Default() Params { return &VADER{} }

// Kinds lists the gold rewards, sorted by name.
func Kinds() registry.Table[Params] {
	return registry.Table[Params]{lengthKind, mixtureKind, repetitionKind, vaderKind}
}

// Units in which continuations are counted.
const (
	Tokens     = "tokens"     // ids of the model's tokenizer, without the one that ended the continuation
	Characters = "characters" // Unicode code points
	Words      = "words"      // what stands between white space
)

// Length is the length of the continuation:
//
//	n / scale
//
// with n its tokens or characters. It is at least 0.
type Length struct {
	Unit  string  `yaml:"unit" oneof:"tokens,characters" doc:"what is counted"`
	Scale float64 `yaml:"scale" range:"[1e-6,1e9]" doc:"the length that has reward 1, in units"`
}

func (p *Length) Score(continuation string, ids []int32) float64 {
	n := len(ids)
	if p.Unit == Characters {
		n = utf8.RuneCountInString(continuation)
	}
	return float64(n) / p.Scale
}

var lengthKind = registry.Kind[Params]{
	Name:    "length",
	Summary: "length of the continuation over a scale: a reward that is exploited by writing on",
	Source:  "this project; as a bias of learned rewards, Singhal et al. 2023, arXiv 2310.03716",
	New:     func() Params { return &Length{Unit: Tokens, Scale: 64} },
}

// Repetition is minus the share of the continuation's n-grams that are repetitions of others, seq-rep-n:
//
//	-(1 - distinct n-grams / n-grams)
//
// (Welleck et al. 2020, arXiv 1908.04319). It lies in (-1, 0]; a continuation of fewer than n tokens or words has 0.
type Repetition struct {
	N    int    `yaml:"n" range:"[1,100]" doc:"length of the n-grams, in units"`
	Unit string `yaml:"unit" oneof:"tokens,words" doc:"what n-grams are made of"`
}

// Score implements [Params]. What repeats nothing has 0, not -0.
func (p *Repetition) Score(continuation string, ids []int32) float64 {
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

// Mixture is a weighted sum of rewards r_k:
//
//	sum_k weight_k r_k
//
// Weights are in the order of the parts, need not sum to 1 and may be negative: a negative weight of length asks for short
// continuations.
type Mixture struct {
	Parts []Part `yaml:"parts" required:"true" doc:"the rewards, each with its weight and its own parameters"`
}

// Part is one reward of a mixture.
type Part struct {
	Weight float64 `yaml:"weight" required:"true" range:"[-1e6,1e6]" doc:"what the reward is multiplied by"`
	Reward Params  `yaml:",kind"`
}

// Check refuses an empty mixture.
func (p *Mixture) Check() []registry.Problem {
	if len(p.Parts) == 0 {
		return []registry.Problem{{Key: "parts", Wrong: "is empty", Allowed: "at least one reward"}}
	}
	return nil
}

func (p *Mixture) Score(continuation string, ids []int32) float64 {
	sum := 0.0
	for _, part := range p.Parts {
		sum += part.Weight * part.Reward.Score(continuation, ids)
	}
	return sum
}

var mixtureKind = registry.Kind[Params]{
	Name:    "mixture",
	Summary: "a weighted sum of other rewards, with weights that are known",
	Source:  "this project",
	New:     func() Params { return &Mixture{} },
}

// Package gold holds rewards of continuations that are computed, not rated by people: what an experiment on a language model takes
// for the true reward. A reward is a function of the continuation, as text and as token ids, and not of the prompt.
//
// All rewards are pure functions: the same continuation has the same reward in any process and on any core.
package gold

import "windtunnel/toy/registry"

// Reward scores continuations. It may be used by any number of goroutines at the same time.
type Reward interface {
	// Score returns the reward of one continuation, which is finite. ids are its tokens, without the one that ended it;
	// rewards that count tokens read only these, the others only the text. Neither is kept or changed.
	Score(continuation string, ids []int32) float64
}

// Params is implemented by every parameter struct of Kinds.
type Params interface {
	// Reward returns the reward that the parameters describe. They must have passed their checks and not change after.
	Reward() Reward
}

// Default returns the parameters of the reward that is meant where none is named: VADER.
func Default() Params { return &VADER{} }

// Kinds lists the gold rewards, sorted by name.
func Kinds() registry.Table[Params] {
	return registry.Table[Params]{lengthKind, mixtureKind, repetitionKind, vaderKind}
}

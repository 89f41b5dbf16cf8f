package spec

import (
	"slices"
	"strings"

	"windtunnel/toy/language"
	"windtunnel/toy/preference"
	"windtunnel/toy/registry"
)

// both merges two tables by name, of kinds over responses that can be enumerated and of free text.
func both[T any](a, b registry.Table[T]) registry.Table[T] {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(x, y registry.Kind[T]) int { return strings.Compare(x.Name, y.Name) })
	return all
}

// Language says whether the run trains a language model, whose responses cannot be enumerated. It has no bandit
// environment, and its tables are others.
func (r *Run) Language() bool {
	_, ok := r.Environment.(language.Environment)
	return ok
}

// BuildTask makes what a run of a language model trains. shared, which may be nil, saves work that other runs have done; save,
// which may be nil, is how it keeps checkpoints.
func (r *Run) BuildTask(shared *language.Shared, save *language.Save) (language.Task, error) {
	in := r.taskInput()
	in.Shared, in.Save = shared, save
	return language.New(in)
}

func (r *Run) taskInput() language.Input {
	return language.Input{Environment: r.Environment.(language.Environment), Policy: r.Policy.(*language.Llama),
		Preferences: r.Preferences, Loss: r.Loss, Train: r.Train, File: r.File, Source: r.Source}
}

// languageCost is the cost of a run of a language model. Computing a pair forward and back takes about as long as drawing and
// evaluating a continuation, which is the unit. What the losses of one seed share, its pairs and the evaluation at the
// start, is left out.
func (r *Run) languageCost() float64 {
	pairs, drawn, prompts, rounds := 240.0, 0.0, 0.0, 1.0 // a guess where files tell
	s, stories := r.Environment.(*language.Stories)
	if stories {
		prompts = float64(s.Train)
	}
	switch p := r.Preferences.(type) {
	case *language.Human:
		if p.N > 0 {
			pairs = float64(p.N)
		}
	case *language.Continuations:
		pairs = float64(p.Pairs) * prompts
	case *preference.Online:
		rounds = float64(p.Rounds)
		pairs = float64(p.Pairs) * rounds * prompts
		drawn = 2 * pairs
	}
	trained := pairs * float64(r.Train.Epochs)
	steps := trained
	if size := r.Train.BatchSize; size > 0 {
		steps = max(1, trained/float64(size))
	}
	if most := float64(r.Train.MaxSteps) * rounds; most > 0 && steps > most { // a limit of each round
		trained, steps = trained*most/steps, most
	}
	evaluations := 1.0
	if every := r.Environment.(language.Environment).EvaluateEvery(); every > 0 {
		evaluations += steps / float64(every)
	}
	if stories {
		drawn += evaluations * float64((s.Train+s.HeldOut)*s.Samples)
	}
	return 1 + trained + drawn
}

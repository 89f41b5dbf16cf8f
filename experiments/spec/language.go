package spec

import (
	"cmp"
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
	drawn, steps := 0.0, r.Steps()
	s, stories := r.Environment.(*language.Stories)
	if p, online := r.Preferences.(*preference.Online); online && stories {
		drawn = 2 * float64(p.Pairs*p.Rounds*s.Train)
	}
	trained := steps * float64(cmp.Or(r.Train.BatchSize, 240))
	evaluations := 1.0
	if every := r.Environment.(language.Environment).EvaluateEvery(); every > 0 {
		evaluations += steps / float64(every)
	}
	if stories {
		drawn += evaluations * float64((s.Train+s.HeldOut)*s.Samples)
	}
	return 1 + trained + drawn
}

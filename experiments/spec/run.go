package spec

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"windtunnel/metrics/tables"
	"windtunnel/toy/language"
	"windtunnel/toy/preference"
	"windtunnel/toy/registry"
	"windtunnel/toy/setup"
)

// Run is one resolved run, complete in itself.
type Run struct {
	setup.Run
	ID     string   // readable and unique in its plan: the objective's label and what is swept, as dpo/lambda=1e-05
	Label  string   // of the objective
	Lambda float64  // of the objective, NaN where it has none
	Swept  []string // values of the plan's swept columns, as tables hold them
	Limits Limits
	// Content is the SHA-256 of all that makes the run's results, as it was planned: its settings and its loss, every one
	// written out, without limits, and the content of its data files. Runs of different configs, under different names and at
	// different places of their sweeps have the same content where they would do the same.
	Content [sha256.Size]byte
	// Data is the SHA-256 of all that the run's environment and comparisons are made from. Runs with the same share both.
	Data [sha256.Size]byte

	files map[string]*dataFile // that the plan read, by the path as the config spells it
}

// Cost is the expected cost of the run in training steps, for progress and balance; only ratios matter.
func (r *Run) Cost() float64 {
	switch {
	case r.Language():
		return r.languageCost()
	case r.Solver == setup.SolverPath:
		return 5000
	case !r.Trained():
		if o := r.Online(); o != nil {
			return 1000 * float64(o.Rounds)
		}
		return 1000
	}
	return r.Steps()
}

// Steps is how many steps a training is expected to take. Where the number of comparisons is not known it is a guess.
func (r *Run) Steps() float64 {
	n, rounds := 20.0*10, 1.0
	if s, stories := r.Environment.(*language.Stories); stories {
		n = float64(s.Train)
	}
	switch p := r.Preferences.(type) {
	case *preference.Sample:
		n = float64(p.N)
	case *preference.Online:
		rounds = float64(p.Rounds)
		if r.Language() {
			n *= float64(p.Pairs)
		} else if n = float64(p.Pairs); p.Accumulate {
			n *= (rounds + 1) / 2
		}
	case *preference.Population:
		n = 1
	case *language.Human:
		n = float64(cmp.Or(p.N, 240))
	case *language.Continuations:
		n *= float64(p.Pairs)
	}
	steps := rounds * float64(r.Train.Length(int(n)))
	if most := float64(r.Train.MaxSteps); most > 0 && r.Language() {
		steps = min(steps, most*rounds) // a limit of each round
	} else if most > 0 {
		steps = min(steps, most)
	}
	return steps
}

// String names the run with its seed.
func (r *Run) String() string {
	if strings.Contains(r.ID, "/seed=") {
		return r.ID
	}
	return fmt.Sprintf("%s (seed %d)", r.ID, r.Seed)
}

// Cells returns the run's cells in the columns of the table runs that are known before anything is trained.
func (r *Run) Cells() []string {
	return slices.Concat([]string{r.ID, r.Label, tables.FormatFloat(r.Lambda), strconv.Itoa(r.Seed)}, r.Swept)
}

// setting names what the run shares with those that differ from it in the seed alone.
func (r *Run) setting() string {
	return fmt.Sprintf("%q", append([]string{r.Label, tables.FormatFloat(r.Lambda)}, r.Swept...))
}

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

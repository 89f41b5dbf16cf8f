package spec

import (
	"slices"
	"strings"

	"windtunnel/toy/bandit"
	"windtunnel/toy/language"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/registry"
	"windtunnel/toy/setup"
)

// environments, policies and preferences list every kind, those over responses that can be enumerated and those of free
// text.
func environments() registry.Table[bandit.Params] {
	return both(bandit.Kinds(), language.Environments())
}
func policies() registry.Table[policy.Params] { return both(policy.Kinds(), language.Policies()) }
func preferences() registry.Table[preference.Params] {
	return both(preference.Kinds(), language.Preferences())
}

// both merges two tables by name.
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

// reviewFamily refuses settings that do not go together: free text and responses that can be enumerated.
func (s *surroundings) reviewFamily(run *Run, from *origin) {
	l := s.l
	if s.first == nil {
		s.first, s.plan.traits.language = run, run.Language()
	}
	if run.Language() != s.first.Language() {
		l.fail(from.mistake("environment.kind", "differs from other runs in whether responses can be enumerated, and so in its tables",
			"a config of its own for each"))
		return
	}
	if !run.Language() {
		l.refuseText(run, from)
		return
	}
	s.describeText(run)
	if _, ok := run.Policy.(*language.Llama); !ok {
		l.fail(from.mistake("policy.kind", "cannot write the free text of environment.kind", "llama"))
	}
	if allowed := language.Accepts(run.Environment.(language.Environment), run.Preferences); allowed != "" {
		l.fail(from.mistake("preferences.kind", "does not go with environment.kind", allowed))
	}
	if run.Solver == setup.SolverExact {
		l.fail(from.mistake("solver", "cannot be exact where responses are free text", setup.SolverTrain))
	}
	if run.Constraint.L2 > 0 || run.Constraint.KLRadius > 0 {
		l.fail(from.mistake("constraint", "needs responses that can be enumerated", "no constraint"))
	}
}

// describeText takes down the prompts and the tables that a language model will have.
func (s *surroundings) describeText(run *Run) {
	if h, ok := run.Preferences.(*language.Human); ok && h.HeldOut > 0 {
		s.plan.traits.evaluated = true
	}
	stories, ok := run.Environment.(*language.Stories)
	if !ok {
		return
	}
	s.plan.traits.written, s.plan.traits.evaluated = true, true
	for _, name := range stories.PromptNames() {
		if !s.prompts[name] {
			s.prompts[name] = true
			s.plan.Prompts = append(s.plan.Prompts, name)
		}
	}
}

// refuseText refuses a language model and preferences between texts where responses are numbered.
func (l *loader) refuseText(run *Run, from *origin) {
	const wrong = "is about free text, which environment.kind has not"
	if _, ok := run.Policy.(*language.Llama); ok {
		l.fail(from.mistake("policy.kind", wrong, "one of "+names(policy.Kinds().Entries())+"; or environment.kind stories or dialogues"))
	}
	switch p := run.Preferences.(type) {
	case *preference.Online:
		if _, texts := p.Proxy.(*preference.Texts); texts {
			l.fail(from.mistake("preferences.proxy.kind", wrong, "flipped, gold or noisy; or environment.kind stories"))
		}
	case *language.Human, *language.Continuations:
		l.fail(from.mistake("preferences.kind", wrong, "one of "+names(preference.Kinds().Entries())+"; or environment.kind stories or dialogues"))
	}
}

func names(entries []registry.Entry) string {
	var all []string
	for _, e := range entries {
		all = append(all, e.Name)
	}
	return strings.Join(all, ", ")
}

// reviewTask builds what the run trains, without sampling or training anything.
func (l *loader) reviewTask(run *Run, from *origin) {
	if !run.Language() {
		return
	}
	problems := language.Check(run.taskInput())
	for _, p := range problems {
		if p.Key == "" { // a line of a data file
			name, _, _ := strings.Cut(p.Line, ":")
			l.fail(fileMistake(name, p.Line))
			continue
		}
		l.fail(from.mistake(p.Key, p.Wrong, p.Allowed))
	}
}

package spec

import (
	"slices"
	"strings"

	"windtunnel/toy/bandit"
	"windtunnel/toy/language"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/registry"
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

// BuildTask makes what a run of a language model trains. cache keeps log-probabilities of the reference.
func (r *Run) BuildTask(cache language.Cache) (language.Task, error) {
	return language.New(language.Input{Environment: r.Environment.(language.Environment), Policy: r.Policy.(*language.Llama),
		Preferences: r.Preferences, Loss: r.Loss, Train: r.Train, File: r.File, Source: r.sourceFor, Cache: cache})
}

// reviewFamily refuses settings that do not go together: free text and responses that can be enumerated.
func (s *surroundings) reviewFamily(run *Run, from *origin) {
	l := s.l
	if s.first == nil {
		s.first, s.plan.Language = run, run.Language()
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
	if _, ok := run.Policy.(*language.Llama); !ok {
		l.fail(from.mistake("policy.kind", "cannot write the free text of environment.kind", "llama"))
	}
	if allowed := language.Accepts(run.Environment.(language.Environment), run.Preferences); allowed != "" {
		l.fail(from.mistake("preferences.kind", "does not go with environment.kind", allowed))
	}
	if run.Solver == SolverExact {
		l.fail(from.mistake("solver", "cannot be exact where responses are free text", SolverTrain))
	}
	if run.Constraint.L2 > 0 || run.Constraint.KLRadius > 0 {
		l.fail(from.mistake("constraint", "needs responses that can be enumerated", "no constraint"))
	}
}

// refuseText refuses a language model and preferences between texts where responses are numbered.
func (l *loader) refuseText(run *Run, from *origin) {
	const wrong = "is about free text, which environment.kind has not"
	if _, ok := run.Policy.(*language.Llama); ok {
		l.fail(from.mistake("policy.kind", wrong, "one of "+names(policy.Kinds().Entries())+"; or environment.kind stories or dialogues"))
	}
	switch run.Preferences.(type) {
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
	problems := language.Check(language.Input{Environment: run.Environment.(language.Environment), Policy: run.Policy.(*language.Llama),
		Preferences: run.Preferences, Loss: run.Loss, Train: run.Train, File: run.File})
	for _, p := range problems {
		if p.Key == "" { // a line of a data file
			for text := range strings.SplitSeq(p.Wrong, "\n") {
				l.fail(fileMistake(p.File, text))
			}
			continue
		}
		l.fail(from.mistake(p.Key, p.Wrong, p.Allowed))
	}
}

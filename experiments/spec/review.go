package spec

import (
	"fmt"
	"strconv"
	"strings"

	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/bandit"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/setup"
)

// mostValues bounds the numbers that a run may hold, so that a slip of the pen ends in a message and not in a machine
// without memory.
const mostValues = 20_000_000

// reviewSolver refuses what the solver cannot do.
func (l *loader) reviewSolver(run *Run, from *origin) {
	if run.Solver == setup.SolverExact && run.Constraint.KLRadius > 0 {
		l.fail(from.mistake("constraint.kl_radius", "is a projection between training steps, which the exact solver has not",
			"solver: train, or constraint.l2"))
	}
}

// reviewOnline refuses to look for the minimizer over comparisons that depend on how it is looked for.
func (l *loader) reviewOnline(run *Run, from *origin) {
	if run.Online() != nil && run.Solver == setup.SolverExact && run.Loss.Objective().Compares() {
		l.fail(from.mistake("solver", "is exact, but "+run.Label+" compares pairs that are drawn from the policy in training",
			"solver: train, or preferences that are drawn before"))
	}
}

// reviewEnvironment builds the run's environment and takes down its prompts.
func (s *surroundings) reviewEnvironment(run *Run, from *origin) {
	if !s.l.environmentFits(run, from) {
		return
	}
	env, err := run.BuildEnvironment()
	if err != nil {
		s.l.fail(from.mistake("environment", err.Error(), "an environment that can be built"))
		return
	}
	for i := range env.Prompts {
		if name := env.Prompts[i].Name; !s.prompts[name] {
			s.prompts[name] = true
			s.plan.Prompts = append(s.plan.Prompts, name)
		}
	}
	s.plan.traits.listed = s.plan.traits.listed || env.Responses() <= MostListed
	s.plan.traits.grouped = s.plan.traits.grouped || len(env.Groups()) > 0
}

// reviewBatches warns of minibatches of the population, which are no unbiased sample of it.
func (s *surroundings) reviewBatches(run *Run, from *origin) {
	_, population := run.Preferences.(*preference.Population)
	size := run.Train.BatchSize
	if s.warned || !population || run.Solver != setup.SolverTrain || size == 0 {
		return
	}
	env := s.environment(run, from)
	if all := len(env.Prompts) * env.Responses() * (env.Responses() - 1); size < all {
		s.warned = true
		s.l.warn(fmt.Sprintf("train.batch_size: the population's %d comparisons carry probabilities as weights, which a minibatch of %d "+
			"normalizes anew; batch_size: 0 takes the exact expectation", all, size))
	}
}

// environmentFits refuses random environments that are too large to build.
func (l *loader) environmentFits(run *Run, from *origin) bool {
	e, random := run.Environment.(*bandit.Random)
	if !random || e.Prompts*max(e.Prompts, e.Responses) <= mostValues {
		return true
	}
	l.fail(from.mistake("environment.prompts", fmt.Sprintf("are %d prompts of %d responses", e.Prompts, e.Responses),
		fmt.Sprintf("prompts times prompts and prompts times responses up to %d", mostValues)))
	return false
}

// reviewPolicy builds the policy at its start. What a policy needs of its environment, no tag of its parameters can
// say, so it is put into words here.
func (s *surroundings) reviewPolicy(run *Run, from *origin) {
	l, env := s.l, s.environment(run, from)
	k := env.Responses()
	if p, ok := run.Policy.(*policy.LowRankParams); ok && len(p.Basis) == 0 {
		if most := min(k-1, mostValues/max(k, len(env.Prompts))); p.Rank > most {
			l.fail(from.mistake("policy.rank", fmt.Sprintf("is %d with %d responses", p.Rank, k),
				fmt.Sprintf("a whole number in [1,%d]", most)))
			return
		}
	}
	_, err := run.BuildPolicy(env)
	if err == nil {
		return
	}
	switch run.Policy.(type) {
	case *policy.LowRankParams:
		l.fail(from.mistake("policy.basis", err.Error(), fmt.Sprintf("vectors of %d entries, one a response", k)))
	case *policy.LinearParams:
		wrong, allowed, _ := strings.Cut(err.Error(), "; ")
		l.fail(from.mistake("environment.prompts", wrong, strings.TrimPrefix(allowed, "give ")))
	default:
		l.fail(from.mistake("policy", err.Error(), "a policy that fits the environment"))
	}
}

// reviewPreferences reads the pairs of a file, whose mistakes have positions of their own, and refuses more comparisons
// than fit. Sampled comparisons may take long to draw and are not drawn.
func (s *surroundings) reviewPreferences(run *Run, from *origin) {
	l, env := s.l, s.environment(run, from)
	k, prompts := float64(env.Responses()), float64(len(env.Prompts))
	switch p := run.Preferences.(type) {
	case *preference.Population:
		if n := prompts * k * (k - 1); n > mostValues {
			l.fail(from.mistake("preferences", fmt.Sprintf("are %.0f comparisons", n),
				fmt.Sprintf("at most %d, or {kind: sample, n: ...}", mostValues)))
		}
	case *preference.Sample:
		if n := prompts * float64(p.N); n > mostValues {
			l.fail(from.mistake("preferences.n", fmt.Sprintf("draws %.0f comparisons", n), fmt.Sprintf("at most %d in all", mostValues)))
		}
	case *preference.Online:
		n := prompts * float64(p.Pairs)
		if p.Accumulate {
			n *= float64(p.Rounds)
		}
		if n > mostValues {
			l.fail(from.mistake("preferences.pairs", fmt.Sprintf("draws %.0f comparisons to train on at a time", n), fmt.Sprintf("at most %d", mostValues)))
		}
	case *preference.File:
		pairs, err := run.BuildPreferences(env)
		if err == nil {
			run.preferenceFile().unpaired = pairs.Unpaired()
			return
		}
		for text := range strings.SplitSeq(err.Error(), "\n") {
			l.fail(fileMistake(run.preferenceFile().name, text))
		}
	}
}

// fileMistake gives a line "FILE:LINE: what is wrong; what is allowed" of a data file's error its position.
func fileMistake(name, text string) decode.Error {
	text = strings.TrimPrefix(text, name+":")
	e := decode.Error{File: name, Wrong: strings.TrimSpace(text)}
	number, wrong, _ := strings.Cut(text, ": ")
	if line, err := strconv.Atoi(number); err == nil {
		e.Line, e.Wrong = line, wrong
	}
	return e
}

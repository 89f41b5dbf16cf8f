package spec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"windtunnel/experiments/record"
	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/bandit"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
)

// mostValues bounds the numbers that a run may hold, so that a slip of the pen ends in a message and not in a machine
// without memory.
const mostValues = 20_000_000

// reviewRun makes a run's environment, data and policy where no earlier run has the same, and checks what only shows
// then: data files against environments, policies against features and responses, solvers against constraints. Sampled
// data may take long to draw; only files are read.
func (l *loader) reviewRun(p *Plan, run *Run, from *origin) {
	if run.Solver == SolverExact && run.Constraint.KLRadius > 0 {
		l.fail(from.mistake("constraint.kl_radius", "is a projection between training steps, which the exact solver has not",
			"solver: train, or constraint.l2"))
	}
	same := encodeYAML(decode.Encode(&Settings{Seed: run.Seed, Environment: run.Environment, Preferences: run.Preferences,
		Policy: run.Policy}, l.Tables))
	if l.made[same] {
		l.reviewUnpaired(run, from)
		return
	}
	l.made[same] = true
	if !l.environmentFits(run, from) {
		return
	}
	env, err := run.BuildEnvironment()
	if err != nil {
		l.fail(from.mistake("environment", err.Error(), "an environment that can be built"))
		return
	}
	for i := range env.Prompts {
		if name := env.Prompts[i].Name; !slices.Contains(p.Prompts, name) {
			p.Prompts = append(p.Prompts, name)
		}
	}
	l.reviewBatches(run, env)
	l.reviewPolicy(run, env, from)
	l.reviewPreferences(run, env, from)
	l.reviewUnpaired(run, from)
}

// reviewBatches warns of minibatches of the population, which are no unbiased sample of it.
func (l *loader) reviewBatches(run *Run, env *bandit.Env) {
	_, population := run.Preferences.(*preference.Population)
	all := len(env.Prompts) * env.Responses() * (env.Responses() - 1)
	if size := run.Train.BatchSize; population && run.Solver == SolverTrain && size > 0 && size < all {
		l.warn(fmt.Sprintf("train.batch_size: the population's %d comparisons carry probabilities as weights, which a minibatch of %d "+
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
func (l *loader) reviewPolicy(run *Run, env *bandit.Env, from *origin) {
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
// than fit.
func (l *loader) reviewPreferences(run *Run, env *bandit.Env, from *origin) {
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
	case *preference.File:
		if run.file.content == nil {
			return // it could not be read, which has been said
		}
		if _, err := run.BuildPreferences(env); err != nil {
			for text := range strings.SplitSeq(err.Error(), "\n") {
				l.fail(fileMistake(run.file.name, text))
			}
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

// dropIdleSeeds keeps the first seed of a sweep over seeds that change nothing, and says so: bands over them would have
// no width.
func (p *Plan) dropIdleSeeds() []string {
	first := map[string]bool{}
	idle := 0
	keep := p.Runs[:0:0]
	for _, run := range p.Runs {
		same := fmt.Sprintf("%q %q %q", run.Label, record.FormatFloat(run.Lambda), run.Swept)
		if first[same] && !run.random() {
			idle++
			continue
		}
		first[same] = true
		keep = append(keep, run)
	}
	if idle == 0 {
		return nil
	}
	p.Runs = keep
	return []string{fmt.Sprintf("sweep.seed: the seed changes nothing in %d of the runs (preferences, environment, policy and "+
		"order of batches are all fixed); they are left out, and only the first seed is run", idle)}
}

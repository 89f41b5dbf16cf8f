package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/bandit"
)

// cause strips the operation and the path from a file error.
func cause(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// review checks what only shows when runs are made concrete: data files against environments, policies against
// features, solvers against constraints, claims and figures against columns. It returns warnings.
func (l *loader) review(exp *Experiment, p *Plan) ([]string, error) {
	checked := map[string]bool{}
	for _, run := range p.Runs {
		l.reviewRun(p, run, checked)
	}
	l.reviewReferences(&exp.Tail, map[string]*Plan{"": p})
	if err := decode.Join(l.errs...); err != nil {
		return nil, err
	}
	return p.dropIdleSeeds(), nil
}

// reviewRun makes a run's environment, data and policy where no earlier run has the same. Sampled data cannot be wrong
// and may be large; only files are read.
func (l *loader) reviewRun(p *Plan, run *Run, checked map[string]bool) {
	if run.Solver == SolverExact && run.Constraint.KLRadius > 0 {
		key := "constraint.kl_radius"
		l.fail(l.Error(decode.Lookup(l.root, key), key, "is a projection between training steps, which the exact solver has not",
			"solver: train, or constraint.l2"))
	}
	same := encodeYAML(decode.Encode(&Settings{Seed: run.Seed, Environment: run.Environment, Preferences: run.Preferences,
		Policy: run.Policy}, l.Tables))
	if checked[same] {
		return
	}
	checked[same] = true
	env, err := run.BuildEnvironment()
	if err != nil {
		l.fail(l.Error(decode.Lookup(l.root, "environment"), "environment", err.Error(), ""))
		return
	}
	for i := range env.Prompts {
		if name := env.Prompts[i].Name; !slices.Contains(p.Prompts, name) {
			p.Prompts = append(p.Prompts, name)
		}
	}
	if _, err := run.BuildPolicy(env); err != nil {
		l.fail(l.Error(decode.Lookup(l.root, "policy"), "policy", err.Error(), ""))
	}
	l.reviewFile(run, env)
}

// reviewFile reads the preference pairs of a file; its mistakes have positions of their own.
func (l *loader) reviewFile(run *Run, env *bandit.Env) {
	if run.file == nil || run.file.content == nil {
		return
	}
	if _, err := run.BuildPreferences(env); err != nil {
		for _, line := range strings.Split(err.Error(), "\n") {
			l.fail(errors.New(line))
		}
	}
}

// dropIdleSeeds keeps the first seed of a sweep over seeds that change nothing, and says so: bands over them would have
// no width.
func (p *Plan) dropIdleSeeds() []string {
	first := map[string]bool{}
	idle := 0
	keep := p.Runs[:0:0]
	for _, run := range p.Runs {
		same := run.withoutSeed()
		if first[same] && !run.random() {
			idle++
			continue
		}
		first[same] = true
		keep = append(keep, run)
	}
	if !slices.Contains(p.Axes, "seed") || idle == 0 {
		return nil
	}
	p.Runs = keep
	return []string{fmt.Sprintf("sweep.seed: the seed changes nothing in %d of the runs (preferences, environment, policy and "+
		"order of batches are all fixed); each of these is run once, with the first seed", idle)}
}

// withoutSeed is the run's name less its seed.
func (r *Run) withoutSeed() string {
	parts := strings.Split(r.ID, "/")
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return strings.HasPrefix(s, "seed=") }), "/")
}

// reviewSuite checks the figures of a suite against its members.
func (l *loader) reviewSuite(c *Config) {
	plans := map[string]*Plan{}
	for _, member := range c.Members {
		plans[member.Head.Name] = member.Plan
	}
	l.reviewReferences(&c.Suite.Tail, plans)
}

package scorecard

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime/debug"
	"sync"

	"windtunnel/metrics"
	"windtunnel/toy/bandit"
	"windtunnel/toy/exact"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/setup"
	"windtunnel/toy/train"
)

// task is one minimization: the settings of a run, a loss, and the data where the preferences are a file.
type task struct {
	setup.Settings
	loss objective.Params
	file []byte
	// What the settings would build, where it is at hand.
	givenEnv   *bandit.Env
	givenPairs *preference.Pairs
	// The loss built once for all attempts at the task, of which each is over before the next begins; nil builds it anew.
	once func() *objective.Objective
}

// outcome is a minimizer, or why there is none.
type outcome struct {
	task        // as solved: with the solver that was used
	env         *bandit.Env
	pairs       *preference.Pairs
	logPi       [][]float64 // a nil row where there is no policy
	status      string
	reason      string
	reached     float64 // the loss there
	convergence convergence
	err         error

	// Of a search, see searcher: where it ended, the loss around, and whether that end is certain: the gradient is small
	// there, or no minimizer is to be had.
	end, trial []float64
	certain    bool
}

// convergence says whether an outcome is a minimizer.
type convergence int

// By design: a run whose very end is the question (early stopping, displacement), which nobody expects to converge.
const (
	byDesign convergence = iota
	converged
	unconverged
)

// convergedIf is converged where the condition holds.
func convergedIf(there bool) convergence {
	if there {
		return converged
	}
	return unconverged
}

// SolverNewton is what solver columns name policies that Newton's method found: no config can ask for it.
const SolverNewton = "newton"

// settingsAt returns the settings of a run on the whole population in an environment. Those of training are what a config
// that reproduces a cell says where nothing is trained.
func settingsAt(env bandit.Params, seed int) setup.Settings {
	return setup.Settings{Seed: seed, Environment: env, Preferences: &preference.Population{}, Policy: &policy.TabularParams{},
		Solver: setup.SolverExact, Train: train.Params{Optimizer: &train.Adam{LR: 1, Beta1: 0.9, Beta2: 0.999, Eps: 1e-30},
			Schedule: &train.Cosine{}, Epochs: 300}}
}

// minimum returns the minimizer of the population loss in an environment, from the cache if it is there.
func (s *Subject) minimum(p *Environment, lambda float64) *outcome {
	return s.solve(p.Name, lambda, p.task)
}

// minimumKey tells minimizers of one loss apart.
type minimumKey struct {
	variant string
	lambda  float64 // 0 for none: NaN is no key
}

// solve returns the minimizer of the loss in the settings that make returns, which variant names uniquely. It is computed
// once in a visit. A loss that the exact solver does not know, or does not finish, is searched for.
func (s *Subject) solve(variant string, lambda float64, make func() task) *outcome {
	key := minimumKey{variant, lambda}
	if math.IsNaN(lambda) {
		key.lambda = 0
	}
	o, done := s.cache[key]
	if !done {
		t := make()
		t.loss = s.at(lambda)
		o = s.minimized(variant, lambda, t)
		if s.cache != nil {
			s.cache[key] = o
		}
	}
	s.evidence.add(variant, lambda, o)
	return o
}

// mostMisses is how many times in a row Newton's method may fail in an environment before it is not tried there any more.
const mostMisses = 3

// minimized minimizes the task of a variant. Searches begin with the one at lambda = 1, where others may have their end.
func (s *Subject) minimized(variant string, lambda float64, t task) *outcome {
	t.once = sync.OnceValue(t.loss.Objective)
	middle := s.nearest(1)
	if s.smooth() || s.cache == nil || t.Solver == setup.SolverTrain || math.IsNaN(lambda) || lambda == middle {
		newton := s.smooth() && s.misses < mostMisses
		o := t.minimize(s.shared.ctx, lambda, newton)
		switch {
		case o.Solver != SolverSearch:
			s.misses = 0
		case newton:
			s.misses++
		}
		return o
	}
	if o := t.exact(s.shared.ctx); o.decided() {
		return o
	}
	key := minimumKey{variant, middle}
	base, done := s.cache[key]
	if !done {
		there := t
		there.loss = s.at(middle)
		there.once = sync.OnceValue(there.loss.Objective)
		base = there.minimize(s.shared.ctx, middle, false)
		s.cache[key] = base
	}
	return t.searched(s.shared.ctx, lambda, base)
}

// minimize solves the task exactly, or else, with newton, by Newton's method from the start, or else, where that does not
// converge, by quasiNewton. A task that asks for training is trained.
func (t task) minimize(ctx context.Context, lambda float64, newton bool) *outcome {
	if t.Solver == setup.SolverTrain {
		return t.descend(ctx)
	}
	if newton {
		if o, ok := t.solved(ctx); ok {
			return o
		}
	} else if o := t.exact(ctx); o.decided() {
		return o
	}
	return t.searched(ctx, lambda, nil)
}

// solved solves the task by the exact solver or by Newton's method, and says whether one of them could.
func (t task) solved(ctx context.Context) (*outcome, bool) {
	if o := t.exact(ctx); o.decided() {
		return o, true
	}
	o := t.stationary(ctx)
	return o, o.err == nil && o.convergence == converged && o.reason == ""
}

// decided says whether the exact solver knows the answer: a policy, or that there is none.
func (o *outcome) decided() bool {
	return o.err == nil && o.status != string(exact.Stalled) && (o.status != string(exact.Boundary) || o.whole())
}

// whole says whether there is a policy for every prompt.
func (o *outcome) whole() bool {
	for _, row := range o.logPi {
		if row == nil {
			return false
		}
	}
	return len(o.logPi) > 0
}

// why says in a sentence why there is no policy.
func (o *outcome) why() string {
	if o.err != nil {
		return o.err.Error()
	}
	return "no minimizer (" + o.status + "): " + cmp.Or(o.reason, "no reason given")
}

// run is the run of the task's settings.
func (t *task) run() *setup.Run {
	return &setup.Run{Settings: t.Settings, Loss: t.loss, File: func(path string) ([]byte, string) { return t.file, path }}
}

// build makes the task's run concrete. The setup is nil where the outcome has an error.
func (t *task) build() (*outcome, *setup.Setup) {
	o := &outcome{task: *t}
	o.once = nil // another task may come of this one, with another loss
	have := setup.Given{Env: t.givenEnv, Pairs: t.givenPairs}
	if t.once != nil {
		have.Objective = t.once()
	}
	made, err := setup.New(t.run(), have)
	if o.err = err; err != nil {
		return o, nil
	}
	o.env, o.pairs = made.Env, made.Pairs
	return o, made
}

// survive turns a panic of a loss into the outcome's error.
func (t *task) survive(o **outcome) {
	if v := recover(); v != nil {
		*o = &outcome{task: *t, err: fmt.Errorf("panic: %v\n%s", v, debug.Stack())}
	}
}

// exact solves the task without falling back on training.
func (t task) exact(ctx context.Context) (o *outcome) {
	t.Solver = setup.SolverExact
	defer t.survive(&o)
	o, made := t.build()
	if o.err != nil {
		return o
	}
	s, err := made.Solve(ctx)
	if o.err = err; err == nil {
		o.logPi, o.status, o.reason, o.reached = s.Policy, string(s.Status), s.Reason, s.Loss
		o.convergence = convergedIf(s.Status != exact.Stalled)
	}
	return o
}

// stationary descends to a stationary point by Newton's method.
func (t task) stationary(ctx context.Context) (o *outcome) {
	t.Solver = SolverNewton
	defer t.survive(&o)
	o, made := t.build()
	if o.err != nil {
		return o
	}
	s, err := made.Solve(ctx)
	if o.err = err; err == nil {
		o.logPi, o.status, o.reason, o.reached = s.Policy, string(s.Status), s.Reason, s.Loss
		o.convergence = convergedIf(s.Status == train.Converged)
	}
	return o
}

// descend trains.
func (t *task) descend(ctx context.Context) (o *outcome) {
	t.Solver = setup.SolverTrain
	defer t.survive(&o)
	o, made := t.build()
	if o.err != nil {
		return o
	}
	loop := made.Loop()
	end, err := loop.Run(ctx, func(train.Record) {})
	if o.err = err; err != nil {
		return o
	}
	o.status, o.reason = string(end.Status), end.Reason
	o.logPi = make([][]float64, len(o.env.Prompts))
	if end.Status == train.Diverged {
		return o
	}
	o.reached = made.Problem.Loss(train.Full(o.pairs, made.Problem))
	for p := range o.logPi {
		o.logPi[p] = make([]float64, o.env.Responses())
		made.LogPolicy(p, o.logPi[p])
	}
	return o
}

// view returns a prompt's policy as metrics see it.
func (o *outcome) view(prompt int) *metrics.View {
	x := &o.env.Prompts[prompt]
	v := metrics.NewView(x.LogRef, x.LogStar, x.LogReference())
	v.Set(o.logPi[prompt])
	return v
}

// metric measures a prompt's policy by a column of the tables.
func (o *outcome) metric(name string, prompt int) float64 {
	m, ok := metrics.Find(name)
	if !ok {
		panic("scorecard: there is no metric " + name)
	}
	return m.Value(o.view(prompt))
}

// probabilities returns exp of a row of log-probabilities.
func probabilities(logs []float64) []float64 {
	p := make([]float64, len(logs))
	logspace.Exp(p, logs)
	return p
}

// variation is the total variation between two policies given as log-probabilities.
func variation(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += math.Abs(math.Exp(a[i])-math.Exp(b[i])) / 2
	}
	return sum
}

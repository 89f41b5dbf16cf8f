package scorecard

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime/debug"
	"sync"

	"gonum.org/v1/gonum/floats"

	"windtunnel/experiments/spec"
	"windtunnel/metrics"
	"windtunnel/toy/bandit"
	"windtunnel/toy/exact"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// task is one minimization: the settings of a run, a loss, and the data where the preferences are a file.
type task struct {
	spec.Settings
	loss objective.Params
	file []byte
}

// outcome is a minimizer, or why there is none.
type outcome struct {
	task    // as solved: with the solver and the learning rate that were used
	env     *bandit.Env
	pairs   *preference.Pairs
	logPi   [][]float64 // a nil row where there is no policy
	status  string
	reason  string
	reached float64 // the loss there
	settled settled
	err     error
}

// settled says whether an outcome is where its loss wants it.
type settled int

// By design: a run whose very end is the question (early stopping, displacement), which nobody expects to arrive.
const (
	byDesign settled = iota
	arrived
	underway
)

// settledIf is arrived where the condition holds.
func settledIf(there bool) settled {
	if there {
		return arrived
	}
	return underway
}

// SolverNewton is what solver columns name policies that exact.Stationary found: no config can ask for it.
const SolverNewton = "newton"

// settingsAt returns the settings of a run on the whole population in an environment.
func settingsAt(env bandit.Params, seed int) spec.Settings {
	return spec.Settings{Seed: seed, Environment: env, Preferences: &preference.Population{}, Policy: &policy.TabularParams{},
		Solver: spec.SolverExact, Train: fullBatch(1)}
}

// Training of a loss that has no second derivatives: full-batch Adam, the learning rate falling to 0 on half a cosine.
const (
	trainSteps = 300
	slowRate   = 0.05 // for losses that see the policy itself
	// restingSlope is the share of its first norm that a gradient may keep where training counts as having arrived.
	restingSlope = 1e-6
)

// scaledRate is the learning rate for losses that see lambda times a margin: 1 nat of that a step.
func scaledRate(lambda float64) float64 {
	if math.IsNaN(lambda) {
		return 1
	}
	return min(1/lambda, 1e6)
}

func fullBatch(rate float64) train.Params {
	return train.Params{Optimizer: &train.Adam{LR: rate, Beta1: 0.9, Beta2: 0.999, Eps: 1e-30}, Schedule: &train.Cosine{},
		Epochs: trainSteps}
}

// minimum returns the minimizer of the population loss at a place, from the cache if it is there.
func (s *Subject) minimum(p *Place, lambda float64) *outcome {
	return s.solve(p.Name, lambda, func() task { return task{Settings: settingsAt(p.Params, p.Seed)} })
}

// solve returns the minimizer of the loss in the settings that make returns, which variant names uniquely, once for all
// who ask. A loss that the exact solver does not know, or does not finish, is trained.
func (s *Subject) solve(variant string, lambda float64, make func() task) *outcome {
	o := s.lab.once(fmt.Sprintf("%s\n%v\n%s", s.Label, lambda, variant), func() *outcome {
		t := make()
		t.loss = s.at(lambda)
		return t.minimize(s.lab.ctx, lambda)
	})
	s.evidence.add(variant, lambda, o)
	return o
}

// once does the work for a key once.
func (l *lab) once(key string, work func() *outcome) *outcome {
	l.mu.Lock()
	do, ok := l.cache[key]
	if !ok {
		do = sync.OnceValue(work)
		l.cache[key] = do
	}
	l.mu.Unlock()
	return do()
}

// solvable says whether a second-order method arrives with the loss at ordinary lambdas, so that minimizers cost little.
func (s *Subject) solvable() bool {
	for _, p := range s.lab.places[:2] {
		for _, lambda := range []float64{0.01, 1, 100} {
			if o := s.minimum(p, s.nearest(lambda)); o.Solver == spec.SolverTrain || o.settled != arrived {
				return false
			}
		}
	}
	return true
}

// minimize solves the task exactly, or else by Newton's method from the start, or else, where that does not arrive,
// trains as well and keeps the lower loss.
func (t task) minimize(ctx context.Context, lambda float64) *outcome {
	if t.Solver == spec.SolverTrain {
		return t.trained(ctx, lambda)
	}
	t.Solver = spec.SolverExact
	o := t.exact(ctx)
	stuck := o.status == string(exact.Stalled) || o.status == string(exact.Boundary) && !o.whole()
	if o.err == nil && !stuck {
		return o
	}
	best := t.stationary(ctx)
	if best.settled == arrived {
		return best
	}
	t.Train = fullBatch(scaledRate(lambda))
	return lower(best, t.trained(ctx, lambda))
}

// trained trains as the task says; where it does not say for itself how long, at two learning rates, one for losses that
// see lambda times the margin and one for those that do not, and keeps the lower loss.
func (t task) trained(ctx context.Context, lambda float64) *outcome {
	best := t.descend(ctx)
	if t.Train.Epochs != trainSteps {
		best.settled = byDesign
		return best
	}
	t.Train = fullBatch(slowRate)
	return lower(best, t.descend(ctx))
}

// lower returns the outcome with the lower loss, the first where they are equal or neither has a policy.
func lower(a, b *outcome) *outcome {
	usable := func(o *outcome) bool { return o.err == nil && o.whole() && !math.IsNaN(o.reached) }
	if usable(b) && (!usable(a) || b.reached < a.reached) {
		return b
	}
	if !usable(a) {
		return b
	}
	return a
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

// build makes environment, comparisons and policy as a run of the same settings does.
func (t *task) build() (*outcome, policy.Policy) {
	run := &spec.Run{Settings: t.Settings}
	o := &outcome{task: *t}
	var pol policy.Policy
	if o.env, o.err = run.BuildEnvironment(); o.err != nil {
		return o, nil
	}
	if t.file != nil {
		o.pairs, o.err = t.Preferences.Build(preference.Input{Env: o.env, File: t.file, FileName: t.Preferences.FilePath()})
	} else {
		o.pairs, o.err = run.BuildPreferences(o.env)
	}
	if o.err == nil {
		pol, o.err = run.BuildPolicy(o.env)
	}
	return o, pol
}

// survive turns a panic of a loss into the outcome's error.
func (t *task) survive(o **outcome) {
	if v := recover(); v != nil {
		*o = &outcome{task: *t, err: fmt.Errorf("panic: %v\n%s", v, debug.Stack())}
	}
}

// exact solves the task without falling back on training.
func (t *task) exact(ctx context.Context) (o *outcome) {
	defer t.survive(&o)
	o, pol := t.build()
	if o.err != nil {
		return o
	}
	s, err := exact.Solve(ctx, &exact.Problem{Env: o.env, Policy: pol.(policy.Affine), Objective: t.loss.Objective(),
		Pairs: o.pairs, L2: t.Constraint.L2})
	if o.err = err; err == nil {
		o.logPi, o.status, o.reason, o.reached = s.Policy, string(s.Status), s.Reason, s.Loss
		o.settled = settledIf(s.Status != exact.Stalled)
	}
	return o
}

// stationary descends to a stationary point by Newton's method.
func (t task) stationary(ctx context.Context) (o *outcome) {
	t.Solver = SolverNewton
	defer t.survive(&o)
	o, pol := t.build()
	if o.err != nil {
		return o
	}
	s, err := exact.Stationary(ctx, &exact.Problem{Env: o.env, Policy: pol.(policy.Affine), Objective: t.loss.Objective(),
		Pairs: o.pairs, L2: t.Constraint.L2})
	if o.err = err; err == nil {
		o.logPi, o.status, o.reason, o.reached = s.Policy, string(s.Status), s.Reason, s.Loss
		o.settled = settledIf(s.Status == exact.Converged)
	}
	return o
}

// descend trains.
func (t *task) descend(ctx context.Context) (o *outcome) {
	t.Solver = spec.SolverTrain
	defer t.survive(&o)
	o, pol := t.build()
	if o.err != nil {
		return o
	}
	problem := train.NewProblem(o.env, pol, t.loss.Objective(), t.Constraint.L2)
	slope := func() float64 {
		grad := make([]float64, len(pol.Params()))
		problem.AddGrad(train.Full(o.pairs, problem), grad)
		return floats.Norm(grad, 2)
	}
	begin := slope()
	loop := train.Loop{Problem: problem, Data: o.pairs, Params: t.Train}
	end, err := loop.Run(ctx, func(train.Record) {})
	if o.err = err; err != nil {
		return o
	}
	o.status, o.reason = string(end.Status), end.Reason
	o.logPi = make([][]float64, len(o.env.Prompts))
	if end.Status == train.Diverged {
		return o
	}
	o.reached = problem.Loss(train.Full(o.pairs, problem))
	o.settled = settledIf(slope() <= restingSlope*begin)
	for p := range o.logPi {
		o.logPi[p] = make([]float64, o.env.Responses())
		pol.Logits(p, o.logPi[p])
		logspace.LogSoftmax(o.logPi[p], o.logPi[p])
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

package scorecard

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime/debug"
	"sync"

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
	err     error
}

// settingsAt returns the settings of a run on the whole population in an environment.
func settingsAt(env bandit.Params, seed int) spec.Settings {
	return spec.Settings{Seed: seed, Environment: env, Preferences: &preference.Population{}, Policy: &policy.TabularParams{},
		Solver: spec.SolverExact, Train: fullBatch(1)}
}

// Training of a loss that cannot be solved: full-batch Adam, the learning rate falling to 0 on half a cosine.
const (
	trainSteps = 300
	slowRate   = 0.05 // for losses that see the policy itself
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
	return s.lab.once(fmt.Sprintf("%s\n%v\n%s", s.Label, lambda, variant), func() *outcome {
		t := make()
		t.loss = s.at(lambda)
		return t.minimize(s.lab.ctx, lambda)
	})
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

// solvable says whether the exact solver knows the loss.
func (s *Subject) solvable() bool {
	return s.minimum(s.lab.places[0], s.nearest(1)).Solver == spec.SolverExact
}

// minimize solves the task exactly, or else trains at two learning rates, one for losses that see lambda times the
// margin and one for those that do not, and keeps the lower loss.
func (t task) minimize(ctx context.Context, lambda float64) *outcome {
	if t.Solver == spec.SolverExact {
		o := t.exact(ctx)
		stuck := o.status == string(exact.Stalled) || o.status == string(exact.Boundary) && !o.whole()
		if o.err == nil && !stuck {
			return o
		}
		t.Solver = spec.SolverTrain
		t.Train = fullBatch(scaledRate(lambda))
	}
	best := t.descend(ctx)
	if t.Train.Epochs != trainSteps {
		return best
	}
	t.Train = fullBatch(slowRate)
	if other := t.descend(ctx); best.err != nil || !best.whole() || other.err == nil && other.whole() && other.reached < best.reached {
		best = other
	}
	return best
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

package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"time"

	"windtunnel/experiments/spec"
	"windtunnel/metrics"
	"windtunnel/toy/exact"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// Failed is the status of a run that broke. The other statuses are those of training and of the exact solver; a
// minimizer that does not exist is a result, not a failure.
const Failed = "failed"

// outcome is a finished run: why it ended, the final policy where there is one, and the rows along the way.
type outcome struct {
	status, reason string
	steps          int
	final          bool   // the views hold a final policy, and the desk what was measured of it
	trace          []byte // rows in CSV
	trajectory     []byte
}

// lab is a run made concrete: what it trains and what it is measured by.
type lab struct {
	*desk
	run     *spec.Run
	pairs   *preference.Pairs
	policy  policy.Policy
	problem *train.Problem
	whole   *train.Minibatch // all comparisons
}

// perform does a run and makes its rows, within the run's limits. The entry shares the memory of the desk: it is good
// until the next run. The error is the context's.
func (d *desk) perform(ctx context.Context, run *spec.Run) (*entry, error) {
	if int64(run.Limits.Memory) > 0 {
		return isolated(ctx, run)
	}
	return d.performHere(ctx, run)
}

// performHere does a run in this process. A panic becomes a failed run, so that one broken loss does not lose the others.
func (d *desk) performHere(ctx context.Context, run *spec.Run) (e *entry, err error) {
	defer func() {
		if p := recover(); p != nil {
			e, err = broken(run, fmt.Sprintf("panic: %v", p)), nil
			e.stack = string(debug.Stack())
			*d = desk{} // nobody knows what the run was in the middle of
		}
	}()
	limit, limited := time.Duration(run.Limits.Time), ctx
	if limit > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	e, err = d.reach(limited, run)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		e.limit = limit
	}
	return e, nil
}

// late is the outcome of a run that took too long.
func late(run *spec.Run) outcome {
	return failure(fmt.Sprintf("took longer than limits.time, %s", time.Duration(run.Limits.Time)))
}

// reach does what a run asks for. The error is the context's, beside the entry of a run that took too long.
func (d *desk) reach(ctx context.Context, run *spec.Run) (*entry, error) {
	if run.Language() {
		return d.performTexts(ctx, run)
	}
	l, err := d.newLab(run)
	if err != nil {
		return broken(run, err.Error()), nil
	}
	out, err := l.reach(ctx)
	if err != nil {
		return l.entry(late(run)), err
	}
	return l.entry(out), nil
}

// reach finds the final policy by the run's solver, unless the objective gives it. The error is the context's.
func (l *lab) reach(ctx context.Context) (outcome, error) {
	if direct, ok := l.run.Loss.(objective.Direct); ok {
		return l.give(direct), nil
	}
	if l.run.Solver == spec.SolverExact {
		return l.solve(ctx)
	}
	return l.train(ctx)
}

// entry makes the rows of a finished run.
func (l *lab) entry(out outcome) *entry {
	return &entry{name: l.run.ID, status: out.status, reason: out.reason, bodies: l.rows(&out)}
}

// broken is the entry of a run that failed before it had anything to show.
func broken(run *spec.Run, reason string) *entry {
	if run.Language() {
		return (&desk{}).newTexts(run).entry(failure(reason))
	}
	return (&lab{run: run, desk: &desk{}}).entry(failure(reason))
}

// failure is the outcome of a run that failed.
func failure(reason string) outcome { return outcome{status: Failed, reason: reason} }

func (d *desk) newLab(run *spec.Run) (*lab, error) {
	if err := d.enter(run); err != nil {
		return nil, err
	}
	pairs, err := run.BuildPreferences(d.env)
	if err != nil {
		return nil, err
	}
	pol, err := run.BuildPolicy(d.env)
	if err != nil {
		return nil, err
	}
	d.compare(pairs)
	d.reward(run)
	problem := train.NewProblem(d.env, pol, run.Loss.Objective(), run.Constraint.L2)
	if problem.Objective.Sampled != nil {
		problem.DrawReference(run.Source("reference-samples", nil))
	}
	return &lab{desk: d, run: run, pairs: pairs, policy: pol, problem: problem, whole: train.Full(pairs, problem)}, nil
}

// reward gives every view the rewards that labels follow, where preferences are online.
func (d *desk) reward(run *spec.Run) {
	rewards := make([][]float64, len(d.views))
	if run.Online() != nil {
		rewards = run.Rewards(d.env)
	}
	for p, v := range d.views {
		v.Proxy = rewards[p]
	}
}

// enter makes the run's environment and a view of every prompt, or keeps those of the run before if it has the same
// environment, drawn from the same seed. Nothing changes an environment.
func (d *desk) enter(run *spec.Run) error {
	if d.declared != nil && d.declared == run.Environment && d.seed == run.EnvironmentSeed() {
		return nil
	}
	d.declared, d.views, d.training, d.groups = nil, nil, nil, nil
	var err error
	if d.env, err = run.BuildEnvironment(); err != nil {
		return err
	}
	d.logPi = make([]float64, d.env.Responses())
	for p := range d.env.Prompts {
		prompt := &d.env.Prompts[p]
		d.views = append(d.views, metrics.NewView(prompt.LogRef, prompt.LogStar, prompt.LogReference()))
	}
	d.training = d.viewsOf(d.env.Training())
	d.groups = nil
	for _, g := range d.env.Groups() {
		d.groups = append(d.groups, group{g.Name, d.viewsOf(g.Prompts)})
	}
	d.declared, d.seed = run.Environment, run.EnvironmentSeed()
	return nil
}

// viewsOf returns the views of some prompts.
func (d *desk) viewsOf(prompts []int) []*metrics.View {
	views := make([]*metrics.View, len(prompts))
	for i, p := range prompts {
		views[i] = d.views[p]
	}
	return views
}

// compare gives every view its distinct comparisons. A single response with a label compares nothing.
func (d *desk) compare(pairs *preference.Pairs) {
	for _, v := range d.views {
		v.Chosen, v.Rejected, v.Weight = v.Chosen[:0], v.Rejected[:0], v.Weight[:0]
	}
	if pairs.Unpaired() {
		return
	}
	if d.distinct == nil {
		d.distinct = make(map[[3]int]int)
	}
	clear(d.distinct)
	for i := range pairs.Len() {
		key := [3]int{pairs.Prompt[i], pairs.Chosen[i], pairs.Rejected[i]}
		v := d.views[key[0]]
		j, ok := d.distinct[key]
		if !ok {
			j = len(v.Chosen)
			d.distinct[key] = j
			v.Chosen, v.Rejected, v.Weight = append(v.Chosen, key[1]), append(v.Rejected, key[2]), append(v.Weight, 0)
		}
		v.Weight[j] += pairs.WeightOf(i)
	}
}

// look copies the current policy into the views.
func (l *lab) look() {
	for p, v := range l.views {
		l.policy.Logits(p, l.logPi)
		logspace.LogSoftmax(l.logPi, l.logPi)
		v.Set(l.logPi)
	}
}

// train takes optimizer steps and records along the way.
func (l *lab) train(ctx context.Context) (outcome, error) {
	trace, trajectory := l.sheet(tracesTable), l.sheet(trajectoriesTable)
	loop := train.Loop{Problem: l.problem, Data: l.pairs, Params: l.run.Train, KLRadius: l.run.Constraint.KLRadius,
		Order: l.run.Source("batches", nil), Online: l.online()}
	listed, last := 0, 0 // steps
	end, err := loop.Run(ctx, func(r train.Record) {
		l.look()
		l.measure(r.Loss, r.GradNorm)
		l.traceRow(trace, r.Step)
		if last = r.Step; l.listedAt(r.Step) {
			listed = r.Step
			l.trajectoryRows(trajectory, r.Step)
		}
	})
	if errors.Is(err, preference.ErrNoPairs) {
		return failure(err.Error()), nil
	}
	if err != nil {
		return outcome{}, err
	}
	if last > listed {
		l.trajectoryRows(trajectory, last)
	}
	out := outcome{status: string(end.Status), reason: end.Reason, steps: end.Steps, final: true,
		trace: trace.body, trajectory: trajectory.body}
	if end.Status == train.Diverged {
		out.status, out.reason, out.final = Failed, "training diverged: "+end.Reason, false
	}
	return out, nil
}

// listedAt says whether a recorded policy goes into the table trajectories. The ends of online rounds do not, beside those
// that the settings ask for: there are many.
func (l *lab) listedAt(step int) bool {
	every := l.run.Train.RecordEvery
	return l.run.Online() == nil || step == 0 || every > 0 && step%every == 0
}

// online returns where the comparisons of online training come from, nil where all are there from the start.
func (l *lab) online() *train.Online {
	settings := l.run.Online()
	if settings == nil {
		return nil
	}
	rewards := make([][]float64, len(l.views))
	for p, v := range l.views {
		rewards[p] = v.Proxy
	}
	return &train.Online{Settings: settings, Rewards: rewards, Draws: l.run.Draws(), Begin: func(data *preference.Pairs) {
		l.pairs, l.whole = data, train.Full(data, l.problem)
		l.compare(data)
	}}
}

// given is the status of a policy that is known without training.
const given = "exact"

// give takes the policy that the objective gives for each prompt.
func (l *lab) give(direct objective.Direct) outcome {
	for p, v := range l.views {
		v.Set(direct.Policy(v.LogStart, l.env.Prompts[p].LogStar))
	}
	l.measure(math.NaN(), math.NaN())
	return outcome{status: given, final: true}
}

// solve finds the minimizer.
func (l *lab) solve(ctx context.Context) (outcome, error) {
	affine, ok := l.policy.(policy.Affine)
	if !ok {
		return failure("solver: exact needs a policy whose logits are affine in its parameters"), nil
	}
	s, err := exact.Solve(ctx, &exact.Problem{Env: l.env, Policy: affine, Objective: l.run.Loss.Objective(),
		Pairs: l.pairs, L2: l.run.Constraint.L2})
	if err != nil {
		if ctx.Err() != nil {
			return outcome{}, ctx.Err()
		}
		return failure(err.Error()), nil
	}
	out := outcome{status: string(s.Status), reason: s.Reason, steps: s.Iterations}
	out.final = len(s.Policy) == len(l.views)
	for p, logPi := range s.Policy {
		if logPi == nil {
			out.final = false
			continue
		}
		l.views[p].Set(logPi)
	}
	if s.Status == exact.Stalled {
		out.status, out.final = Failed, false
	}
	if out.final {
		l.measure(s.Loss, s.GradNorm)
	}
	return out, nil
}

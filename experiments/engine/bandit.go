package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"windtunnel/experiments/spec"
	"windtunnel/metrics"
	"windtunnel/metrics/tables"
	"windtunnel/toy/exact"
	"windtunnel/toy/objective"
	"windtunnel/toy/preference"
	"windtunnel/toy/setup"
	"windtunnel/toy/train"
)

// banditRun is a run over responses that can be enumerated, and its rows as they come.
type banditRun struct {
	*worker
	*setup.Setup
	run   *spec.Run
	whole *train.Minibatch // all comparisons
	rows  []tables.Rows    // by table, in the order of tables.OfRuns
}

// bandit does a run over responses that can be enumerated.
func (w *worker) bandit(ctx context.Context, run *spec.Run) *result {
	if err := w.enter(run); err != nil {
		return w.failed(run, err.Error())
	}
	s, err := setup.New(&run.Run, setup.Given{Env: w.env, Pairs: w.pairs})
	b := &banditRun{worker: w, Setup: s, run: run, rows: w.fresh(false)}
	var purposeless *setup.NoPurpose
	switch {
	case errors.As(err, &purposeless):
		return b.result(outcome{status: string(purposeless.Status), reason: purposeless.Reason})
	case err != nil:
		return w.failed(run, err.Error())
	}
	for p, v := range w.views {
		v.Proxy = nil
		if s.Rewards != nil {
			v.Proxy = s.Rewards[p]
		}
	}
	b.compare(s.Pairs)
	return b.result(b.reach(ctx))
}

// enter makes the run's environment and a view of every prompt, or keeps those of the run before if it has the same
// environment, drawn from the same seed. Nothing changes an environment.
func (w *worker) enter(run *spec.Run) error {
	given := preference.GivenBy(run.Preferences)
	if w.params != nil && w.params == run.Environment && w.seed == run.EnvironmentSeed() && w.given == given {
		return nil
	}
	env, err := run.BuildEnvironment()
	if err != nil {
		w.params = nil
		return err
	}
	w.place = place{env: env, params: run.Environment, given: given, seed: run.EnvironmentSeed(), logPi: make([]float64, env.Responses())}
	for p := range env.Prompts {
		prompt := &env.Prompts[p]
		v := metrics.NewView(prompt.LogRef, prompt.LogStar, prompt.LogReference())
		if k := env.Responses(); env.Pairwise && k <= metrics.MaxWinRate {
			wins := make([]float64, k*k)
			for i := range wins {
				wins[i] = env.Preference(p, i/k, i%k)
			}
			v.SetWins(wins)
		}
		w.views = append(w.views, v)
	}
	viewsOf := func(prompts []int) []*metrics.View {
		views := make([]*metrics.View, len(prompts))
		for i, p := range prompts {
			views[i] = w.views[p]
		}
		return views
	}
	w.training = viewsOf(env.Training())
	for _, g := range env.Groups() {
		w.groups = append(w.groups, group{g.Name, viewsOf(g.Prompts)})
	}
	return nil
}

// compare gives every view its distinct comparisons. A single response with a label compares nothing.
func (b *banditRun) compare(pairs *preference.Pairs) {
	b.whole = train.Full(pairs, b.Problem)
	for _, v := range b.views {
		v.Chosen, v.Rejected, v.Weight = v.Chosen[:0], v.Rejected[:0], v.Weight[:0]
	}
	if pairs.Unpaired() {
		return
	}
	if b.comparisons == nil {
		b.comparisons = make(map[[3]int]int)
	}
	clear(b.comparisons)
	for i := range pairs.Len() {
		key := [3]int{pairs.Prompt[i], pairs.Chosen[i], pairs.Rejected[i]}
		v := b.views[key[0]]
		j, ok := b.comparisons[key]
		if !ok {
			j = len(v.Chosen)
			b.comparisons[key] = j
			v.Chosen, v.Rejected, v.Weight = append(v.Chosen, key[1]), append(v.Rejected, key[2]), append(v.Weight, 0)
		}
		v.Weight[j] += pairs.WeightOf(i)
	}
}

// reach finds the final policy by the run's solver, unless the objective gives it.
func (b *banditRun) reach(ctx context.Context) outcome {
	if direct, ok := b.run.Loss.(objective.Direct); ok {
		for p, v := range b.views {
			v.Set(direct.Policy(v.LogStart, b.Env.Prompts[p].LogStar))
		}
		b.measure(math.NaN(), math.NaN())
		return outcome{status: tables.Given, final: true}
	}
	switch b.run.Solver {
	case setup.SolverExact:
		return b.solve(ctx)
	case setup.SolverPath:
		return b.trace(ctx)
	}
	return b.train(ctx)
}

// train takes optimizer steps and records along the way.
func (b *banditRun) train(ctx context.Context) outcome {
	loop := b.Loop()
	if loop.Online != nil {
		loop.Online.Begin = b.compare
	}
	trace := b.table(tables.Traces)
	listed, last := 0, 0 // steps
	end, err := loop.Run(ctx, func(r train.Record) {
		for p, v := range b.views {
			b.LogPolicy(p, b.logPi)
			v.Set(b.logPi)
		}
		b.measure(r.Loss, r.GradNorm)
		trace.Integer(r.Step)
		trace.Empty(2) // of paths
		trace.Numbers(b.measured...)
		if last = r.Step; b.listedAt(r.Step) {
			listed = r.Step
			b.list(r.Step)
		}
	})
	if err != nil {
		trace.Values, b.table(tables.Trajectories).Values = nil, nil
		if errors.Is(err, preference.ErrNoPairs) {
			return failure(err.Error())
		}
		return failure(tookTooLong(b.run))
	}
	if last > listed {
		b.list(last)
	}
	if end.Status == train.Diverged {
		return outcome{status: tables.Failed, reason: "training diverged: " + end.Reason, steps: end.Steps}
	}
	return ended(end)
}

// mostDrift is how far, as a share of its way, the mean policy of a settled training may move between the last two tenths of its steps.
// A policy whose distance from its rest falls exponentially has come 98 % of its way then.
const mostDrift = 0.01

// ended is the outcome of a training that did not diverge.
func ended(end train.Outcome) outcome {
	out := outcome{status: string(end.Status), reason: end.Reason, steps: end.Steps, final: true}
	if end.Drift > mostDrift {
		out.reason = tables.NotSettled + "in the last tenth of its steps the policy moved by more than 1 % of its way" // no number, which comparisons would tell apart
	}
	return out
}

// listedAt says whether a recorded policy goes into the table trajectories. The ends of online rounds do not, beside those
// that the settings ask for: there are many.
func (b *banditRun) listedAt(step int) bool {
	every := b.run.Train.RecordEvery
	return b.run.Online() == nil || step == 0 || every > 0 && step%every == 0
}

// solve finds the minimizer.
func (b *banditRun) solve(ctx context.Context) outcome {
	s, err := b.Solve(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return failure(tookTooLong(b.run))
	case err != nil:
		return failure(err.Error())
	}
	out := outcome{status: string(s.Status), reason: s.Reason, steps: s.Iterations, final: len(s.Policy) == len(b.views)}
	for p, logPi := range s.Policy {
		if logPi == nil {
			out.final = false
			continue
		}
		b.views[p].Set(logPi)
	}
	if s.Status == exact.Stalled {
		out.status, out.final = tables.Failed, false
	}
	if out.final {
		b.measure(s.Loss, s.GradNorm)
	}
	return out
}

// trace follows the run's path and records every point of it. The last point is the run's end.
func (b *banditRun) trace(ctx context.Context) outcome {
	points, err := b.Trace(ctx, b.excess)
	switch {
	case err != nil && ctx.Err() != nil:
		return failure(tookTooLong(b.run))
	case err != nil:
		return failure(err.Error())
	}
	var end outcome
	rows := b.table(tables.Traces)
	lost, first := 0, ""
	for i, q := range points {
		rows.Integer(i)
		rows.Number(q.Strength)
		rows.Text(string(q.Status))
		end = outcome{status: string(q.Status), reason: q.Reason, steps: end.steps + q.Steps, final: q.Policy != nil}
		if !end.final {
			rows.Empty(len(rows.Schema) - 3)
			if lost++; first == "" {
				first = fmt.Sprintf("at %s %s: %s", tables.FormatFloat(q.Strength), q.Status, q.Reason)
			}
			continue
		}
		for p, logPi := range q.Policy {
			b.views[p].Set(logPi)
		}
		b.measure(q.Loss, q.GradNorm)
		rows.Numbers(b.measured...)
		b.list(i)
	}
	if lost > 0 && end.final {
		end.reason = fmt.Sprintf("%d of %d points have no policy, %s", lost, len(points), first)
	}
	return end
}

// excess returns by how much a policy exceeds each level of the run's path.
func (b *banditRun) excess(policy [][]float64) []float64 {
	for p, logPi := range policy {
		b.views[p].Set(logPi)
	}
	all := make([]float64, len(b.run.Path.Levels))
	for i := range all {
		level := &b.run.Path.Levels[i]
		views := b.training
		if level.Prompt != "" {
			views = b.viewsOf(level.Prompt)
		}
		at := level.At
		if of, ok := metrics.Find(level.Of); ok {
			at *= metrics.Mean(of, views)
		}
		metric, _ := metrics.Find(level.Metric)
		all[i] = metrics.Mean(metric, views) - at
	}
	return all
}

// viewsOf returns the views of a prompt or of a group of prompts, see tables.MatchPrompts.
func (b *banditRun) viewsOf(prompt string) []*metrics.View {
	var names []string
	for p := range b.env.Prompts {
		names = append(names, b.env.Prompts[p].Name)
	}
	wanted := tables.MatchPrompts(names, prompt)
	var views []*metrics.View
	for p, v := range b.views {
		if slices.Contains(wanted, names[p]) {
			views = append(views, v)
		}
	}
	return views
}

// allMetrics is what is measured of every policy, looked up once.
var allMetrics = append(append(metrics.All(), metrics.ProxyReward), metrics.OfGames()...)

// measure keeps the training columns and the mean of every metric over the training prompts.
func (b *banditRun) measure(loss, gradNorm float64) {
	dataLoss := loss
	if b.run.Trained() {
		dataLoss = b.Problem.Loss(b.whole)
	}
	b.measured = append(b.measured[:0], loss, dataLoss, gradNorm)
	for i := range allMetrics {
		b.measured = append(b.measured, metrics.Mean(allMetrics[i], b.training))
	}
}

// listed says whether policies are listed response by response. A run that failed early has no environment.
func (b *banditRun) listed() bool { return len(b.views) > 0 && b.env.Responses() <= spec.MostListed }

// list adds the current policy to the table trajectories.
func (b *banditRun) list(step int) {
	if !b.listed() {
		return
	}
	rows := b.table(tables.Trajectories)
	for p, v := range b.views {
		b.readLogits(p)
		for k, pi := range v.Pi {
			rows.Integer(step)
			rows.Text(b.env.Prompts[p].Name)
			rows.Integer(k)
			rows.Numbers(pi, b.logPi[k])
		}
	}
}

// readLogits reads a prompt's logits into logPi, NaN where the run does not list them or has taken no steps.
func (b *banditRun) readLogits(prompt int) {
	if b.Setup != nil && b.run.Train.Logits && b.run.Trained() {
		b.Policy.Logits(prompt, b.logPi)
		return
	}
	for k := range b.logPi {
		b.logPi[k] = math.NaN()
	}
}

func (b *banditRun) table(name string) *tables.Rows { return &b.rows[tableIndex[name]] }

// result adds the rows that are known when the run has ended. Measures are empty where there is no final policy.
func (b *banditRun) result(end outcome) *result {
	runs := b.table(tables.Runs)
	runs.Text(end.status)
	runs.Integer(end.steps)
	runs.Text(end.reason)
	switch {
	case b.drawn > 0:
		runs.Integer(b.drawn)
	case b.Setup != nil && b.Pairs != nil:
		runs.Integer(b.Pairs.Len())
	default:
		runs.Empty(1)
	}
	if end.final {
		runs.Numbers(b.measured...)
	} else {
		runs.Empty(len(runs.Schema) - len(tables.EndColumns) - 1)
	}
	final := func(v float64) float64 {
		if !end.final {
			return math.NaN()
		}
		return v
	}
	prompts, policies, groups := b.table(tables.Prompts), b.table(tables.Policies), b.table(tables.Groups)
	for p, v := range b.views {
		prompt := &b.env.Prompts[p]
		prompts.Text(prompt.Name)
		for i := range allMetrics {
			prompts.Number(final(allMetrics[i].Value(v)))
		}
		b.readLogits(p)
		for k := range v.Pi {
			if !b.listed() {
				break
			}
			policies.Text(prompt.Name)
			policies.Integer(k)
			policies.Numbers(final(v.Pi[k]), prompt.PiRef[k], prompt.PiStar[k], final(b.logPi[k]))
		}
	}
	for i := range b.groups {
		g := &b.groups[i]
		groups.Text(g.name)
		groups.Integer(len(g.views))
		for _, m := range metrics.All() {
			groups.Number(final(metrics.Mean(m, g.views)))
		}
	}
	return &result{name: b.run.ID, status: end.status, reason: end.reason, rows: b.rows}
}

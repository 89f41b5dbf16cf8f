package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

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

	weighed         []string // groups of comparisons that training weighs
	losses, weights []float64
}

// bandit does a run over responses that can be enumerated.
func (w *worker) bandit(ctx context.Context, run *spec.Run) *result {
	if err := w.enter(run); err != nil {
		return w.failed(run, err.Error())
	}
	s, err := setup.New(&run.Run, setup.Given{Env: w.env, Pairs: w.pairs, Known: &w.known})
	b := &banditRun{worker: w, Setup: s, run: run, rows: w.fresh(false)}
	var purposeless *setup.NoPurpose
	switch {
	case errors.As(err, &purposeless):
		return b.result(outcome{status: string(purposeless.Status), reason: purposeless.Reason})
	case err != nil:
		return w.failed(run, err.Error())
	}
	lambda, _, _, regularized := objective.Lambda(run.Loss)
	for p, v := range w.views {
		v.Proxy, v.Lambda = nil, math.NaN()
		if regularized && (len(run.Metrics) > 0 || v.Wins != nil) {
			v.Lambda = lambda
		}
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
		v.Rewards, v.Group = prompt.Rewards, prompt.Group
		if env.Pairwise && env.Responses() <= metrics.MaxWinRate {
			v.SetWins(env.WinRates(p))
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
	w.judged = viewsOf(env.Judged())
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
		if b.run.Online() != nil && b.Objective.Compares() {
			return b.solveRounds(ctx)
		}
		s, err := b.Solve(ctx)
		if err != nil {
			return b.unsolved(ctx, err)
		}
		return b.reached(s)
	case setup.SolverPath:
		return b.follow(ctx)
	}
	return b.train(ctx)
}

// train takes optimizer steps and records along the way.
func (b *banditRun) train(ctx context.Context) outcome {
	loop := b.Loop()
	if loop.Online != nil {
		loop.Online.Begin = b.compare
	}
	listed, last := 0, 0 // steps
	end, err := loop.Run(ctx, func(r train.Record) {
		b.view()
		b.weighed, b.losses, b.weights = loop.Groups()
		b.measure(r.Loss, r.GradNorm)
		b.trace(r.Step)
		if last = r.Step; b.listedAt(r.Step) {
			listed = r.Step
			b.list(r.Step)
		}
	})
	if err != nil {
		b.table(tables.Traces).Values, b.table(tables.Trajectories).Values = nil, nil
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
	out := outcome{status: string(end.Status), reason: end.Reason, steps: end.Steps, period: end.Period, final: true}
	if end.Drift > mostDrift {
		out.reason = tables.NotSettled + "in the last tenth of its steps the policy moved by more than 1 % of its way" // no number, which comparisons would tell apart
	}
	return out
}

// view gives the views the policy as it stands.
func (b *banditRun) view() {
	for p, v := range b.views {
		b.LogPolicy(p, b.logPi)
		v.Set(b.logPi)
	}
}

// listedAt says whether a recorded policy goes into the table trajectories. The ends of online rounds do not, beside those
// that the settings ask for: there are many. Nor do, of the many prompts of a continuous space, those on the way.
func (b *banditRun) listedAt(step int) bool {
	if b.Env.Variables != nil {
		return step == 0
	}
	return b.run.Online() == nil || step == 0 || b.run.Train.Due(step)
}

// unsolved is the outcome of a solver's error.
func (b *banditRun) unsolved(ctx context.Context, err error) outcome {
	if ctx.Err() != nil {
		return failure(tookTooLong(b.run))
	}
	return failure(err.Error())
}

// solveRounds solves round after round and records each. A round counts as a step.
func (b *banditRun) solveRounds(ctx context.Context) outcome {
	b.view()
	b.measure(math.NaN(), math.NaN())
	b.trace(0)
	b.list(0)
	var out outcome
	var last *exact.Solution
	end, err := b.SolveRounds(ctx, func(round int, pairs *preference.Pairs, found *exact.Solution) {
		b.compare(pairs)
		if out, last = b.reached(found), found; out.final {
			b.trace(round)
			b.list(round)
		}
	})
	if err != nil {
		return b.unsolved(ctx, err)
	}
	if out.steps, out.period = end.Steps, end.Period; out.final {
		out.status, out.reason = string(end.Status), end.Reason
		if last.Status != train.Converged {
			out.reason = strings.TrimPrefix(out.reason+"; the last round is "+string(last.Status)+": "+last.Reason, "; ")
		}
	}
	return out
}

// reached takes over a solution.
func (b *banditRun) reached(s *exact.Solution) outcome {
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

// follow follows the run's path and records every point of it. The last point is the run's end.
func (b *banditRun) follow(ctx context.Context) outcome {
	points, err := b.Trace(ctx, b.excess)
	if err != nil {
		return b.unsolved(ctx, err)
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
var allMetrics = slices.Concat(metrics.All(), []metrics.Metric{metrics.ProxyReward}, metrics.OfGames(), metrics.OnRequest(), metrics.OfRewards())

// groupMetrics is what is measured of groups of prompts.
var groupMetrics = append(metrics.All(), metrics.OfRewards()...)

// measure keeps the training columns and the mean of every metric over the training prompts.
func (b *banditRun) measure(loss, gradNorm float64) {
	dataLoss := loss
	if b.run.Trained() {
		dataLoss = b.Problem.Loss(b.whole)
	}
	b.measured = append(b.measured[:0], loss, dataLoss, gradNorm)
	for i := range allMetrics {
		views := b.training
		if i >= len(allMetrics)-len(metrics.OfRewards()) {
			views = b.judged
		}
		b.measured = append(b.measured, metrics.Mean(allMetrics[i], views))
	}
	worst := math.NaN()
	if len(b.losses) > 0 {
		worst = slices.Max(b.losses)
	}
	b.measured = append(b.measured, worst)
}

// trace adds the last measured policy to the table traces.
func (b *banditRun) trace(step int) {
	rows := b.table(tables.Traces)
	rows.Integer(step)
	rows.Empty(2) // of paths
	rows.Numbers(b.measured...)
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
	if end.period > 0 {
		runs.Integer(end.period)
	} else {
		runs.Empty(1)
	}
	if end.final {
		runs.Numbers(b.measured...)
	} else {
		runs.Empty(len(runs.Schema) - len(tables.EndColumns) - 2)
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
	all := slices.Clone(b.groups)
	for _, name := range b.weighed {
		if !slices.ContainsFunc(all, func(g group) bool { return g.name == name }) {
			all = append(all, group{name: name}) // of comparisons, not of prompts
		}
	}
	for _, g := range all {
		groups.Text(g.name)
		groups.Integer(len(g.views))
		for _, m := range groupMetrics {
			groups.Number(final(metrics.Mean(m, g.views)))
		}
		loss, weight := math.NaN(), math.NaN()
		if at := slices.Index(b.weighed, g.name); at >= 0 {
			loss, weight = b.losses[at], b.weights[at]
		}
		groups.Numbers(final(loss), final(weight))
	}
	return &result{name: b.run.ID, status: end.status, reason: end.reason, rows: b.rows}
}

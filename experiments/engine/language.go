package engine

import (
	"context"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"windtunnel/experiments/spec"
	"windtunnel/metrics/inference"
	"windtunnel/metrics/tables"
	"windtunnel/toy/language"
	"windtunnel/toy/train"
	"windtunnel/toy/tune"
)

// texts is the run of a language model, and its rows as they come.
type texts struct {
	run   *spec.Run
	rows  []tables.Rows // by table, in the order of tables.OfRuns
	last  tune.Record
	final *language.Look
}

// language does the run of a language model.
func (w *worker) language(ctx context.Context, run *spec.Run) *result {
	x := w.newTexts(run)
	task, err := run.BuildTask(w.shared, nil)
	if err != nil {
		return x.result(failure(err.Error()))
	}
	end, err := task.Run(ctx, language.Reporter{Step: x.step, Look: x.look})
	switch {
	case ctx.Err() != nil:
		return x.result(failure(tookTooLong(run)))
	case err != nil:
		return x.result(failure(err.Error()))
	case end.Status == train.Diverged:
		return x.result(outcome{status: tables.Failed, reason: "training diverged: " + end.Reason, steps: end.Steps})
	}
	return x.result(outcome{status: string(end.Status), reason: end.Reason, steps: end.Steps, final: true})
}

func (w *worker) newTexts(run *spec.Run) *texts {
	return &texts{run: run, rows: w.fresh(true), last: tune.Record{Loss: math.NaN(), GradNorm: math.NaN()}}
}

func (x *texts) table(name string) *tables.Rows { return &x.rows[tableIndex[name]] }

// result adds the rows that are known when the run has ended. A run that failed has those of its training, as far as it came.
func (x *texts) result(end outcome) *result {
	if !end.final {
		x.final = nil
	}
	x.addRun(&end)
	x.addPrompts()
	return &result{name: x.run.ID, status: end.status, reason: end.reason, rows: x.rows, model: true}
}

// step adds a row of the table traces.
func (x *texts) step(r tune.Record) error {
	x.last = r
	rows := x.table(tables.Traces)
	rows.Integer(r.Step)
	rows.Numbers(r.Loss, r.GradNorm)
	addComparisons(rows, &r.Comparisons)
	rows.Numbers(r.Reward, r.KL, r.Draws.Tokens)
	return nil
}

// addComparisons adds the measures of pairs, empty cells for nil.
func addComparisons(rows *tables.Rows, c *tune.Comparisons) {
	if c == nil {
		rows.Empty(7)
		return
	}
	rows.Numbers(c.ChosenLogp, c.RejectedLogp, c.ChosenShift, c.RejectedShift, c.Margin, c.Accuracy, c.RewardAccuracy)
}

// look adds rows of the table evaluations: one a group, or one of the held-out pairs where there are no prompts.
func (x *texts) look(l *language.Look) error {
	x.final = l
	groups := summarize(l.Prompts)
	if len(groups) == 0 && l.HeldOut != nil {
		groups = []written{{group: language.HeldOutGroup, empty: true}}
	}
	rows := x.table(tables.Evaluations)
	for i := range groups {
		g := &groups[i]
		rows.Integer(l.Step)
		rows.Text(g.group)
		rows.Integer(g.prompts)
		heldOut := l.HeldOut
		if g.group != language.HeldOutGroup {
			heldOut = nil
		}
		addComparisons(rows, heldOut)
		g.add(rows)
	}
	return nil
}

// written sums up what a policy wrote at the prompts of a group.
type written struct {
	group                                            string
	prompts                                          int
	empty                                            bool // nothing was written
	reward, refReward, proxy, winRate, kl, tokens    float64
	rewardLow, rewardHigh, winRateLow, winRateHigher float64
}

// add adds its measures.
func (g *written) add(rows *tables.Rows) {
	if g.empty {
		rows.Empty(10)
		return
	}
	rows.Numbers(g.reward, g.refReward, g.proxy, g.winRate, g.kl, g.tokens, g.rewardLow, g.rewardHigh, g.winRateLow, g.winRateHigher)
}

// summarize returns train and heldout, as far as there are such prompts, and their parts where they have any, in the order of
// the prompts.
func summarize(prompts []language.Prompt) []written {
	var all []written
	for _, held := range []bool{false, true} {
		side := slices.DeleteFunc(slices.Clone(prompts), func(p language.Prompt) bool { return p.Held != held })
		if len(side) == 0 {
			continue
		}
		whole := language.TrainGroup
		if held {
			whole = language.HeldOutGroup
		}
		all = append(all, sum(whole, side))
		for _, part := range partsOf(side) {
			if part != whole {
				all = append(all, sum(part, slices.DeleteFunc(slices.Clone(side), func(p language.Prompt) bool { return p.Group != part })))
			}
		}
	}
	return all
}

// partsOf returns the groups of prompts, sorted by name.
func partsOf(prompts []language.Prompt) []string {
	seen := map[string]bool{}
	var parts []string
	for _, p := range prompts {
		if !seen[p.Group] {
			seen[p.Group] = true
			parts = append(parts, p.Group)
		}
	}
	slices.Sort(parts)
	return parts
}

// sum returns means over prompts. Intervals take prompts for the independent units: continuations of one prompt are alike.
func sum(group string, prompts []language.Prompt) written {
	column := func(of func(p *language.Prompt) float64) []float64 {
		values := make([]float64, len(prompts))
		for i := range prompts {
			values[i] = of(&prompts[i])
		}
		return values
	}
	mean := func(of func(p *language.Prompt) float64) float64 { return stat.Mean(column(of), nil) }
	reward, rate := func(p *language.Prompt) float64 { return p.Reward }, func(p *language.Prompt) float64 { return p.WinRate }
	rewards, rates := inference.MeanInterval(column(reward)), inference.MeanInterval(column(rate))
	return written{group: group, prompts: len(prompts), reward: mean(reward), winRate: mean(rate),
		refReward: mean(func(p *language.Prompt) float64 { return p.ReferenceReward }),
		proxy:     mean(func(p *language.Prompt) float64 { return p.ProxyReward }),
		kl:        mean(func(p *language.Prompt) float64 { return p.KL }),
		tokens:    mean(func(p *language.Prompt) float64 { return p.Judged.Tokens }),
		rewardLow: rewards.Low, rewardHigh: rewards.High, winRateLow: max(0, rates.Low), winRateHigher: min(1, rates.High)}
}

// addRun adds the final policy's measures: of what it writes on held-out prompts, where there are any, else on all.
func (x *texts) addRun(end *outcome) {
	runs := x.table(tables.Runs)
	runs.Text(end.status)
	runs.Integer(end.steps)
	runs.Text(end.reason)
	runs.Numbers(x.last.Loss, x.last.GradNorm)
	g, heldOut := written{empty: true}, (*tune.Comparisons)(nil)
	if x.final != nil {
		heldOut = x.final.HeldOut
		if groups := summarize(x.final.Prompts); len(groups) > 0 {
			held := slices.IndexFunc(groups, func(g written) bool { return g.group == language.HeldOutGroup })
			g = groups[max(0, held)]
		}
	}
	addComparisons(runs, heldOut)
	g.add(runs)
}

// addPrompts adds what is known of the final policy prompt by prompt and group by group, none where there is no such policy. Line
// breaks in texts become spaces, so that a row is a line.
func (x *texts) addPrompts() {
	if x.final == nil {
		return
	}
	prompts, groups, samples := x.table(tables.Prompts), x.table(tables.Groups), x.table(tables.Samples)
	for i := range x.final.Prompts {
		p := &x.final.Prompts[i]
		prompts.Text(p.Name)
		prompts.Text(p.Group)
		prompts.Numbers(p.Reward, p.ReferenceReward, p.ProxyReward, p.WinRate, p.KL, p.Judged.Tokens)
		samples.Text(p.Name)
		samples.Text(p.Group)
		samples.Number(p.Reward)
		samples.Text(oneLine(p.Text))
		samples.Text(oneLine(p.Written))
	}
	for _, g := range summarize(x.final.Prompts) {
		groups.Text(g.group)
		groups.Integer(g.prompts)
		g.add(groups)
	}
}

func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r == 0 || r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, text)
}

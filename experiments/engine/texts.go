package engine

import (
	"context"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"windtunnel/experiments/spec"
	"windtunnel/metrics/inference"
	"windtunnel/toy/language"
	"windtunnel/toy/train"
	"windtunnel/toy/tune"
)

// texts is the run of a language model, made rows as it goes.
type texts struct {
	*desk
	run                *spec.Run
	trace, evaluations *sheet
	last               tune.Record
	final              *language.Look
}

// performTexts does the run of a language model. The error is the context's, beside the entry of
// a run that took too long.
func (d *desk) performTexts(ctx context.Context, run *spec.Run) (*entry, error) {
	x := d.newTexts(run)
	task, err := run.BuildTask(d.shared, nil)
	if err != nil {
		return x.entry(failure(err.Error())), nil
	}
	end, err := task.Run(ctx, language.Reporter{Step: x.step, Look: x.look})
	switch {
	case ctx.Err() != nil:
		return x.entry(late(run)), ctx.Err()
	case err != nil:
		return x.entry(failure(err.Error())), nil
	case end.Status == train.Diverged:
		out := failure("training diverged: " + end.Reason)
		out.steps = end.Steps
		return x.entry(out), nil
	}
	return x.entry(outcome{status: string(end.Status), reason: end.Reason, steps: end.Steps, final: true}), nil
}

func (d *desk) newTexts(run *spec.Run) *texts {
	return &texts{desk: d, run: run, trace: d.sheet(tracesTable), evaluations: d.sheet(evaluationsTable),
		last: tune.Record{Loss: math.NaN(), GradNorm: math.NaN()}}
}

// entry makes the rows of a finished run. A run that failed has those of its training, as far as it came.
func (x *texts) entry(out outcome) *entry {
	if !out.final {
		x.final = nil
	}
	bodies := make([][]byte, tableCount)
	bodies[runsTable] = x.runRow(&out)
	bodies[tracesTable], bodies[evaluationsTable] = x.trace.body, x.evaluations.body
	bodies[promptsTable], bodies[groupsTable], bodies[samplesTable] = x.promptRows(), x.groupRows(), x.sampleRows()
	return &entry{name: x.run.ID, status: out.status, reason: out.reason, bodies: bodies}
}

// step writes a row of the table traces.
func (x *texts) step(r tune.Record) error {
	x.last = r
	s := x.trace
	s.integer(r.Step)
	s.number(r.Loss)
	s.number(r.GradNorm)
	s.comparisons(&r.Comparisons)
	for _, v := range []float64{r.Reward, r.KL, r.Draws.Tokens} {
		s.number(v)
	}
	s.end()
	return nil
}

// comparisons writes the measures of pairs.
func (s *sheet) comparisons(c *tune.Comparisons) {
	for _, v := range []float64{c.ChosenLogp, c.RejectedLogp, c.ChosenShift, c.RejectedShift, c.Margin, c.Accuracy, c.RewardAccuracy} {
		s.number(v)
	}
}

// comparisonColumns is how many cells comparisons writes.
const comparisonColumns = 7

// heldOutPairs writes the measures of held-out pairs, empty cells where there are none.
func (s *sheet) heldOutPairs(l *language.Look) {
	if l == nil || l.HeldOut == nil {
		s.empty(comparisonColumns)
		return
	}
	s.comparisons(l.HeldOut)
}

// look writes rows of the table evaluations: one a group, or one of the held-out pairs where there are no prompts.
func (x *texts) look(l *language.Look) error {
	x.final = l
	groups := summarize(l.Prompts)
	if len(groups) == 0 && l.HeldOut != nil {
		groups = []written{{group: language.HeldOutGroup, empty: true}}
	}
	s := x.evaluations
	for i := range groups {
		g := &groups[i]
		s.integer(l.Step)
		s.text(g.group)
		s.integer(g.prompts)
		if g.group == language.HeldOutGroup {
			s.heldOutPairs(l)
		} else {
			s.empty(comparisonColumns)
		}
		s.written(g)
		s.end()
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

// written writes its measures.
func (s *sheet) written(g *written) {
	if g.empty {
		s.empty(writtenColumns)
		return
	}
	for _, v := range []float64{g.reward, g.refReward, g.proxy, g.winRate, g.kl, g.tokens, g.rewardLow, g.rewardHigh, g.winRateLow, g.winRateHigher} {
		s.number(v)
	}
}

// writtenColumns is how many cells written writes.
const writtenColumns = 10

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

// runRow gives the final policy's measures: of what it writes on held-out prompts, where there are any, else on all.
func (x *texts) runRow(out *outcome) []byte {
	s := x.sheet(runsTable)
	s.text(out.status)
	s.integer(out.steps)
	s.text(out.reason)
	s.number(x.last.Loss)
	s.number(x.last.GradNorm)
	s.heldOutPairs(x.final)
	g := written{empty: true}
	if x.final != nil {
		if groups := summarize(x.final.Prompts); len(groups) > 0 {
			held := slices.IndexFunc(groups, func(g written) bool { return g.group == language.HeldOutGroup })
			g = groups[max(0, held)]
		}
	}
	s.written(&g)
	s.end()
	return s.body
}

func (x *texts) promptRows() []byte {
	return x.byPrompt(promptsTable, func(s *sheet, p *language.Prompt) {
		for _, v := range []float64{p.Reward, p.ReferenceReward, p.ProxyReward, p.WinRate, p.KL, p.Judged.Tokens} {
			s.number(v)
		}
	})
}

// byPrompt writes a row a prompt of the final policy, none where there is no such policy: name, group and what cells adds.
func (x *texts) byPrompt(table int, cells func(s *sheet, p *language.Prompt)) []byte {
	s := x.sheet(table)
	if x.final == nil {
		return s.body
	}
	for i := range x.final.Prompts {
		p := &x.final.Prompts[i]
		s.text(p.Name)
		s.text(p.Group)
		cells(s, p)
		s.end()
	}
	return s.body
}

func (x *texts) groupRows() []byte {
	s := x.sheet(groupsTable)
	if x.final == nil {
		return s.body
	}
	groups := summarize(x.final.Prompts)
	for i := range groups {
		s.text(groups[i].group)
		s.integer(groups[i].prompts)
		s.written(&groups[i])
		s.end()
	}
	return s.body
}

// sampleRows gives what the final policy wrote, a line a prompt. Line breaks become spaces, so that a row is a line.
func (x *texts) sampleRows() []byte {
	return x.byPrompt(samplesTable, func(s *sheet, p *language.Prompt) {
		s.number(p.Reward)
		s.text(oneLine(p.Text))
		s.text(oneLine(p.Written))
	})
}

func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r == 0 || r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, text)
}

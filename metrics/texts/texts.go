// Package texts holds the columns of language models' tables: of each its name, its unit and its meaning beside the function
// that computes its values, so that a table's description and its rows follow from one list.
package texts

import (
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"windtunnel/metrics"
	"windtunnel/metrics/inference"
	"windtunnel/metrics/tables"
	"windtunnel/toy/language"
)

// measure is a number that is known of an R.
type measure[R any] struct {
	metric metrics.Metric
	value  func(*R) float64
}

func measured[R any](name, unit, summary string, value func(*R) float64) measure[R] {
	return measure[R]{metrics.Metric{Name: name, Unit: unit, Summary: "Of language models: " + summary, Source: "this project"}, value}
}

var stepMeasures = []measure[language.Record]{
	measured("loss", "of the loss", "the loss of a step's batch before its update; of rlhf less the mean regularized reward.",
		func(r *language.Record) float64 { return r.Loss }),
	measured("grad_norm", "of the loss", "2-norm of the gradient of loss, before clipping.",
		func(r *language.Record) float64 { return r.GradNorm }),
}

var pairMeasures = []measure[language.Comparisons]{
	measured("chosen_logp", "nats", "mean log-probability of the chosen responses, summed over their tokens.",
		func(c *language.Comparisons) float64 { return c.ChosenLogp }),
	measured("rejected_logp", "nats", "mean log-probability of the rejected responses, summed over their tokens.",
		func(c *language.Comparisons) float64 { return c.RejectedLogp }),
	measured("chosen_shift", "nats", "mean change of chosen_logp since the start of training.",
		func(c *language.Comparisons) float64 { return c.ChosenShift }),
	measured("rejected_shift", "nats", "mean change of rejected_logp since the start of training.",
		func(c *language.Comparisons) float64 { return c.RejectedShift }),
	measured("margin", "nats", "chosen_shift - rejected_shift.",
		func(c *language.Comparisons) float64 { return c.Margin }),
	measured("accuracy", "", "share of pairs whose chosen response is the likelier; equal ones count 1/2.",
		func(c *language.Comparisons) float64 { return c.Accuracy }),
	measured("reward_accuracy", "", "share of pairs whose chosen response's log-probability has grown more; equal ones count 1/2.",
		func(c *language.Comparisons) float64 { return c.RewardAccuracy }),
}

var heldOutMeasures = []measure[language.HeldOut]{
	measured("ches", "", "mean centered hidden embedding similarity of held-out pairs by length, under the policy at the start (arXiv 2410.08847).",
		func(h *language.HeldOut) float64 { return h.CHES }),
	measured("ches_rank", "", "Kendall's correlation of held-out pairs' CHES with the change of their chosen_logp: below 0, responses that are "+
		"alike are displaced the more.",
		func(h *language.HeldOut) float64 { return h.CHESRank }),
}

var drawMeasures = []measure[language.Draws]{
	measured("reward", "", "mean reward of continuations: the gold one, except in a step of rlhf, which climbs what labels follow.",
		func(d *language.Draws) float64 { return d.Reward }),
	measured("kl_pi_ref", "nats", "estimate of KL(pi to pi_ref), summed over a continuation's tokens.",
		func(d *language.Draws) float64 { return d.KL }),
	measured("tokens", "", "mean length of continuations.",
		func(d *language.Draws) float64 { return d.Tokens }),
}

// promptMeasures are of one prompt; a group of prompts has their means.
var promptMeasures = []measure[language.Prompt]{
	measured("reward", "", "mean gold reward of the policy's continuations.", reward),
	measured("ref_reward", "", "mean gold reward of the reference's continuations.",
		func(p *language.Prompt) float64 { return p.ReferenceReward }),
	measured("proxy_reward", "", "mean reward that labels follow, where it is not the gold one.",
		func(p *language.Prompt) float64 { return p.ProxyReward }),
	measured("win_rate", "", "share of continuations with more gold reward than one of the reference; equal ones count 1/2.", winRate),
	measured("kl_pi_ref", "nats", "KL(pi to pi_ref): along the policy's continuations, the sum of the next token's exact divergences.",
		func(p *language.Prompt) float64 { return p.KL }),
	measured("tokens", "", "mean length of continuations, with the token that ended each.",
		func(p *language.Prompt) float64 { return p.Tokens }),
}

func reward(p *language.Prompt) float64  { return p.Reward }
func winRate(p *language.Prompt) float64 { return p.WinRate }

// intervalMeasures take prompts for the independent units: continuations of one prompt are alike.
var intervalMeasures = []measure[Group]{
	measured("reward_low", "", "lower end of reward's 95 % Student-t interval over prompts.",
		func(g *Group) float64 { return g.interval(reward).Low }),
	measured("reward_high", "", "upper end of reward's 95 % Student-t interval over prompts.",
		func(g *Group) float64 { return g.interval(reward).High }),
	measured("win_low", "", "lower end of win_rate's 95 % Student-t interval over prompts, cut at 0.",
		func(g *Group) float64 { return max(0, g.interval(winRate).Low) }),
	measured("win_high", "", "upper end of win_rate's 95 % Student-t interval over prompts, cut at 1.",
		func(g *Group) float64 { return min(1, g.interval(winRate).High) }),
}

// Metrics lists the measures that only tables of language models have, each once.
func Metrics() []metrics.Metric {
	known := map[string]bool{metrics.ProxyReward.Name: true}
	for _, m := range tables.Metrics() {
		known[m.Name] = true
	}
	all := slices.Concat(metricsOf(pairMeasures), metricsOf(heldOutMeasures), metricsOf(promptMeasures), metricsOf(intervalMeasures))
	return slices.DeleteFunc(all, func(m metrics.Metric) bool { return known[m.Name] })
}

func metricsOf[R any](list []measure[R]) []metrics.Metric {
	all := make([]metrics.Metric, len(list))
	for i := range list {
		all[i] = list[i].metric
	}
	return all
}

// Columns are the columns of a table of which every row is about an R.
type Columns[R any] []column[R]

type column[R any] struct {
	tables.Column
	value func(*R) tables.Value
}

// Schema describes the columns.
func (c Columns[R]) Schema() tables.Schema {
	schema := make(tables.Schema, len(c))
	for i := range c {
		schema[i] = c[i].Column
	}
	return schema
}

// Add appends a row to a table of these columns.
func (c Columns[R]) Add(to *tables.Rows, row *R) {
	for i := range c {
		to.Values = append(to.Values, c[i].value(row))
	}
}

func text[R any](of tables.Column, value func(*R) string) Columns[R] {
	return Columns[R]{{of, func(row *R) tables.Value { return tables.Value{Text: value(row)} }}}
}

func whole[R any](of tables.Column, value func(*R) int) Columns[R] {
	return Columns[R]{{of, func(row *R) tables.Value { return tables.Value{Whole: int64(value(row))} }}}
}

// numbers are the columns of measures of a part of a row; where it is nil they are empty.
func numbers[R, P any](list []measure[P], part func(*R) *P) Columns[R] {
	schema := tables.Measured(metricsOf(list))
	columns := make(Columns[R], len(list))
	for i, m := range list {
		columns[i] = column[R]{schema[i], func(row *R) tables.Value {
			if p := part(row); p != nil {
				return tables.Value{Number: m.value(p)}
			}
			return tables.Value{Number: math.NaN()}
		}}
	}
	return columns
}

// Group is a group of prompts, at which a policy was evaluated after Step steps.
type Group struct {
	Step    int
	Name    string
	Prompts []language.Prompt // none where there is no reward
	HeldOut *language.HeldOut // nil: this group has no pairs
}

// values are those of a measure at each prompt.
func (g *Group) values(of func(*language.Prompt) float64) []float64 {
	values := make([]float64, len(g.Prompts))
	for i := range g.Prompts {
		values[i] = of(&g.Prompts[i])
	}
	return values
}

// interval is the Student-t interval of a measure's mean.
func (g *Group) interval(of func(*language.Prompt) float64) inference.Interval {
	if len(g.Prompts) == 0 {
		return inference.Interval{Low: math.NaN(), High: math.NaN()}
	}
	return inference.MeanInterval(g.values(of))
}

// groupMeasures are the means over the group's prompts, and their intervals.
var groupMeasures = func() []measure[Group] {
	var all []measure[Group]
	for _, m := range promptMeasures {
		all = append(all, measure[Group]{m.metric, func(g *Group) float64 { return stat.Mean(g.values(m.value), nil) }})
	}
	return append(all, intervalMeasures...)
}()

// comparisons are the means of held-out pairs, nil where there are none.
func comparisons(h *language.HeldOut) *language.Comparisons {
	if h == nil {
		return nil
	}
	return &h.Comparisons
}

// Groups returns train and heldout, as far as there are such prompts, and their parts where they have any, in the order of
// the prompts. Held-out pairs belong to heldout, which is there for them alone where there are no prompts.
func Groups(e *language.Evaluation) []Group {
	var all []Group
	for _, held := range []bool{false, true} {
		side := slices.DeleteFunc(slices.Clone(e.Prompts), func(p language.Prompt) bool { return p.Held != held })
		if len(side) == 0 {
			continue
		}
		whole := Group{Step: e.Step, Name: language.TrainGroup, Prompts: side}
		if held {
			whole.Name, whole.HeldOut = language.HeldOutGroup, e.HeldOut
		}
		all = append(all, whole)
		var parts []string
		for i := range side {
			parts = append(parts, side[i].Group)
		}
		slices.Sort(parts)
		for _, part := range slices.Compact(parts) {
			if part != whole.Name {
				prompts := slices.DeleteFunc(slices.Clone(side), func(p language.Prompt) bool { return p.Group != part })
				all = append(all, Group{Step: e.Step, Name: part, Prompts: prompts})
			}
		}
	}
	if len(all) == 0 && e.HeldOut != nil {
		all = []Group{{Step: e.Step, Name: language.HeldOutGroup, HeldOut: e.HeldOut}}
	}
	return all
}

// Run is how a run ended. Measures are of the final policy: of what it writes on held-out prompts where there are any, else on
// all, and of held-out pairs.
type Run struct {
	Status, Reason string
	Steps          int
	Last           language.Record // of the last step
	Final          Group           // without prompts and pairs where there is no final policy
}

// Final returns the group that measures of a run are of.
func Final(e *language.Evaluation) Group {
	groups := Groups(e)
	if len(groups) == 0 {
		return Group{}
	}
	held := slices.IndexFunc(groups, func(g Group) bool { return g.Name == language.HeldOutGroup })
	g := groups[max(0, held)]
	g.HeldOut = e.HeldOut
	return g
}

// The tables of language models, behind the columns that a plan knows before.
var (
	Runs = slices.Concat(
		text(tables.EndColumns[0], func(r *Run) string { return r.Status }),
		whole(tables.EndColumns[1], func(r *Run) int { return r.Steps }),
		text(tables.EndColumns[2], func(r *Run) string { return r.Reason }),
		numbers(stepMeasures, func(r *Run) *language.Record { return &r.Last }),
		numbers(pairMeasures, func(r *Run) *language.Comparisons { return comparisons(r.Final.HeldOut) }),
		numbers(heldOutMeasures, func(r *Run) *language.HeldOut { return r.Final.HeldOut }),
		numbers(groupMeasures, func(r *Run) *Group { return &r.Final }))
	Traces = slices.Concat(
		whole(tables.StepColumn, func(r *language.Record) int { return r.Step }),
		numbers(stepMeasures, func(r *language.Record) *language.Record { return r }),
		numbers(pairMeasures, func(r *language.Record) *language.Comparisons { return &r.Comparisons }),
		numbers(drawMeasures, func(r *language.Record) *language.Draws { return &r.Draws }))
	Evaluations = slices.Concat(
		whole(tables.StepColumn, func(g *Group) int { return g.Step }),
		groupColumns,
		numbers(pairMeasures, func(g *Group) *language.Comparisons { return comparisons(g.HeldOut) }),
		numbers(heldOutMeasures, func(g *Group) *language.HeldOut { return g.HeldOut }),
		numbers(groupMeasures, func(g *Group) *Group { return g }))
	GroupMeans = slices.Concat(groupColumns, numbers(groupMeasures, func(g *Group) *Group { return g }))
	Prompts    = slices.Concat(promptColumns, numbers(promptMeasures, func(p *language.Prompt) *language.Prompt { return p }))
	Samples    = slices.Concat(promptColumns, Columns[language.Prompt]{{
		tables.Column{Name: "reward", Type: tables.Number, Doc: "Gold reward of the policy's continuations of the prompt, on average."},
		func(p *language.Prompt) tables.Value { return tables.Value{Number: p.Reward} }}},
		text(tables.Column{Name: "prompt_text", Doc: "The prompt."}, func(p *language.Prompt) string { return oneLine(p.Text) }),
		text(tables.Column{Name: "text", Doc: "The final policy's first continuation; of the best of n, the best of all that were drawn."},
			func(p *language.Prompt) string { return oneLine(p.Written) }))

	groupColumn = tables.Column{Name: "group", Doc: "Group of prompts: train, heldout, and with environment.good their parts good, middle " +
		"and bad, heldout-good, heldout-middle and heldout-bad."}
	groupColumns = slices.Concat(text(groupColumn, func(g *Group) string { return g.Name }),
		whole(tables.Column{Name: "prompts", Type: tables.Integer, Doc: "Prompts of the group."}, func(g *Group) int { return len(g.Prompts) }))
	promptColumns = slices.Concat(text(tables.PromptColumn, func(p *language.Prompt) string { return p.Name }),
		text(groupColumn, func(p *language.Prompt) string { return p.Group }))
)

// Schema describes what a run of a language model gives to a table, nil where it gives nothing.
func Schema(table string) tables.Schema {
	return map[string]tables.Schema{tables.Runs: Runs.Schema(), tables.Prompts: Prompts.Schema(), tables.Groups: GroupMeans.Schema(),
		tables.Traces: Traces.Schema(), tables.Evaluations: Evaluations.Schema(), tables.Samples: Samples.Schema()}[table]
}

// oneLine makes spaces of line breaks, so that a row is a line.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r == 0 || r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, text)
}

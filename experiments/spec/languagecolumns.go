package spec

import (
	"slices"

	"windtunnel/metrics"
	"windtunnel/metrics/tables"
)

// ofModel says that a metric is one of language models.
func ofModel(name, unit, summary string) metrics.Metric {
	return metrics.Metric{Name: name, Unit: unit, Summary: "Of language models: " + summary, Source: "this project"}
}

// Columns of the tables of language models, beside those that are called as they are for bandits and mean the same.
var (
	stepMetrics = []metrics.Metric{
		ofModel("loss", "of the loss", "the loss of a step's batch before its update; of rlhf less the mean regularized reward."),
		ofModel("grad_norm", "of the loss", "2-norm of the gradient of loss, before clipping."),
	}
	pairMetrics = []metrics.Metric{
		ofModel("chosen_logp", "nats", "mean log-probability of the chosen responses, summed over their tokens."),
		ofModel("rejected_logp", "nats", "mean log-probability of the rejected responses, summed over their tokens."),
		ofModel("chosen_shift", "nats", "mean change of chosen_logp since the start of training."),
		ofModel("rejected_shift", "nats", "mean change of rejected_logp since the start of training."),
		ofModel("margin", "nats", "chosen_shift - rejected_shift."),
		ofModel("accuracy", "", "share of pairs whose chosen response is the likelier; equal ones count 1/2."),
		ofModel("reward_accuracy", "", "share of pairs whose chosen response's log-probability has grown more; equal ones count 1/2."),
	}
	drawMetrics = []metrics.Metric{
		ofModel("reward", "", "mean reward of continuations: the gold one, except in a step of rlhf, which climbs what labels follow."),
		ofModel("kl_pi_ref", "nats", "estimate of KL(pi to pi_ref), summed over a continuation's tokens."),
		ofModel("tokens", "", "mean length of continuations."),
	}
	writtenMetrics = []metrics.Metric{
		ofModel("reward", "", "mean gold reward of the policy's continuations."),
		ofModel("ref_reward", "", "mean gold reward of the reference's continuations."),
		ofModel("proxy_reward", "", "mean reward that labels follow, where it is not the gold one."),
		ofModel("win_rate", "", "share of continuations with more gold reward than one of the reference; equal ones count 1/2."),
		ofModel("kl_pi_ref", "nats", "KL(pi to pi_ref): along the policy's continuations, the sum of the next token's exact divergences."),
		ofModel("tokens", "", "mean length of continuations, with the token that ended each."),
	}
	intervalMetrics = []metrics.Metric{
		ofModel("reward_low", "", "lower end of reward's 95 % Student-t interval over prompts."),
		ofModel("reward_high", "", "upper end of reward's 95 % Student-t interval over prompts."),
		ofModel("win_low", "", "lower end of win_rate's 95 % Student-t interval over prompts, cut at 0."),
		ofModel("win_high", "", "upper end of win_rate's 95 % Student-t interval over prompts, cut at 1."),
	}
	groupColumn = tables.Column{Name: "group", Doc: "Group of prompts: train, heldout, and with environment.good their parts good, middle " +
		"and bad, heldout-good, heldout-middle and heldout-bad."}
	groupSizeColumn = tables.Column{Name: "prompts", Type: tables.Integer, Doc: "Prompts of the group."}
)

// languageMetrics lists the columns that only tables of language models have, each once.
func languageMetrics() []metrics.Metric {
	known := map[string]bool{metrics.ProxyReward.Name: true}
	for _, m := range tables.Metrics() {
		known[m.Name] = true
	}
	return slices.DeleteFunc(slices.Concat(pairMetrics, writtenMetrics, intervalMetrics), func(m metrics.Metric) bool { return known[m.Name] })
}

// languageColumns describes what a run of a language model gives to a table, see ResultColumns. The measures of runs are of the
// final policy: on held-out prompts where there are any, and on held-out pairs.
func languageColumns(table string) tables.Schema {
	var head tables.Schema
	list := slices.Concat(writtenMetrics, intervalMetrics)
	switch table {
	case tables.Runs:
		head, list = slices.Clone(tables.EndColumns), slices.Concat(stepMetrics, pairMetrics, list)
	case tables.Prompts:
		head, list = tables.Schema{tables.PromptColumn, groupColumn}, writtenMetrics
	case tables.Groups:
		head = tables.Schema{groupColumn, groupSizeColumn}
	case tables.Traces:
		head, list = tables.Schema{tables.StepColumn}, slices.Concat(stepMetrics, pairMetrics, drawMetrics)
	case tables.Evaluations:
		head, list = tables.Schema{tables.StepColumn, groupColumn, groupSizeColumn}, slices.Concat(pairMetrics, list)
	case tables.Samples:
		return tables.Schema{tables.PromptColumn, groupColumn,
			{Name: "reward", Type: tables.Number, Doc: "Gold reward of the policy's continuations of the prompt, on average."},
			{Name: "prompt_text", Doc: "The prompt."},
			{Name: "text", Doc: "The final policy's first continuation; of the best of n, the best of all that were drawn."}}
	default:
		return nil
	}
	return append(head, tables.Measured(list)...)
}

// languageWithout says why a plan of language models has no rows in a table, "" where it has the table.
func (p *Plan) languageWithout(table string) string {
	switch table {
	case tables.Policies, tables.Trajectories:
		return "responses are free text, which cannot be enumerated"
	case tables.Prompts, tables.Groups, tables.Samples:
		if !p.traits.written {
			return "the environment has no reward of what is written"
		}
	case tables.Evaluations:
		if !p.traits.evaluated {
			return "no pairs are held out"
		}
	}
	return ""
}

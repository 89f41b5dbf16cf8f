package spec

import (
	"slices"

	"windtunnel/experiments/record"
	"windtunnel/metrics"
)

// trainingColumns are the numbers that come from the loss rather than from the policy.
var trainingColumns = []metrics.Metric{
	{Name: "loss", Unit: "of the loss", Source: "this project", Summary: "In traces, the loss of the step's minibatch before its " +
		"update; in runs, that of the last step, or of all comparisons at an exact minimizer."},
	{Name: "data_loss", Unit: "of the loss", Source: "this project",
		Summary: "The loss over all comparisons at the recorded policy, penalty included."},
	{Name: "grad_norm", Unit: "of the loss", Source: "this project",
		Summary: "2-norm of the gradient of loss, before clipping."},
}

// Metrics lists every measured column with its unit and meaning, in the order of the columns.
func Metrics() []metrics.Metric { return append(slices.Clone(trainingColumns), metrics.All()...) }

func metricNames(list []metrics.Metric) []string {
	names := make([]string, len(list))
	for i, m := range list {
		names[i] = m.Name
	}
	return names
}

// planColumns are the columns of runs that are known before anything is trained.
func (p *Plan) planColumns() []string {
	return append([]string{"run", "objective", "lambda", "seed"}, p.Swept...)
}

// Columns returns the columns of a table. Those of runs depend on what is swept.
func (p *Plan) Columns(table string) []string {
	switch table {
	case record.Runs:
		return slices.Concat(p.planColumns(), []string{"status", "steps", "reason"}, metricNames(Metrics()))
	case record.Policies:
		return []string{"run", "prompt", "response", "pi", "pi_ref", "pi_star"}
	case record.Prompts:
		return append([]string{"run", "prompt"}, metricNames(metrics.All())...)
	case record.Traces:
		return append([]string{"run", "step"}, metricNames(Metrics())...)
	default:
		return []string{"run", "step", "prompt", "response", "pi"}
	}
}

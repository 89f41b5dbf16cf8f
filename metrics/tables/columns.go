package tables

import (
	"slices"

	"windtunnel/metrics"
)

// OfRuns lists every table that runs may contribute to, in a fixed order.
var OfRuns = []string{Runs, Policies, Prompts, Groups, Traces, Trajectories, Evaluations, Samples}

// trainingMetrics are the numbers that come from the loss rather than from the policy.
var trainingMetrics = []metrics.Metric{
	{Name: "loss", Unit: "of the loss", Source: "this project", Summary: "In traces, the loss of the step's minibatch before its " +
		"update; in runs, that of the last step, or of all comparisons at an exact minimizer."},
	{Name: "data_loss", Unit: "of the loss", Source: "this project",
		Summary: "The loss over all comparisons at the recorded policy, penalty included."},
	{Name: "grad_norm", Unit: "of the loss", Source: "this project",
		Summary: "2-norm of the gradient of loss, before clipping."},
}

// Metrics lists every column that is measured of a policy over responses that can be enumerated, with its unit and meaning, in
// the order of the columns.
func Metrics() []metrics.Metric { return append(slices.Clone(trainingMetrics), metrics.All()...) }

// Measured describes the columns of metrics.
func Measured(list []metrics.Metric) Schema {
	schema := make(Schema, len(list))
	for i, m := range list {
		schema[i] = Column{Name: m.Name, Type: Number, Unit: m.Unit, Doc: m.Summary}
	}
	return schema
}

// Columns that several tables have.
var (
	RunColumn      = Column{Name: "run", Doc: "Name of the run, made of what varies; unique in the table runs."}
	StepColumn     = Column{Name: "step", Type: Integer, Doc: "Optimizer steps taken, 0 before the first."}
	PromptColumn   = Column{Name: "prompt", Doc: "Name of the prompt."}
	responseColumn = Column{Name: "response", Type: Integer, Doc: "Number of the response, from 0."}
	piColumn       = Column{Name: "pi", Type: Number, Doc: "Probability that the policy gives to the response."}
)

// Columns that only plans have of which a run weighs groups of comparisons.
const (
	WorstGroupLoss = "worst_group_loss"
	GroupLoss      = "group_loss"
	GroupWeight    = "group_weight"
)

var worstColumn = Column{Name: WorstGroupLoss, Type: Number, Unit: "of the loss", Doc: "The largest mean loss of a group of comparisons, where train.groups weighs groups."}

// Logit is the column of policies and trajectories that only plans have of which a run asks for logits.
const Logit = "logit"

var logitColumn = Column{Name: Logit, Type: Number, Doc: "Logit of the response, where the run is trained and lists them."}

// Columns of traces that only plans with paths have. The step is then the number of the point.
const (
	Strength    = "strength"
	PointStatus = "point_status"
)

// Comparisons is the column of runs that only plans have whose kind of preferences varies, and that sweep nothing of that name.
const Comparisons = "comparisons"

// Period is the column of runs that only plans have in which some run watches its rounds.
const Period = "period"

// EndColumns are the columns of runs that say how a run ended.
var EndColumns = Schema{
	{Name: "status", Doc: "How the run ended; failed means that it has no result."},
	{Name: "steps", Type: Integer, Doc: "Optimizer steps, or iterations of the exact solver."},
	{Name: "reason", Doc: "Why the run ended so, where that needs saying."}}

// BanditColumns describes what a run over responses that can be enumerated gives to a table, behind the columns that its plan
// knows before: the run's name, and in the table runs also what tells it from others. The last of them, in the tables that have
// them, are metrics.ProxyReward, of which only runs with online preferences have a value, metrics.OfGames, metrics.OnRequest and metrics.OfRewards.
func BanditColumns(table string) Schema {
	online := slices.Concat(metrics.All(), []metrics.Metric{metrics.ProxyReward}, metrics.OfGames(), metrics.OnRequest(), metrics.OfRewards())
	switch table {
	case Runs:
		counted := append(slices.Clone(EndColumns), Column{Name: Comparisons, Type: Integer, Doc: "How many comparisons the preferences hold."},
			Column{Name: Period, Type: Integer, Doc: "Of rounds that end in a cycle, how many rounds it has; 1 where they come to rest."})
		return append(counted, append(Measured(append(slices.Clone(trainingMetrics), online...)), worstColumn)...)
	case Policies:
		return Schema{PromptColumn, responseColumn, piColumn,
			{Name: "pi_ref", Type: Number, Doc: "Probability that the reference gives to the response."},
			{Name: "pi_star", Type: Number, Doc: "Probability of the response under the true preferences' policy pi_star."}, logitColumn}
	case Prompts:
		return append(Schema{PromptColumn}, Measured(online)...)
	case Groups:
		return slices.Concat(Schema{
			{Name: "group", Doc: "Group of prompts; those that no preference is of begin with heldout."},
			{Name: "prompts", Type: Integer, Doc: "Prompts of the group."}}, Measured(append(metrics.All(), metrics.OfRewards()...)),
			Schema{{Name: GroupLoss, Type: Number, Unit: "of the loss", Doc: "Mean loss of the group's comparisons at the final policy, where train.groups weighs groups."},
				{Name: GroupWeight, Type: Number, Doc: "The group's weight at the end of training."}})
	case Traces:
		return append(Schema{StepColumn,
			{Name: Strength, Type: Number, Doc: "Of a path, the strength at the point, or the time in units in which the flow starts at speed 1."},
			{Name: PointStatus, Doc: "Of a path, what the solver says of the point, as status does of a run."}},
			append(Measured(append(slices.Clone(trainingMetrics), online...)), worstColumn)...)
	case Trajectories:
		return Schema{StepColumn, PromptColumn, responseColumn, piColumn, logitColumn}
	}
	return nil
}

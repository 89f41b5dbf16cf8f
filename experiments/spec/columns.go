package spec

import (
	"fmt"
	"slices"

	"windtunnel/metrics"
	"windtunnel/metrics/tables"
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

// ListedMetrics is Metrics with those that only some plans have.
func ListedMetrics() []metrics.Metric {
	return append(append(Metrics(), metrics.ProxyReward), languageMetrics()...)
}

// Online says whether some run draws its preferences from the policy in training. Its tables of measures then end with the
// column of metrics.ProxyReward, which is empty in the rows of the other runs.
func (p *Plan) Online() bool { return !p.traits.language && p.traits.online }

// measured describes the columns of metrics.
func measured(list []metrics.Metric) tables.Schema {
	schema := make(tables.Schema, len(list))
	for i, m := range list {
		schema[i] = tables.Column{Name: m.Name, Type: tables.Number, Unit: m.Unit, Doc: m.Summary}
	}
	return schema
}

// MostListed is the largest number of responses of an environment whose policies are listed response by response, in the
// tables policies and trajectories.
const MostListed = 1000

// traits are what the environments of a plan have, which says what tables it has.
type traits struct {
	listed  bool // some environment has at most MostListed responses
	grouped bool // some environment has groups of prompts
	online  bool // some run draws its preferences from the policy in training

	language  bool // runs train language models, whose responses cannot be enumerated
	written   bool // which write continuations that have a reward
	evaluated bool // and are measured along training
}

// AllTables lists every table that runs may contribute to, in a fixed order.
func AllTables() []string {
	return []string{tables.Runs, tables.Policies, tables.Prompts, tables.Groups, tables.Traces, tables.Trajectories,
		tables.Evaluations, tables.Samples}
}

// Tables lists the tables that the plan's runs contribute to, in the order of AllTables.
func (p *Plan) Tables() []string {
	return slices.DeleteFunc(AllTables(), func(table string) bool { return p.without(table) != "" })
}

// without says why the plan has no rows in a table, "" where it has the table.
func (p *Plan) without(table string) string {
	if p.traits.language {
		return p.languageWithout(table)
	}
	switch table {
	case tables.Evaluations, tables.Samples:
		return "responses are numbered; traces and policies tell of them"
	case tables.Policies, tables.Trajectories:
		if !p.traits.listed {
			return fmt.Sprintf("every environment has more than %d responses", MostListed)
		}
	case tables.Groups:
		if !p.traits.grouped {
			return "no environment has groups of prompts"
		}
	}
	return ""
}

// Columns that several tables have.
var (
	runColumn      = tables.Column{Name: "run", Doc: "Name of the run, made of what varies; unique in the table runs."}
	stepColumn     = tables.Column{Name: "step", Type: tables.Integer, Doc: "Optimizer steps taken, 0 before the first."}
	promptColumn   = tables.Column{Name: "prompt", Doc: "Name of the prompt."}
	responseColumn = tables.Column{Name: "response", Type: tables.Integer, Doc: "Number of the response, from 0."}
	piColumn       = tables.Column{Name: "pi", Type: tables.Number, Doc: "Probability that the policy gives to the response."}
)

// plannedSchema describes the columns of runs that are known before anything is trained.
func (p *Plan) plannedSchema() tables.Schema {
	schema := tables.Schema{runColumn,
		{Name: "objective", Doc: "Label of the objective."},
		{Name: "lambda", Type: tables.Number, Doc: "The objective's lambda; empty where it has none."},
		{Name: "seed", Type: tables.Integer, Doc: "Seed of all random numbers of the run."}}
	for _, key := range p.Swept {
		schema = append(schema, tables.Column{Name: key, Type: p.sweptType(key), Doc: "Swept key of the config."})
	}
	return schema
}

// sweptType is the narrowest type that the values of a swept key have.
func (p *Plan) sweptType(key string) tables.Type {
	return tables.TypeOf(func(yield func(string) bool) {
		p.Each([]string{key}, func(row []string) bool { return yield(row[0]) })
	})
}

// planColumns are the names of the columns of runs that are known before anything is trained.
func (p *Plan) planColumns() []string {
	return append([]string{"run", "objective", "lambda", "seed"}, p.Swept...)
}

// Schema describes the columns of a table of the plan. Those of runs depend on what is swept.
func (p *Plan) Schema(table string) tables.Schema {
	schema := p.tableSchema(table)
	if table == tables.Runs {
		schema = slices.Concat(p.plannedSchema(), p.runSchema())
	}
	return append(schema, p.ownMetrics(table)...)
}

// ownMetrics describes the measured columns of a table that not every plan has.
func (p *Plan) ownMetrics(table string) tables.Schema {
	if !slices.Contains([]string{tables.Runs, tables.Prompts, tables.Traces}, table) || !p.Online() {
		return nil
	}
	return measured([]metrics.Metric{metrics.ProxyReward})
}

// runSchema describes the columns of runs that are known when a run has ended.
func (p *Plan) runSchema() tables.Schema {
	return append(tables.Schema{
		{Name: "status", Doc: "How the run ended; failed means that it has no result."},
		{Name: "steps", Type: tables.Integer, Doc: "Optimizer steps, or iterations of the exact solver."},
		{Name: "reason", Doc: "Why the run ended so, where that needs saying."}}, p.finalSchema()...)
}

// finalSchema describes what is measured of a run's final policy.
func (p *Plan) finalSchema() tables.Schema {
	if p.traits.language {
		return languageRunSchema()
	}
	return measured(Metrics())
}

// tableSchema describes the tables other than runs.
func (p *Plan) tableSchema(table string) tables.Schema {
	if p.traits.language {
		return languageSchema(table)
	}
	switch table {
	case tables.Policies:
		return tables.Schema{runColumn, promptColumn, responseColumn, piColumn,
			{Name: "pi_ref", Type: tables.Number, Doc: "Probability that the reference gives to the response."},
			{Name: "pi_star", Type: tables.Number, Doc: "Probability of the response under the true preferences' policy pi_star."}}
	case tables.Prompts:
		return append(tables.Schema{runColumn, promptColumn}, measured(metrics.All())...)
	case tables.Groups:
		return append(tables.Schema{runColumn,
			{Name: "group", Doc: "Group of prompts; those that no preference is of begin with heldout."},
			{Name: "prompts", Type: tables.Integer, Doc: "Prompts of the group."}}, measured(metrics.All())...)
	case tables.Traces:
		return append(tables.Schema{runColumn, stepColumn}, measured(Metrics())...)
	default:
		return tables.Schema{runColumn, stepColumn, promptColumn, responseColumn, piColumn}
	}
}

// Columns returns the names of a table's columns.
func (p *Plan) Columns(table string) []string {
	names := p.tableSchema(table).Names()
	if table == tables.Runs {
		names = append(p.planColumns(), p.runSchema().Names()...)
	}
	return append(names, p.ownMetrics(table).Names()...)
}

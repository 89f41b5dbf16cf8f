package spec

import (
	"fmt"
	"slices"

	"windtunnel/metrics"
	"windtunnel/metrics/tables"
	"windtunnel/metrics/texts"
)

// ListedMetrics lists every measured column that some plan has.
func ListedMetrics() []metrics.Metric {
	return slices.Concat(tables.Metrics(), []metrics.Metric{metrics.ProxyReward}, metrics.OfGames(), metrics.OnRequest(), metrics.OfRewards(), texts.Metrics())
}

// HasStar says whether some run has a pi_star, without which the metrics that need it are empty.
func (p *Plan) HasStar() bool { return p.traits.starred }

// MostListed is the largest number of responses of an environment whose policies are listed response by response, in the
// tables policies and trajectories.
const MostListed = 1000

// traits are what the environments of a plan have, which says what tables it has.
type traits struct {
	listed  bool     // some environment has at most MostListed responses
	grouped bool     // some environment has groups of prompts
	asked   []string // metrics.OnRequest that some run asks for
	watched bool     // some run watches its rounds
	online  bool     // some run draws its preferences from the policy in training, and so metrics.ProxyReward
	traced  bool     // some run traces a path
	logits  bool     // some run lists logits
	counted bool     // the kind of preferences varies
	paired  bool     // some run has counts or a matrix, and so metrics.OfGames
	plays   bool     // some loss plays the game of win rates, and so metrics.DualityGap is of interest
	weighed bool     // some run weighs groups of comparisons
	starred bool     // some environment has a pi_star
	rewards bool     // some environment has rewards in their own scale, and so metrics.OfRewards

	language  bool // runs train language models, whose responses cannot be enumerated
	written   bool // which write continuations that have a reward
	evaluated bool // and are evaluated along training
}

// Tables lists the tables that the plan's runs contribute to, in the order of tables.OfRuns.
func (p *Plan) Tables() []string {
	return slices.DeleteFunc(slices.Clone(tables.OfRuns), func(table string) bool { return p.without(table) != "" })
}

// without says why the plan has no rows in a table, "" where it has the table.
func (p *Plan) without(table string) string {
	t, why := &p.traits, map[string]string{}
	if t.language {
		const text = "responses are free text, which cannot be enumerated"
		why[tables.Policies], why[tables.Trajectories] = text, text
		if !t.written {
			const rewardless = "the environment has no reward of what is written"
			why[tables.Prompts], why[tables.Groups], why[tables.Samples] = rewardless, rewardless, rewardless
		}
		if !t.evaluated {
			why[tables.Evaluations] = "no pairs are held out"
		}
		return why[table]
	}
	const numbered = "responses are numbered; traces and policies tell of them"
	why[tables.Evaluations], why[tables.Samples] = numbered, numbered
	if !t.listed {
		many := fmt.Sprintf("every environment has more than %d responses", MostListed)
		why[tables.Policies], why[tables.Trajectories] = many, many
	}
	if !t.grouped && !t.weighed {
		why[tables.Groups] = "no environment has groups of prompts, and nothing weighs groups of comparisons"
	}
	return why[table]
}

// PlannedColumns are the names of the columns of runs that are known before anything is trained.
func (p *Plan) PlannedColumns() []string {
	return append([]string{"run", "objective", "lambda", "seed"}, p.Swept...)
}

// Schema describes the columns of a table of the plan. Those of runs depend on what is swept.
func (p *Plan) Schema(table string) tables.Schema {
	schema := tables.Schema{tables.RunColumn}
	if table == tables.Runs {
		schema = append(schema, tables.Column{Name: "objective", Doc: "Label of the objective."},
			tables.Column{Name: "lambda", Type: tables.Number, Doc: "The objective's lambda; empty where it has none."},
			tables.Column{Name: "seed", Type: tables.Integer, Doc: "Seed of all random numbers of the run."})
		for _, key := range p.Swept {
			narrowest := tables.TypeOf(slices.Values(p.Values(key)))
			schema = append(schema, tables.Column{Name: key, Type: narrowest, Doc: "Swept key of the config."})
		}
	}
	return append(schema, p.resultColumns(table)...)
}

// resultColumns describes the columns of a table that are known when a run has ended.
func (p *Plan) resultColumns(table string) tables.Schema {
	t := &p.traits
	absent := map[string]bool{tables.Period: !t.watched, metrics.ProxyReward.Name: !t.language && !t.online, tables.Logit: !t.logits,
		tables.Comparisons:    !t.language && (!t.counted || slices.Contains(p.Swept, tables.Comparisons)), // a swept column has the name first
		tables.WorstGroupLoss: !t.weighed, tables.GroupLoss: !t.weighed, tables.GroupWeight: !t.weighed,
		tables.Strength: !t.traced, tables.PointStatus: !t.traced}
	for _, m := range metrics.OfGames() {
		absent[m.Name] = !t.paired
	}
	absent[metrics.DualityGap.Name] = absent[metrics.DualityGap.Name] || !t.plays
	for _, m := range metrics.OnRequest() {
		absent[m.Name] = !slices.Contains(t.asked, m.Name)
	}
	for _, m := range metrics.OfRewards() {
		absent[m.Name] = !t.rewards
	}
	return slices.DeleteFunc(ResultColumns(table, t.language), func(c tables.Column) bool { return absent[c.Name] })
}

// ResultColumns describes what a run, of a language model or not, gives to a table behind the columns that its plan knows before.
func ResultColumns(table string, language bool) tables.Schema {
	if language {
		return texts.Schema(table)
	}
	return tables.BanditColumns(table)
}

// Columns returns the names of a table's columns.
func (p *Plan) Columns(table string) []string {
	names := []string{"run"}
	if table == tables.Runs {
		names = p.PlannedColumns()
	}
	return append(names, p.resultColumns(table).Names()...)
}

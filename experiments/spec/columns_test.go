package spec

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"windtunnel/experiments/record"
)

// Every column says what it holds, and swept columns have the type of their values.
func TestSchema(t *testing.T) {
	t.Parallel()
	plan := loaded(t, head+`objectives: [dpo, typo]
sweep: {seed: [1, 2], constraint.l2: [0, 0.1], train.max_steps: [5, 10], train.shuffle: [true, false], train.optimizer.kind: [adam, sgd], lambda: [1]}
`).Plan
	for _, table := range AllTables() {
		schema := plan.Schema(table)
		same(t, "columns of "+table, schema.Names(), plan.Columns(table))
		for _, c := range schema {
			if c.Doc == "" {
				t.Errorf("%s: %s is not described", table, c.Name)
			}
		}
	}
	runs := plan.Schema(record.Runs)
	for name, want := range map[string]record.Column{
		"run": {Type: record.Text}, "lambda": {Type: record.Number}, "seed": {Type: record.Integer},
		"constraint.l2": {Type: record.Number}, "train.max_steps": {Type: record.Integer}, "train.shuffle": {Type: record.Boolean},
		"train.optimizer.kind": {Type: record.Text}, "status": {Type: record.Text}, "steps": {Type: record.Integer},
		"loss": {Type: record.Number, Unit: "of the loss"}, "kl_star_pi": {Type: record.Number, Unit: "nats"}, "tv_star": {Type: record.Number},
	} {
		if got, ok := runs.Find(name); !ok || got.Type != want.Type || got.Unit != want.Unit {
			t.Errorf("%s is %+v, want %+v", name, got, want)
		}
	}
	// What a run fills in fits its columns.
	table := record.NewTable(record.Runs, plan.planColumns()...)
	for _, r := range plan.All() {
		table.Append(r.Cells()...)
	}
	fitted, err := record.Fit(table, runs)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range fitted {
		if c.Type != runs[i].Type {
			t.Errorf("%s is declared as %s, its cells are %s", c.Name, runs[i].Type, c.Type)
		}
	}
}

// A plan has tables by its environments, and nothing may speak of those that it has not.
func TestTablesOfPlan(t *testing.T) {
	t.Parallel()
	const body = "preferences: {kind: sample}\nobjectives: [dpo]\nsweep: {seed: [1], lambda: [1]%s}\n%s"
	large := "name: test\nenvironment: {kind: random-bandit, responses: 1001}\n"
	always := []string{record.Runs, record.Prompts, record.Traces}
	listed := []string{record.Runs, record.Policies, record.Prompts, record.Traces, record.Trajectories}
	same(t, "small", loaded(t, head+fmt.Sprintf(body, "", "")).Plan.Tables(), listed)
	same(t, "large", loaded(t, large+fmt.Sprintf(body, "", "")).Plan.Tables(), always)
	same(t, "mixed", loaded(t, large+fmt.Sprintf(body, ", environment.responses: [5, 1001]", "")).Plan.Tables(), listed)
	for claim, table := range map[string]string{
		"claims: [{name: c, text: c, kind: distance, left: {lambda: 1}, right: {lambda: 1}, max: 1}]\n": record.Policies,
		"figures: [{name: f, kind: lines, table: groups, x: lambda, y: reward}]\n":                      record.Groups,
	} {
		path := filepath.Join(t.TempDir(), "test.yaml")
		write(t, path, large+fmt.Sprintf(body, "", claim))
		_, err := Load(path, nil)
		if err == nil || !strings.Contains(err.Error(), "there is no table "+table+": ") {
			t.Errorf("%s: error %v", claim, err)
		}
	}
}

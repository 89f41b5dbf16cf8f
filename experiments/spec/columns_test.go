package spec

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/metrics/tables"
)

// Every column says what it holds, and swept columns have the type of their values.
func TestSchema(t *testing.T) {
	t.Parallel()
	plan := loaded(t, head+`objectives: [dpo, typo]
sweep: {seed: [1, 2], constraint.l2: [0, 0.1], train.max_steps: [5, 10], train.shuffle: [true, false], train.optimizer.kind: [adam, sgd], lambda: [1]}
`).Plan
	for _, table := range tables.OfRuns {
		schema := plan.Schema(table)
		same(t, "columns of "+table, schema.Names(), plan.Columns(table))
		for _, c := range schema {
			if c.Doc == "" {
				t.Errorf("%s: %s is not described", table, c.Name)
			}
		}
	}
	runs := plan.Schema(tables.Runs)
	for name, want := range map[string]tables.Column{
		"run": {Type: tables.Text}, "lambda": {Type: tables.Number}, "seed": {Type: tables.Integer},
		"constraint.l2": {Type: tables.Number}, "train.max_steps": {Type: tables.Integer}, "train.shuffle": {Type: tables.Boolean},
		"train.optimizer.kind": {Type: tables.Text}, "status": {Type: tables.Text}, "steps": {Type: tables.Integer},
		"loss": {Type: tables.Number, Unit: "of the loss"}, "kl_star_pi": {Type: tables.Number, Unit: "nats"}, "tv_star": {Type: tables.Number},
	} {
		if got, ok := runs.Find(name); !ok || got.Type != want.Type || got.Unit != want.Unit {
			t.Errorf("%s is %+v, want %+v", name, got, want)
		}
	}
	// What a run fills in fits its columns.
	table := tables.NewTable(tables.Runs, plan.PlannedColumns()...)
	for _, r := range plan.Runs {
		table.Append(r.Cells()...)
	}
	fitted, err := tables.Fit(table, runs)
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
	always := []string{tables.Runs, tables.Prompts, tables.Traces}
	listed := []string{tables.Runs, tables.Policies, tables.Prompts, tables.Traces, tables.Trajectories}
	same(t, "small", loaded(t, head+fmt.Sprintf(body, "", "")).Plan.Tables(), listed)
	same(t, "large", loaded(t, large+fmt.Sprintf(body, "", "")).Plan.Tables(), always)
	same(t, "mixed", loaded(t, large+fmt.Sprintf(body, ", environment.responses: [5, 1001]", "")).Plan.Tables(), listed)
	for claim, table := range map[string]string{
		"claims: [{name: c, text: c, kind: distance, left: {lambda: 1}, right: {lambda: 1}, max: 1}]\n": tables.Policies,
		"figures: [{name: f, kind: lines, table: groups, x: lambda, y: reward}]\n":                      tables.Groups,
	} {
		path := filepath.Join(t.TempDir(), "test.yaml")
		testfile.Write(t, path, large+fmt.Sprintf(body, "", claim))
		_, err := load(path, nil)
		if err == nil || !strings.Contains(err.Error(), "there is no table "+table+": ") {
			t.Errorf("%s: error %v", claim, err)
		}
	}
}

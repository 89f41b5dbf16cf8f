package engine

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/experiments/spec"
	"windtunnel/metrics/tables"
	"windtunnel/toy/bandit"
)

const drawnTwice = `name: drawn
environment: {kind: derived, prompt: last, of: {kind: random, prompts: 2, responses: 4}}
objectives: [dpo, ipo]
solver: exact
sweep:
  - list: [{preferences: population}, {preferences: {kind: sample, n: 40, seed: 1}}, {preferences: {kind: sample, n: 4000, seed: 1}}]
`

func plannedFrom(t *testing.T, text string) *spec.Plan {
	t.Helper()
	path := filepath.Join(t.TempDir(), "drawn.yaml")
	testfile.Write(t, path, text)
	c, err := spec.Load(path, nil, spec.Tables())
	if err != nil {
		t.Fatal(err)
	}
	return c.Plan
}

// Runs in memory are the runs that a worker does, equal comparisons merged or not, and a second plan takes their results.
func TestMemory(t *testing.T) {
	plan := plannedFrom(t, drawnTwice)
	var memory Memory
	got, err := memory.Tables(context.Background(), plan, []string{tables.Runs, tables.Policies})
	if err != nil {
		t.Fatal(err)
	}
	runs, all := got[tables.Runs], len(memory.results)
	if runs.Len() != 6 || all != 6 || len(got) != 2 {
		t.Fatalf("%d runs, %d results, %d tables", runs.Len(), all, len(got))
	}
	one, at := &worker{}, 0
	for i, run := range plan.Runs {
		r, err := one.do(context.Background(), run)
		if err != nil {
			t.Fatal(err)
		}
		if status := runs.Text(i, "status"); status != r.status {
			t.Errorf("%s: %s, alone %s", run.ID, status, r.status)
		}
		rows := &r.rows[tableIndex[tables.Policies]]
		pi := slices.IndexFunc(rows.Schema, func(c tables.Column) bool { return c.Name == "pi" })
		for k := range rows.Len() {
			if want := rows.Values[k*len(rows.Schema)+pi].Number; !(abs(got[tables.Policies].Float(at, "pi")-want) < 1e-9) {
				t.Errorf("%s: response %d has %v, alone %v", run.ID, k, got[tables.Policies].Float(at, "pi"), want)
			}
			at++
		}
	}
	// Equal draws are dropped, so the column says how many were made.
	if n := runs.Float(2, tables.Comparisons); !(n > 2000 && n < 4000) || runs.Float(0, tables.Comparisons) != 12 {
		t.Errorf("%v and %v comparisons", n, runs.Float(0, tables.Comparisons))
	}
	if _, err := memory.Tables(context.Background(), plannedFrom(t, drawnTwice), nil); err != nil || len(memory.results) != all {
		t.Errorf("the same plan has %d results, %v", len(memory.results)-all, err)
	}
	moved := plan.In(&bandit.Random{Prompts: 2, Responses: 3, Star: "gaussian", Concentration: 1, Scale: 1, Temperature: 1, Perturbation: 1}, 5, "there")
	if got, err = memory.Tables(context.Background(), moved, []string{tables.Policies}); err != nil || got[tables.Policies].Len() != 18 || len(memory.results) != 2*all {
		t.Errorf("another environment: %d rows, %d results, %v", got[tables.Policies].Len(), len(memory.results), err)
	}
}

func abs(v float64) float64 { return max(v, -v) }

package engine

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"windtunnel/experiments/cache"
	"windtunnel/experiments/internal/testfile"
	"windtunnel/experiments/spec"
	"windtunnel/metrics/tables"
)

// planOf plans a config.
func planOf(t testing.TB, text string, sets ...string) *spec.Plan {
	t.Helper()
	dir := t.TempDir()
	testfile.Write(t, filepath.Join(dir, "pairs.jsonl"), pairs)
	path := filepath.Join(dir, "test.yaml")
	testfile.Write(t, path, text)
	c, err := spec.Load(path, sets, spec.Tables())
	if err != nil {
		t.Fatal(err)
	}
	return c.Plan
}

// workOn returns the work on a plan with a cache of its own.
func workOn(t testing.TB, plan *spec.Plan, jobs int) *Work {
	t.Helper()
	return &Work{Plan: plan, Store: openStore(t, t.TempDir()), Meter: &Meter{}, Jobs: jobs}
}

func openStore(t testing.TB, dir string) *cache.Store {
	t.Helper()
	store, err := cache.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// do does the work into a folder.
func do(t testing.TB, w *Work, dir string) *Faults {
	t.Helper()
	if err := w.Compute(context.Background()); err != nil {
		t.Fatal(err)
	}
	faults, err := w.Assemble(context.Background(), dir, tables.CSV)
	if err != nil {
		t.Fatal(err)
	}
	return faults
}

// results does a plan and returns its tables by name, and the stack traces.
func results(t testing.TB, plan *spec.Plan, jobs int) (map[string]*tables.Table, map[string]string) {
	t.Helper()
	dir, w := t.TempDir(), workOn(t, plan, jobs)
	faults := do(t, w, dir)
	cost := 0.0
	for _, r := range plan.Runs {
		cost += r.Cost()
	}
	if c := w.Meter.Now(); c.Runs != len(plan.Runs) || c.Done != c.Runs || c.Cached != 0 || math.Abs(c.Share()-1) > 1e-9 || math.Abs(c.Cost/cost-1) > 1e-9 {
		t.Errorf("the meter shows %+v; want %d runs of cost %v", c, len(plan.Runs), cost)
	}
	all := map[string]*tables.Table{}
	for _, name := range plan.Tables() {
		table, err := tables.ReadCSV(name, strings.NewReader(testfile.Read(t, filepath.Join(dir, name+".csv"))))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(table.Header, plan.Columns(name)) {
			t.Errorf("%s has the columns %v, want %v", name, table.Header, plan.Columns(name))
		}
		all[name] = table
	}
	return all, faults.Stacks
}

// wholeText returns the tables of a plan in a folder in one text.
func wholeText(t testing.TB, plan *spec.Plan, dir string) string {
	t.Helper()
	var all strings.Builder
	for _, name := range plan.Tables() {
		fmt.Fprintf(&all, "%s\n%s", name, testfile.Read(t, filepath.Join(dir, name+".csv")))
	}
	return all.String()
}

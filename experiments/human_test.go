package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"windtunnel/metrics/tables"
)

// TestHumanTrace: `run configs/lm_hh.yaml` takes DPO, IPO and TYPO through the steps that PyTorch takes, to 1e-9 in float64 and
// to 1e-4 in float32. The pairs' text is no part of the project: WINDTUNNEL_HH is the path of hh_harmless-base_test.jsonl.gz.
func TestHumanTrace(t *testing.T) {
	pairs := os.Getenv("WINDTUNNEL_HH")
	if pairs == "" {
		t.Skip("WINDTUNNEL_HH names no file of human pairs")
	}
	traces := map[string]json.RawMessage{}
	for _, name := range []string{"dpo_trace.json", "ipo_typo_trace.json"} { // float64 and ipo_float64, and so on
		if err := json.Unmarshal(readFile(t, filepath.Join("../toy/language/testdata", name)), &traces); err != nil {
			t.Fatal(err)
		}
	}
	for precision, within := range map[string]float64{"float64": 1e-9, "float32": 1e-4} {
		out := t.TempDir()
		runMain(t, exitWell, "run", "--quiet", "--out", out, "../configs/lm_hh.yaml", "--set", "preferences.path="+pairs,
			"--set", "policy.precision="+precision)
		table, err := tables.Open(filepath.Join(out, "lm_hh"), tables.Traces)
		if err != nil {
			t.Fatal(err)
		}
		for run, key := range map[string]string{"dpo": precision, "ipo": "ipo_" + precision, "typo": "typo_" + precision} {
			var want []map[string]float64
			if err := json.Unmarshal(traces[key], &want); err != nil {
				t.Fatal(err)
			}
			compareTrace(t, table, run, want, within)
		}
	}
}

// compareTrace holds the steps of a run against PyTorch's.
func compareTrace(t *testing.T, table *tables.Table, run string, want []map[string]float64, within float64) {
	t.Helper()
	rows := tables.Where{"run": {run}}.Select(table)
	if len(rows) != 30 || len(want) != 30 {
		t.Fatalf("%s: %d steps, want %d", run, len(rows), len(want))
	}
	for i, step := range want {
		for _, column := range []string{"step", "loss", "chosen_logp", "rejected_logp", "grad_norm"} {
			if got := table.Float(rows[i], column); !(math.Abs(got-step[column]) <= within*math.Abs(step[column])) {
				t.Errorf("%s, step %d: %s is %v, want %v within %g", run, i+1, column, got, step[column], within)
			}
		}
	}
}

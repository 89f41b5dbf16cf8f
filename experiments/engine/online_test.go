package engine

import (
	"math"
	"slices"
	"strings"
	"testing"

	"windtunnel/metrics/tables"
)

const onlineConfig = `
name: online
environment: {kind: random-bandit, prompts: 2, responses: 6, pi_star: gaussian}
preferences: {kind: online, rounds: 3, pairs: 40, proxy: {kind: noisy, scale: 1}}
train: {epochs: 2, batch_size: 0}
objectives: [dpo, rlhf, best-of-n]
sweep:
  - {grid: {preferences.kind: [online, population]}}
  - {grid: {solver: [exact]}, for: [rlhf]}
  - {grid: {n: [1, 8]}, for: [best-of-n]}
`

// Online runs have a column of their own, empty in the rows of others; the best of 1 is the reference, and of 8 within its
// bound.
func TestOnline(t *testing.T) {
	text := strings.Replace(onlineConfig, "preferences.kind: [online, population]", "preferences: [{kind: online, rounds: 3, pairs: 40, proxy: {kind: noisy, scale: 1}}, {kind: population}]", 1)
	plan := planOf(t, text)
	if columns := plan.Columns(tables.Runs); len(plan.Runs) != 8 || !slices.Contains(columns, "proxy_reward") {
		t.Fatalf("%d runs with the columns %v; want 8", len(plan.Runs), columns)
	}
	all, stacks := results(t, plan, 2)
	if len(stacks) > 0 {
		t.Fatal(stacks)
	}
	runs := all[tables.Runs]
	for row := range runs.Len() {
		name, online := runs.Text(row, "run"), strings.Contains(runs.Text(row, "preferences"), "online")
		if got := runs.Text(row, "proxy_reward") != ""; got != online {
			t.Errorf("%s: proxy reward %q", name, runs.Text(row, "proxy_reward"))
		}
		kl, n := runs.Float(row, "kl_pi_ref"), runs.Float(row, "n")
		switch runs.Text(row, "objective") {
		case "dpo":
			if online && (runs.Float(row, "steps") != 6 || runs.Text(row, "status") != "done") {
				t.Errorf("%s: %s after %v steps", name, runs.Text(row, "status"), runs.Float(row, "steps"))
			}
		case "rlhf":
			if runs.Text(row, "status") != "converged" {
				t.Errorf("%s: %s, %s", name, runs.Text(row, "status"), runs.Text(row, "reason"))
			}
		default:
			if runs.Text(row, "status") != "exact" || runs.Text(row, "loss") != "" || kl > math.Log(n)-(n-1)/n+1e-12 || n == 1 && math.Abs(kl) > 1e-12 || n == 8 && kl < 0.1 {
				t.Errorf("%s: %s, KL %v", name, runs.Text(row, "status"), kl)
			}
		}
	}
	traces := all[tables.Traces]
	if traces.Text(0, "run") == "" || !traces.Has("proxy_reward") || !all[tables.Prompts].Has("proxy_reward") || all[tables.Policies].Has("proxy_reward") {
		t.Error("the column of the proxy stands in the wrong tables")
	}
}

// The column is one of plans with online preferences only.
func TestNotOnline(t *testing.T) {
	if plan := planOf(t, strings.Replace(onlineConfig, "preferences.kind: [online, population]", "preferences: [{kind: population}]", 1)); slices.Contains(plan.Columns(tables.Runs), "proxy_reward") {
		t.Error("a plan without online preferences has it")
	}
}

const roundsConfig = `
name: rounds
environment: {kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.3, 0.1], pi_ref: [0.2, 0.3, 0.5]}]}
preferences: {kind: online, rounds: 90, pairs: 0, watch: true}
objectives: [dpo, typo]
solver: exact
metrics: [value_diff]
sweep: {preferences.reference: [start, previous], lambda: [0.5, 2]}
`

// Rounds that are solved say how they end, with a row of traces for each; rows are the same in any order of runs. DPO's minimizer is
// RLHF's optimum.
func TestSolvedRounds(t *testing.T) {
	plan := planOf(t, roundsConfig)
	all, stacks := results(t, plan, 1)
	if len(stacks) > 0 {
		t.Fatal(stacks)
	}
	runs, traces := all[tables.Runs], all[tables.Traces]
	if runs.Has("param_diff") || !traces.Has("value_diff") || !traces.Has("proxy_reward") {
		t.Errorf("the columns are %v", runs.Header)
	}
	others, _ := results(t, plan, 3)
	for name, table := range all {
		for row := range table.Len() {
			for _, column := range table.Header {
				if a, b := table.Text(row, column), others[name].Text(row, column); a != b {
					t.Fatalf("%s of row %d of %s is %s, in another order of runs %s", column, row, name, a, b)
				}
			}
		}
	}
	first, count := map[string]float64{}, map[string]float64{}
	for row := range traces.Len() {
		run := traces.Text(row, "run")
		if count[run]++; count[run] == 1 {
			first[run] = traces.Float(row, "kl_pi_ref")
		}
	}
	for row := range runs.Len() {
		run, status, dpo := runs.Text(row, "run"), runs.Text(row, "status"), runs.Text(row, "objective") == "dpo"
		if first[run] != 0 || count[run] != runs.Float(row, "steps")+1 || (status != "done") != (runs.Text(row, tables.Period) == "1") {
			t.Errorf("%s: %s, %v rows from KL %v after %v rounds", run, status, count[run], first[run], runs.Float(row, "steps"))
		}
		if follows := strings.Contains(run, "previous"); dpo && (status != map[bool]string{false: "stationary", true: "collapse"}[follows] || !follows && runs.Float(row, "value_diff") > 1e-12) {
			t.Errorf("%s: %s, value_diff %v", run, status, runs.Float(row, "value_diff"))
		}
	}
	if other := planOf(t, strings.Replace(roundsConfig, ", watch: true", "", 1), "metrics=[]"); slices.Contains(other.Columns(tables.Runs), tables.Period) || slices.Contains(other.Columns(tables.Runs), "value_diff") {
		t.Errorf("columns that nobody asks for: %v", other.Columns(tables.Runs))
	}
}

package engine

import (
	"math"
	"strings"
	"testing"

	"windtunnel/metrics/tables"
	"windtunnel/toy/objective"
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
	if len(plan.Runs) != 8 || !plan.Online() {
		t.Fatalf("%d runs, online %v; want 8", len(plan.Runs), plan.Online())
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
			if runs.Text(row, "status") != "exact" || runs.Text(row, "loss") != "" || kl > objective.BestOfNBound(n)+1e-12 || n == 1 && math.Abs(kl) > 1e-12 || n == 8 && kl < 0.1 {
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
	if plan := planOf(t, strings.Replace(onlineConfig, "preferences.kind: [online, population]", "preferences: [{kind: population}]", 1)); plan.Online() {
		t.Error("a plan without online preferences is online")
	}
}

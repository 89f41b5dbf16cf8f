package engine

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/metrics/tables"
)

// storyConfig trains a language model on prompts of a few words, %s being the folder of the shipped data.
const storyConfig = `
name: stories
environment: {kind: stories, path: %[2]s, train: 8, held_out: 8, tokens: 6, samples: 3, good: 0.25, good_samples: 2, evaluate_every: 2}
preferences: {kind: continuations, pairs: 2, held_out_pairs: 1}
policy: {kind: llama, model: %[1]s/stories260K.bin, tokenizer: %[1]s/tok512.bin}
train: {batch_size: 4, epochs: 1, record_every: 1, optimizer: {kind: adam, lr: 0.001}}
objectives: [dpo, {kind: typo, reference_samples: pair}, rlhf, {kind: best-of-n, n: 4}]
seeds: 1
`

func storyPlan(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../configs/data")
	if err != nil {
		t.Fatal(err)
	}
	prompts, lines := filepath.Join(t.TempDir(), "prompts.jsonl"), ""
	for i := range 16 {
		lines += fmt.Sprintf(`{"id": "story%d", "prompt": "One day, %d birds saw a"}`+"\n", i, i)
	}
	testfile.Write(t, prompts, lines)
	return fmt.Sprintf(storyConfig, filepath.ToSlash(dir), filepath.ToSlash(prompts))
}

// The tables of a language model hold each run's steps, groups, prompts and texts, agree with one another, and are the same with one
// worker and with three.
func TestTexts(t *testing.T) {
	plan := planOf(t, storyPlan(t))
	all, stacks := results(t, plan, 3)
	if len(stacks) > 0 {
		t.Fatal(stacks)
	}
	one, _ := results(t, plan, 1)
	for name, table := range one {
		for row := range table.Len() {
			for _, column := range plan.Columns(name) {
				if got, want := all[name].Text(row, column), table.Text(row, column); got != want {
					t.Errorf("%s, row %d: %s is %q with three workers, %q with one", name, row, column, got, want)
				}
			}
		}
	}
	count := func(table, run string) int { return len(tables.Where{"run": {run}}.Select(all[table])) }
	// 16 pairs in batches of 4 are 4 steps, 8 prompts 2 steps; there are looks at 0, 2 and 4 at 8 groups.
	for run, want := range map[string][5]int{"dpo/seed=0": {1, 4, 24, 8, 16}, "rlhf/seed=0": {1, 2, 16, 8, 16}, "best-of-n/seed=0": {1, 0, 8, 8, 16}} {
		got := [5]int{count(tables.Runs, run), count(tables.Traces, run), count(tables.Evaluations, run), count(tables.Groups, run), count(tables.Samples, run)}
		if got != want || count(tables.Prompts, run) != 16 {
			t.Errorf("%s: rows %v, want %v", run, got, want)
		}
	}
	runs, groups, prompts := all[tables.Runs], all[tables.Groups], all[tables.Prompts]
	for row := range runs.Len() {
		name := runs.Text(row, "run")
		if status := runs.Text(row, "status"); (status == "exact") != strings.HasPrefix(name, "best") || status == tables.Failed {
			t.Errorf("%s: %s", name, status)
		}
		held := tables.Where{"run": {name}, "group": {"heldout"}}.Select(groups)
		mean, n := 0.0, 0.0
		for _, p := range (tables.Where{"run": {name}}).Select(prompts) {
			if strings.HasPrefix(prompts.Text(p, "group"), "heldout") {
				mean, n = mean+prompts.Float(p, "kl_pi_ref"), n+1
			}
		}
		for _, column := range []string{"reward", "win_rate", "kl_pi_ref", "win_low"} {
			if runs.Text(row, column) != groups.Text(held[0], column) || runs.Text(row, column) == "" {
				t.Errorf("%s: %s is %q, of the group heldout %q", name, column, runs.Text(row, column), groups.Text(held[0], column))
			}
		}
		if kl := runs.Float(row, "kl_pi_ref"); math.Abs(kl-mean/n) > 1e-12 || n != 8 {
			t.Errorf("%s: KL %v, mean over %v prompts %v", name, kl, n, mean/n)
		}
		if strings.HasPrefix(name, "best") && runs.Float(row, "kl_pi_ref") > math.Log(4)-0.75 {
			t.Errorf("%s: KL %v", name, runs.Float(row, "kl_pi_ref"))
		}
		low, rate, high := runs.Float(row, "win_low"), runs.Float(row, "win_rate"), runs.Float(row, "win_high")
		if !(0 <= low && low <= rate && rate <= high && high <= 1) {
			t.Errorf("%s: win rate %v in [%v, %v]", name, rate, low, high)
		}
	}
}

// A run that takes too long has failed and keeps the rows as far as it came; one whose training diverges has no final policy.
func TestTextsFail(t *testing.T) {
	text := strings.Replace(storyPlan(t), ", {kind: typo, reference_samples: pair}, rlhf, {kind: best-of-n, n: 4}]", "]", 1)
	for _, c := range [][3]string{
		{"lr: 0.001}}", "lr: 0.001}}\nlimits: {time: 1ms}", "took longer than limits.time, 1ms"},
		{"[dpo", "[{kind: dpo, lambda: 1.0e+60}", "training diverged: the gradient's norm is "}, // beyond float32
	} {
		reason := c[2]
		all, _ := results(t, planOf(t, strings.Replace(text, c[0], c[1], 1)), 1)
		runs := all[tables.Runs]
		const row = 0 // of DPO
		if runs.Text(row, "status") != tables.Failed || !strings.Contains(runs.Text(row, "reason"), reason) || runs.Text(row, "reward") != "" {
			t.Errorf("%s: %s, %s", c[1], runs.Text(row, "status"), runs.Text(row, "reason"))
		}
	}
}

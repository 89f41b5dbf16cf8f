package engine

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"windtunnel/metrics/tables"
	"windtunnel/toy/objective"
)

const trained = `name: trained
environment: {kind: random-bandit, prompts: 2, good: 1, responses: 4}
preferences: {kind: sample, n: 60}
policy: {kind: low-rank, rank: 2}
train: {epochs: 6, batch_size: 8, shuffle: true, record_every: 3}
objectives: [dpo, ipo, {kind: f-dpo, divergence: js}, {kind: typo, train: {epochs: 60}}, {kind: rlhf, train: {optimizer: sgd}}]
sweep: {seed: [1, 2, 3], lambda: [0.1, 1]}
`

const linear = `name: linear
environment:
  kind: bandit
  prompts:
    - {name: good, pi_star: [0.6, 0.3, 0.1], pi_ref: [0.6, 0.3, 0.1]}
    - {name: bad, pi_star: [0.6, 0.2, 0.2], pi_ref: [0.4, 0.2, 0.4], init_logits: [0.2, -0.4, 0.2]}
preferences: {kind: sample, n: 40, seed: 1}
policy: linear
train: {epochs: 4, batch_size: 1, clip_norm: 10}
objectives: [dpo, typo]
sweep: {constraint.kl_radius: [0, 0.01], train.optimizer: [momentum, rmsprop]}
`

// solved has a response that never loses, so that some minimizers do not exist.
const solved = `name: solved
environment: {kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.3, 0.1], pi_ref: [0.4, 0.4, 0.2]}]}
preferences: {kind: file, path: pairs.jsonl}
solver: exact
objectives: [dpo, typo]
sweep: {lambda: [0.1, 10]}
`

const pairs = `{"chosen": 0, "rejected": 1}
{"chosen": 0, "rejected": 2}
{"chosen": 1, "rejected": 2}
{"chosen": 2, "rejected": 1}
`

// Tables have the same bytes at any number of workers.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	for _, text := range []string{trained, linear, solved} {
		plan := planOf(t, text)
		var first string
		for _, jobs := range []int{1, 2, 8} {
			dir := t.TempDir()
			do(t, workOn(t, plan, jobs), dir)
			all := wholeText(t, plan, dir)
			if first == "" {
				first = all
			}
			if all != first {
				t.Errorf("%.20s: the tables of %d jobs differ from those of 1", text, jobs)
			}
		}
	}
}

// Rows stand in the order of the plan, numbers read back to themselves, and policies are policies.
func TestTables(t *testing.T) {
	t.Parallel()
	plan := planOf(t, trained)
	all, _ := results(t, plan, 2)
	runs := all[tables.Runs]
	for i, r := range plan.Runs {
		if want := append(r.Cells(), "done"); !slices.Equal(runs.Row(i)[:len(want)], want) {
			t.Errorf("row %d of runs begins with %v, want %v", i, runs.Row(i)[:len(want)], want)
		}
	}
	for name, table := range all {
		for row := range table.Len() {
			for i, cell := range table.Row(row) {
				if v := tables.ParseFloat(cell); cell != "" && v == v && tables.FormatFloat(v) != cell {
					t.Errorf("%s: %s is %s, which reads back as %s", name, table.Header[i], cell, tables.FormatFloat(v))
				}
			}
		}
	}
	sums := map[string]float64{}
	for _, name := range []string{tables.Policies, tables.Trajectories} {
		table := all[name]
		for row := range table.Len() {
			sums[name+table.Text(row, "run")+table.Text(row, "step")+table.Text(row, "prompt")] += table.Float(row, "pi")
		}
	}
	if want := (all[tables.Policies].Len() + all[tables.Trajectories].Len()) / 4; len(sums) != want {
		t.Errorf("%d policies of 4 responses in all, want %d", len(sums), want)
	}
	for at, sum := range sums {
		if sum < 1-1e-12 || sum > 1+1e-12 {
			t.Errorf("%s: pi sums to %v", at, sum)
		}
	}
	if n := all[tables.Prompts].Len(); n != 2*len(plan.Runs) {
		t.Errorf("%d rows of prompts, want 2 a run", n)
	}
}

// Policies are not listed response by response where there are many responses.
func TestUnlisted(t *testing.T) {
	t.Parallel()
	plan := planOf(t, "name: large\nenvironment: {kind: random-bandit, responses: 4}\npreferences: {kind: sample}\n"+
		"train: {epochs: 2}\nobjectives: [dpo]\nsweep: {seed: [1], lambda: [1], environment.responses: [1000, 1001]}\n")
	all, _ := results(t, plan, 1)
	for name, want := range map[string]int{tables.Policies: 1000, tables.Prompts: 2, tables.Trajectories: 2000} {
		if got := all[name].Len(); got != want {
			t.Errorf("%d rows of %s, want %d", got, name, want)
		}
	}
}

// The table groups has means of the table prompts, and runs those of the prompts that are not held out.
func TestGroups(t *testing.T) {
	t.Parallel()
	plan := planOf(t, "name: groups\nenvironment: {kind: contextual, prompts: 4, held_out: 6}\npreferences: {kind: sample, n: 9}\n"+
		"policy: {kind: mlp, hidden: [3]}\ntrain: {epochs: 5}\nobjectives: [dpo]\nsweep: {seed: [1], lambda: [1]}\n")
	all, _ := results(t, plan, 1)
	prompts, groups := all[tables.Prompts], all[tables.Groups]
	mean := func(names ...string) float64 {
		sum, n := 0.0, 0.0
		for row := range prompts.Len() {
			name := prompts.Text(row, "prompt")
			if slices.Contains(names, name[:strings.LastIndex(name, "-")]) {
				sum, n = sum+prompts.Float(row, "kl_star_pi"), n+1
			}
		}
		return sum / n
	}
	var seen []string
	for row := range groups.Len() {
		name := groups.Text(row, "group")
		seen = append(seen, name+" "+groups.Text(row, "prompts"))
		if got, want := groups.Float(row, "kl_star_pi"), mean(name); math.Abs(got-want) > 1e-12 {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if want := []string{"good 2", "bad 2", "heldout-good 3", "heldout-bad 3"}; !slices.Equal(seen, want) {
		t.Errorf("groups %v, want %v", seen, want)
	}
	if got, want := all[tables.Runs].Float(0, "kl_star_pi"), mean("good", "bad"); math.Abs(got-want) > 1e-12 || got == mean("heldout-good", "heldout-bad") {
		t.Errorf("the run's mean is %v, want %v", got, want)
	}
}

// brokenLoss panics when a run asks for its objective or, with late, at the first gradient.
type brokenLoss struct {
	objective.PairTerm
	late bool
}

func (b *brokenLoss) Objective() *objective.Objective {
	if !b.late {
		panic("no objective")
	}
	pair, _ := (&objective.DPO{Lambda: 1}).Objective().Terms()
	b.PairTerm = pair[0].Term
	return objective.OnPairs(b)
}

func (b *brokenLoss) Grad(*objective.Batch, float64, *objective.Grad) { panic("no gradient") }

// A loss that panics breaks its own run and no other.
func TestPanic(t *testing.T) {
	t.Parallel()
	plan := planOf(t, trained)
	for i, loss := range map[int]objective.Params{1: &brokenLoss{}, 4: &brokenLoss{late: true}} {
		run := plan.Runs[i]
		run.Loss = loss
		done, err := (&worker{}).do(context.Background(), run)
		if err != nil {
			t.Fatal(err)
		}
		reason := map[int]string{1: "panic: no objective", 4: "panic: no gradient"}[i]
		row := done.rows[0].Values
		if row[0].Text != tables.Failed || row[1].Whole != 0 || row[2].Text != reason ||
			slices.ContainsFunc(row[3:], func(v tables.Value) bool { return !math.IsNaN(v.Number) }) {
			t.Errorf("the row of %s is %v, want failed, %q and empty metrics", run, row, reason)
		}
		if !strings.Contains(done.stack, "brokenLoss") || !done.failed() {
			t.Errorf("the stack of %s does not name the loss: %q", run, done.stack)
		}
		for table, rows := range done.rows[1:] {
			if rows.Len() > 0 {
				t.Errorf("%s has rows of %s: %v", tables.OfRuns[table+1], run, rows.Values)
			}
		}
	}
}

// Training that leaves the numbers is a failed run with a reason, and no final policy is made up for it.
func TestNotFinite(t *testing.T) {
	t.Parallel()
	const one = `name: test
environment: {kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.3, 0.1], pi_ref: [0.4, 0.4, 0.2]}]}
train: {optimizer: {kind: sgd, lr: 1e6}, batch_size: 0, epochs: 100, record_every: 1}
objectives: [{kind: ipo, lambda: 1}, {kind: dpo, lambda: 1, train: {optimizer: {lr: 0.1}}}]
`
	all, stacks := results(t, planOf(t, one), 1)
	runs := all[tables.Runs]
	if got := runs.Text(0, "status"); got != tables.Failed {
		t.Fatalf("the status is %q", got)
	}
	if reason := runs.Text(0, "reason"); !strings.HasPrefix(reason, "training diverged: the gradient's norm is ") || len(stacks) > 0 {
		t.Errorf("the reason is %q, the stacks are %v", reason, stacks)
	}
	if runs.Text(0, "loss") != "" || runs.Text(0, "tv_star") != "" || runs.Text(0, "steps") == "0" {
		t.Errorf("the row is %v, want steps but no metrics", runs.Row(0))
	}
	if runs.Text(1, "status") != "done" || runs.Text(1, "tv_star") == "" {
		t.Errorf("the other run is %v", runs.Row(1))
	}
	policies := all[tables.Policies]
	for row := range 3 {
		if policies.Text(row, "pi") != "" || policies.Float(row, "pi_ref") == 0 {
			t.Errorf("row %d of policies is %v, want pi_ref but no pi", row, policies.Row(row))
		}
	}
	for name, table := range all {
		for i := range table.Len() {
			if row := table.Row(i); slices.Contains(row, "NaN") || slices.Contains(row, "nan") {
				t.Errorf("%s: %v", name, row)
			}
		}
	}
}

// A minimizer that does not exist is a result: its status stands in runs, and nothing is made up for it.
func TestStatuses(t *testing.T) {
	t.Parallel()
	all, _ := results(t, planOf(t, solved), 2)
	runs, policies := all[tables.Runs], all[tables.Policies]
	for row, status := range []string{"diverged", "diverged", "converged", "converged"} {
		exists := status == "converged"
		if got := runs.Text(row, "status"); got != status {
			t.Errorf("%s: %s, want %s", runs.Text(row, "run"), got, status)
		}
		if runs.Text(row, "reason") == "" || (runs.Text(row, "tv_star") != "") != exists || (runs.Text(row, "loss") != "") != exists {
			t.Errorf("%s: %v", status, runs.Row(row))
		}
		for k := range 3 {
			if (policies.Text(3*row+k, "pi") != "") != exists {
				t.Errorf("%s: %v", status, policies.Row(3*row+k))
			}
		}
	}
	if all[tables.Traces].Len() > 0 || all[tables.Trajectories].Len() > 0 {
		t.Error("the exact solver has traces")
	}
}

// A context that ends stops the work; what was finished is kept, and the next call does the rest.
func TestCancel(t *testing.T) {
	t.Parallel()
	plan := planOf(t, trained)
	whole := t.TempDir()
	do(t, workOn(t, plan, 1), whole)
	for _, after := range []int{0, 1, 3} {
		w := workOn(t, plan, 2)
		ctx, cancel := context.WithCancel(context.Background())
		meter := w.Meter
		go func() {
			for meter.Now().Done < after {
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
		if after == 0 {
			cancel()
		}
		err := w.Compute(ctx)
		done := meter.Now().Done
		if late := err == nil && after > 0 && done == len(plan.Runs); !late && !errors.Is(err, context.Canceled) {
			t.Errorf("canceled after %d runs: error %v", after, err)
		}
		if w.Store.Len() != done || done < after {
			t.Errorf("canceled after %d runs: %d were done, the cache holds %d", after, done, w.Store.Len())
		}
		w.Meter = &Meter{}
		dir := t.TempDir()
		do(t, w, dir)
		if c := w.Meter.Now(); c.Cached != done || c.Done != len(plan.Runs)-done {
			t.Errorf("after %d runs the next call did %d and found %d", done, c.Done, c.Cached)
		}
		if wholeText(t, plan, dir) != wholeText(t, plan, whole) {
			t.Error("the tables of an interrupted sweep differ")
		}
		cancel()
	}
}

// Tables that cannot be written are an error.
func TestRunCannotWrite(t *testing.T) {
	t.Parallel()
	w := workOn(t, planOf(t, solved), 1)
	if err := w.Compute(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Assemble(context.Background(), filepath.Join(t.TempDir(), "nowhere"), tables.CSV); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

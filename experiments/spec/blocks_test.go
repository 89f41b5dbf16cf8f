package spec

import (
	"strings"
	"testing"

	"windtunnel/metrics/tables"
	"windtunnel/toy/policy"
)

// Blocks are combined by product, the last fastest, and each kind gives the runs that it describes.
func TestBlocks(t *testing.T) {
	t.Parallel()
	const two = head + "preferences: {kind: sample, n: 30}\ntrain: {epochs: 7}\nobjectives: [dpo, {kind: ipo, train: {epochs: 9}}]\n"
	for _, tt := range []struct{ name, sweep, want string }{
		{"a grid", "sweep: [{grid: {lambda: [1, 2], train.epochs: [3, 4]}}]",
			"dpo/lambda=1/train.epochs=3 dpo/lambda=1/train.epochs=4 dpo/lambda=2/train.epochs=3 dpo/lambda=2/train.epochs=4 " +
				"ipo/lambda=1/train.epochs=3 ipo/lambda=1/train.epochs=4 ipo/lambda=2/train.epochs=3 ipo/lambda=2/train.epochs=4"},
		{"in step", "sweep: [{zip: {lambda: [1, 2], train.epochs: {linspace: {from: 3, to: 4, num: 2}}}}]",
			"dpo/lambda=1/train.epochs=3 dpo/lambda=2/train.epochs=4 ipo/lambda=1/train.epochs=3 ipo/lambda=2/train.epochs=4"},
		{"two blocks", "sweep: [{zip: {lambda: [1, 2], train.epochs: [3, 4]}}, {grid: {seed: [8, 9]}}]\nwhere: objective == 'dpo'",
			"dpo/lambda=1/train.epochs=3/seed=8 dpo/lambda=1/train.epochs=3/seed=9 dpo/lambda=2/train.epochs=4/seed=8 dpo/lambda=2/train.epochs=4/seed=9"},
		{"settings", "sweep: [{list: [{}, {beta: 2}, {train.epochs: 3, constraint.l2: 1}]}]\nwhere: objective == 'dpo'",
			"dpo dpo/lambda=2 dpo/train.epochs=3/constraint.l2=1"},
		{"named settings", "sweep: [{column: how, list: [{name: plain}, {name: slow, train.epochs: 3}]}]",
			"dpo/how=plain dpo/how=slow ipo/how=plain ipo/how=slow"},
		{"objectives in step", "sweep: [{zip: {objective: [ipo, dpo, ipo], lambda: [1, 2, 3]}}]", "ipo/lambda=1 dpo/lambda=2 ipo/lambda=3"},
		{"objectives inside", "sweep: {lambda: [1, 2], objectives: [ipo, dpo]}", "ipo/lambda=1 dpo/lambda=1 ipo/lambda=2 dpo/lambda=2"},
		{"one objective", "sweep: {objective: [ipo]}", "ipo"},
		{"no blocks", "sweep: []", "dpo ipo"},
		{"seeds", "seed: 4\nseeds: 2\nsweep: {lambda: [1]}", "dpo/lambda=1/seed=4 dpo/lambda=1/seed=5 ipo/lambda=1/seed=4 ipo/lambda=1/seed=5"},
		{"a list of seeds", "seeds: [4, 1]\nsweep: {objective: [ipo]}", "ipo/seed=4 ipo/seed=1"},
		{"a mapping and below it", "sweep: [{list: [{policy.rank: 1, policy: low-rank}, {policy: tabular}]}]\nwhere: objective == 'dpo'",
			"dpo/policy.rank=1/policy=low-rank dpo/policy=tabular"},
		{"below some mappings", "sweep: {policy.rank: [1, 2], policy: [{kind: low-rank}]}\nwhere: policy.rank == 2 and objective == 'ipo'",
			"ipo/policy.rank=2/policy={kind: low-rank}"},
		{"conditions", "where: [lambda <= 2, lambda > 1 or train.epochs == 9]\nsweep: {lambda: [1, 2, 3], train.epochs: [9, 10], objective: [dpo]}",
			"dpo/lambda=1/train.epochs=9 dpo/lambda=2/train.epochs=9 dpo/lambda=2/train.epochs=10"},
	} {
		plan := loaded(t, two+tt.sweep+"\n").Plan
		same(t, tt.name, strings.Fields(strings.Join(ids(plan), " ")), strings.Fields(tt.want))
	}
}

// Where objectives are swept each keeps its own training settings, and what a setting leaves alone is an empty cell.
func TestBlockSettings(t *testing.T) {
	t.Parallel()
	plan := loaded(t, head+`preferences: {kind: sample, n: 30}
train: {epochs: 7}
objectives: [dpo, {kind: ipo, train: {epochs: 9}}]
sweep:
  - list:
      - {name: a, objective: ipo, lambda: 2}
      - {name: b, objective: dpo, policy: {kind: low-rank, rank: 1}}
      - {name: c, objective: dpo, train.epochs: 3}
`).Plan
	same(t, "columns", plan.Columns(tables.Runs)[:7], []string{"run", "objective", "lambda", "seed", "setting", "policy", "train.epochs"})
	for i, want := range []struct {
		cells  string
		epochs int
	}{
		{"ipo/setting=a|ipo|2|0|a||", 9},
		{"dpo/setting=b|dpo|0.1|0|b|{kind: low-rank,rank: 1}|", 7},
		{"dpo/setting=c|dpo|0.1|0|c||3", 3},
	} {
		r := plan.Runs[i]
		if got := strings.Join(r.Cells(), "|"); got != want.cells || r.Train.Epochs != want.epochs {
			t.Errorf("run %d: %s, %d epochs; want %s, %d", i, got, r.Train.Epochs, want.cells, want.epochs)
		}
	}
	if p, ok := plan.Runs[1].Policy.(*policy.LowRankParams); !ok || p.Rank != 1 {
		t.Errorf("the policy of b is %+v", plan.Runs[1].Policy)
	}
}

// Conditions know the numbers, words and truth values of the sweep by the names of their columns.
func TestConditions(t *testing.T) {
	t.Parallel()
	const text = head + `preferences: {kind: sample, n: 30}
objectives: [dpo, {kind: rlhf, name: best}]
seeds: 4
sweep:
  lambda: [0.5, 1, 2]
  train.shuffle: [true, false]
  train.optimizer: [sgd, {kind: adam}]
  train.optimizer.lr: [1, 0.5]
`
	of := func(r *Run) map[string]string {
		cells := map[string]string{}
		for i, column := range []string{"run", "objective", "lambda", "seed", "shuffle", "optimizer", "lr"} {
			cells[column] = r.Cells()[i]
		}
		return cells
	}
	all := loaded(t, text).Plan
	for condition, keep := range map[string]func(r *Run, cells map[string]string) bool{
		"lambda < 1":                            func(r *Run, _ map[string]string) bool { return r.Lambda < 1 },
		"seed % 2 == 1":                         func(r *Run, _ map[string]string) bool { return r.Seed%2 == 1 },
		"objective != 'best' || seed in [0, 3]": func(r *Run, _ map[string]string) bool { return r.Label != "best" || r.Seed == 0 || r.Seed == 3 },
		"train.shuffle and not (lambda == 2)":   func(r *Run, _ map[string]string) bool { return r.Train.Shuffle && r.Lambda != 2 },
		"train.optimizer == 'sgd'":              func(_ *Run, c map[string]string) bool { return c["optimizer"] == "sgd" },
		"train.optimizer.lr < 0.75 or train.optimizer == 'sgd'": func(_ *Run, c map[string]string) bool {
			return c["lr"] == "0.5" || c["optimizer"] == "sgd"
		},
		"type(train.optimizer.lr) == 'float' and lambda < 1": func(r *Run, _ map[string]string) bool { return r.Lambda < 1 },
		"let most = 1; lambda <= most":                       func(r *Run, _ map[string]string) bool { return r.Lambda <= 1 },
	} {
		var want []string
		for _, r := range all.Runs {
			if keep(r, of(r)) {
				want = append(want, r.ID)
			}
		}
		plan := loaded(t, text+"where: \""+condition+"\"\n").Plan
		same(t, condition, ids(plan), want)
		if len(want) == 0 || len(want) == len(all.Runs) {
			t.Errorf("%s tells nothing apart", condition)
		}
		for i, id := range want {
			if plan.Runs[i].ID != id || plan.Runs[i].Cost() != plan.Runs[i].Cost() {
				t.Errorf("%s: run %d is %s of cost %v, want %s", condition, i, plan.Runs[i], plan.Runs[i].Cost(), id)
			}
		}
	}
}

// The key seeds is the same as sweeping the seed last.
func TestSeedsKey(t *testing.T) {
	t.Parallel()
	const text = head + "preferences: sample\nobjectives: [dpo]\nseed: 3\n"
	short := loaded(t, text+"seeds: 3\nsweep: {lambda: [1, 2]}\n").Plan
	long := loaded(t, text+"sweep: {lambda: [1, 2], seed: [3, 4, 5]}\n").Plan
	same(t, "runs", ids(short), ids(long))
	if short.Key() != long.Key() {
		t.Error("the keys differ")
	}
}

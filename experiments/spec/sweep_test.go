package spec

import (
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/metrics/tables"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/train"
)

// The computed lists are those of numpy.logspace and numpy.linspace, whole powers of ten and the last value exact.
func TestSpaces(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		values string
		want   []float64
		within float64 // relative
	}{
		{"[1e-5, 100]", []float64{1e-5, 100}, 0},
		{"{logspace: {from: -5, to: 2, num: 8}}", []float64{1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100}, 0},
		{"{logspace: {from: -100, to: 100, num: 5, base: 10}}", []float64{1e-100, 1e-50, 1, 1e50, 1e100}, 0},
		{"{logspace: {from: 2, to: 2, num: 1}}", []float64{100}, 0},
		{"{logspace: {from: 1, to: 0, num: 2}}", []float64{10, 1}, 0},
		{"{logspace: {from: -2, to: 2, num: 5, base: e}}", []float64{math.Exp(-2), math.Exp(-1), 1, math.E, math.Exp(2)}, 0},
		{"{logspace: {from: 0, to: 10, num: 3, base: 2}}", []float64{1, 32, 1024}, 0},
		{"{logspace: {from: 0, to: 1, num: 3}}", []float64{1, 3.1622776601683795, 10}, 0},
		{"{logspace: {from: -1, to: 1, num: 4, base: 2}}", []float64{0.5, 0.7937005259840997, 1.2599210498948732, 2}, 3e-16},
		{"{linspace: {from: 0.1, to: 0.5, num: 5}}", []float64{0.1, 0.2, 0.30000000000000004, 0.4, 0.5}, 0},
		{"{linspace: {from: 1, to: 2, num: 4}}", []float64{1, 1.3333333333333333, 1.6666666666666665, 2}, 0},
		{"{linspace: {from: 0.1, to: 0.5, num: 4}}", []float64{0.1, 0.23333333333333334, 0.3666666666666667, 0.5}, 3e-16},
		{"{linspace: {from: 5, to: 9, num: 1}}", []float64{5}, 0},
	} {
		got := lambdas(loaded(t, head+"objectives: [dpo]\nsweep: {lambda: "+tt.values+"}\n").Plan)
		if len(got) != len(tt.want) {
			t.Errorf("%s gives %v, want %v", tt.values, got, tt.want)
			continue
		}
		for i := range got {
			last := i == len(got)-1 && got[i] != tt.want[i]
			if last || math.Abs(got[i]-tt.want[i]) > tt.within*tt.want[i] {
				t.Errorf("%s gives %v, want %v", tt.values, got, tt.want)
			}
		}
	}
}

// Objectives are the slowest to change, the last key of the sweep the fastest; the columns follow the sweep.
func TestProduct(t *testing.T) {
	t.Parallel()
	plan := loaded(t, head+`preferences: {kind: sample}
objectives: [{kind: expo, name: ours}, {kind: dpo}]
sweep:
  constraint.l2: [0, 1e-1]
  seed: [1, 2]
  beta: [1e5, 1]
`).Plan
	var want []string
	for _, label := range []string{"ours", "dpo"} {
		for _, l2 := range []string{"0", "0.1"} {
			for _, seed := range []string{"1", "2"} {
				for _, lambda := range []string{"100000", "1"} {
					want = append(want, label+"/constraint.l2="+l2+"/seed="+seed+"/lambda="+lambda)
				}
			}
		}
	}
	same(t, "runs", ids(plan), want)
	same(t, "columns", plan.Columns(tables.Runs)[:6], []string{"run", "objective", "lambda", "seed", "constraint.l2", "status"})
	last := plan.Runs[len(plan.Runs)-1]
	same(t, "cells", last.Cells(), []string{"dpo/constraint.l2=0.1/seed=2/lambda=1", "dpo", "1", "2", "0.1"})
	if last.Seed != 2 || last.Constraint.L2 != 0.1 || last.Lambda != 1 || last.Loss.(*objective.DPO).Lambda != 1 {
		t.Errorf("the last run is %+v", last)
	}
	if first := plan.Runs[0]; first.Loss.(*objective.TYPO).Lambda != 1e5 || first.Label != "ours" {
		t.Errorf("the first run is %+v", first)
	}
}

// Lists and mappings are values like any other, one cell each.
func TestListValues(t *testing.T) {
	t.Parallel()
	plan := loaded(t, head+`policy: {kind: low-rank}
objectives: [dpo]
sweep:
  policy.basis: [[[0, 1, -1]], [[1, 0, -1], [1e-1, 0, 0]]]
  train.optimizer: [sgd, {kind: adam, lr: 1e-2}]
`).Plan
	same(t, "runs", ids(plan), []string{
		"dpo/policy.basis=[[0,1,-1]]/train.optimizer=sgd",
		"dpo/policy.basis=[[0,1,-1]]/train.optimizer={kind: adam,lr: 0.01}",
		"dpo/policy.basis=[[1,0,-1],[0.1,0,0]]/train.optimizer=sgd",
		"dpo/policy.basis=[[1,0,-1],[0.1,0,0]]/train.optimizer={kind: adam,lr: 0.01}",
	})
	if basis := plan.Runs[2].Policy.(*policy.LowRankParams).Basis; len(basis) != 2 || basis[1][0] != 0.1 {
		t.Errorf("the basis is %v", basis)
	}
	if a := adam(t, plan.Runs[3]); a.LR != 1e-2 || a.Beta1 != 0.9 {
		t.Errorf("the optimizer is %+v", a)
	}
}

// Settings under an objective beat train; another kind of optimizer replaces the shared one with all its parameters.
func TestOverrides(t *testing.T) {
	t.Parallel()
	const text = head + `preferences: {kind: sample, n: 30}
train: {optimizer: {kind: adam, lr: 0.5, beta1: 0.25}, epochs: 7, batch_size: 3}
objectives:
  - dpo
  - {kind: ipo, train: {epochs: 9, optimizer: {lr: 2}}}
  - {kind: typo, train: {optimizer: {kind: momentum}}}
  - {kind: rlhf, train: {optimizer: sgd}}
`
	runs := loaded(t, text).Plan.Runs
	for i, want := range []struct {
		epochs    int
		optimizer train.OptimizerParams
	}{
		{7, &train.Adam{LR: 0.5, Beta1: 0.25, Beta2: 0.999, Eps: 1e-8}},
		{9, &train.Adam{LR: 2, Beta1: 0.25, Beta2: 0.999, Eps: 1e-8}},
		{7, defaultOptimizer(t, "momentum")},
		{7, defaultOptimizer(t, "sgd")},
	} {
		if runs[i].Train.Epochs != want.epochs || runs[i].Train.BatchSize != 3 {
			t.Errorf("%s: the training settings are %+v", runs[i], runs[i].Train)
		}
		if got := runs[i].Train.Optimizer; !reflect.DeepEqual(got, want.optimizer) {
			t.Errorf("%s: the optimizer is %T %+v, want %T %+v", runs[i], got, got, want.optimizer, want.optimizer)
		}
	}
	for _, r := range loaded(t, text+"sweep: {train.epochs: [1]}\n").Plan.Runs {
		if r.Train.Epochs != 1 {
			t.Errorf("%s: %d epochs; the sweep should beat the settings of the objective", r, r.Train.Epochs)
		}
	}
}

func defaultOptimizer(t *testing.T, name string) train.OptimizerParams {
	kind, ok := train.Optimizers().Find(name)
	if !ok {
		t.Fatalf("no optimizer %q", name)
	}
	return kind.New()
}

// --set is typed like the config, and finds keys by their aliases and in the sweep.
func TestSet(t *testing.T) {
	t.Parallel()
	const text = head + `preferences: {kind: sample, n: 30}
objectives: [dpo, {kind: ipo, lambda: 5}]
sweep: {train.batch_size: [1, 2]}
`
	for _, tt := range []struct {
		set  string
		want func(p *Plan) bool
	}{
		{"train.epochs=1e1", func(p *Plan) bool { return p.Runs[0].Train.Epochs == 10 }},
		{"train.shuffle=true", func(p *Plan) bool { return p.Runs[3].Train.Shuffle }},
		{"train.optimizer=sgd", func(p *Plan) bool { _, ok := p.Runs[0].Train.Optimizer.(*train.SGD); return ok }},
		{"train.optimizer.lr=3", func(p *Plan) bool { return p.Runs[0].Train.Optimizer.(*train.Adam).LR == 3 }},
		{"objectives.1.beta=3", func(p *Plan) bool { return p.Runs[2].Lambda == 3 && p.Runs[0].Lambda == 0.1 }},
		{"objectives.0=typo", func(p *Plan) bool { return p.Runs[0].Label == "typo" }},
		{"objectives=[rlhf]", func(p *Plan) bool { return len(p.Runs) == 2 && p.Runs[1].Label == "rlhf" }},
		{"sweep.train.batch_size=[3]", func(p *Plan) bool { return len(p.Runs) == 2 && p.Runs[1].Train.BatchSize == 3 }},
		{"sweep.constraint.l2=[0, 1]", func(p *Plan) bool { return len(p.Runs) == 8 && p.Runs[1].Constraint.L2 == 1 }},
		{"sweep.lambda={linspace: {from: 1, to: 3, num: 3}}", func(p *Plan) bool { return len(p.Runs) == 12 && p.Runs[2].Lambda == 3 }},
		{"sweep={lambda: [4]}", func(p *Plan) bool { return len(p.Runs) == 2 && p.Runs[1].Lambda == 4 }},
		{"preferences.n=40", func(p *Plan) bool { return strings.Contains(p.Resolved(p.Runs[0]), "n: 40\n") }},
	} {
		if p := loaded(t, text, tt.set).Plan; !tt.want(p) {
			t.Errorf("--set %s gives the runs %v, the first\n%s", tt.set, ids(p), p.Resolved(p.Runs[0]))
		}
	}
}

// --set reaches into blocks, where a dotted key that is not there yet is one new key.
func TestSetBlocks(t *testing.T) {
	t.Parallel()
	const text = head + `preferences: {kind: sample, n: 30}
objectives: [dpo, ipo]
sweep:
  - grid: {train.batch_size: [1, 2]}
  - zip: {lambda: [1, 2], train.epochs: [3, 4]}
  - list: [{constraint.l2: 0}, {constraint.l2: 1}]
  - random: {n: 2, keys: {train.optimizer.lr: {uniform: [0, 1]}}}
`
	for _, tt := range []struct {
		set  string
		runs int
		want func(last *Run) bool
	}{
		{"sweep.0.grid.train.batch_size=[5]", 16, func(r *Run) bool { return r.Train.BatchSize == 5 }},
		{"sweep.0.grid.train.max_steps=[5, 6, 7]", 96, func(r *Run) bool { return r.Train.MaxSteps == 7 }},
		{"sweep.1.zip.lambda=[8, 9]", 32, func(r *Run) bool { return r.Lambda == 9 }},
		{"sweep.1.zip.train.max_steps=[8, 9]", 32, func(r *Run) bool { return r.Train.MaxSteps == 9 }},
		{"sweep.2.list.1.constraint.l2=7", 32, func(r *Run) bool { return r.Constraint.L2 == 7 }},
		{"sweep.2.list.1.train.max_steps=7", 32, func(r *Run) bool { return r.Train.MaxSteps == 7 && r.Constraint.L2 == 1 }},
		{"sweep.3.random.n=3", 48, func(r *Run) bool { return r.Train.BatchSize == 2 }},
		{"sweep.3.random.keys.constraint.kl_radius={int: [5, 9]}", 32, func(r *Run) bool { return r.Constraint.KLRadius >= 5 }},
		{"sweep.3={grid: {seed: [1, 2, 3]}}", 48, func(r *Run) bool { return r.Seed == 3 }},
		{"sweep=[{grid: {seed: [1, 2, 3]}}]", 6, func(r *Run) bool { return r.Seed == 3 }},
		{"seeds=3", 96, func(r *Run) bool { return r.Seed == 2 }},
		{"where=lambda == 1 and objective == 'dpo'", 8, func(r *Run) bool { return r.Lambda == 1 && r.Label == "dpo" }},
		{"limits.time=3s", 32, func(r *Run) bool { return r.Limits.Time == Duration(3e9) }},
	} {
		p := loaded(t, text, tt.set).Plan
		if last := p.Runs[len(p.Runs)-1]; len(p.Runs) != tt.runs || !tt.want(last) {
			t.Errorf("--set %s gives %d runs, want %d; the last is\n%s", tt.set, len(p.Runs), tt.runs, p.Resolved(last))
		}
	}
}

// A key that only some objectives have can be swept where conditions leave out the others.
func TestKeyOfSomeObjectives(t *testing.T) {
	t.Parallel()
	const text = head + "objectives: [f-dpo, rlhf]\nsweep: {divergence: [js, forward_kl]}\nwhere: "
	same(t, "runs", ids(loaded(t, text+"objective == 'f-dpo'\n").Plan), []string{"f-dpo/divergence=js", "f-dpo/divergence=forward_kl"})
	path := filepath.Join(t.TempDir(), "c.yaml")
	testfile.Write(t, path, text+"objective == 'f-dpo' or divergence == 'js'\n")
	if _, err := load(path, nil); err == nil || !strings.Contains(err.Error(), "sweep.divergence: is not a key here") {
		t.Errorf("the error is %v", err)
	}
}

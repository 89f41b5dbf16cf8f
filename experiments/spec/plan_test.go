package spec

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/metrics/tables"
)

// The key of a plan changes with everything that changes a table, and with nothing else.
func TestKey(t *testing.T) {
	t.Parallel()
	const pairs = `{"chosen": 0, "rejected": 1}` + "\n"
	const text = head + `preferences: {kind: file, path: pairs.jsonl}
train: {epochs: 3}
objectives: [{kind: dpo, lambda: 0.5}, {kind: ipo}]
`
	key := func(text, pairs string, sets ...string) string {
		dir := t.TempDir()
		testfile.Write(t, filepath.Join(dir, "pairs.jsonl"), pairs)
		testfile.Write(t, filepath.Join(dir, "test.yaml"), text)
		return loadedFile(t, filepath.Join(dir, "test.yaml"), sets...).Plan.Key()
	}
	first := key(text, pairs)
	for name, again := range map[string]string{
		"nothing":                key(text, pairs),
		"a comment":              key("# comment\n"+text, pairs),
		"the order of keys":      key(strings.Replace(text, "{kind: dpo, lambda: 0.5}", "{lambda: 0.5, kind: dpo}", 1), pairs),
		"an alias":               key(strings.Replace(text, "lambda: 0.5", "beta: 5e-1", 1), pairs),
		"a default, written out": key(text+"solver: train\n", pairs),
		"the name":               key(strings.Replace(text, "name: test", "name: other", 1), pairs),
		"a claim":                key(text+"claims: [{name: c, kind: bound, metric: tv_star, max: 1}]\n", pairs),
		"a figure":               key(text+"figures: [{name: f, kind: simplex}]\n", pairs),
		"a setting that it had":  key(text, pairs, "train.epochs=3"),
	} {
		if again != first {
			t.Errorf("%s changes the key", name)
		}
	}
	seen := map[string]string{first: "nothing"}
	changes := map[string]string{
		"a byte of the data":    key(text, strings.Replace(pairs, `"rejected": 1`, `"rejected": 2`, 1)),
		"a space in the data":   key(text, pairs+" "),
		"lambda":                key(text, pairs, "objectives.0.lambda=0.6"),
		"the default lambda":    key(text, pairs, "objectives.1.lambda=0.2"),
		"a label":               key(text, pairs, "objectives.0.name=x"),
		"the order of losses":   key(text, pairs, "objectives=[{kind: ipo}, {kind: dpo, lambda: 0.5}]"),
		"the seed":              key(text, pairs, "seed=1"),
		"epochs":                key(text, pairs, "train.epochs=4"),
		"an override":           key(text, pairs, "objectives.1.train={epochs: 4}"),
		"the solver":            key(text, pairs, "solver=exact"),
		"a probability":         key(strings.Replace(text, "0.6, 0.3, 0.1", "0.6, 0.2, 0.2", 1), pairs),
		"a swept key":           key(text+"sweep: {train.epochs: [3]}\n", pairs),
		"another swept key":     key(text+"sweep: {train.max_steps: [0]}\n", pairs),
		"a longer sweep":        key(text+"sweep: {train.epochs: [3, 4]}\n", pairs),
		"the penalty":           key(text, pairs, "constraint.l2=1e-300"),
		"the name of a prompt":  key(strings.Replace(text, "name: x", "name: y", 1), pairs),
		"the order of the data": key(text, pairs+`{"chosen": 1, "rejected": 0}`),
	}
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		if other, taken := seen[changes[name]]; taken {
			t.Errorf("changing %s gives the key of changing %s", name, other)
		}
		seen[changes[name]] = name
	}
}

// Two data files of one name keep apart in the resolved config.
func TestResolvedDataNames(t *testing.T) {
	t.Parallel()
	dir, out := t.TempDir(), t.TempDir()
	for i, sub := range []string{"a", "b"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
		testfile.Write(t, filepath.Join(dir, sub, "pairs.jsonl"), fmt.Sprintf(`{"chosen": %d, "rejected": 2}`, i))
	}
	path := filepath.Join(dir, "test.yaml")
	testfile.Write(t, path, head+"preferences: {kind: file, path: a/pairs.jsonl}\nobjectives: [dpo]\nsweep: {preferences.path: [a/pairs.jsonl, b/pairs.jsonl]}\n")
	c := loadedFile(t, path)
	if err := c.WriteResolved(out); err != nil {
		t.Fatal(err)
	}
	again := loadedFile(t, filepath.Join(out, ResolvedName))
	same(t, "runs", ids(again.Plan), []string{"dpo/preferences.path=data/pairs.jsonl", "dpo/preferences.path=data/2-pairs.jsonl"})
	for i, r := range again.Plan.Runs {
		env, _ := r.BuildEnvironment()
		data, err := r.BuildPreferences(env)
		if err != nil || data.Chosen[0] != i {
			t.Errorf("%s reads %v, error %v", r, data, err)
		}
	}
}

// The tables that a plan does not change have fixed columns; runs has those of the sweep.
func TestColumns(t *testing.T) {
	t.Parallel()
	plan := loaded(t, head+"objectives: [dpo]\nsweep: {seed: [1], constraint.l2: [0], lambda: [1], train.max_steps: [5]}\n").Plan
	same(t, "policies", plan.Columns(tables.Policies), []string{"run", "prompt", "response", "pi", "pi_ref", "pi_star"})
	same(t, "trajectories", plan.Columns(tables.Trajectories), []string{"run", "step", "prompt", "response", "pi"})
	runs := plan.Columns(tables.Runs)
	same(t, "runs", runs[:9], []string{"run", "objective", "lambda", "seed", "constraint.l2", "train.max_steps", "status", "steps", "reason"})
	same(t, "metrics of runs and traces", runs[9:], plan.Columns(tables.Traces)[2:])
	same(t, "metrics of prompts", plan.Columns(tables.Prompts)[2:], plan.Columns(tables.Traces)[5:])
	seen := map[string]bool{}
	for _, column := range runs {
		if seen[column] {
			t.Errorf("two columns are called %s", column)
		}
		seen[column] = true
	}
}

// Every registered kind has what `experiments list` shows, and no parameter of an objective hides a column of runs.
func TestRegistries(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, m := range tables.Metrics() {
		names[m.Name] = true
		if m.Summary == "" || m.Source == "" {
			t.Errorf("metric %s lacks its summary or source: %+v", m.Name, m)
		}
	}
	for _, r := range testRegistries() {
		if len(r.Entries) == 0 {
			t.Errorf("%s has no kinds", r.Name)
		}
		for _, e := range r.Entries {
			if e.Summary == "" || e.Source == "" {
				t.Errorf("%s %s lacks its summary or source", r.Name, e.Name)
			}
		}
	}
	for _, key := range []string{"run", "objective", "lambda", "seed", "status", "steps", "reason"} {
		if names[key] {
			t.Errorf("a metric is called %s", key)
		}
	}
}

func ExampleLoad() {
	const config = "testdata/mistakes/member.yaml"
	c, err := load(config, []string{"sweep.lambda=[0.1]"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, run := range c.Plan.Runs {
		fmt.Println(run)
	}
	_, err = load(config, []string{"slover=train", "sweep.lambda=[0, 1]"})
	fmt.Println(err)
	// Output:
	// rlhf/lambda=0.1/constraint.l2=0 (seed 0)
	// rlhf/lambda=0.1/constraint.l2=0.1 (seed 0)
	// dpo/lambda=0.1/constraint.l2=0 (seed 0)
	// dpo/lambda=0.1/constraint.l2=0.1 (seed 0)
	// --set slover=train: slover: there is no key slover; want one of name, description, extends, seed, environment, preferences, policy, solver, path, train, constraint, metrics, reward_model, purpose, limits, objectives, sweep, where, seeds, summary, compare, claims, figures, theme, size; did you mean "solver"?
	// --set sweep.lambda=[0, 1]: sweep.lambda: is 0; want a number in [1e-100,1e100]
}

func ExamplePlan() {
	c, err := load("testdata/mistakes/member.yaml", []string{
		"sweep=[{zip: {objective: [dpo, rlhf], lambda: [0.1, 1]}}, {grid: {constraint.l2: [0, 0.1]}}]",
		"where=lambda < 1 or constraint.l2 == 0",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(c.Plan.Runs), c.Plan.Swept)
	for i, run := range c.Plan.Runs {
		fmt.Println(i, run.ID, run.Constraint.L2)
	}
	// Output:
	// 3 [constraint.l2]
	// 0 dpo/lambda=0.1/constraint.l2=0 0
	// 1 dpo/lambda=0.1/constraint.l2=0.1 0.1
	// 2 rlhf/lambda=1/constraint.l2=0 0
}

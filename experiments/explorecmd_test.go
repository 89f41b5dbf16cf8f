package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"windtunnel/experiments/explore/model"
	"windtunnel/metrics/tables"
)

// The config that the explorer copies gives what it shows: the run by solver: exact the minimizer, the run by solver:
// train the trajectory and, where there is no minimizer, the policy.
func TestExploredConfig(t *testing.T) {
	t.Parallel()
	for name, fragment := range map[string]string{
		"default":         "",
		"same kind twice": "star=0.5,0.3,0.2&ref=0.2,0.3,0.5&lambda=0.37&a=f-dpo&b=f-dpo&b.divergence=js",
		"drawn pairs":     "n=120&seed=7&lambda=2&steps=40&a=ipo&b=kto",
		"penalty":         "l2=0.03&lambda=0.01&steps=25&a=hinge&b=chi-po",
		"radius":          "kl=0.02&steps=200&lr=0.1&a=dpo&b=typo",
		"class":           "basis=1,-2,0.5&a=dpo&b=typo&steps=30",
		"formula":         "a=custom&a.pair=softplus(-lambda * u) %2B 0.1*relu(ref_c - c)&b=custom&b.psi=(m - c0/lambda)^2&b.constants={c0: 0.5}&steps=20",
		"sum":             "a=sum&a.terms=[{kind: dpo, lambda: 2}, {kind: kl-ref-pi, weight: 0.3}]&steps=20",
		"drawn reference": "seed=5&a=typo&a.reference_samples=6&b=best-of-n&b.n=4&steps=30",
	} {
		t.Run(name, func(t *testing.T) {
			s, problems := model.ParseState(fragment)
			answer := new(model.Explorer).Explore(s, true)
			if problems = append(problems, answer.Problems...); len(problems) > 0 {
				t.Fatal(problems)
			}
			dir := t.TempDir()
			config := filepath.Join(dir, "explored.yaml")
			if err := os.WriteFile(config, []byte(answer.Config), 0o644); err != nil {
				t.Fatal(err)
			}
			runMain(t, exitWell, "run", "--quiet", "--out", dir, "--cache", filepath.Join(dir, "cache"), config, "--set", "figures=[]")
			folder, err := tables.OpenFolder(filepath.Join(dir, "explored"))
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range answer.Outcomes {
				compareOutcome(t, folder, o)
			}
		})
	}
}

// compareOutcome compares an outcome with the tables of its runs.
func compareOutcome(t *testing.T, folder *tables.Folder, o *model.Outcome) {
	t.Helper()
	exact, trained := runOf(t, folder, o, "exact"), runOf(t, folder, o, "train")
	shown := map[string]string{"exact": exact, "train": trained}[o.Solver]
	if got := listed(t, folder, tables.Policies, shown); !slices.Equal(slices.Concat(got...), o.Policy) {
		t.Errorf("%s: the run %s ends at %v, the explorer shows %v", o.Label, shown, got, o.Policy)
	}
	got := listed(t, folder, tables.Trajectories, trained)
	if o.Trajectory != nil && !slices.EqualFunc(got, o.Trajectory, slices.Equal) {
		t.Errorf("%s: the run %s has %d policies to %v, the explorer shows %d to %v", o.Label, trained, len(got), got[len(got)-1:],
			len(o.Trajectory), o.Trajectory[len(o.Trajectory)-1])
	}
}

// runOf returns the name of the run of an outcome's loss by a solver, "" where there is none. A run that is not swept is
// by train.
func runOf(t *testing.T, folder *tables.Folder, o *model.Outcome, solver string) string {
	t.Helper()
	runs, err := folder.Table(tables.Runs)
	if err != nil {
		t.Fatal(err)
	}
	for i := range runs.Len() {
		by := "train"
		if runs.Has("solver") && runs.Text(i, "solver") != "" {
			by = runs.Text(i, "solver")
		}
		if runs.Text(i, "objective") == o.Label && by == solver {
			return runs.Text(i, "run")
		}
	}
	return ""
}

// listed returns the policies of a run in a table, in order.
func listed(t *testing.T, folder *tables.Folder, table, run string) (all [][]model.Number) {
	t.Helper()
	rows, err := folder.Table(table)
	if err != nil {
		t.Fatal(err)
	}
	var pi []model.Number
	for i := range rows.Len() {
		if rows.Text(i, "run") != run {
			continue
		}
		if pi = append(pi, model.Number(rows.Float(i, "pi"))); len(pi) == 3 {
			all, pi = append(all, pi), nil
		}
	}
	return all
}

func TestExploreMistakes(t *testing.T) {
	t.Parallel()
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"explore", "--no-open", "--addr", "0.0.0.0:0"}, "loopback"},
		{[]string{"explore", "--no-open", "--addr", "8080"}, "HOST:PORT"},
		{[]string{"explore", "--build", full}, "a new or empty one"},
		{[]string{"explore", "--build", filepath.Join(full, "site"), "--addr", "127.0.0.1:0"}, "build"},
		{[]string{"explore", filepath.Join(full, "none")}, "not a results folder"},
	} {
		if stdout, stderr := runMain(t, exitInput, test.args...); !strings.Contains(stderr, test.want) || stdout != "" {
			t.Errorf("%v: %q and %q, want %q", test.args, stdout, stderr, test.want)
		}
	}
	if entries, err := os.ReadDir(full); err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v; want it as it was", entries, err)
	}
}

// --build writes what the server would hand out, results with it.
func TestExploreBuild(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "site")
	stdout, _ := runMain(t, exitWell, "explore", "--build", dir, "../results/interpolation")
	if want := filepath.Join(dir, "index.html") + "\n"; stdout != want {
		t.Errorf("it prints %q, want %q", stdout, want)
	}
	for name, want := range map[string]string{"index.html": "<title>", "explore.wasm": "\x00asm", "wasm_exec.js": "globalThis.Go", "results.json": `"typo/lambda=1e-05"`} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%s has no %q, %v", name, want, err)
		}
	}
}

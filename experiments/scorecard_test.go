package main

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/experiments/kinds"
	"windtunnel/experiments/scorecard"
	"windtunnel/metrics/tables"
	"windtunnel/toy/fixedseed"
)

var updateScorecard = flag.Bool("update-scorecard", false, "write the golden scorecard")

// writeConfig writes a config into a folder of the test's.
func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "card.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func readTable(t *testing.T, path string) *tables.Table {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	table, err := tables.ReadCSV(filepath.Base(path), bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

const baseScorecard = `name: base
objectives: [dpo, {kind: f-dpo, divergence: js}, ipo, rlhf, typo]
scorecard: {environments: 4, seed: 1}
`

// The losses of the paper give the golden table, with verdicts and places exact and numbers to 1e-6, and the number of jobs changes
// no byte.
func TestScorecardGolden(t *testing.T) {
	config, out := writeConfig(t, baseScorecard), t.TempDir()
	for _, jobs := range []string{"1", "4"} {
		runMain(t, 0, "scorecard", config, "--out", filepath.Join(out, jobs), "--jobs", jobs)
	}
	for _, name := range []string{"scorecard.csv", "README.md", "config.yaml", "figures/scorecard.svg", "figures/scorecard.png"} {
		if !bytes.Equal(readFile(t, filepath.Join(out, "1", "base", name)), readFile(t, filepath.Join(out, "4", "base", name))) {
			t.Errorf("%s depends on the number of jobs", name)
		}
	}
	const golden = "testdata/scorecard.csv"
	if *updateScorecard {
		data, _ := os.ReadFile(filepath.Join(out, "1", "base", "scorecard.csv"))
		if err := os.WriteFile(golden, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, want := readTable(t, filepath.Join(out, "1", "base", "scorecard.csv")), readTable(t, golden)
	if got.Len() != want.Len() {
		t.Fatalf("%d rows, want %d", got.Len(), want.Len())
	}
	for i := range want.Len() {
		for _, column := range []string{"loss", "test", "bound", "verdict", "environment", "seed"} {
			if g, w := got.Text(i, column), want.Text(i, column); g != w {
				t.Errorf("row %d: %s %q, want %q", i, column, g, w)
			}
		}
		g, w := got.Float(i, "value"), want.Float(i, "value")
		if near := math.Abs(g-w) <= 1e-9+1e-6*math.Abs(w) || g == w || math.IsNaN(g) && math.IsNaN(w); !near {
			t.Errorf("%s of %s: %v, want %v", want.Text(i, "test"), want.Text(i, "loss"), g, w)
		}
	}
}

// explain writes, for every cell of losses that are solved and that are trained, an ordinary config of which run gives the cell's
// value again, as the value of its claim.
func TestExplainReproduces(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: takes long under the race detector, to which TestScorecardGolden shows as much")
	}
	losses := "[typo]"
	if fixedseed.Soak {
		losses = "[dpo, typo]"
	}
	config := writeConfig(t, `name: few
objectives: `+losses+`
scorecard: {environments: 2, tests: [strong-interpolation, preservation, constraint/low-rank, existence/never-loses, displacement, beyond-bradley-terry/ties, misspecified/reference, gradient/misordered]}
`)
	out := t.TempDir()
	runMain(t, 0, "scorecard", config, "--out", out)
	cells := readTable(t, filepath.Join(out, "few", "scorecard.csv"))
	for i := range cells.Len() {
		loss, test, value := cells.Text(i, "loss"), cells.Text(i, "test"), cells.Float(i, "value")
		if cells.Text(i, "verdict") == "none" || math.IsInf(value, 0) {
			continue
		}
		t.Run(loss+" "+test, func(t *testing.T) {
			dir := t.TempDir()
			stdout, _ := runMain(t, 0, "explain", loss, test, config, "--out", dir)
			if !strings.Contains(stdout, cells.Text(i, "verdict")) || !strings.Contains(stdout, "environment") {
				t.Errorf("certificate: %s", stdout)
			}
			paths, _ := filepath.Glob(filepath.Join(dir, "*.yaml"))
			if len(paths) != 1 {
				t.Fatalf("configs: %v", paths)
			}
			runMain(t, 0, "run", paths[0], "--out", dir, "--quiet", "--set", "figures=[]")
			results := filepath.Join(dir, strings.TrimSuffix(filepath.Base(paths[0]), ".yaml"))
			got := readTable(t, filepath.Join(results, "claims.csv")).Float(0, "value")
			if math.Abs(math.Abs(got)-math.Abs(value)) > 1e-9*max(1, math.Abs(value)) {
				t.Errorf("the config gives %v, the cell is %v", got, value)
			}
		})
	}
}

// The config of any experiment gives its objectives, and leaves the folder of its runs alone.
func TestScorecardOfExperiment(t *testing.T) {
	config := writeConfig(t, `name: mine
environment: {kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.4], pi_ref: [0.5, 0.5]}]}
objectives: [{kind: typo, name: ours}]
sweep: {lambda: [0.1, 1]}
`)
	doc, err := loadScorecard([]string{config}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if doc.Name != "mine-scorecard" || len(doc.Objectives) != 1 || doc.Objectives[0].Name != "ours" || doc.Settings.Environments != 100 {
		t.Errorf("%s: %d objectives, %d environments", doc.Name, len(doc.Objectives), doc.Settings.Environments)
	}
}

// A config needs no more than losses, and what else it has is not looked at.
func TestScorecardOfLosses(t *testing.T) {
	for _, c := range []struct{ text, name, losses string }{
		{"objectives: [{kind: custom, name: ours, pair: softplus(-(c - r))}]\n", "card", "ours"},
		{"name: bare\nobjectives: [dpo, ipo]\n", "bare", "dpo ipo"},
		{"objectives: [dpo]\nsolver: exact\ntrain: {epochs: 3}\nscorecard: {environments: 2}\n", "card", "dpo"},
		{"name: pairs\nenvironment: dialogues\npreferences: {kind: human, path: nowhere.jsonl}\nobjectives: [dpo, {kind: best-of-n, n: 4}]\nsweep: {lambda: [1]}\n",
			"pairs-scorecard", "dpo"},
		{"extends: " + shipped(t, "lm_hh.yaml") + "\nname: child\n", "child-scorecard", "dpo ipo typo"},
	} {
		doc, err := loadScorecard([]string{writeConfig(t, c.text)}, nil)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		var losses []string
		for i := range doc.Objectives {
			losses = append(losses, doc.Objectives[i].Label(kinds.Tables()))
		}
		if doc.Name != c.name || strings.Join(losses, " ") != c.losses {
			t.Errorf("%s: %s with %v", c.text, doc.Name, losses)
		}
	}
}

// shipped returns the full path of a shipped config.
func shipped(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "configs", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// An experiment may say on what its losses are tested; running it is not changed by that.
func TestScorecardInExperiment(t *testing.T) {
	const text = `name: mine
environment: {kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.4], pi_ref: [0.5, 0.5]}]}
objectives: [{kind: typo, name: ours}]
solver: exact
`
	config := writeConfig(t, text+"scorecard: {environments: 2, tests: [gradient], bounds: {gradient/size: 0.01}}\n")
	out := t.TempDir()
	runMain(t, 0, "scorecard", config, "--out", out)
	card := readTable(t, filepath.Join(out, "mine-scorecard", "scorecard.csv"))
	if card.Len() != 3 || card.Text(2, "test") != "gradient/size" || card.Text(2, "bound") != "0.01" || card.Text(2, "verdict") != "fail" {
		t.Errorf("%d cells: %v", card.Len(), card.Header)
	}
	runMain(t, 0, "run", config, "--out", out, "--quiet")
	runMain(t, 0, "run", writeConfig(t, text), "--out", filepath.Join(out, "plain"), "--quiet")
	with, _ := os.ReadFile(filepath.Join(out, "mine", "runs.csv"))
	without, err := os.ReadFile(filepath.Join(out, "plain", "mine", "runs.csv"))
	if err != nil || !bytes.Equal(with, without) {
		t.Errorf("the scorecard's settings change the run (%v)", err)
	}
}

// plot draws a scorecard's figure again from its table, and check holds its verdicts against values and bounds.
func TestScorecardFolder(t *testing.T) {
	config, out := writeConfig(t, "name: small\nobjectives: [dpo]\nscorecard: {environments: 2, tests: [gradient]}\n"), t.TempDir()
	runMain(t, 0, "scorecard", config, "--out", out)
	dir := filepath.Join(out, "small")
	figure := filepath.Join(dir, "figures", "scorecard.svg")
	want, err := os.ReadFile(figure)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(figure); err != nil {
		t.Fatal(err)
	}
	runMain(t, 0, "plot", dir)
	if got, _ := os.ReadFile(figure); !bytes.Equal(got, want) {
		t.Error("the figure drawn again differs")
	}
	if stdout, _ := runMain(t, 0, "check", dir); !strings.Contains(stdout, "3 of 3 verdicts") {
		t.Errorf("check: %s", stdout)
	}
	table := filepath.Join(dir, "scorecard.csv")
	data, _ := os.ReadFile(table)
	if err := os.WriteFile(table, bytes.Replace(data, []byte(",pass,"), []byte(",fail,"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	if stdout, _ := runMain(t, 1, "check", dir); !strings.Contains(stdout, "2 of 3 verdicts") || !strings.Contains(stdout, "gradient/bounded of dpo") {
		t.Errorf("check of a changed table: %s", stdout)
	}
}

// The shipped config states the default bound of every test.
func TestScorecardConfig(t *testing.T) {
	doc, err := loadScorecard([]string{"../configs/scorecard.yaml"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	tests, err := scorecard.Load()
	if err != nil || len(tests) != 25 {
		t.Fatalf("%d tests, %v", len(tests), err)
	}
	for _, test := range tests {
		if bound, ok := doc.Settings.Bounds[test.Name]; !ok || bound != test.Bound {
			t.Errorf("%s: bound %v, default %v", test.Name, bound, test.Bound)
		}
	}
}

// Wrong input is one line with what is allowed and the near match, exit status 2, and nothing written.
func TestScorecardMistakes(t *testing.T) {
	for _, c := range []struct {
		args []string
		text string // of a config, appended to the arguments
		want []string
	}{
		{[]string{"scorecard"}, "name: a\nscorecard:\n  bounds: {preservaton: 1}\n", []string{"card.yaml:3:", "scorecard.bounds.preservaton", `did you mean "preservation"`}},
		{[]string{"scorecard"}, "name: a\nscorecard: {tests: [monotony]}\n", []string{"card.yaml:2:", `did you mean "monotone"`}},
		{[]string{"scorecard"}, "name: a\nenvironment: {kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.4], pi_ref: [0.5, 0.5]}]}\nobjectives: [dpo]\nscorecard: {tests: [monotony]}\n",
			[]string{"card.yaml:4:", "scorecard.tests.0", `did you mean "monotone"`}},
		{[]string{"scorecard"}, "name: a\nscorecard: {environments: -1}\n", []string{"card.yaml:2:", "scorecard.environments"}},
		{[]string{"scorecard"}, "name: a\nobjectives: [dpo, dpo]\nscorecard: {}\n", []string{"card.yaml:2:", "objectives.1", "label"}},
		{[]string{"scorecard"}, "name: a\n", []string{"card.yaml:1:", "objectives: is missing"}},
		{[]string{"scorecard"}, "objectives: [dpo]\nenviroment: bandit\n", []string{"card.yaml:2:", `did you mean "environment"`}},
		{[]string{"scorecard"}, "suite: [a.yaml]\n", []string{"card.yaml:1:", "suite", "has no losses"}},
		{[]string{"scorecard"}, "objectives: [{kind: best-of-n, n: 4}]\nenvironment: bandit\n", []string{"card.yaml:1:", "no losses to test"}},
		{[]string{"scorecard"}, "name: a\nscorecard:\n  bounds: {existence/one-pair: -2}\n", []string{"card.yaml:3:", "scorecard.bounds.existence/one-pair: is -2; want a number in [0,3]"}},
		{[]string{"scorecard"}, "objectives:\n  - {kind: beta-dpo, mode_wieght: 0.5}\n", []string{"card.yaml:2:", "objectives.0.mode_wieght", `did you mean "mode_weight"`}},
		{[]string{"explain", "dp", "preservation"}, "", []string{`no "dp"`, "did you mean"}},
		{[]string{"explain", "dpo", "preserve"}, "", []string{`no "preserve"`}},
		{[]string{"explain", "dpo"}, "", []string{"a loss and a test"}},
		{[]string{"scorecard", "--jobs", "0"}, "", []string{"--jobs 0"}},
		{[]string{"scorecard", "a.yaml", "b.yaml"}, "", []string{"b.yaml"}},
	} {
		out := filepath.Join(t.TempDir(), "out")
		args := append(slices.Clone(c.args), "--out", out)
		if c.text != "" {
			args = append(args, writeConfig(t, c.text))
		}
		_, stderr := runMain(t, 2, args...)
		for _, want := range c.want {
			if !strings.Contains(stderr, want) {
				t.Errorf("%v: %q lacks %q", c.args, stderr, want)
			}
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%v wrote something", c.args)
		}
	}
}

// A desideratum of the user's own is a file: it is asked like the others, can be the only one, and explained.
func TestOwnDesideratum(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: takes long under the race detector, to which TestScorecardGolden shows as much")
	}
	const text = `desideratum:
  asks: Does the minimizer keep the entropy of pi_ref at lambda 1?
  value: entropy, in nats
  fail: spreads out
claims:
  - {name: entropy, kind: bound, metric: entropy, where: {objective: loss}, max: 0.1}
solver: exact
sweep: {lambda: [1]}
`
	dir, out := t.TempDir(), t.TempDir()
	testfile.Write(t, filepath.Join(dir, "mine", "entropy.yaml"), text)
	config := writeConfig(t, "name: own\nobjectives: [dpo, typo]\nscorecard: {environments: 2, tests: [mine/entropy]}\n")
	stdout, _ := runMain(t, 0, "scorecard", config, "--tests", dir, "--out", out)
	if !strings.Contains(stdout, "spreads out") {
		t.Errorf("summary: %s", stdout)
	}
	card := readTable(t, filepath.Join(out, "own", "scorecard.csv"))
	if card.Len() != 2 || card.Text(0, "test") != "mine/entropy" || card.Text(0, "verdict") != "fail" || card.Text(0, "group") != "mine" ||
		card.Text(0, "measured") != "4" || card.Text(0, "of") != "4" {
		t.Errorf("%d cells, the first %v", card.Len(), card.Row(0))
	}
	stdout, _ = runMain(t, 0, "explain", "dpo", "mine/entropy", config, "--tests", dir, "--out", out)
	if !strings.Contains(stdout, "what to try") {
		t.Errorf("certificate: %s", stdout)
	}
	for _, wrong := range []struct{ name, old, new, want string }{
		{"metric", "metric: entropy", "metric: entrpy", "entropy.yaml:6:"},
		{"question", "asks:", "ask:", `did you mean "asks"`},
		{"claims", "claims:", "claims:\n  - {name: more, kind: bound, metric: reward, max: 1}", "exactly one"},
		{"limit", "max: 0.1", "min: 0, max: 0.1", "one limit"},
		{"block", "desideratum:", "desiderata:", "desideratum: is missing"},
	} {
		t.Run(wrong.name, func(t *testing.T) {
			bad := t.TempDir()
			testfile.Write(t, filepath.Join(bad, "mine", "entropy.yaml"), strings.Replace(text, wrong.old, wrong.new, 1))
			if _, stderr := runMain(t, 2, "scorecard", config, "--tests", bad, "--out", filepath.Join(out, "bad")); !strings.Contains(stderr, wrong.want) {
				t.Errorf("%q lacks %q", stderr, wrong.want)
			}
		})
	}
}

// A search keeps the environment that it found as a config, of which run gives the value again; verdicts stay those of the others.
func TestSearchedEnvironment(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short: takes long under the race detector, to which TestScorecardGolden shows as much")
	}
	const text = "name: searched\nobjectives: [dpo]\nscorecard: {environments: 1, tests: [misspecified/lambda-high], worst_of: [%s]}\n"
	out := t.TempDir()
	config := writeConfig(t, fmt.Sprintf(text, "random, search"))
	runMain(t, 0, "scorecard", config, "--out", out)
	runMain(t, 0, "scorecard", writeConfig(t, fmt.Sprintf(text, "random")), "--out", filepath.Join(out, "plain"))
	with, without := readTable(t, filepath.Join(out, "searched", "scorecard.csv")), readTable(t, filepath.Join(out, "plain", "searched", "scorecard.csv"))
	if with.Text(0, "value") != without.Text(0, "value") || with.Text(0, "verdict") != without.Text(0, "verdict") {
		t.Error("the search changes value or verdict")
	}
	value := with.Float(0, "searched_value")
	if !(value > with.Float(0, "value")) || with.Float(0, "searched_tries") < 50 || !strings.HasPrefix(with.Text(0, "searched_environment"), "{kind: bandit") {
		t.Errorf("found %v in %s tries: %s", value, with.Text(0, "searched_tries"), with.Text(0, "searched_environment"))
	}
	runMain(t, 0, "explain", "dpo", "misspecified/lambda-high", config, "--out", out)
	runMain(t, 0, "run", filepath.Join(out, "dpo-misspecified-lambda-high-searched.yaml"), "--out", out, "--quiet", "--set", "figures=[]")
	if got := readTable(t, filepath.Join(out, "dpo-misspecified-lambda-high-searched", "claims.csv")).Float(0, "value"); math.Abs(got-value) > 1e-9*(1+value) {
		t.Errorf("the config gives %v, the search %v", got, value)
	}
}

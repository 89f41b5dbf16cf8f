package spec

import (
	"math"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"windtunnel/experiments/internal/testfile"
)

const small = "name: x\nenvironment: {kind: random-bandit, responses: 3, perturbation: 1}\npreferences: {kind: sample, n: 5}\n"

// Seeds are counted by whole numbers as they are written anywhere; of what is none the message shows what was written.
func TestSeedsAsWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"2": "", "2e0": "", "2.0": "", "[1e1, 10.0e1]": "", `"10"`: `is the text "10"`, "1_000": "is 1_000",
		"2.5": "is 2.5", "0": "is 0", "-3": "is -3", "ten": `is the text "ten"`, "{a: 1}": "is a mapping", "[]": "is an empty list", "1e9": "is 1e9", "true": "is true"} {
		path := filepath.Join(t.TempDir(), "c.yaml")
		testfile.Write(t, path, small+"objectives: [{kind: dpo}]\nseeds: "+text+"\n")
		c, err := load(path, nil)
		switch {
		case want == "" && (err != nil || len(c.Plan.Runs) != 2):
			t.Errorf("%s: %v", text, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), "c.yaml:5:8: seeds: "+want+"; want a whole number")):
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// The alias of a key works where keys stand and where columns are named, unless a condition has a variable of that name.
func TestAliasOfColumn(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"figures: [{name: f, kind: lines, x: beta, y: tv_star}]",
		"figures: [{name: f, kind: lines, x: lambda, y: tv_star, by: beta}]",
		"figures: [{name: f, kind: lines, x: lambda, y: tv_star, where: {beta: 1}}]",
		"claims: [{name: c, kind: bound, metric: tv_ref, where: {beta: 1}, below: 5}]",
		"where: beta > 1",
		"where: [lambda > 0, beta > 1]",
		"where: let beta = 1; lambda > beta",
	} {
		path := filepath.Join(t.TempDir(), "c.yaml")
		testfile.Write(t, path, small+"objectives: [{kind: dpo}, {kind: ipo}]\nsweep: {beta: [1, 2]}\n"+text+"\n")
		c, err := load(path, nil)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		want := 4
		if strings.HasPrefix(text, "where") {
			want = 2 // of lambda 2
		}
		if len(c.Plan.Runs) != want {
			t.Errorf("%s: %d runs, want %d", text, len(c.Plan.Runs), want)
		}
	}
}

// Geometric values are numpy.geomspace's; a logspace that looks like one is pointed at.
func TestGeomspace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]float64{
		"{from: 0.01, to: 10, num: 4}": {0.01, 0.1, 1, 10}, "{from: 10, to: 0.1, num: 3}": {10, 1, 0.1},
		"{from: 3, to: 7, num: 1}": {3}, "{from: 2, to: 2, num: 1}": {2}, "{from: 1e-6, to: 1e6, num: 3}": {1e-6, 1, 1e6},
	} {
		got := loaded(t, small+"objectives: [{kind: dpo}]\nsweep: {preferences.label_noise: [0], train.optimizer.lr: {geomspace: "+text+"}}\n").Plan.Values("train.optimizer.lr")
		if len(got) != len(want) {
			t.Errorf("%s gives %v", text, got)
			continue
		}
		for i, v := range want {
			if number, err := strconv.ParseFloat(got[i], 64); err != nil || math.Abs(number/v-1) > 1e-13 {
				t.Errorf("%s gives %v", text, got)
			}
		}
	}
	path := filepath.Join(t.TempDir(), "c.yaml")
	for text, want := range map[string]string{"{geomspace: {from: -3, to: 2, num: 4}}": "not above 0", "{geomspace: [1, 2, 4]}": "geomspace: is a list; want {logspace: {from",
		"{}": "needs exactly one of"} {
		testfile.Write(t, path, small+"objectives: [{kind: dpo}]\nsweep: {lambda: "+text+"}\n")
		if _, err := load(path, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", text, err)
		}
	}
	for text, warned := range map[string]bool{"from: 0.01, to: 10": true, "from: 0.1, to: 5": true, "from: -2, to: 1": false, "from: 0.5, to: 1": false, "from: 1, to: 10": false} {
		warnings := loaded(t, small+"objectives: [{kind: dpo}]\nsweep: {lambda: {logspace: {"+text+", num: 4}}}\n").Warnings
		if (len(warnings) > 0) != warned {
			t.Errorf("%s: warnings %q", text, warnings)
		}
	}
}

// Names that no file can have, or that a spreadsheet takes for formulas, are refused before anything is trained.
func TestNamesRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 300)
	for text, want := range map[string]string{
		"objectives: [{kind: dpo, name: '=1+1'}]":                                                       "objectives.0.name: is \"=1+1\"",
		"objectives: [{kind: dpo, name: '@SUM(A1)'}]":                                                   "objectives.0.name",
		"objectives: [{kind: dpo, name: '+a'}]":                                                         "objectives.0.name",
		"objectives: [{kind: dpo, name: -a}]":                                                           "objectives.0.name",
		"objectives: [{kind: dpo, name: \"\\ta\"}]":                                                     "objectives.0.name",
		"objectives: [{kind: dpo, name: a=1}]":                                                          "",
		"objectives: [{kind: dpo}]\nsweep: [{list: [{name: '-x', lambda: 1}, {name: y, lambda: 2}]}]":   "sweep.0.list.0.name",
		"objectives: [{kind: dpo}]\nclaims: [{name: =c, kind: bound, metric: tv_ref, below: 5}]":        "claims.0.name",
		"objectives: [{kind: custom, pair: u}]\nsweep: {pair: [u*u, -logsigmoid(u)]}":                   "",
		"objectives: [{kind: custom, pair: u}]\nsweep: {pair: [u*u, +logsigmoid(u)]}":                   "sweep.pair: is \"+logsigmoid(u)\"",
		"objectives: [{kind: custom, pair: u}]\nsweep: {pair: [u*u, (-logsigmoid(u))], lambda: [1, 2]}": "",
		"objectives: [{kind: dpo}]\nfigures: [{name: " + long + ", kind: lines, x: step, y: tv_ref}]":   "figures.0.name: has 300 characters",
	} {
		path := filepath.Join(t.TempDir(), "c.yaml")
		testfile.Write(t, path, small+text+"\n")
		_, err := load(path, nil)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	path := filepath.Join(t.TempDir(), "c.yaml")
	testfile.Write(t, path, strings.Replace(small, "name: x", "name: "+long, 1)+"objectives: [{kind: dpo}]\n")
	if _, err := load(path, nil); err == nil || !strings.Contains(err.Error(), "name: has 300 characters") {
		t.Error(err)
	}
}

// A condition that goes on for long is given up and ends, and one with a short loop is not.
func TestConditionThatLoops(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"count(1..1000, any(1..1000, any(1..1000, # < 0))) > 0": false,
		"let a = 1..1000; count(a, any(a, any(a, # < 0))) > 0":  false,
		"lambda > 0 && all([lambda, 1], # > 0)":                 true,
		"reduce(1..100, #acc + #, 0) == 5050":                   true,
	} {
		path := filepath.Join(t.TempDir(), "c.yaml")
		testfile.Write(t, path, small+"objectives: [{kind: dpo}]\nsweep: {lambda: [1, 2]}\nwhere: '"+text+"'\n")
		began := time.Now()
		_, err := load(path, nil)
		if good && err != nil || !good && (err == nil || !strings.Contains(err.Error(), "where: takes more than 2s") && !strings.Contains(err.Error(), "memory budget")) {
			t.Errorf("%s: %v", text, err)
		}
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("%s took %v", text, took)
		}
		t.Log(text, time.Since(began), err)
	}
	running := make([]byte, 1<<20)
	for began := time.Now(); strings.Contains(string(running[:runtime.Stack(running, true)]), "(*program).run.func1"); time.Sleep(time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Fatal("a condition that was given up goes on")
		}
	}
}

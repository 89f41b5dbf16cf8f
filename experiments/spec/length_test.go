package spec

import (
	"path/filepath"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
)

// TestLength gives the length of training in steps or in epochs, at every layer of a config.
func TestLength(t *testing.T) {
	const text = head + "preferences: {kind: sample, n: 30}\ntrain: {batch_size: 20, epochs: 7}\nobjectives: [dpo, {kind: ipo, train: {epochs: 9}}]\n"
	for name, tt := range map[string]struct {
		text  string
		sets  []string
		steps []int // of the runs, for 30 comparisons
	}{
		"epochs":                {text, nil, []int{14, 18}},
		"on the command line":   {text, []string{"train.steps=5"}, []int{5, 18}},
		"and back":              {text, []string{"train.steps=5", "train.epochs=2"}, []int{4, 18}},
		"the default":           {head + "preferences: {kind: sample, n: 30}\nobjectives: [dpo]\n", []string{"train.steps=5"}, []int{5}},
		"of one objective":      {strings.Replace(text, "train: {epochs: 9}", "train: {steps: 3}", 1), nil, []int{14, 3}},
		"of an objective later": {text, []string{"objectives.1.train.steps=4"}, []int{14, 4}},
		"swept":                 {text + "sweep: {train.steps: [1, 2]}\n", nil, []int{1, 2, 1, 2}},
		"in some runs":          {text + "sweep: [{list: [{train.steps: 6}, {train.batch_size: 0}]}]\n", nil, []int{6, 7, 6, 9}},
	} {
		plan := loaded(t, tt.text, tt.sets...).Plan
		for i, r := range plan.Runs {
			if got := r.Train.Length(30); i >= len(tt.steps) || got != tt.steps[i] {
				t.Errorf("%s: run %s takes %d steps; want %v", name, r, got, tt.steps)
			}
			if both := strings.Contains(plan.Resolved(r), "epochs:") && strings.Contains(plan.Resolved(r), "  steps:"); both {
				t.Errorf("%s: the resolved run %s has both:\n%s", name, r, plan.Resolved(r))
			}
		}
	}
}

// TestLengthExtended lets a config give steps over the epochs of the one that it extends, and reads back what it resolves to.
func TestLengthExtended(t *testing.T) {
	dir := t.TempDir()
	testfile.Write(t, filepath.Join(dir, "base.yaml"), head+"train: {epochs: 7}\nobjectives: [dpo]\n")
	path := filepath.Join(dir, "c.yaml")
	testfile.Write(t, path, "name: longer\nextends: base.yaml\ntrain: {steps: 11}\n")
	for range 2 {
		c, err := load(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if p := c.Plan.Runs[0].Train; p.Steps != 11 || p.Epochs != 0 {
			t.Errorf("%s: %d steps, %d epochs; want 11 steps alone", path, p.Steps, p.Epochs)
		}
		if err := c.WriteResolved(dir); err != nil {
			t.Fatal(err)
		}
		path = filepath.Join(dir, ResolvedName)
	}
}

// TestBothLengths refuses steps beside epochs where both are written.
func TestBothLengths(t *testing.T) {
	for _, text := range []string{
		"train: {steps: 5, epochs: 7}\nobjectives: [dpo]\n",
		"objectives: [{kind: dpo, train: {steps: 5, epochs: 7}}]\n",
		"objectives: [dpo]\nsweep: {train.steps: [5], train.epochs: [7]}\n",
	} {
		path := filepath.Join(t.TempDir(), "c.yaml")
		testfile.Write(t, path, head+text)
		if _, err := load(path, nil); err == nil || !strings.Contains(err.Error(), "is given beside train.epochs; want one of both") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestWarnLengths warns where n is swept at fixed epochs, and not where the number of steps does not depend on it.
func TestWarnLengths(t *testing.T) {
	for text, warned := range map[string]bool{
		"train: {batch_size: 20}\nsweep: {preferences.n: [30, 100]}\n":                     true,
		"train: {batch_size: 20}\nsweep: {preferences.n: [21, 40]}\n":                      false,
		"train: {batch_size: 20, steps: 9}\nsweep: {preferences.n: [30, 100]}\n":           false,
		"train: {batch_size: 20, max_steps: 9}\nsweep: {preferences.n: [30, 100]}\n":       false,
		"train: {batch_size: 0}\nsweep: {preferences.n: [30, 100]}\n":                      false,
		"solver: exact\nsweep: {preferences.n: [30, 100]}\n":                               false,
		"sweep: [{zip: {preferences.n: [30, 100], train.epochs: [100, 30]}}]\n":            false,
		"train: {batch_size: 20}\nsweep: [{zip: {preferences.n: [30, 99], seed: [1, 2]}}]": true,
	} {
		got := strings.Join(loaded(t, head+"preferences: {kind: sample, n: 30}\nobjectives: [dpo]\n"+text).Warnings, "\n")
		if strings.Contains(got, "train.steps in place of train.epochs") != warned {
			t.Errorf("%s: warnings %q", text, got)
		}
	}
}

package spec

import (
	"path/filepath"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
)

// A setting that the sweep or the solver leaves without effect is named in a warning; one with effect is not.
func TestSettingsWithoutEffect(t *testing.T) {
	t.Parallel()
	const head = "name: x\nenvironment: {kind: random-bandit, responses: 3, perturbation: 1}\npreferences: {kind: sample, n: 5}\n"
	for _, test := range []struct {
		text string
		sets []string
		want []string // parts of the warnings
	}{
		{text: "objectives: [{kind: dpo, lambda: 3}, {kind: ipo}]\nsweep: {lambda: [0.5, 1]}", want: []string{"objectives.0.lambda: 3 has no effect: sweep.lambda"}},
		{text: "objectives: [{kind: dpo, beta: 3}, {kind: ipo}]\nsweep: {beta: [0.5, 1]}", want: []string{"objectives.0.lambda: 3 has no effect"}},
		{text: "objectives: [{kind: dpo}, {kind: ipo}]\nsweep: {lambda: [0.5, 1]}"},
		{text: "objectives: [{kind: dpo, lambda: 1.0}, {kind: ipo}]\nsweep: {lambda: [0.5, 1]}"},
		{text: "objectives: [{kind: dpo, lambda: 0.1, label_smoothing: 0}, {kind: aot}]\nsweep: {lambda: [0.5, 1], label_smoothing: [0.1, 0.2]}"}, // as results write them
		{text: "objectives: [{kind: dpo}]\nsweep: {lambda: [0.5, 1]}", sets: []string{"objectives.0.beta=0.1"}, want: []string{"objectives.0.lambda: 0.1 has no effect"}},
		{text: "objectives: [{kind: dpo}, {kind: ipo}]\nsweep: {lambda: [0.5, 1]}", sets: []string{"objectives.1.lambda=7"},
			want: []string{"objectives.1.lambda: 7 has no effect"}},
		{text: "objectives: [{kind: dpo, lambda: 3}, {kind: ipo}]\nsweep: [{grid: {lambda: [0.5, 1]}, for: [ipo]}]"},
		{text: "objectives: [{kind: dpo, lambda: 3}, {kind: ipo}]\nsweep: [{grid: {lambda: [0.5, 1]}, for: [dpo]}]", want: []string{"objectives.0.lambda"}},
		{text: "objectives: [{kind: dpo, lambda: 3}]\nsweep: [{list: [{lambda: 1}, {train.epochs: 2}]}]"},
		{text: "objectives: [{kind: dpo, lambda: 3}]\nsweep: [{zip: {lambda: [1, 2], train.epochs: [2, 3]}}]", want: []string{"objectives.0.lambda"}},
		{text: "objectives: [{kind: dpo, lambda: 3}]\nsweep: [{random: {n: 2, keys: {lambda: {uniform: [1, 2]}}}}]", want: []string{"objectives.0.lambda"}},
		{text: "train: {epochs: 5}\nobjectives: [{kind: dpo}]\nsweep: {train.epochs: [1, 2]}"}, // a config may say what a sweep starts from
		{text: "train: {epochs: 5}\nobjectives: [{kind: dpo}]\nsweep: {train.epochs: [1, 2]}", sets: []string{"train.epochs=7"},
			want: []string{"train.epochs: 7 has no effect"}},
		{text: "objectives: [{kind: dpo, train: {epochs: 3}}]\nsweep: {train.epochs: [1, 2]}", want: []string{"objectives.0.train.epochs: 3 has no effect"}},
		{text: "objectives: [{kind: dpo}]\nsweep: {'train.optimizer': [{kind: adam}, {kind: sgd}]}", sets: []string{"train.optimizer.lr=7"},
			want: []string{"train.optimizer"}},
		{text: "objectives: [{kind: dpo}]\nseeds: 2", sets: []string{"seed=7"}},
		{text: "objectives: [{kind: dpo}]\nseeds: [1, 2]", sets: []string{"seed=7"}, want: []string{"seed: 7 has no effect: seeds gives"}},
		{text: "objectives: [{kind: dpo}]\nsolver: exact", sets: []string{"train.epochs=7"}, want: []string{"train: what --set says has no effect"}},
		{text: "objectives: [{kind: dpo}]", sets: []string{"train.epochs=7"}},
		{text: "objectives: [{kind: dpo}]\nsolver: exact\nsweep: {train.epochs: [1, 2]}", want: []string{"sweep: train.epochs has no effect: solver is train in no run"}},
		{text: "objectives: [{kind: dpo}]\nsweep: {solver: [exact, train], train.epochs: [1, 2]}"},
		{text: "objectives: [{kind: dpo}]\npath: {along: lambda}", want: []string{"path: has no effect: solver is path in no run"}},
		{text: "objectives: [{kind: dpo}]\npath: {along: lambda}\nsolver: path"},
		{text: "objectives: [{kind: dpo}]\npath: {along: lambda}\nsolver: path", sets: []string{"train.epochs=7"}, want: []string{"train: what --set says has no effect"}},
		{text: "objectives: [{kind: dpo, train: {epochs: 3}}]\nsolver: exact", want: []string{"objectives.0.train: has no effect"}},
	} {
		warnings := loaded(t, head+test.text+"\n", test.sets...).Warnings
		if len(warnings) != len(test.want) {
			t.Errorf("%s %v: warnings %q, want %q", test.text, test.sets, warnings, test.want)
			continue
		}
		for i, want := range test.want {
			if !strings.Contains(warnings[i], want) {
				t.Errorf("%s %v: warning %q, want %q", test.text, test.sets, warnings[i], want)
			}
		}
	}
}

// A theme that --set gives a suite is that of its own figures too.
func TestSuiteTheme(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	testfile.Write(t, filepath.Join(dir, "a.yaml"), "name: a\nenvironment: {kind: random-bandit, responses: 3, perturbation: 1}\nobjectives: [{kind: dpo}]\n")
	testfile.Write(t, filepath.Join(dir, "s.yaml"), "name: s\nsuite: [a.yaml]\n")
	c := loadedFile(t, filepath.Join(dir, "s.yaml"), "theme=dark")
	if c.Suite.Theme != "dark" || c.Members[0].Experiment.Theme != "dark" {
		t.Errorf("the themes are %q and %q", c.Suite.Theme, c.Members[0].Experiment.Theme)
	}
	if _, err := load(filepath.Join(dir, "s.yaml"), []string{"theme=drak"}); err == nil || !strings.Contains(err.Error(), `did you mean "dark"`) {
		t.Errorf("error %v", err)
	}
}

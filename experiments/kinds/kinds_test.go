package kinds

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"windtunnel/experiments/spec"
	"windtunnel/plots"
)

// head opens the configs of these tests.
const head = `name: test
environment: {kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.3, 0.1], pi_ref: [0.4, 0.4, 0.2]}]}
`

func loaded(t testing.TB, text string) *spec.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A config that asks for no figure gets one of what it sweeps, or of training; one that asks for none at all gets none.
func TestDefaultFigures(t *testing.T) {
	const losses = "objectives: [dpo, ipo]\n"
	for _, c := range []struct {
		name, text string
		want       string // x, panels, and what the figure selects; "" for no figure
	}{
		{"lambda", "sweep: {lambda: [0.1, 1]}", "runs lambda  map[]"},
		{"lambda of one loss", "objectives: [{kind: dpo, lambda: 0.1}, ipo]", "traces step  map[]"},
		{"size", "sweep: {lambda: [0.1, 1], preferences.n: [10, 20]}\npreferences: sample", "runs lambda preferences.n map[]"},
		{"two more", "sweep: {lambda: [0.1, 1], preferences.n: [1, 2, 3, 4, 5, 6], train.batch_size: [2, 4]}\npreferences: sample",
			"runs lambda train.batch_size map[preferences.n:[1]]"},
		{"words", "sweep: {policy.kind: [tabular, linear]}", "traces step policy.kind map[]"},
		{"seeds", "seeds: 3", "traces step  map[]"},
		{"exact", "solver: exact", ""},
		{"exact over lambda", "solver: exact\nsweep: {lambda: [0.1, 1]}", "runs lambda  map[]"},
		{"none", "sweep: {lambda: [0.1, 1]}\nfigures: []", ""},
	} {
		text := c.text
		if !strings.Contains(text, "objectives") {
			text = losses + text
		}
		got := ""
		for _, fig := range loaded(t, head+text).Experiment.Figures {
			lines := fig.Params.(*plots.Lines)
			got = strings.TrimSpace(strings.Join([]string{lines.Table, lines.X, lines.Split, fmt.Sprint(map[string][]string(lines.Where))}, " "))
		}
		if got != c.want {
			t.Errorf("%s: the figure is %q, want %q", c.name, got, c.want)
		}
	}
}

// A figure's own theme wins over the config's.
func TestThemeOfConfig(t *testing.T) {
	c := loaded(t, head+`objectives: [dpo]
sweep: {lambda: [0.1, 1]}
theme: dark
figures:
  - {name: a, kind: lines, x: lambda, y: tv_star}
  - {name: b, kind: lines, x: lambda, y: tv_star, theme: slides}
`)
	figures := Drawn(c.Experiment.Figures, c.Experiment.Theme, c.Experiment.Size)
	if themes := []string{figures[0].Theme, figures[1].Theme}; !slices.Equal(themes, []string{"dark", "slides"}) {
		t.Errorf("themes %q", themes)
	}
	if c.Experiment.Figures[0].Theme != "" {
		t.Error("the figure's own theme is changed")
	}
}

// storyConfig is a small experiment on a language model, with the folder of the shipped data for %s.
const storyConfig = `name: test
environment: {kind: stories, path: %[1]s/stories_prompts.jsonl, train: 6, held_out: 4, tokens: 8, samples: 2}
preferences: {kind: continuations, pairs: 2}
policy: {kind: llama, model: %[1]s/stories260K.bin, tokenizer: %[1]s/tok512.bin}
train: {batch_size: 4, epochs: 1}
objectives: [dpo]
`

// Without figures of its own a language model's config draws what its runs have: margins along training, rewards over lambda.
func TestLanguageOverview(t *testing.T) {
	data, err := filepath.Abs("../../configs/data")
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(storyConfig, filepath.ToSlash(data))
	for _, c := range []struct{ more, x, y string }{{"", "step", "margin"}, {"sweep: {lambda: [0.1, 1]}\n", "lambda", "reward"}} {
		figures := loaded(t, text+c.more).Experiment.Figures
		lines, ok := figures[0].Params.(*plots.Lines)
		if !ok || len(figures) != 1 || lines.X != c.x || lines.Y != c.y {
			t.Errorf("%q: %+v", c.more, figures)
		}
	}
}

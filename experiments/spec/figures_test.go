package spec

import (
	"fmt"
	"strings"
	"testing"

	"windtunnel/plots"
)

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
		figures := loaded(t, head+text).Figures()
		got := ""
		for _, fig := range figures {
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
	same(t, "themes", []string{c.Figures()[0].Theme, c.Figures()[1].Theme}, []string{"dark", "slides"})
	if c.Experiment.Figures[0].Theme != "" {
		t.Error("the figure's own theme is changed")
	}
}

package spec

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const partialHead = `
name: partial
environment: {kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.4], pi_ref: [0.5, 0.5]}]}
objectives: [dpo, typo, best-of-n]
`

// writeConfig writes a config into a folder of its own.
func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// A block for some objectives gives values to their runs and leaves those of the others alone.
func TestForObjectives(t *testing.T) {
	path := writeConfig(t, partialHead+`
sweep:
  - {grid: {lambda: [0.1, 1]}, for: [dpo, typo]}
  - {grid: {n: [2, 4, 8]}, for: [best-of-n]}
  - {grid: {constraint.l2: [0, 1]}, for: [dpo]}
`)
	c, err := load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, run := range c.Plan.Runs {
		names = append(names, run.ID)
	}
	want := []string{"dpo/lambda=0.1/constraint.l2=0", "dpo/lambda=0.1/constraint.l2=1", "dpo/lambda=1/constraint.l2=0", "dpo/lambda=1/constraint.l2=1",
		"typo/lambda=0.1", "typo/lambda=1", "best-of-n/n=2", "best-of-n/n=4", "best-of-n/n=8"}
	if !slices.Equal(names, want) || len(c.Plan.Runs) != len(want) {
		t.Errorf("runs %q, want %q", names, want)
	}
	if cells := c.Plan.Runs[8].Cells(); !slices.Equal(cells, []string{"best-of-n/n=8", "best-of-n", "", "0", "8", ""}) {
		t.Errorf("cells %q", cells)
	}
}

func TestForMistakes(t *testing.T) {
	for _, tt := range []struct{ sweep, want string }{
		{"- {grid: {lambda: [1]}, for: [dpi]}", `there is no objective "dpi"`},
		{"- {grid: {lambda: [1]}, for: []}", "labels of objectives"},
		{"- {grid: {lambda: [1]}}", "no such parameter"},
		{"- {grid: {lambda: [1]}, for: [best-of-n]}", "no such parameter"},
		{"- {where: lambda > 0, for: [dpo]}", "labels of objectives"},
		{"- {grid: {objective: [dpo]}, for: [dpo]}", "chooses objectives"},
		{"- {grid: {objective: [dpo]}}\n  - {grid: {lambda: [1]}, for: [typo]}", "objectives that no run has"},
	} {
		_, err := load(writeConfig(t, partialHead+"sweep:\n  "+tt.sweep+"\n"), nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.sweep, err, tt.want)
		}
	}
}

func TestOnlineMistakes(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"preferences: {kind: online}\nsolver: path\npath: {along: time}\n", "drawn from the policy in training"},
		{"preferences: {kind: online, pairs: 100000000}\n", "comparisons to train on at a time"},
		{"preferences: {kind: online, proxy: {kind: nosy}}\n", "noisy"},
		{"preferences: {kind: online, pairs: 0}\nsweep: {environment: [{kind: random-bandit, responses: 10000}]}\n", "comparisons to train on at a time"},
	} {
		_, err := load(writeConfig(t, partialHead+tt.text), nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.text, err, tt.want)
		}
	}
}

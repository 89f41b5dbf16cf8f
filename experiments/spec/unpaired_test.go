package spec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnpairedData: a loss that compares responses refuses single responses with labels at its own place in the config,
// and names the losses that take them.
func TestUnpairedData(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("labels.jsonl", "{\"response\": 0, \"label\": true}\n{\"response\": 2, \"label\": false}\n")
	config := `name: labels
environment: {kind: bandit, prompts: [{name: a, pi_star: [0.6, 0.3, 0.1], pi_ref: [0.2, 0.3, 0.5]}]}
preferences: {kind: file, path: labels.jsonl}
objectives:
  - {kind: kto}
  - {kind: bco}
  - {kind: apo-zero-unpaired}
`
	if _, err := load(write("good.yaml", config), nil); err != nil {
		t.Fatal(err)
	}
	_, err := load(write("bad.yaml", config+"  - {kind: dpo}\n"), nil)
	if err == nil || strings.Count(err.Error(), "\n") != 0 {
		t.Fatalf("%v; want one mistake", err)
	}
	for _, part := range []string{"bad.yaml:8:12: objectives.3.kind: dpo compares two responses", "apo-zero-unpaired, bco, kto"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v lacks %q", err, part)
		}
	}
	_, err = load(write("modelled.yaml", config+"reward_model: {class: {kind: tabular}}\n"), nil)
	if err == nil || !strings.Contains(err.Error(), "reward_model: is fitted to comparisons") {
		t.Errorf("a reward model of labels: %v", err)
	}
}

package spec

import (
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
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

// However preferences take data in, the same is refused of it and the same is said of what became of it; a record without weight is empty.
func TestDataInEveryRole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"labels.csv":  "response,label\n0,true\n2,false\n",
		"votes.csv":   "a,b,wins_a,wins_b\n0,1,3,1.5\n1,2,0,0\n0,2,2,0\n",
		"wrong.jsonl": `{"chosen": 0, "rejected": 3}`,
		"rates.csv":   "0.5,0.9,0.2\n0.1,0.5,0.7\n0.8,0.3,0.5\n",
		"rates.json":  "\n[[0.5, 0.9, 0.2], [0.1, 0.5, 0.7], [0.8, 0.3, 0.5]]\n",
	} {
		testfile.Write(t, filepath.Join(dir, name), text)
	}
	packed, err := os.Create(filepath.Join(dir, "rates.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	w := gzip.NewWriter(packed)
	fmt.Fprint(w, "[[0.5, 0.9, 0.2], [0.1, 0.5, 0.7], [0.8, 0.3, 0.5]]")
	if err := errors.Join(w.Close(), packed.Close()); err != nil {
		t.Fatal(err)
	}
	environments := []string{"{kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.3, 0.1], pi_ref: [0.2, 0.3, 0.5]}]}",
		"{kind: bandit, pi_star: none, prompts: [{name: x, pi_ref: [0.2, 0.3, 0.5]}]}"}
	for _, tt := range []struct{ kinds, file, rest, want string }{
		{"file counts", "labels.csv", "objectives: [dpo]", "dpo compares two responses, but"},
		{"file counts", "labels.csv", "objectives: [kto]\nsolver: exact", "solver: is exact, but"},
		{"file counts", "labels.csv", "objectives: [kto]", "labels.csv: 2 read, 2 used"},
		{"file counts", "votes.csv", "objectives: [dpo]", "votes.csv: 3 read, 2 used, 1 empty"},
		{"file counts", "wrong.jsonl", "objectives: [dpo]", "wrong.jsonl:1: rejected: 3 is out of range"},
		{"matrix", "rates.csv", "objectives: [dpo]", "rates.csv: 3 read, 3 used"},
		{"matrix", "rates.json", "objectives: [dpo]", "rates.json: 3 read, 3 used"},
		{"matrix", "rates.json.gz", "objectives: [dpo]", "rates.json.gz: 3 read, 3 used"},
		{"matrix", "labels.csv", "objectives: [dpo]", "labels.csv:1: has 2 cells; want 3"},
	} {
		for kind := range strings.FieldsSeq(tt.kinds) {
			of := "{kind: " + kind + ", path: " + tt.file + "}"
			for _, preferences := range []string{of, "{kind: sample, n: 5, of: " + of + "}"} {
				for _, environment := range environments {
					text := given(environment, preferences, tt.rest+"\n")
					path := filepath.Join(dir, "c.yaml")
					testfile.Write(t, path, text)
					c, err := load(path, nil)
					got := fmt.Sprint(err)
					if err == nil && len(c.Plan.Read) == 1 {
						got = c.Plan.Read[0].Text
					}
					if !strings.Contains(got, tt.want) {
						t.Errorf("%sgives %q, want %q", text, got, tt.want)
					}
				}
			}
		}
	}
}

// The number of draws is said of what draws: once a prompt, or once in all of data, of which none fall out.
func TestDraws(t *testing.T) {
	t.Parallel()
	const prompts = "environment: {kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.4], pi_ref: [0.5, 0.5]}, {name: y, pi_star: [0.6, 0.4], pi_ref: [0.5, 0.5]}]}\n"
	dir := t.TempDir()
	testfile.Write(t, filepath.Join(dir, "votes.csv"), "prompt,a,b,wins_a,wins_b\nx,0,1,3,1.5\ny,0,1,1,1\n")
	for of, want := range map[string]string{
		"": "(seed 0): equal draws fall out", ", coverage: 0.5": "equal draws and comparisons that are never made fall out",
		", of: {kind: counts, path: votes.csv}": "", ", of: {kind: matrix, matrix: [[0.5, 0.9], [0.1, 0.5]]}": "preferences: 200 draws gave ",
	} {
		path := filepath.Join(dir, "c.yaml")
		testfile.Write(t, path, "name: x\n"+prompts+"preferences: {kind: sample, n: 100"+of+"}\nobjectives: [dpo]\n")
		if got := loadedFile(t, path).Plan.Draws(); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%q: %q, want %q", of, got, want)
		}
	}
}

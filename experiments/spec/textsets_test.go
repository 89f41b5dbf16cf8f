package spec

import (
	"os"
	"path/filepath"
	"testing"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/experiments/spec/decode"
)

// What --set gives a setting that is text is that text, whatever YAML would make of it; other settings are YAML.
func TestTextAsItStands(t *testing.T) {
	t.Parallel()
	texts := []string{"ablation #2", "@home", "%r", "[v2]x", "{a}", "a: b", "1e3", "true", "null", "~", `"quoted"`, "'", "*x", "&y", "!z",
		"- x", "| x", "> x", " spaced ", "a\tb", "`", "? x", "a=b", "基线", "007", "# all"}
	for _, text := range texts {
		dir := t.TempDir()
		config := filepath.Join(dir, "c.yaml")
		testfile.Write(t, config, "name: x\nenvironment: {kind: random-bandit, responses: 3, perturbation: 1}\n"+
			"preferences: {kind: human, path: y}\nobjectives: [{kind: dpo}]\nclaims: [{name: c, kind: bound, metric: tv_ref, below: 5}]\n")
		l, err := open(config, testKinds())
		if err != nil {
			t.Fatal(err)
		}
		exp := &Experiment{Settings: defaultSettings()}
		l.root = l.Canonical(l.root, exp)
		for _, key := range []string{"description", "preferences.path", "objectives.0.name", "claims.0.text"} {
			if err := l.set(exp, key+"="+text); err != nil {
				t.Errorf("%s=%s: %v", key, text, err)
			} else if n := decode.Lookup(l.root, key); n == nil || n.Value != text || n.ShortTag() != "!!str" {
				t.Errorf("%s=%s gives %+v", key, text, n)
			}
		}
		again, err := decode.Parse("again", []byte(decode.Text(l.root)))
		if err != nil {
			t.Fatal(err)
		}
		if n := decode.Lookup(again, "description"); n.Value != text || n.ShortTag() != "!!str" {
			t.Errorf("%q is written as %+v", text, n)
		}
	}
}

// A condition is text, and a list of conditions one in YAML.
func TestConditionAsItStands(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "c.yaml")
	testfile.Write(t, config, "name: x\nenvironment: {kind: random-bandit, responses: 3, perturbation: 1}\n"+
		"objectives: [{kind: dpo, name: 'a #1'}, {kind: ipo}]\nsweep: {lambda: [1, 2]}\n")
	for set, runs := range map[string]int{"where=objective == 'a #1'": 2, "where=[objective == 'ipo', lambda < 2]": 1, "where=lambda > 1": 2} {
		c, err := Load(config, []string{set}, testKinds())
		if err != nil || len(c.Plan.Runs) != runs {
			t.Errorf("%s: %v", set, err)
		}
	}
}

// The file that --set names is the one of that very name.
func TestPathAsItStands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, pair := range map[string]string{"set": "", "set #1.jsonl": `{"prompt": 0, "chosen": 0, "rejected": 1}` + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(pair), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	testfile.Write(t, filepath.Join(dir, "c.yaml"), "name: x\nenvironment: {kind: random-bandit, responses: 3, perturbation: 1}\n"+
		"preferences: {kind: file, path: gone}\nobjectives: [{kind: dpo}]\n")
	c, err := Load(filepath.Join(dir, "c.yaml"), []string{"preferences.path=set #1.jsonl"}, testKinds())
	if err != nil || c.Plan.Inputs["set #1.jsonl"] == nil {
		t.Errorf("inputs %v, error %v", c, err)
	}
}

package spec

import (
	"path/filepath"
	"slices"
	"testing"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// A config is laid over the one it extends: mappings merge, lists, swept values and other kinds replace, and data files
// are where the config that names them says.
func TestExtends(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"grand.yaml": `name: grand
description: not handed down
environment: {kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.3, 0.1], pi_ref: [0.4, 0.4, 0.2]}]}
preferences: {kind: file, path: data/pairs.jsonl}
train: {epochs: 7, optimizer: {kind: adam, lr: 0.5, beta1: 0.25}}
objectives: [dpo, ipo]
sweep: {lambda: {logspace: {from: 0, to: 1, num: 2}}, train.batch_size: [1, 2]}
`,
		"sub/parent.yaml":  "name: parent\nextends: ../grand.yaml\ntrain: {batch_size: 3, optimizer: {lr: 2}}\nobjectives: [typo]\n",
		"other/child.yaml": "extends: ../sub/parent.yaml\nname: child\nsweep: {lambda: {linspace: {from: 1, to: 2, num: 2}}}\n",
		"other/kinds.yaml": "extends: ../sub/parent.yaml\nname: kinds\npreferences: {kind: sample, n: 9}\ntrain: {optimizer: sgd}\nsweep: []\n",
		"data/pairs.jsonl": `{"chosen": 0, "rejected": 1}` + "\n",
	} {
		testfile.Write(t, filepath.Join(dir, filepath.FromSlash(name)), text)
	}
	child := loadedFile(t, filepath.Join(dir, "other", "child.yaml"))
	same(t, "runs", ids(child.Plan), []string{"typo/lambda=1/train.batch_size=1", "typo/lambda=1/train.batch_size=2",
		"typo/lambda=2/train.batch_size=1", "typo/lambda=2/train.batch_size=2"})
	r := child.Plan.Runs[3]
	if a := adam(t, r); a.LR != 2 || a.Beta1 != 0.25 || r.Train.Epochs != 7 || r.Train.BatchSize != 2 {
		t.Errorf("the settings are %+v, the optimizer is %+v", r.Train, a)
	}
	if child.Head.Description != "" {
		t.Errorf("the description is %q", child.Head.Description)
	}
	var inputs []string
	for name := range child.InputHashes() {
		inputs = append(inputs, name)
	}
	slices.Sort(inputs)
	same(t, "inputs", inputs, []string{"../data/pairs.jsonl", "../grand.yaml", "../sub/parent.yaml", "config"})
	kinds := loadedFile(t, filepath.Join(dir, "other", "kinds.yaml")).Plan
	same(t, "runs", ids(kinds), []string{"typo"})
	if p, ok := kinds.Runs[0].Preferences.(*preference.Sample); !ok || p.N != 9 {
		t.Errorf("the preferences are %+v", kinds.Runs[0].Preferences)
	}
	if _, ok := kinds.Runs[0].Train.Optimizer.(*train.SGD); !ok || kinds.Runs[0].Train.Epochs != 7 {
		t.Errorf("the training settings are %+v", kinds.Runs[0].Train)
	}
}

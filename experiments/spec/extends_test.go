package spec

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
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

// What is laid over a config may name a key by an alias, or the alias's key: it takes the place of what is there. What --set says of a
// claim or a figure is right, or a mistake.
func TestAliasesTakeThePlace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const rest = "environment: {kind: random-bandit, responses: 3}\nobjectives: [dpo]\nclaims: [{name: c, kind: bound, metric: tv_ref, below: 2, where: {%s: [1]}}]\nsweep: {%s: [1, 2], epsilon: [0, 0.25]}\n"
	for own, other := range map[string]string{"beta": "lambda", "lambda": "beta"} {
		testfile.Write(t, filepath.Join(dir, own+".yaml"), "name: x\n"+fmt.Sprintf(rest, own, own))
		testfile.Write(t, filepath.Join(dir, own+"-child.yaml"), "name: y\nextends: "+own+".yaml\nclaims: []\nsweep: {"+other+": [3], label_smoothing: [0.5]}\n")
		path := filepath.Join(dir, own+".yaml")
		same(t, own+"-child", ids(loadedFile(t, filepath.Join(dir, own+"-child.yaml")).Plan), []string{"dpo/lambda=3/label_smoothing=0.5"})
		c := loadedFile(t, path, "sweep."+other+"=[1]", "sweep.label_smoothing=[0.5]", "claims.0.where."+other+"=1")
		same(t, own, ids(c.Plan), []string{"dpo/lambda=1/label_smoothing=0.5"})
		if len(c.Experiment.Claims) != 1 || len(c.Warnings) > 0 {
			t.Errorf("%s: claims %v, warnings %q", own, c.Experiment.Claims, c.Warnings)
		}
		if c = loadedFile(t, path, "sweep."+other+"=[2]"); len(c.Experiment.Claims) != 0 {
			t.Errorf("%s: a claim on runs that --set took away stays", own)
		}
		for _, set := range []string{"claims.0.metric=tv_reff", "claims.0.where.bta=1", "claims.0.where.objective=dop"} {
			if _, err := load(path, []string{set}); err == nil || !strings.HasPrefix(err.Error(), "--set "+set+": ") {
				t.Errorf("%s: --set %s gives %v", own, set, err)
			}
		}
	}
}

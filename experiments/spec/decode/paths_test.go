package decode

import (
	"testing"

	"gopkg.in/yaml.v3"
)

func TestCheckPath(t *testing.T) {
	const text = `
name: x
train: {optimizer: {kind: adam}}
backup: sgd
objectives: [{kind: dpo, beta: 1}, {kind: f-dpo, divergence: js}, {kind: dop}]
extra: {a: 1}
sweep: {a.b: [1]}
`
	tests := []struct{ path, want string }{
		{"name", ""}, {"train.optimizer.lr", ""}, {"train.optimizer.learning_rate", ""}, {"train.optimizer.kind", ""},
		{"train.clip_norm", ""}, {"backup.lr", ""}, {"objectives.0.lambda", ""}, {"objectives.0.beta", ""},
		{"objectives.1.divergence", ""}, {"objectives.0.train.epochs", ""}, {"extra.b.c.3", ""}, {"sweep.c.d", ""},
		{"sweep.a.b.0", ""}, {"seed", ""}, {"where.lambda", ""}, {"train.optimizer.betas.0", `there is no entry 0 in train.optimizer.betas; want no index: there are no entries`},
		{"train.optimiser.lr", `there is no key optimiser in train; want one of optimizer, epochs, shuffle, clip_norm; did you mean "train.optimizer.lr"?`},
		{"trian.optimiser.rl", `there is no key trian; want one of ` + rootKeys + `; did you mean "train.optimizer.lr"?`},
		{"backup.betas", `there is no key betas in backup; want one of kind, lr; did you mean "train.optimizer.betas"?`},
		{"epochs", `there is no key epochs; want one of ` + rootKeys + `; did you mean "train.epochs"?`},
		{"objectives.3.lambda", `there is no entry 3 in objectives; want an index from 0 to 2; did you mean "objectives.0.beta"?`},
		{"objectives.x", `there is no entry x in objectives; want an index from 0 to 2`},
		{"objectives.2.lambda", ""}, {"objectives.2.divergence", ""}, // of some kind
		{"objectives.2.lamda", `there is no key lamda in objectives.2, which names no kind; want a kind of objective: dpo, f-dpo, sum; did you mean "objectives.2.lambda"?`},
		{"objectives.0.divergence", `there is no key divergence in objectives.0; want one of kind, name, train, lambda; did you mean "objectives.1.divergence"?`},
		{"train.epochs.x", `there is no key x in train.epochs; want the path without it: a whole number has no keys`},
		{"", `there is no key ; want one of ` + rootKeys},
		{"train.", `there is no key  in train; want one of optimizer, epochs, shuffle, clip_norm`},
	}
	d, root := decoder(), parsed(t, text)
	blame := &Node{Kind: yaml.ScalarNode, Value: "path", File: "c.yaml", Line: 7, Column: 9}
	for _, tt := range tests {
		mistake, ok := d.CheckPath(root, newExperiment(), tt.path, blame)
		if ok != (tt.want == "") {
			t.Errorf("%s: ok is %v", tt.path, ok)
		}
		want := "c.yaml:7:9: " + tt.path + ": " + tt.want
		if tt.path == "" {
			want = "c.yaml:7:9: document: " + tt.want
		}
		if !ok && mistake.Error() != want {
			t.Errorf("got  %v\nwant %s", mistake, want)
		}
	}
}

func TestCanonical(t *testing.T) {
	const text = `{name: x, backup: adam_1, train: {optimizer: {learning_rate: 1}, epochs: 2}, sweep: {beta: [1]},
objectives: [fdpo, {beta: 1, kind: fdpo, train: {optimizer: {kind: adam_1, learning_rate: 2}}}, {kind: sum, terms: [{kind: dpo, beta: 3}]}, ipo, {kind: dpo, beta: 1, lambda: 2, train: {optimizer: {learning_rate: 3}}}], zebra: 1}`
	const want = `{name: x, backup: {kind: adam}, train: {optimizer: {lr: 1}, epochs: 2}, sweep: {beta: [1]},
objectives: [{kind: f-dpo}, {lambda: 1, kind: f-dpo, train: {optimizer: {kind: adam, lr: 2}}}, {kind: sum, terms: [{kind: dpo, lambda: 3}]}, ipo, {kind: dpo, beta: 1, lambda: 2, train: {optimizer: {lr: 3}}}], zebra: 1}`
	d, root := decoder(), parsed(t, text)
	before := written(t, root)
	got := d.Canonical(root, newExperiment())
	if !sameTree(got, parsed(t, want)) {
		t.Errorf("got\n%swant\n%s", written(t, got), want)
	}
	if written(t, root) != before {
		t.Error("the tree was changed")
	}
	if again := d.Canonical(got, newExperiment()); !sameTree(again, got) {
		t.Error("a canonical tree was changed")
	}
	for path, column := range map[string]int{"objectives.0.kind": 14, "objectives.1.lambda": 27, "objectives.1.kind": 36} {
		if n := Lookup(got, path); n.Line != 2 || n.Column != column {
			t.Errorf("%s is now at %d:%d", path, n.Line, n.Column)
		}
	}
}

func TestCanonicalPath(t *testing.T) {
	d := decoder()
	root := parsed(t, "{objectives: [{kind: dpo}], train: {optimizer: {kind: sgd}}}")
	for path, want := range map[string]string{
		"objectives.0.beta": "objectives.0.lambda", "train.optimizer.learning_rate": "train.optimizer.lr",
		"objectives.0.train.epochs": "objectives.0.train.epochs", "sweep.beta": "sweep.beta", "extra.beta": "extra.beta",
	} {
		if got := d.CanonicalPath(root, newExperiment(), path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	words := []string{"epochs", "batch_size", "lr", "l2", "dpo", "ipo", "f-dpo", "optimizer", "lambda", "kl_radius"}
	for word, want := range map[string]string{
		"epoch": "epochs", "ephocs": "epochs", "Epochs": "epochs", "batch-size": "batch_size", "batchsize": "batch_size",
		"dop": "dpo", "fdpo": "f-dpo", "F_DPO": "f-dpo", "optimiser": "optimizer", "lamda": "lambda", "klradius": "kl_radius",
		"rl": "lr", "k2": "l2", "zebra": "", "x": "", "": "", "momentum": "", "ppo": "dpo", "seed": "",
	} {
		if got := Nearest(word, words); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}

func TestInterval(t *testing.T) {
	tests := []struct {
		text    string
		in, out []float64
	}{
		{"(0,inf)", []float64{1e-300, 1e300}, []float64{0, -1, inf}},
		{"[0,1)", []float64{0, 0.5}, []float64{1, -1e-300}},
		{"[1,inf]", []float64{1, inf}, []float64{0.999}},
		{"(-inf,0]", []float64{0, -1e300}, []float64{-inf, 1e-300}},
		{"[2,2]", []float64{2}, []float64{1, 3}},
		{"[1e-100,1e100]", []float64{1e-100, 1}, []float64{0, 1e101}},
	}
	for _, tt := range tests {
		r, err := ParseInterval(tt.text)
		if err != nil || r.String() != tt.text {
			t.Errorf("%s: got %v, %v", tt.text, r, err)
		}
		for _, v := range tt.in {
			if !r.Contains(v) {
				t.Errorf("%s lacks %v", tt.text, v)
			}
		}
		for _, v := range append(tt.out, nan) {
			if r.Contains(v) {
				t.Errorf("%s contains %v", tt.text, v)
			}
		}
	}
	for _, text := range []string{"", "()", "(0)", "0,1", "(1,0)", "(1,1)", "[1,1)", "(a,b)", "[nan,1]", "(0,1", "(0,1,2)"} {
		if r, err := ParseInterval(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, r)
		}
	}
}

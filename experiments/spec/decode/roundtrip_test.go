package decode

import (
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// text draws any text that YAML can hold, with words that YAML might take for something else.
func text(t *rapid.T, name string) string {
	odd := []string{"null", "~", "true", "1e-5", "<<", "2024-01-01", "0x10", " a: b", "#", "- x", "é\n\ty", "", "!!str x", "*a", ".inf"}
	any := rapid.StringOfN(rapid.RuneFrom([]rune("ab 1:-#'\"\\{}[],&*!|>%@`\n\té\u2028")), 0, 12, -1)
	return rapid.OneOf(rapid.SampledFrom(odd), any).Draw(t, name)
}

func someText(t *rapid.T, name string) string { return "x" + text(t, name) }

func positive(t *rapid.T, name string) float64 {
	return rapid.Float64Range(math.SmallestNonzeroFloat64, math.MaxFloat64).Draw(t, name)
}

func drawOptimizer(t *rapid.T) optimizer {
	if rapid.Bool().Draw(t, "adam") {
		return &adam{LR: positive(t, "lr"), Betas: []float64{rapid.Float64Range(0, 0.999).Draw(t, "beta1"), 0}}
	}
	return &sgd{LR: positive(t, "lr")}
}

func drawLoss(t *rapid.T, depth int) loss {
	lambda := rapid.Float64Range(1e-100, 1e100).Draw(t, "lambda")
	switch rapid.IntRange(0, 1+depth).Draw(t, "kind") {
	case 0:
		return &dpo{Lambda: lambda}
	case 1:
		return &fdpo{Lambda: lambda, Divergence: rapid.SampledFrom([]string{"js", "rkl", "alpha"}).Draw(t, "divergence")}
	}
	s := &sum{}
	for range rapid.IntRange(1, 3).Draw(t, "terms") {
		w := rapid.SampledFrom([]string{"lambda", "1", "-0.5", "NaN"}).Draw(t, "weight")
		s.Terms = append(s.Terms, term{Weight: weight{w}, Loss: drawLoss(t, 0)})
	}
	return s
}

func drawExperiment(t *rapid.T) *experiment {
	e := newExperiment()
	e.Name = someText(t, "name")
	e.Train.Optimizer = drawOptimizer(t)
	e.Train.Epochs = rapid.IntRange(1, math.MaxInt).Draw(t, "epochs")
	e.Train.Shuffle = rapid.Bool().Draw(t, "shuffle")
	e.Train.ClipNorm = rapid.SampledFrom([]float64{0, 1e-300, 10, math.Inf(1)}).Draw(t, "clip")
	e.Solver = rapid.SampledFrom([]string{"exact", "gradient"}).Draw(t, "solver")
	if rapid.Bool().Draw(t, "has backup") {
		e.Backup = drawOptimizer(t)
	}
	if rapid.Bool().Draw(t, "has seed") {
		seed := rapid.Int64Min(0).Draw(t, "seed")
		e.Seed = &seed
	}
	for range rapid.IntRange(1, 3).Draw(t, "objectives") {
		l := drawLoss(t, 1)
		e.Objectives = append(e.Objectives, objective{Label: text(t, "label"), Loss: l})
	}
	e.Sweep = rapid.MapOfN(rapid.StringMatching(`[a-z]+(\.[a-z]+)?|<<|~|5`), rapid.SliceOf(rapid.Float64()), 0, 2).Draw(t, "sweep")
	e.Where = map[string][]string{"a": {text(t, "word"), text(t, "word")}, someText(t, "column"): {}}
	e.Basis = rapid.SliceOfN(rapid.SliceOf(rapid.Float64Range(-1, 1)), 0, 2).Draw(t, "basis")
	e.Metrics = rapid.SliceOfN(rapid.SampledFrom([]string{"kl", "tv"}), 0, 2).Draw(t, "metrics")
	e.Prompts = []prompt{{Name: someText(t, "prompt"), PiStar: []float64{0.25, 0.75}}}
	return e
}

// Decoding what Encode wrote gives the value again, as text and as a tree.
func TestRoundTrip(t *testing.T) {
	d := decoder()
	rapid.Check(t, func(t *rapid.T) {
		e := drawExperiment(t)
		tree := Encode(e, d.Tables)
		fromTree := newExperiment()
		if err := d.Decode(tree, "", fromTree); err != nil {
			t.Fatalf("tree: %v", err)
		}
		if !reflect.DeepEqual(e, fromTree) {
			t.Fatalf("tree: got %+v, want %+v", fromTree, e)
		}
		data := Text(tree)
		fromText := newExperiment()
		if _, err := d.Document([]byte(data), fromText); err != nil {
			t.Fatalf("%v in:\n%s", err, data)
		}
		if !reflect.DeepEqual(e, fromText) {
			t.Fatalf("got %+v, want %+v from:\n%s", fromText, e, data)
		}
	})
}

// Text is what is written, also where YAML sees a number or a truth value in it, and stays so through a resolved config.
func TestTextAsWritten(t *testing.T) {
	d := decoder()
	for _, name := range []string{"1e3", "007", "0x10", "true", "1.50", "yes", "2026-11-29"} {
		e, again := newExperiment(), newExperiment()
		if _, err := d.Document([]byte("name: "+name+"\nobjectives: [dpo]\n"), e); err != nil || e.Name != name {
			t.Errorf("%s is read as %q, %v", name, e.Name, err)
		}
		if _, err := d.Document([]byte(Text(Encode(e, d.Tables))), again); err != nil || again.Name != name {
			t.Errorf("%s is read again as %q, %v", name, again.Name, err)
		}
	}
}

func TestEncodeForm(t *testing.T) {
	const given = `
name: x
train: {optimizer: {learning_rate: 1E+3}, epochs: 1e3, clip_norm: .inf}
backup: adam_1
objectives:
  - {beta: 0.10, name: a, kind: fdpo, divergence: js, train: {epochs: 3}}   # a comment
  - dpo
where: {lambda: 1e-5, objective: [dpo, "true", true], d: [], c: [], b: [], a: []}
basis: [[1, 0.0], []]
extra: {a: "5", b: 5}
`
	const want = `name: x
train:
  optimizer:
    kind: adam
    lr: 1000
    betas: [0.8, 0.9]
  epochs: 1000
  shuffle: false
  clip_norm: .inf
backup:
  kind: adam
  lr: 0.001
  betas: [0.9, 0.999]
objectives:
  - kind: f-dpo
    name: a
    train:
      epochs: 3
    lambda: 0.1
    divergence: js
  - kind: dpo
    lambda: 0.1
where:
  a: []
  b: []
  c: []
  d: []
  lambda: [1e-5]
  objective: [dpo, true, true]
basis: [[1, 0], []]
solver: gradient
extra:
  a: "5"
  b: 5
`
	d, e := decoder(), newExperiment()
	if _, err := d.Document([]byte(given), e); err != nil {
		t.Fatal(err)
	}
	if got := Text(Encode(e, d.Tables)); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]float64{
		"1e-3": 1e-3, "1e5": 1e5, "1E5": 1e5, "-1e+5": -1e5, "+.5": 0.5, "5.": 5, ".5e3": 500, "0": 0, "-0": 0, "1e-400": 0,
		"0.1": 0.1, "123456789012345678901234567890": 123456789012345678901234567890,
	} {
		var got struct {
			V float64 `yaml:"v"`
		}
		if _, err := decoder().Document([]byte("v: "+text), &got); err != nil || got.V != want {
			t.Errorf("%s: got %v, %v", text, got.V, err)
		}
	}
	for _, text := range []string{"0x10", "1_000", "010", "00.5", "-01", "1e", "e5", ".", "-", "1.2.3", "0o17", "1e5x", "nan", "inf", "'1'"} {
		var got struct {
			V float64 `yaml:"v"`
		}
		if _, err := decoder().Document([]byte("v: "+text), &got); err == nil {
			t.Errorf("%s: got %v, want an error", text, got.V)
		}
	}
}

func TestWholeNumbers(t *testing.T) {
	type numbers struct {
		I int64 `yaml:"i"`
	}
	for text, want := range map[string]numbers{
		"{i: 9223372036854775807}":  {I: math.MaxInt64},
		"{i: -9223372036854775808}": {I: math.MinInt64},
		"{i: 9007199254740992.0}":   {I: 1 << 53},
		"{i: 20.0}":                 {I: 20},
	} {
		var got numbers
		if _, err := decoder().Document([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"{i: 9223372036854775808}", "{i: 1e16}", "{i: 0.5}"} {
		var got numbers
		if _, err := decoder().Document([]byte(text), &got); err == nil {
			t.Errorf("%s: got %+v, want an error", text, got)
		}
	}
}

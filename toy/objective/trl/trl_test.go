package trl

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"windtunnel/toy/lines"
	"windtunnel/toy/objective"
)

// TestKindsNamed: every TRL name that a kind claims is one that lines may have, and the other way round.
func TestKindsNamed(t *testing.T) {
	claimed := map[string]bool{}
	for _, kind := range objective.Kinds() {
		for _, name := range strings.Split(kind.TRL, ",") {
			if name == "" {
				continue
			}
			claimed[name] = true
			if !slices.Contains(Names(), name) {
				t.Errorf("%s: no line may be of %s", kind.Name, name)
			}
		}
	}
	for _, name := range Names() {
		if !claimed[name] && !strings.HasPrefix(name, "dpo_v0.24.0/") {
			t.Errorf("no kind is %s", name)
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{`{"trainer": "dpo", "loss_type": "sigmoid", "beta": 0.1}`, "in: 0 values"},
		{`{"trainer": "dpo", "loss_type": "sigmoid", "in": [1,2,3,4]}`, "beta: missing"},
		{`{"loss_type": "sigmoid", "beta": 1, "in": [1,2,3,4]}`, "trainer: missing"},
		{`{"trainer": "dpo", "loss_type": "sigmoid", "beta": 1, "in": [1,2,3]}`, "in: 3 values"},
		{`{"trainer": "dpo", "loss_type": "sigmoid", "beta": 1, "in": [1,2,3,4], "out": [1]}`, "out: 1 values"},
		{`{"trainer": "dpo", "loss_type": "sigmoid", "beta": 1, "in": [1,2,3,"x"]}`, `"x" is not a number`},
		{`{"trainer": "dpo", "loss_type": "sigmoid", "beta": 1, "in": [1,2,3,null]}`, `null is not a number`},
		{`{"trainer": "dpo", "loss_type": "sigmoid", "beta": 1, "in": [1,2,3,4], "gamma": 1}`, `gamma: is not a key here; one of beta, extra, `},
		{`{"trainer": "dpo", "loss_type": "sigmoid", "beta": 1, "in": [1,2,3,4]} {}`, "text after the JSON object"},
		{`{"trainer": "dpo", "loss_type": "ipo", "beta": 1, "in": [1,2,3,4], "extra": {"len": [0, 1]}}`, "extra.len"},
		{`{"trainer": "bco", "loss_type": "bco", "beta": 1, "in": [1,2,3,4], "extra": {"delta": "second"}}`, "first_update"},
		{`{"trainer": "dpo", "loss_type": "sigmod", "beta": 1, "in": [1,2,3,4]}`, "there is no loss dpo/sigmod"},
		{`{"trainer": "dpo", "loss_type": "hinge", "beta": 1, "in": [1,2,3,4], "label_smoothing": 0.1}`, "label_smoothing: dpo/hinge has no such setting"},
		{`{"trainer": "cpo", "loss_type": "sigmoid", "beta": 1, "in": [1,2,3,4], "f_divergence": "js_divergence"}`, "f_divergence: cpo/sigmoid has no"},
		{`{"trainer": "dpo", "beta": 1, "in": [1,2,3,4]}`, "loss_type: missing; TRL's loss_type"},
		{`{"Trainer": "dpo", "loss_type": "sigmoid", "beta": 1, "in": [1,2,3,4]}`, "Trainer: is not a key here"},
		{`{"trainer": "dpo", "loss_type": "sigmoid", "beta": 1, "beta": 2, "in": [1,2,3,4]}`, "beta: is given twice; once is allowed"},
		{`{"trainer": "dpo", "loss_type": "sigmoid", "beta": "a", "in": [1,2,3,4]}`, `beta: is "a"; a finite number`},
		{`{"trainer": "dpo", "loss_type": "sigmoid", "beta": 1e400, "in": [1,2,3,4]}`, `beta: is 1e400; a finite number`},
		{`{"trainer": "dpo", "loss_type": 3, "beta": 1, "in": [1,2,3,4]}`, `loss_type: is 3; a text`},
		{`{"trainer": "dpo", "loss_type": "sigmoid", "beta": 1, "in": 7}`, `in: is 7; a list of numbers`},
		{`{"trainer": "cpo", "loss_type": "simpo", "beta": 1, "in": [1,2,3,4], "extra": 5}`, `extra: is 5; a JSON object`},
		{`{"trainer": "cpo", "loss_type": "simpo", "beta": 1, "in": [1,2,3,4], "extra": {"gama": 5}}`, `extra.gama: is not a key here; one of alpha, delta, gamma`},
		{`{"trainer": "dpo", "loss_type": "sigmoid", "beta": 1, "in": [1,2,3,4], "f_divergence": "jsd"}`, `f_divergence: is "jsd"; one of reverse_kl,`},
		{`[1, 2]`, "is a JSON array; want an object"},
		{`hello`, "is no JSON object: invalid character 'h'"},
		{`{`, "unexpected EOF"},
		{`{"trainer": "dpo", "loss_type": "sigmoid", "beta": 1, "in": [1,2,3,4], "label_smoothing": NaN}`, "has a bare NaN or Infinity"},
	} {
		r, err := parse([]byte(tt.line))
		if err == nil {
			_, err = r.Params()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.line, err, tt.want)
		}
	}
}

// parse reads a line as text.
func parse(line []byte) (*Row, error) {
	o, err := lines.Parse(line)
	if err != nil {
		return nil, err
	}
	return Parse(o)
}

// TestFill keeps a line but for its out.
func TestFill(t *testing.T) {
	values := [3]float64{1.5, math.Inf(-1), math.NaN()}
	for _, tt := range []struct{ line, want string }{
		{`{"trainer": "dpo","out": [1, 2,3] , "in": [1,2,3,4]}`, `{"trainer": "dpo","out": [1.5, "-Inf", "NaN"] , "in": [1,2,3,4]}`},
		{`{"extra": {"out": 1}, "in": [1]}`, `{"extra": {"out": 1}, "in": [1], "out": [1.5, "-Inf", "NaN"]}`},
		{`{"in": [1], "out": null}`, `{"in": [1], "out": [1.5, "-Inf", "NaN"]}`},
	} {
		if got := Fill([]byte(tt.line), values); string(got) != tt.want {
			t.Errorf("%s: %s; want %s", tt.line, got, tt.want)
		}
	}
}

// TestOlderDivergence: -exp(-a x)/a of release 0.24.0 at an order other than 1.
func TestOlderDivergence(t *testing.T) {
	r, err := parse([]byte(`{"trainer": "dpo_v0.24.0", "loss_type": "sigmoid", "beta": 2, "in": [-1,-2,-1.5,-1.6], "f_divergence": "alpha_divergence", "f_alpha": 0.3}`))
	if err != nil {
		t.Fatal(err)
	}
	params, err := r.Params()
	if err != nil {
		t.Fatal(err)
	}
	link := func(x float64) float64 { return -math.Exp(-0.3*x) / 0.3 }
	want := math.Log(1 + math.Exp(-2*(link(0.5)-link(-0.4))))
	if got := r.Evaluate(r.Objective(params))[0]; math.Abs(got-want) > 1e-14 {
		t.Errorf("%v, want %v", got, want)
	}
}

// FuzzParse: what is accepted can be evaluated and filled in, and reads back as the same row with the values.
func FuzzParse(f *testing.F) {
	for i, line := range referenceLines(f) {
		if i%500 == 0 {
			f.Add(line)
		}
	}
	f.Add([]byte(`{"trainer": "dpo", "loss_type": "exo_pair", "beta": 1, "in": [1, 2, 3, 4], "f_divergence": "0"}`))
	f.Add([]byte(`{"trainer": "kto", "loss_type": "kto", "beta": 1e300, "in": ["-Inf", 2, 3, 4], "extra": {"kl": null}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := parse(line)
		if err != nil {
			return
		}
		params, err := r.Params()
		if err != nil {
			return
		}
		values := r.Evaluate(r.Objective(params))
		filled := Fill(line, values)
		again, err := parse(filled)
		if err != nil {
			t.Fatalf("%s: %v", filled, err)
		}
		for i, v := range values {
			if got := float64(again.Out[i]); got != v && !(math.IsNaN(got) && math.IsNaN(v)) {
				t.Errorf("%s: value %d is %v, want %v", filled, i, got, v)
			}
		}
		again.Out = r.Out
		a, _ := json.Marshal(r)
		b, _ := json.Marshal(again)
		if !bytes.Equal(a, b) {
			t.Errorf("%s became %s", a, b)
		}
	})
}

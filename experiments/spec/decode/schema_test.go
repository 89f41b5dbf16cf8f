package decode

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write golden files")

// accepted are documents that the decoder takes.
var accepted = []string{
	valid,
	valid + "train: {optimizer: sgd}",
	valid + "train: {optimizer: {lr: 3}, epochs: 1e3, clip_norm: .inf}",
	valid + "train: {optimizer: {kind: adam_1, learning_rate: 3, betas: [0, 0.5]}}",
	valid + "backup: adam\nseed: 9223372036854775807\nextra: [a, {b: 1.5}, true]",
	valid + "where: {lambda: 1e-5, objective: [dpo, true, 2024-01-01]}\nsweep: {lambda: [1, 1e-5], a.b: []}\nbasis: [[], [1, -1]]",
	"name: x\nobjectives:\n- {kind: fdpo, divergence: js, beta: 2, name: a, train: {epochs: 3, optimizer: {betas: [0, 0]}}}\n- dpo",
	"name: x\nobjectives: [{kind: sum, terms: [dpo, {kind: dpo, weight: lambda}, {kind: dpo, weight: 0.5}]}]",
	"name: x\nobjectives: [{kind: dpo, train: {optimizer: {kind: sgd}}}, {kind: dpo, train: {optimizer: sgd, clip_norm: 0}}]",
	"name: x\nobjectives: [{kind: dpo, train: {optimizer: {kind: adam, betas: [0.5]}}}]", // no Check in a Partial
	"name: x\nobjectives: &o [&d dpo, *d]\nprompts:\n- &p {name: a, pi_star: [0.5, 0.5]}\n- *p\nmetrics: [kl, tv]\nsolver: exact",
}

func schemaText(t testing.TB) []byte {
	text, err := Schema("an experiment", newExperiment(), tables())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func compiled(t testing.TB) *jsonschema.Schema {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaText(t)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("experiment.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("experiment.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// jsonLike turns a tree into what a JSON parser would give. Infinity becomes a number beyond float64, NaN a text.
func jsonLike(n *Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = jsonLike(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, c := range n.Content {
			list[i] = jsonLike(c)
		}
		return list
	}
	var v any
	if err := n.toYAML().Decode(&v); err != nil {
		return n.Value
	}
	switch v := v.(type) {
	case float64:
		switch {
		case math.IsInf(v, 0):
			return json.Number(strings.Replace(strings.ToLower(n.Value), ".inf", "1e999", 1))
		case math.IsNaN(v):
			return n.Value
		}
		return v
	case bool, int, int64, uint64, nil:
		return v
	}
	return n.Value
}

func TestSchemaAccepts(t *testing.T) {
	s := compiled(t)
	for _, text := range accepted {
		root, err := decoder().Document([]byte(text), newExperiment())
		if err != nil {
			t.Errorf("the decoder refuses\n%s\n%v", text, err)
			continue
		}
		if err := s.Validate(jsonLike(root)); err != nil {
			t.Errorf("the schema refuses\n%s\n%v", text, err)
		}
	}
}

// Whatever Encode writes validates.
func TestSchemaAcceptsEncoded(t *testing.T) {
	s, tab := compiled(t), tables()
	rapid.Check(t, func(t *rapid.T) {
		tree := Encode(drawExperiment(t), tab)
		if err := s.Validate(jsonLike(tree)); err != nil {
			t.Fatal(err)
		}
	})
}

func TestSchemaRefuses(t *testing.T) {
	s := compiled(t)
	for _, m := range mistakes {
		if !m.sees {
			continue
		}
		root, _ := Parse("c.yaml", document(m.text))
		if err := s.Validate(jsonLike(root)); err == nil {
			t.Errorf("%s: the schema accepts\n%s", m.name, m.text)
		}
	}
}

func TestSchemaGolden(t *testing.T) {
	const path = "testdata/schema.json"
	got := schemaText(t)
	if !bytes.Equal(got, schemaText(t)) {
		t.Error("two calls differ")
	}
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the schema differs from %s; if that is meant, run go test -update", path)
	}
}

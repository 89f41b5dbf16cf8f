package policy

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/bandit"
	"windtunnel/toy/registry"
)

// PrefixTableParams asks for one free logit per prompt, prefix and next token.
type PrefixTableParams struct{}

// Build returns a table that holds the reference's log-probabilities of the next token: it starts exactly there.
func (*PrefixTableParams) Build(env *bandit.Env, _ *rand.Rand) (Policy, error) {
	if _, err := sequencesOf(env, prefixTableKind.Name); err != nil {
		return nil, err
	}
	return &PrefixTable{Autoregressive: newAutoregressive(env, tableNetwork{}, conditionals(env), nil)}, nil
}

// PrefixTable is an autoregressive policy with logits of its own after every prefix, so that it can be any policy.
// Prefixes of a prompt are numbered by length and then as sequences are; parameter (p*N + prefix)*V + token, with N the
// prefixes of a prompt, is the logit of that token after that prefix.
type PrefixTable struct {
	*Autoregressive
	touched *forest // of Support
}

var (
	_ Sparse     = (*PrefixTable)(nil)
	_ Normalized = (*PrefixTable)(nil)
)

func (t *PrefixTable) Support(items []Item, dst []int) []int {
	if t.touched == nil {
		t.touched = newForest(t.shape, t.prompts)
	}
	t.touched.collect(items)
	v := t.shape.Vocabulary
	for node := range t.touched.len() {
		for i := range v {
			dst = append(dst, t.touched.row(node)*v+i)
		}
	}
	return dst
}

// row returns the number of a node among all prefixes of all prompts.
func (f *forest) row(node int) int { return f.prompt[node]*f.perTree + f.prefix[node] }

type tableNetwork struct{}

func (tableNetwork) forward(params []float64, f *forest, dst []float64) {
	v := f.shape.Vocabulary
	for node := range f.len() {
		row := f.row(node)
		floats.Add(dst[node*v:(node+1)*v], params[row*v:(row+1)*v])
	}
}

func (tableNetwork) backward(_ []float64, f *forest, d, grad []float64) {
	v := f.shape.Vocabulary
	for node := range f.len() {
		row := f.row(node)
		floats.Add(grad[row*v:(row+1)*v], d[node*v:(node+1)*v])
	}
}

var prefixTableKind = registry.Kind[Params]{
	Name:    "prefix-table",
	Summary: "for sequences: one free logit per prompt, prefix and next token",
	Source:  "this project",
	New:     func() Params { return &PrefixTableParams{} },
}

package policy

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/bandit"
	"windtunnel/toy/registry"
)

// TabularParams asks for one free logit per prompt and response.
type TabularParams struct{}

// Build returns a tabular policy at the environment's initial logits.
func (*TabularParams) Build(env *bandit.Env, _ *rand.Rand) (Policy, error) {
	t := &Tabular{prompts: len(env.Prompts), responses: env.Responses()}
	for i := range env.Prompts {
		t.logits = append(t.logits, env.Prompts[i].Init...)
	}
	return t, nil
}

// Tabular is a softmax with a logit of its own for every prompt and response; parameter p*K + k is the logit of
// response k of prompt p.
type Tabular struct {
	prompts, responses int
	logits             []float64
}

var (
	_ Sparse = (*Tabular)(nil)
	_ Affine = (*Tabular)(nil)
)

func (t *Tabular) Params() []float64 { return t.logits }

func (t *Tabular) Prompts() int { return t.prompts }

func (t *Tabular) Responses() int { return t.responses }

func (t *Tabular) Scores(items []Item, dst []float64) {
	dst = dst[:len(items)]
	for i, item := range items {
		dst[i] = t.logits[item.Prompt*t.responses+item.Response]
	}
}

func (t *Tabular) AddScoreGrad(items []Item, d, grad []float64) {
	d = d[:len(items)]
	for i, item := range items {
		grad[item.Prompt*t.responses+item.Response] += d[i]
	}
}

func (t *Tabular) Logits(prompt int, dst []float64) {
	copy(dst, t.logits[prompt*t.responses:(prompt+1)*t.responses])
}

func (t *Tabular) AddLogitGrad(prompt int, d, grad []float64) {
	floats.Add(grad[prompt*t.responses:(prompt+1)*t.responses], d[:t.responses])
}

// Support appends one parameter an item; distinct items have distinct ones.
func (t *Tabular) Support(items []Item, dst []int) []int {
	for _, item := range items {
		dst = append(dst, item.Prompt*t.responses+item.Response)
	}
	return dst
}

func (t *Tabular) Blocks() []Block { return rowBlocks(t.prompts, t.responses) }

func (t *Tabular) Jacobian(int) *mat.Dense { return nil }

// rowBlocks is the partition of a policy whose prompts each own dim consecutive parameters.
func rowBlocks(prompts, dim int) []Block {
	blocks := make([]Block, prompts)
	for p := range blocks {
		blocks[p] = Block{Prompts: []int{p}, Offset: p * dim, Dim: dim}
	}
	return blocks
}

// wholeBlock is the partition of a policy whose prompts share all parameters.
func wholeBlock(prompts, dim int) []Block {
	all := make([]int, prompts)
	for p := range all {
		all[p] = p
	}
	return []Block{{Prompts: all, Dim: dim}}
}

var tabularKind = registry.Kind[Params]{
	Name:    "tabular",
	Summary: "one free logit per prompt and response",
	Source:  "Hu, He, Wipf 2024, arXiv 2407.09072, synthetic experiments",
	New:     func() Params { return &TabularParams{} },
}

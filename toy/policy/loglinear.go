package policy

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/bandit"
	"windtunnel/toy/registry"
)

// LogLinearParams asks for logits = log pi_ref + features of prompt and response times one vector of parameters for all prompts. The
// class need not hold pi_star: features may be others than those of the reward.
type LogLinearParams struct {
	Features bandit.Features `yaml:"features,omitempty" doc:"formulas of the prompt's features (by the environment's names, else x1, x2, ...), the response's number a and pi = 3.14...; default those that the environment's reward is linear in"`
	Start    []float64       `yaml:"start" range:"[-1e6,1e6]" doc:"parameters that training starts from, while the reference stays at 0; default 0"`
}

func (p *LogLinearParams) Build(env *bandit.Env, _ *rand.Rand) (Policy, error) {
	variables := env.Variables
	for i := range env.Prompts[0].Features {
		if env.Variables == nil {
			variables = append(variables, fmt.Sprint("x", i+1))
		}
	}
	features, err := p.Features.Compile(variables, env.Responses())
	if err != nil {
		return nil, err
	}
	l := &LogLinear{}
	for i := range env.Prompts {
		x := &env.Prompts[i]
		f := x.Contrasts
		if p.Features != nil {
			f, err = features.At(x.Features)
		} else if f == nil {
			err = errors.New("features: none are given, and the environment's reward is linear in none; formulas")
		}
		if err != nil {
			return nil, err
		}
		l.features, l.offset = append(l.features, f), append(l.offset, slices.Clone(x.Init))
	}
	_, dim := l.features[0].Dims()
	if p.Start != nil && len(p.Start) != dim {
		return nil, fmt.Errorf("start: has %d parameters, there are %d features; one a feature", len(p.Start), dim)
	}
	l.theta = make([]float64, dim)
	copy(l.theta, p.Start)
	return l, nil
}

// LogLinear is a softmax over offset + features theta, the features being of prompt and response, theta the parameters of the prompt.
type LogLinear struct {
	offset   [][]float64  // prompts x K
	features []*mat.Dense // prompts, K x rank
	theta    []float64    // rank, or prompts x rank
	own      bool         // every prompt has parameters of its own
}

var _ Affine = (*LogLinear)(nil)

func (l *LogLinear) Params() []float64 { return l.theta }

func (l *LogLinear) Prompts() int { return len(l.features) }

func (l *LogLinear) Responses() int { return len(l.offset[0]) }

// of returns a prompt's share of a parameter-shaped slice.
func (l *LogLinear) of(flat []float64, prompt int) []float64 {
	if !l.own {
		return flat
	}
	rank := l.features[prompt].RawMatrix().Cols
	return flat[prompt*rank : (prompt+1)*rank]
}

// logit adds to the offset what the features give: one by one where parameters are the prompt's own, as published tables are rounded.
func (l *LogLinear) logit(prompt, response int) float64 {
	sum, row, theta := l.offset[prompt][response], l.features[prompt].RawRowView(response), l.of(l.theta, prompt)
	if !l.own {
		return sum + floats.Dot(row, theta)
	}
	for j, b := range row {
		sum += b * theta[j]
	}
	return sum
}

func (l *LogLinear) Scores(items []Item, dst []float64) {
	for i, item := range items {
		dst[i] = l.logit(item.Prompt, item.Response)
	}
}

func (l *LogLinear) AddScoreGrad(items []Item, d, grad []float64) {
	for i, item := range items {
		floats.AddScaled(l.of(grad, item.Prompt), d[i], l.features[item.Prompt].RawRowView(item.Response))
	}
}

func (l *LogLinear) Logits(prompt int, dst []float64) {
	for k := range l.offset[prompt] {
		dst[k] = l.logit(prompt, k)
	}
}

func (l *LogLinear) AddLogitGrad(prompt int, d, grad []float64) {
	for k := range l.offset[prompt] {
		floats.AddScaled(l.of(grad, prompt), d[k], l.features[prompt].RawRowView(k))
	}
}

func (l *LogLinear) Blocks() []Block {
	if l.own {
		return rowBlocks(len(l.features), len(l.of(l.theta, 0)))
	}
	return wholeBlock(len(l.features), len(l.theta))
}

func (l *LogLinear) Jacobian(prompt int) *mat.Dense { return l.features[prompt] }

var logLinearKind = registry.Kind[Params]{
	Name:    "log-linear",
	Summary: "a limited class: logits = log pi_ref + features of prompt and response times parameters that all prompts share",
	Source:  "Li, Xu, Yu 2023, arXiv 2312.10584",
	New:     func() Params { return &LogLinearParams{} },
}

package policy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/bandit"
	"windtunnel/toy/registry"
)

// LinearParams asks for a linear softmax on prompt features.
type LinearParams struct{}

// Build returns a linear policy whose weights reproduce the environment's initial logits: with one-hot features they
// are the rows of the weights, otherwise the least-squares solution of smallest norm. It is an error if the features
// cannot represent the initial logits to 1e-9 (absolute below 1, relative above), since training has to start at the
// reference.
func (*LinearParams) Build(env *bandit.Env, _ *rand.Rand) (Policy, error) {
	prompts, k, dim := len(env.Prompts), env.Responses(), len(env.Prompts[0].Features)
	x, init := mat.NewDense(prompts, dim, nil), mat.NewDense(prompts, k, nil)
	for p := range env.Prompts {
		x.SetRow(p, env.Prompts[p].Features)
		init.SetRow(p, env.Prompts[p].Init)
	}
	w, err := startWeights(x, init)
	if err != nil {
		return nil, err
	}
	return &Linear{features: x, weights: w, responses: k}, nil
}

// startWeights solves x w = init, where x is prompts x features and init prompts x K.
func startWeights(x, init *mat.Dense) (*mat.Dense, error) {
	prompts, dim := x.Dims()
	_, k := init.Dims()
	if isIdentity(x) {
		return mat.DenseCopyOf(init), nil
	}
	var svd mat.SVD
	if !svd.Factorize(x, mat.SVDThin) {
		return nil, fmt.Errorf("the features' singular values do not converge")
	}
	w := mat.NewDense(dim, k, nil)
	if rank := svd.Rank(1e-12); rank > 0 {
		svd.SolveTo(w, init, rank)
	}
	fit := mat.NewDense(prompts, k, nil)
	fit.Mul(x, w)
	fit.Sub(fit, init)
	if off := mat.Norm(fit, math.Inf(1)); off > 1e-9*max(1, mat.Norm(init, math.Inf(1))) {
		return nil, fmt.Errorf("the features cannot represent the reference: the nearest weights miss its logits by %.3g; "+
			"give linearly independent features, or leave them out for one-hot features", off)
	}
	return w, nil
}

// isIdentity says whether the features are one-hot in the order of the prompts.
func isIdentity(x *mat.Dense) bool {
	n, dim := x.Dims()
	return n == dim && mat.Equal(x, mat.NewDiagDense(n, slices.Repeat([]float64{1}, n)))
}

// Linear is a softmax over features times weights; parameter f*K + k is the weight of feature f for response k.
type Linear struct {
	features  *mat.Dense // prompts x features
	weights   *mat.Dense // features x K
	responses int
}

var _ Affine = (*Linear)(nil)

func (l *Linear) Params() []float64 { return l.weights.RawMatrix().Data }

func (l *Linear) Prompts() int { return l.features.RawMatrix().Rows }

func (l *Linear) Responses() int { return l.responses }

func (l *Linear) Scores(items []Item, dst []float64) {
	for i, item := range items {
		sum := 0.0
		for f, x := range l.features.RawRowView(item.Prompt) {
			sum += x * l.weights.At(f, item.Response)
		}
		dst[i] = sum
	}
}

func (l *Linear) AddScoreGrad(items []Item, d, grad []float64) {
	for i, item := range items {
		for f, x := range l.features.RawRowView(item.Prompt) {
			grad[f*l.responses+item.Response] += d[i] * x
		}
	}
}

func (l *Linear) Logits(prompt int, dst []float64) {
	dst = dst[:l.responses]
	clear(dst)
	for f, x := range l.features.RawRowView(prompt) {
		if x == 0 {
			continue
		}
		floats.AddScaled(dst, x, l.weights.RawRowView(f))
	}
}

func (l *Linear) AddLogitGrad(prompt int, d, grad []float64) {
	for f, x := range l.features.RawRowView(prompt) {
		if x == 0 {
			continue
		}
		floats.AddScaled(grad[f*l.responses:(f+1)*l.responses], x, d[:l.responses])
	}
}

// Blocks returns one block of all weights, or with one-hot features a block for every prompt.
func (l *Linear) Blocks() []Block {
	if isIdentity(l.features) {
		return rowBlocks(l.Prompts(), l.responses)
	}
	return wholeBlock(l.Prompts(), len(l.Params()))
}

// Jacobian returns the K x (features K) derivative of the prompt's logits, or nil with one-hot features.
func (l *Linear) Jacobian(prompt int) *mat.Dense {
	if isIdentity(l.features) {
		return nil
	}
	j := mat.NewDense(l.responses, len(l.Params()), nil)
	for f, x := range l.features.RawRowView(prompt) {
		for k := range l.responses {
			j.Set(k, f*l.responses+k, x)
		}
	}
	return j
}

var linearKind = registry.Kind[Params]{
	Name:    "linear",
	Summary: "a linear softmax on prompt features (one-hot unless the environment gives features)",
	Source:  "Hu, He, Wipf 2024, arXiv 2407.09072, synthetic experiments",
	New:     func() Params { return &LinearParams{} },
}

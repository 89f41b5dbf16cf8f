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

// LowRankParams asks for logits = log pi_ref + basis times a few parameters for each prompt.
type LowRankParams struct {
	Basis [][]float64 `yaml:"basis" range:"[-1e6,1e6]" doc:"basis vectors, each with one entry a response; without them rank random ones are drawn"`
	Rank  int         `yaml:"rank" range:"[1,100000]" doc:"number of random basis vectors, orthonormal and orthogonal to the constant"`
	Share float64     `yaml:"share" range:"[0,1]" doc:"in place of rank this share of the K-1 degrees of freedom, rounded down but at least 1; 0 is rank"`
	Start []float64   `yaml:"start" range:"[-1e6,1e6]" doc:"coefficients that training starts from, the same at every prompt, while the reference stays at 0; default 0"`
}

// Build returns the policy at its starting coefficients; at zero it is the reference.
func (p *LowRankParams) Build(env *bandit.Env, rng *rand.Rand) (Policy, error) {
	basis, err := p.basis(env.Responses(), rng)
	if err != nil {
		return nil, err
	}
	_, rank := basis.Dims()
	l := &LowRank{basis: basis, coefficients: make([]float64, len(env.Prompts)*rank)}
	if p.Start != nil && len(p.Start) != rank {
		return nil, fmt.Errorf("start has %d coefficients, the policy has rank %d", len(p.Start), rank)
	}
	for i := range env.Prompts {
		l.start = append(l.start, slices.Clone(env.Prompts[i].Init))
		copy(l.of(l.coefficients, i), p.Start)
	}
	return l, nil
}

func (p *LowRankParams) Random() bool { return len(p.Basis) == 0 }

// basis returns the K x rank matrix of basis vectors.
func (p *LowRankParams) basis(k int, rng *rand.Rand) (*mat.Dense, error) {
	if len(p.Basis) == 0 {
		rank := p.Rank
		if p.Share > 0 {
			rank = max(1, int(p.Share*float64(k-1)))
		}
		return randomBasis(k, rank, rng)
	}
	basis := mat.NewDense(k, len(p.Basis), nil)
	for j, vector := range p.Basis {
		if len(vector) != k {
			return nil, fmt.Errorf("basis vector %d has %d entries, the environment has %d responses", j, len(vector), k)
		}
		basis.SetCol(j, vector)
	}
	return basis, nil
}

// randomBasis draws rank Gaussian vectors and makes them orthonormal together with the constant vector, which moves
// no probability and is then left out. A smaller rank from the same source gives the first vectors of a larger one.
func randomBasis(k, rank int, rng *rand.Rand) (*mat.Dense, error) {
	if rank > k-1 {
		return nil, fmt.Errorf("rank %d: a softmax over %d responses has %d degrees of freedom", rank, k, k-1)
	}
	constant := make([]float64, k)
	floats.AddConst(1/math.Sqrt(float64(k)), constant)
	columns, basis := [][]float64{constant}, mat.NewDense(k, rank, nil)
	for j := range rank {
		v := make([]float64, k)
		for i := range v {
			v[i] = rng.NormFloat64()
		}
		// Gram-Schmidt, twice against rounding. mat.QR would hand out all K columns of Q, K^2 numbers.
		for range 2 {
			for _, u := range columns {
				floats.AddScaled(v, -floats.Dot(u, v), u)
			}
		}
		floats.Scale(1/floats.Norm(v, 2), v)
		columns = append(columns, v)
		basis.SetCol(j, v)
	}
	return basis, nil
}

// Check refuses basis vectors of different lengths.
func (p *LowRankParams) Check() []registry.Problem {
	var problems []registry.Problem
	for j, vector := range p.Basis {
		if len(vector) != len(p.Basis[0]) {
			problems = append(problems, registry.Problem{Key: fmt.Sprintf("basis.%d", j),
				Wrong:   fmt.Sprintf("%d entries, the first vector has %d", len(vector), len(p.Basis[0])),
				Allowed: "one entry a response in every vector"})
		}
	}
	return problems
}

// LowRank is a softmax over start + basis coefficients; parameter p*rank + j is the coefficient of basis vector j at
// prompt p.
type LowRank struct {
	start        [][]float64 // prompts x K
	basis        *mat.Dense  // K x rank
	coefficients []float64
}

var _ Affine = (*LowRank)(nil)

func (l *LowRank) Params() []float64 { return l.coefficients }

func (l *LowRank) Prompts() int { return len(l.start) }

func (l *LowRank) Responses() int { return len(l.start[0]) }

// of returns a prompt's share of a parameter-shaped slice.
func (l *LowRank) of(flat []float64, prompt int) []float64 {
	rank := l.basis.RawMatrix().Cols
	return flat[prompt*rank : (prompt+1)*rank]
}

func (l *LowRank) logit(prompt, response int) float64 {
	sum := l.start[prompt][response]
	theta := l.of(l.coefficients, prompt)
	for j, b := range l.basis.RawRowView(response) {
		sum += b * theta[j]
	}
	return sum
}

func (l *LowRank) Scores(items []Item, dst []float64) {
	for i, item := range items {
		dst[i] = l.logit(item.Prompt, item.Response)
	}
}

func (l *LowRank) AddScoreGrad(items []Item, d, grad []float64) {
	for i, item := range items {
		l.addRow(item.Prompt, item.Response, d[i], grad)
	}
}

func (l *LowRank) addRow(prompt, response int, d float64, grad []float64) {
	g := l.of(grad, prompt)
	for j, b := range l.basis.RawRowView(response) {
		g[j] += d * b
	}
}

func (l *LowRank) Logits(prompt int, dst []float64) {
	for k := range l.start[prompt] {
		dst[k] = l.logit(prompt, k)
	}
}

func (l *LowRank) AddLogitGrad(prompt int, d, grad []float64) {
	for k := range l.start[prompt] {
		l.addRow(prompt, k, d[k], grad)
	}
}

func (l *LowRank) Blocks() []Block { return rowBlocks(len(l.start), l.basis.RawMatrix().Cols) }

func (l *LowRank) Jacobian(int) *mat.Dense { return l.basis }

var lowRankKind = registry.Kind[Params]{
	Name:    "low-rank",
	Aliases: []string{"lowrank"},
	Summary: "a limited class: logits = log pi_ref + basis times a few coefficients for each prompt",
	Source:  "this project, after the limited policy classes of arXiv 2407.09072",
	New:     func() Params { return &LowRankParams{Rank: 1} },
}

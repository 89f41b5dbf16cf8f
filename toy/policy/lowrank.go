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
	l := &LogLinear{own: true}
	if p.Start != nil && len(p.Start) != rank {
		return nil, fmt.Errorf("start has %d coefficients, the policy has rank %d", len(p.Start), rank)
	}
	for i := range env.Prompts {
		l.offset, l.features = append(l.offset, slices.Clone(env.Prompts[i].Init)), append(l.features, basis)
		l.theta = append(l.theta, make([]float64, rank)...)
		copy(l.of(l.theta, i), p.Start)
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

var lowRankKind = registry.Kind[Params]{
	Name:    "low-rank",
	Aliases: []string{"lowrank"},
	Summary: "a limited class: logits = log pi_ref + basis times a few coefficients for each prompt",
	Source:  "this project, after the limited policy classes of arXiv 2407.09072",
	New:     func() Params { return &LowRankParams{Rank: 1} },
}

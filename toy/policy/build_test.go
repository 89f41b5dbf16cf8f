package policy

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/bandit"
)

func TestLinearStart(t *testing.T) {
	for _, tt := range []struct {
		name     string
		features [][]float64
		wrong    string // beginning of the error, "" for none
	}{
		{"independent", [][]float64{{1, 2}, {3, 4}}, ""},
		{"wide", real3, ""},
		{"badly scaled", [][]float64{{1e6, 0}, {1e6, 1e-3}}, ""},
		{"the same features for different references", [][]float64{{1, 2}, {1, 2}}, "the features cannot represent the reference: the nearest weights miss its logits by "},
		{"one feature", [][]float64{{1}, {2}}, "the features cannot represent the reference"},
		{"all zero", [][]float64{{0, 0}, {0, 0}}, "the features cannot represent the reference"},
	} {
		_, err := (&LinearParams{}).Build(environment(tt.features), nil)
		if (err == nil) != (tt.wrong == "") || err != nil && !strings.HasPrefix(err.Error(), tt.wrong) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.wrong)
		}
	}
}

// TestLinearLargeLogits: the tolerance follows the size of the logits.
func TestLinearLargeLogits(t *testing.T) {
	env := environment([][]float64{{1, 0.1, 3}, {0.3, 7, 1}})
	for p := range env.Prompts {
		env.Prompts[p].Init = []float64{1e6 / 3, -1e6 / 7, 1e6, float64(p)}
	}
	if _, err := (&LinearParams{}).Build(env, nil); err != nil {
		t.Error(err)
	}
}

func TestLowRankErrors(t *testing.T) {
	for _, tt := range []struct {
		params LowRankParams
		wrong  string
	}{
		{LowRankParams{Rank: 3}, ""},
		{LowRankParams{Rank: 4}, "rank 4: a softmax over 4 responses has 3 degrees of freedom"},
		{LowRankParams{Rank: 100000}, "rank 100000: a softmax over 4 responses has 3 degrees of freedom"},
		{LowRankParams{Basis: [][]float64{{1, 0, 0, 0}, {1, 2, 3}}}, "basis vector 1 has 3 entries, the environment has 4 responses"},
		{LowRankParams{Basis: [][]float64{{}}}, "basis vector 0 has 0 entries, the environment has 4 responses"},
	} {
		_, err := tt.params.Build(environment(nil), rand.New(rand.NewPCG(1, 2)))
		if got := text(err); got != tt.wrong {
			t.Errorf("%+v: error %q, want %q", tt.params, got, tt.wrong)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestLowRankCheck(t *testing.T) {
	for _, basis := range [][][]float64{nil, {{1, 2}}, {{1, 2}, {3, 4}}} {
		if problems := (&LowRankParams{Basis: basis}).Check(); problems != nil {
			t.Errorf("%v: %v", basis, problems)
		}
	}
	problems := (&LowRankParams{Basis: [][]float64{{1, 2}, {3, 4, 5}, {6}}}).Check()
	if len(problems) != 2 || problems[0].Key != "basis.1" || problems[0].Wrong != "3 entries, the first vector has 2" ||
		problems[1].Key != "basis.2" {
		t.Errorf("problems %v", problems)
	}
}

func TestRandomBasis(t *testing.T) {
	for _, k := range []int{2, 3, 10, 60} {
		basis, err := randomBasis(k, k-1, rand.New(rand.NewPCG(5, 6)))
		if err != nil {
			t.Fatal(err)
		}
		var gram mat.Dense
		gram.Mul(basis.T(), basis)
		ones := make([]float64, k-1)
		floats.AddConst(1, ones)
		if !mat.EqualApprox(&gram, mat.NewDiagDense(k-1, ones), 1e-13) {
			t.Errorf("K=%d: the basis is not orthonormal", k)
		}
		for j := range k - 1 {
			if sum := mat.Sum(basis.ColView(j)); math.Abs(sum) > 1e-13 {
				t.Errorf("K=%d: vector %d sums to %v", k, j, sum)
			}
		}
		for rank := 1; rank < k; rank++ {
			smaller, err := randomBasis(k, rank, rand.New(rand.NewPCG(5, 6)))
			if err != nil {
				t.Fatal(err)
			}
			if !mat.Equal(smaller, basis.Slice(0, k, 0, rank)) {
				t.Errorf("K=%d: rank %d is not the beginning of rank %d", k, rank, k-1)
			}
		}
	}
}

// TestRandomBasisWide: a basis of one vector costs O(K), not K^2.
func TestRandomBasisWide(t *testing.T) {
	k := 100_000
	flat := make([]float64, k)
	env := &bandit.Env{Prompts: []bandit.Prompt{{LogStar: flat, LogRef: flat, Init: flat}}}
	pol, err := (&LowRankParams{Rank: 1}).Build(env, rand.New(rand.NewPCG(7, 8)))
	if err != nil || len(pol.Params()) != 1 || pol.Responses() != k {
		t.Fatalf("policy %v, error %v", pol, err)
	}
}

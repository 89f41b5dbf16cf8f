package policy

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
)

// spoken returns two prompts whose responses are sequences of 4 tokens over a vocabulary of 3.
func spoken(t testing.TB) *bandit.Env {
	t.Helper()
	env, err := (&bandit.Sequence{Prompts: 2, Vocabulary: 3, Length: 4, Order: 1, Scale: 1, Temperature: 1.5, Perturbation: 1}).
		Build(rand.New(rand.NewPCG(5, 6)))
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// sequencePolicies builds every policy over sequences.
func sequencePolicies(t testing.TB, env *bandit.Env) []built {
	t.Helper()
	var policies []built
	for _, kind := range Kinds() {
		pol, err := kind.New().Build(env, rand.New(rand.NewPCG(1, 2)))
		if err != nil {
			continue // linear policies cannot be built here
		}
		if _, ok := pol.(Normalized); ok {
			policies = append(policies, built{kind.Name, env, pol})
		}
	}
	if len(policies) < 2 {
		t.Fatalf("%d policies over sequences", len(policies))
	}
	return policies
}

func TestAutoregressiveIsNormalized(t *testing.T) {
	env := spoken(t)
	for _, b := range sequencePolicies(t, env) {
		start := make([]float64, env.Responses())
		b.Logits(1, start)
		if !floats.EqualApprox(start, env.Prompts[1].LogRef, 1e-12) {
			t.Errorf("%s: does not start at the reference", b.name)
		}
		b.scatter()
		logp := make([]float64, env.Responses())
		b.Logits(1, logp)
		if lse := logspace.LogSumExp(logp); math.Abs(lse) > 1e-12 {
			t.Errorf("%s: log of the sum of probabilities is %v", b.name, lse)
		}
		if floats.EqualApprox(start, logp, 0.1) {
			t.Errorf("%s: the parameters do not matter", b.name)
		}
	}
}

// A few items scored by themselves are what enumeration gives, in any order of calls.
func TestScoresAreEnumerated(t *testing.T) {
	env := spoken(t)
	items := []Item{{1, 80}, {0, 0}, {1, 26}, {1, 27}, {0, 43}}
	for _, b := range sequencePolicies(t, env) {
		for range 2 {
			b.scatter() // the second time, activations of the old parameters are there
			scores, logp := make([]float64, len(items)), make([]float64, env.Responses())
			b.Scores(items, scores)
			for i, item := range items {
				if b.Logits(item.Prompt, logp); math.Abs(logp[item.Response]-scores[i]) > 1e-12 {
					t.Errorf("%s: score of %v is %v, enumerated %v", b.name, item, scores[i], logp[item.Response])
				}
			}
		}
	}
}

// The derivatives of a few items' scores are those of the same items among all log-probabilities.
func TestScoreGradIsLogitGrad(t *testing.T) {
	env := spoken(t)
	items, d := []Item{{1, 80}, {1, 26}, {1, 27}}, []float64{1, -2, 0.5}
	for _, b := range sequencePolicies(t, env) {
		b.scatter()
		few, whole, all := make([]float64, len(b.Params())), make([]float64, len(b.Params())), make([]float64, env.Responses())
		for i, item := range items {
			all[item.Response] = d[i]
		}
		b.AddLogitGrad(1, all, whole)
		b.AddScoreGrad(items, d, few)
		if !floats.EqualApprox(few, whole, 1e-12) || floats.Norm(few, 2) == 0 {
			t.Errorf("%s: AddScoreGrad gives %v, AddLogitGrad %v", b.name, few, whole)
		}
	}
}

func TestSequencePoliciesNeedSequences(t *testing.T) {
	env := spoken(t)
	env.Sequences = nil
	for _, params := range []Params{&PrefixTableParams{}, &GRUParams{Width: 2}} {
		if _, err := params.Build(env, rand.New(rand.NewPCG(1, 2))); err == nil {
			t.Errorf("%T: no error", params)
		}
	}
}

// BenchmarkAutoregressive takes the gradient of 64 pairs of sequences, and that of all 4096.
func BenchmarkAutoregressive(b *testing.B) {
	rng := rand.New(rand.NewPCG(5, 6))
	env, _ := (&bandit.Sequence{Prompts: 1, Vocabulary: 8, Length: 4, Order: 1, Scale: 1, Temperature: 1}).Build(rng)
	items, d := make([]Item, 128), make([]float64, env.Responses())
	for i := range items {
		items[i].Response = rng.IntN(env.Responses())
	}
	for _, pol := range sequencePolicies(b, env) {
		grad, out := make([]float64, len(pol.Params())), make([]float64, env.Responses())
		b.Run(pol.name+"/pairs", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				pol.Params()[0] += 1e-9 // a step
				pol.Scores(items, out[:len(items)])
				pol.AddScoreGrad(items, d[:len(items)], grad)
			}
		})
		b.Run(pol.name+"/all", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				pol.Params()[0] += 1e-9
				pol.Logits(0, out)
				pol.AddLogitGrad(0, d, grad)
			}
		})
	}
}

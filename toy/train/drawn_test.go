package train

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/diff/fd"
	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/bandit"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
)

// spoken returns a problem over sequences, with samples of the reference drawn, and one minibatch of all comparisons.
func spoken(t testing.TB, kind policy.Params, loss objective.Params, shape bandit.Sequence, n int) (*Problem, *Minibatch) {
	t.Helper()
	env, err := shape.Build(rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	pairs, err := (&preference.Sample{N: n, Sampling: "uniform", Temperature: 1, Coverage: 1}).Build(
		preference.Input{Env: env, RNG: rand.New(rand.NewPCG(3, 4))})
	if err != nil {
		t.Fatal(err)
	}
	pol, err := kind.Build(env, rand.New(rand.NewPCG(5, 6)))
	if err != nil {
		t.Fatal(err)
	}
	p := NewProblem(env, pol, loss.Objective(), 0)
	if p.Objective.Sampled != nil {
		p.DrawReference(rand.New(rand.NewPCG(7, 8)))
	}
	return p, Full(pairs, p)
}

var small = bandit.Sequence{Prompts: 2, Vocabulary: 3, Length: 2, Order: 1, Scale: 1, Temperature: 1, Perturbation: 0.5}

func perturb(params []float64) {
	rng := rand.New(rand.NewPCG(9, 10))
	for i := range params {
		params[i] += 0.3 * rng.NormFloat64()
	}
}

func TestDrawnGradients(t *testing.T) {
	losses := map[string]objective.Params{
		"drawn": &objective.TYPO{Lambda: 0.7, ReferenceSamples: objective.DrawnFromReference(5)},
		"pair":  &objective.TYPO{Lambda: 0.7, ReferenceSamples: objective.PairAsSamples()},
		"exact": &objective.TYPO{Lambda: 0.7, KLReduction: "sum"},
		"dpo":   &objective.DPO{Lambda: 0.7},
		"cpo":   &objective.CPO{Lambda: 0.7, Loss: "sigmoid", Alpha: 0.4},
		"sum": &objective.Sum{Lambda: 0.5, Terms: []objective.Part{{Weight: objective.TimesLambda(),
			Loss: &objective.TYPO{Lambda: 0.7, ReferenceSamples: objective.DrawnFromReference(5)}}, {Loss: &objective.IPO{Lambda: 0.3}}}},
	}
	for _, kind := range []policy.Params{&policy.TabularParams{}, &policy.PrefixTableParams{}, &policy.GRUParams{Width: 3}} {
		for name, loss := range losses {
			p, m := spoken(t, kind, loss, small, 6)
			theta := p.Policy.Params()
			perturb(theta)
			got, start := make([]float64, len(theta)), append([]float64(nil), theta...)
			p.AddGrad(m, got)
			want := fd.Gradient(nil, func(x []float64) float64 {
				copy(theta, x)
				return p.Loss(m)
			}, start, &fd.Settings{Formula: fd.Central, Step: 1e-4})
			if !floats.EqualApprox(got, want, 1e-7) || floats.Norm(want, 2) == 0 {
				t.Errorf("%T, %s: gradient %v, want %v", kind, name, got, want)
			}
		}
	}
}

// The three ways of having log-probabilities agree: raw scores through a softmax over all responses, scores that are
// log-probabilities, and the definition.
func TestDrawnLoss(t *testing.T) {
	const lambda, n = 0.7, 200
	for _, kind := range []policy.Params{&policy.TabularParams{}, &policy.PrefixTableParams{}} {
		p, m := spoken(t, kind, &objective.Sum{Terms: []objective.Part{{Loss: &objective.BradleyTerry{}}}}, small, 6)
		q, drawn := spoken(t, kind, &objective.TYPO{Lambda: lambda, ReferenceSamples: objective.DrawnFromReference(n)}, small, 6)
		perturb(p.Policy.Params())
		perturb(q.Policy.Params())
		logits, want := make([]float64, 9), p.Loss(m)
		for i, prompt := range drawn.Prompts {
			q.Policy.Logits(prompt, logits)
			total := floats.LogSumExp(logits)
			for _, response := range q.drawn[prompt] {
				want -= lambda * drawn.PromptWeight[i] * (logits[response] - total) / n
			}
		}
		if got := q.Loss(drawn); math.Abs(got-want) > 1e-12 {
			t.Errorf("%T: loss %v, want %v", kind, got, want)
		}
	}
}

// Draws follow the reference, and more of them begin with fewer of them.
func TestDrawReference(t *testing.T) {
	few, _ := spoken(t, &policy.TabularParams{}, &objective.TYPO{Lambda: 1, ReferenceSamples: objective.DrawnFromReference(10)}, small, 6)
	many, _ := spoken(t, &policy.TabularParams{}, &objective.TYPO{Lambda: 1, ReferenceSamples: objective.DrawnFromReference(20_000)}, small, 6)
	for prompt, drawn := range many.drawn {
		share := make([]float64, 9)
		for i, response := range drawn {
			share[response] += 1 / 20_000.0
			if i < 10 && few.drawn[prompt][i] != response {
				t.Errorf("prompt %d: draw %d is %d of 10, %d of 20000", prompt, i, few.drawn[prompt][i], response)
			}
		}
		if !floats.EqualApprox(share, many.reference[prompt].Ref, 0.02) { // 5 standard errors
			t.Errorf("prompt %d: shares %v, pi_ref %v", prompt, share, many.reference[prompt].Ref)
		}
	}
}

func TestDrawsAreNotForgotten(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("training goes on without the draws of its objective")
		}
	}()
	p, _ := spoken(t, &policy.TabularParams{}, &objective.DPO{Lambda: 1}, small, 6)
	p.Objective = (&objective.TYPO{Lambda: 1, ReferenceSamples: objective.DrawnFromReference(2)}).Objective()
	Full(&preference.Pairs{Prompt: []int{0}, Chosen: []int{0}, Rejected: []int{1}}, p)
}

// A step on sequences does not enumerate all responses, and allocates nothing.
func TestSequenceStepsAllocateNothing(t *testing.T) {
	for _, kind := range []policy.Params{&policy.PrefixTableParams{}, &policy.GRUParams{Width: 3}} {
		p, m := spoken(t, kind, &objective.TYPO{Lambda: 0.1, ReferenceSamples: objective.DrawnFromReference(5)}, small, 6)
		if !p.scored {
			t.Errorf("%T: all responses are enumerated", kind)
		}
		grad := make([]float64, len(p.Policy.Params()))
		if n := testing.AllocsPerRun(10, func() { p.AddGrad(m, grad) }); n != 0 {
			t.Errorf("%T: %v allocations a step", kind, n)
		}
	}
}

// BenchmarkSequenceStep takes the gradient of 64 comparisons of 4096 sequences.
func BenchmarkSequenceStep(b *testing.B) {
	shape := bandit.Sequence{Prompts: 1, Vocabulary: 8, Length: 4, Order: 1, Scale: 1, Temperature: 1, Perturbation: 0.5}
	losses := []objective.Params{&objective.DPO{Lambda: 0.1}, &objective.TYPO{Lambda: 0.1, KLReduction: "sum"},
		&objective.TYPO{Lambda: 0.1, ReferenceSamples: objective.DrawnFromReference(64)}}
	for name, kind := range map[string]policy.Params{"prefix-table": &policy.PrefixTableParams{}, "gru": &policy.GRUParams{Width: 16}} {
		for i, loss := range losses {
			p, m := spoken(b, kind, loss, shape, 64)
			grad := make([]float64, len(p.Policy.Params()))
			b.Run(name+[]string{"/dpo", "/typo", "/typo-64"}[i], func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					p.Policy.Params()[0] += 1e-9
					p.AddGrad(m, grad)
				}
			})
		}
	}
}

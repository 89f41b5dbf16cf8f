package train

import (
	"fmt"
	"testing"

	"windtunnel/toy/bandit"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
)

// BenchmarkStep takes one training step of the published interpolation test: a batch of 20 comparisons, its gradient,
// clipping and Adam.
func BenchmarkStep(b *testing.B) {
	var file interpolationFile
	readJSON(b, "testdata/interpolation.json", &file)
	pairs := readPairs(b, "testdata/interpolation_pairs.jsonl")
	for _, r := range []published{
		{Objective: "dpo"}, {Objective: "ipo"}, {Objective: "f-dpo"}, {Objective: "typo"},
	} {
		b.Run(r.Objective, func(b *testing.B) {
			r.Lambda = 0.1
			benchmarkStep(b, &file, pairs, r.params(b))
		})
	}
	for name, custom := range map[string]*objective.Custom{
		"custom-dpo":  {Lambda: 0.1, Pair: "softplus(-lambda*u)"},
		"custom-ipo":  {Lambda: 0.1, Pair: "square(u - 1/(2*beta))"},
		"custom-typo": {Lambda: 0.1, Pair: "softplus(-(c - r))", Dist: "lambda*kl(ref, pi)/3"},
	} {
		b.Run(name, func(b *testing.B) { benchmarkStep(b, &file, pairs, custom) })
	}
}

func benchmarkStep(b *testing.B, file *interpolationFile, pairs *preference.Pairs, params objective.Params) {
	r := published{Epochs: 1, LR: 1e-3, BatchSize: 20}
	env := file.env()
	pol, _ := (&policy.TabularParams{}).Build(env, nil)
	trainer := begun(r.loopOf(params, env, pol, pairs))
	b.ReportAllocs()
	for b.Loop() {
		takeStep(trainer)
	}
}

// BenchmarkResponses shows what a step costs as the number of responses grows: with SGD, nothing for losses that need
// only differences of log-probabilities.
func BenchmarkResponses(b *testing.B) {
	for _, kind := range []struct {
		name   string
		params objective.Params
	}{
		{"dpo", &objective.DPO{Lambda: 0.1}}, {"ipo", &objective.IPO{Lambda: 0.1}}, {"typo", &objective.TYPO{Lambda: 0.1}},
	} {
		for _, k := range []int{10, 100, 1000, 10_000, 100_000} {
			b.Run(fmt.Sprintf("%s/K=%d", kind.name, k), func(b *testing.B) {
				trainer := begun(scaling(k, kind.params))
				b.ReportAllocs()
				for b.Loop() {
					takeStep(trainer)
				}
			})
		}
	}
}

// scaling returns a loop of SGD on 200 comparisons, ten batches, over k responses. The comparisons are among ten
// responses spread over the k, so that a batch holds as many different ones at every k.
func scaling(k int, params objective.Params) *Loop {
	flat := make([]float64, k)
	env := &bandit.Env{Prompts: []bandit.Prompt{{LogStar: flat, LogRef: flat, Init: flat, Features: []float64{1}}}}
	pol, _ := (&policy.TabularParams{}).Build(env, nil)
	pairs := &preference.Pairs{}
	for i := range 200 {
		pairs.Prompt = append(pairs.Prompt, 0)
		pairs.Chosen = append(pairs.Chosen, i*7%10*(k/10))
		pairs.Rejected = append(pairs.Rejected, (i*7+1+i%5)%10*(k/10))
	}
	return &Loop{Problem: NewProblem(env, pol, params.Objective(), 0), Data: pairs,
		Params: Params{Optimizer: &SGD{LR: 1e-3}, Schedule: &Constant{}, BatchSize: 20, Epochs: 1}}
}

package preference_test

import (
	"fmt"
	"math/rand/v2"

	"windtunnel/toy/bandit"
	"windtunnel/toy/preference"
)

// Pairs drawn as in the published interpolation test: 300 draws, of which those of equal responses are dropped.
func ExampleSample() {
	env := &bandit.Env{Prompts: []bandit.Prompt{
		bandit.NewPrompt("x", []float64{0.6, 0.3, 0.1}, []float64{0.4, 0.4, 0.2}, nil, nil)}}
	sample := &preference.Sample{N: 300, Sampling: "uniform", Temperature: 1, Coverage: 1}
	pairs, err := sample.Build(preference.Input{Env: env, RNG: rand.New(rand.NewPCG(100, 0))})
	if err != nil {
		fmt.Println(err)
		return
	}
	wins := 0
	for i := range pairs.Len() {
		if pairs.Chosen[i] == 0 && pairs.Rejected[i] == 2 {
			wins++
		}
	}
	fmt.Printf("%d pairs; response 0 beat response 2 in %d of them\n", pairs.Len(), wins)
	fmt.Printf("first pair: response %d over %d\n", pairs.Chosen[0], pairs.Rejected[0])
	// Output:
	// 194 pairs; response 0 beat response 2 in 54 of them
	// first pair: response 1 over 0
}

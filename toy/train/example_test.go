package train_test

import (
	"context"
	"fmt"

	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/train"
)

// TYPO and DPO on the population of comparisons: with little regularization TYPO comes near pi_star, DPO goes to the
// mode.
func ExampleLoop() {
	env := &bandit.Env{Prompts: []bandit.Prompt{
		bandit.NewPrompt("x", []float64{0.6, 0.3, 0.1}, []float64{0.4, 0.4, 0.2}, nil, nil)}}
	pairs, _ := (&preference.Population{}).Build(preference.Input{Env: env})
	for _, loss := range []objective.Params{&objective.TYPO{Lambda: 0.01}, &objective.DPO{Lambda: 0.01}} {
		pol, _ := (&policy.TabularParams{}).Build(env, nil)
		loop := &train.Loop{
			Problem: train.NewProblem(env, pol, loss.Objective(), 0),
			Data:    pairs,
			Params:  train.DefaultParams(),
		}
		loop.Params.Optimizer = &train.Adam{LR: 0.02, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}
		loop.Params.RecordEvery = 500
		out, err := loop.Run(context.Background(), func(r train.Record) {
			pi := make([]float64, 3)
			pol.Logits(0, pi)
			logspace.LogSoftmax(pi, pi)
			logspace.Exp(pi, pi)
			fmt.Printf("step %d: %.3f\n", r.Step, pi)
		})
		fmt.Println(out.Status, out.Steps, err)
	}
	// Output:
	// step 0: [0.400 0.400 0.200]
	// step 500: [0.596 0.303 0.101]
	// step 1000: [0.596 0.303 0.101]
	// done 1000 <nil>
	// step 0: [0.400 0.400 0.200]
	// step 500: [0.776 0.224 0.000]
	// step 1000: [0.995 0.005 0.000]
	// done 1000 <nil>
}

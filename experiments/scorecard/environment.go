package scorecard

import (
	"fmt"
	"math/rand/v2"

	"windtunnel/toy/bandit"
	"windtunnel/toy/registry"
	"windtunnel/toy/setup"
)

// Environment is an environment of the scorecard.
type Environment struct {
	Name   string
	Params bandit.Params
	Seed   int // of a random environment
	Random bool
	Env    *bandit.Env
}

// newEnvironment builds an environment.
func newEnvironment(name string, params bandit.Params, seed int) (*Environment, error) {
	run := &setup.Run{Settings: setup.Settings{Seed: seed, Environment: params}}
	env, err := run.BuildEnvironment()
	return &Environment{Name: name, Params: params, Seed: seed, Random: registry.Random(params), Env: env}, err
}

// The paper's environments (arXiv 2407.09072, published synthetic code).
var (
	interpolationBandit = &bandit.Declared{Prompts: []bandit.DeclaredPrompt{
		{Name: "x", PiStar: []float64{0.6, 0.3, 0.1}, PiRef: []float64{0.4, 0.4, 0.2}}}}
	preservationBandit = &bandit.Declared{Prompts: []bandit.DeclaredPrompt{
		{Name: "good", PiStar: []float64{0.6, 0.3, 0.1}, PiRef: []float64{0.6, 0.3, 0.1}},
		{Name: "bad", PiStar: []float64{0.6, 0.2, 0.2}, PiRef: []float64{0.4, 0.2, 0.4}}}}
)

// perturbations are the strengths, in nats, of the noise that tells pi_ref from pi_star in random environments.
var perturbations = []float64{0.25, 0.5, 1, 2}

// sizes are the numbers of responses of random environments.
var sizes = []int{2, 3, 4, 5, 6, 8, 10, 12, 16, 20}

// environments returns the paper's two environments and n random ones with the seeds seed, seed+1, ...: a good prompt (pi_ref =
// pi_star) and a bad one of 2 to 20 responses each, pi_star uniform on the simplex or, half of the time, with Gaussian
// logits.
func environments(n, seed int) []*Environment {
	var all []*Environment
	add := func(name string, params bandit.Params, seed int) {
		p, err := newEnvironment(name, params, seed)
		if err != nil {
			panic(fmt.Sprintf("scorecard: environment %s: %v", name, err))
		}
		all = append(all, p)
	}
	add("interpolation", interpolationBandit, 0)
	add("preservation", preservationBandit, 0)
	for i := range n {
		params := &bandit.Random{Prompts: 2, Good: 1, Responses: sizes[i%len(sizes)], Star: "dirichlet", Concentration: 1, Scale: 1,
			Temperature: 1, Perturbation: perturbations[i/3%len(perturbations)]}
		if i/2%2 == 1 {
			params.Star = "gaussian"
		}
		add(fmt.Sprintf("random-%d", i+1), params, seed+i)
	}
	return all
}

// random returns a source of random numbers with a fixed seed.
func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

package scorecard

import (
	"fmt"

	"windtunnel/toy/bandit"
	"windtunnel/toy/preference"
	"windtunnel/toy/setup"
)

// Environment is an environment of the scorecard.
type Environment struct {
	Name   string
	Params bandit.Params
	Seed   int // of a random environment
	Random bool
	Env    *bandit.Env
	Alone  *bandit.Declared // the last prompt alone: the bad one where there is a good one

	pairs           *preference.Pairs // its population
	aloneEnv        *bandit.Env
	alonePopulation *preference.Pairs
}

// newEnvironment builds an environment.
func newEnvironment(name string, params bandit.Params, seed int) *Environment {
	run := &setup.Run{Settings: settingsAt(params, seed)}
	env, err := run.BuildEnvironment()
	if err != nil {
		panic(fmt.Sprintf("scorecard: environment %s: %v", name, err))
	}
	p := &Environment{Name: name, Params: params, Seed: seed, Random: params.Random(), Env: env, pairs: population(env)}
	x := env.Prompts[len(env.Prompts)-1]
	p.Alone = &bandit.Declared{Prompts: []bandit.DeclaredPrompt{{Name: x.Name, PiStar: x.PiStar, PiRef: x.PiRef}}}
	if p.aloneEnv, err = p.Alone.Build(nil); err != nil {
		panic(fmt.Sprintf("scorecard: last prompt of environment %s: %v", name, err))
	}
	p.alonePopulation = population(p.aloneEnv)
	return p
}

// population returns all comparisons of an environment.
func population(env *bandit.Env) *preference.Pairs {
	all, err := (&preference.Population{}).Build(preference.Input{Env: env})
	if err != nil {
		panic(fmt.Sprintf("scorecard: population: %v", err))
	}
	return all
}

// task is a minimization over the environment's population.
func (p *Environment) task() task {
	return task{Settings: settingsAt(p.Params, p.Seed), givenEnv: p.Env, givenPairs: p.pairs}
}

// alone is a minimization over the population of the last prompt.
func (p *Environment) alone() task {
	return task{Settings: settingsAt(p.Alone, p.Seed), givenEnv: p.aloneEnv, givenPairs: p.alonePopulation}
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
	all := []*Environment{newEnvironment("interpolation", interpolationBandit, 0), newEnvironment("preservation", preservationBandit, 0)}
	for i := range n {
		params := &bandit.Random{Prompts: 2, Good: 1, Responses: sizes[i%len(sizes)], Star: "dirichlet", Concentration: 1, Scale: 1,
			Temperature: 1, Perturbation: perturbations[i/3%len(perturbations)]}
		if i/2%2 == 1 {
			params.Star = "gaussian"
		}
		all = append(all, newEnvironment(fmt.Sprintf("random-%d", i+1), params, seed+i))
	}
	return all
}

// everywhere returns the environments that all tests share.
func everywhere(s *Subject) []*Environment { return s.shared.environments }

// at returns a test's own environment.
func at(p *Environment) func(*Subject) []*Environment {
	return func(*Subject) []*Environment { return []*Environment{p} }
}

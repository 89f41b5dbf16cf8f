package spec

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"windtunnel/experiments/spec/seed"
	"windtunnel/metrics/tables"
	"windtunnel/toy/bandit"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
)

// Run is one resolved run, complete in itself.
type Run struct {
	ID    string // readable and unique in its plan: the objective's label and what is swept, as dpo/lambda=1e-05
	Label string // of the objective
	Settings
	Loss   objective.Params
	Lambda float64  // of the objective, NaN where it has none
	Swept  []string // values of the plan's swept columns, as tables hold them

	files   map[string]*dataFile // that the plan read, by the path as the config spells it
	content [sha256.Size]byte
}

// Content returns the SHA-256 of all that makes the run's results, as it was planned: its settings and its loss, every
// one written out, without limits, and the content of its data files. Runs of different configs, under different names and at different
// places of their sweeps have the same content where they would do the same.
func (r *Run) Content() [sha256.Size]byte { return r.content }

// seedOverride is implemented by parameters with a seed of their own.
type seedOverride interface{ SeedOverride() *int }

// Source returns the run's source of random numbers for one use. It depends on the seed and the use alone, so losses
// that are compared under one seed get the same data and the same batches. override, where not nil, replaces the seed.
func (r *Run) Source(use string, override *int) *rand.Rand {
	if override != nil {
		return seed.Source(*override, use)
	}
	return seed.Source(r.Seed, use)
}

// sourceFor is Source with the override that params may hold.
func (r *Run) sourceFor(use string, params any) *rand.Rand {
	if o, ok := params.(seedOverride); ok {
		return r.Source(use, o.SeedOverride())
	}
	return r.Source(use, nil)
}

// EnvironmentSeed returns the seed that the environment is drawn from, 0 where it is not random.
func (r *Run) EnvironmentSeed() int {
	if !r.Environment.Random() {
		return 0
	}
	if o, ok := r.Environment.(seedOverride); ok && o.SeedOverride() != nil {
		return *o.SeedOverride()
	}
	return r.Seed
}

// BuildEnvironment makes the run's environment.
func (r *Run) BuildEnvironment() (*bandit.Env, error) {
	return r.Environment.Build(r.sourceFor("environment", r.Environment))
}

// BuildPreferences makes the run's comparisons in its environment.
func (r *Run) BuildPreferences(env *bandit.Env) (*preference.Pairs, error) {
	in := preference.Input{Env: env, RNG: r.Draws()}
	if r.Online() != nil {
		in.Rewards = r.Rewards(env)
	}
	if f := r.preferenceFile(); f != nil {
		in.File, in.FileName = f.content, f.name
	}
	return r.Preferences.Build(in)
}

// Online returns the run's preferences where they are drawn from the policy in training, else nil.
func (r *Run) Online() *preference.Online {
	o, _ := r.Preferences.(*preference.Online)
	return o
}

// Rewards returns what labels of online preferences follow, prompts x K (nats), nil at prompts that are held out.
func (r *Run) Rewards(env *bandit.Env) [][]float64 {
	gold := make([][]float64, len(env.Prompts))
	for i := range env.Prompts {
		gold[i] = env.Prompts[i].LogStar
	}
	o := r.Online()
	rewards := o.Proxy.Rewards(gold, r.Source("proxy", o.Seed))
	for i := range env.Prompts {
		if env.Prompts[i].HeldOut {
			rewards[i] = nil
		}
	}
	return rewards
}

// Draws returns the source of the draws of online preferences.
func (r *Run) Draws() *rand.Rand { return r.sourceFor("preferences", r.Preferences) }

// Trained says whether the run takes training steps.
func (r *Run) Trained() bool {
	_, direct := r.Loss.(objective.Direct)
	return r.Solver == SolverTrain && !direct
}

// BuildPolicy makes the run's policy at its start.
func (r *Run) BuildPolicy(env *bandit.Env) (policy.Policy, error) {
	return r.Policy.Build(env, r.sourceFor("policy", r.Policy))
}

// random says whether the seed changes anything about the run.
func (r *Run) random() bool {
	uses := func(random bool, params any) bool {
		o, ok := params.(seedOverride)
		return random && !(ok && o.SeedOverride() != nil)
	}
	return uses(r.Environment.Random(), r.Environment) || uses(r.Preferences.Random(), r.Preferences) ||
		uses(r.Policy.Random(), r.Policy) || r.Solver == SolverTrain && (r.Train.Shuffle || objective.SamplesReference(r.Loss))
}

// Cost is the expected cost of the run in training steps, for progress and balance; only ratios matter.
func (r *Run) Cost() float64 {
	if r.Language() {
		return r.languageCost()
	}
	if !r.Trained() {
		return 1000
	}
	n, rounds := 20.0*10, 1.0 // comparisons, a guess where they are not known
	switch p := r.Preferences.(type) {
	case *preference.Sample:
		n = float64(p.N)
	case *preference.Online:
		n, rounds = float64(p.Pairs), float64(p.Rounds)
		if p.Accumulate {
			n *= (rounds + 1) / 2
		}
	case *preference.Population:
		n = 1
	}
	steps := rounds * float64(r.Train.Epochs)
	if size := r.Train.BatchSize; size > 0 && n > float64(size) {
		steps *= n / float64(size)
	}
	if most := r.Train.MaxSteps; most > 0 {
		steps = min(steps, float64(most))
	}
	return steps
}

// String names the run with its seed.
func (r *Run) String() string {
	if strings.Contains(r.ID, "/seed=") {
		return r.ID
	}
	return fmt.Sprintf("%s (seed %d)", r.ID, r.Seed)
}

// Cells returns the run's cells in the columns of the table runs that are known before anything is trained.
func (r *Run) Cells() []string {
	cells := make([]string, 4+len(r.Swept))
	for i := range cells {
		cells[i] = r.cell(i)
	}
	return cells
}

func (r *Run) cell(column int) string {
	switch column {
	case 0:
		return r.ID
	case 1:
		return r.Label
	case 2:
		return tables.FormatFloat(r.Lambda)
	case 3:
		return strconv.Itoa(r.Seed)
	}
	return r.Swept[column-4]
}

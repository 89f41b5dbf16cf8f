package spec

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"windtunnel/experiments/record"
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

	file     *dataFile // the data that Preferences names, or nil
	sections [sectionCount]*section
}

// dataFile is the content of a data file, read when the config was loaded: editing it later does not change the runs.
type dataFile struct {
	name     string // as messages call it
	content  []byte
	hash     [sha256.Size]byte
	unpaired bool // it holds single responses with labels
}

// Content returns the SHA-256 of all that makes the run's results, as it was planned: its settings and its loss, every
// one written out, without limits, and the content of its data file. Runs of different configs, under different names and at different
// places of their sweeps have the same content where they would do the same.
func (r *Run) Content() [sha256.Size]byte {
	var all [(sectionCount + 1) * sha256.Size]byte
	b := all[:0]
	for i := range sectionKinds {
		if sectionKinds[i].apart {
			continue
		}
		b = append(b, r.sections[i].hash[:]...)
	}
	if r.file != nil {
		b = append(b, r.file.hash[:]...)
	}
	return sha256.Sum256(b)
}

// seedOverride is implemented by parameters with a seed of their own.
type seedOverride interface{ SeedOverride() *int }

// Source returns the run's source of random numbers for one use. It depends on the seed and the use alone, so losses
// that are compared under one seed see the same data and the same batches. override, where not nil, replaces the seed.
func (r *Run) Source(use string, override *int) *rand.Rand {
	seed := r.Seed
	if override != nil {
		seed = *override
	}
	var space [64]byte
	text := append(binary.LittleEndian.AppendUint64(space[:0], uint64(seed)), use...)
	return rand.New(rand.NewChaCha8(sha256.Sum256(text)))
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
	in := preference.Input{Env: env, RNG: r.sourceFor("preferences", r.Preferences)}
	if r.file != nil {
		in.File, in.FileName = r.file.content, r.file.name
	}
	return r.Preferences.Build(in)
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
	if r.Solver == SolverExact {
		return 1000
	}
	n := 20.0 * 10 // comparisons, a guess where they are not known
	switch p := r.Preferences.(type) {
	case *preference.Sample:
		n = float64(p.N)
	case *preference.Population:
		n = 1
	}
	steps := float64(r.Train.Epochs)
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
	return append([]string{r.ID, r.Label, record.FormatFloat(r.Lambda), strconv.Itoa(r.Seed)}, r.Swept...)
}

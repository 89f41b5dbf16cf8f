// Package setup makes a run concrete, in one place: its environment, comparisons, policy, reference samples and problem, each
// drawn from a source of random numbers of its own. Whoever trains a run, solves it, or draws its loss begins here.
package setup

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"windtunnel/toy/bandit"
	"windtunnel/toy/exact"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/path"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/registry"
	"windtunnel/toy/train"
)

// Settings is what a run needs beside its loss.
type Settings struct {
	Seed        int               `yaml:"seed" range:"[0,1e15]" doc:"source of all randomness: environment, preferences, initialization, order of batches"`
	Environment bandit.Params     `yaml:"environment" required:"true" doc:"prompts with true and reference policies"`
	Preferences preference.Params `yaml:"preferences" doc:"where comparisons come from"`
	Policy      policy.Params     `yaml:"policy" doc:"the trained policy"`
	Solver      string            `yaml:"solver" oneof:"train,exact,path" doc:"train takes optimizer steps; exact finds the minimizer; path traces minimizers along a strength, or gradient flow"`
	Path        *path.Params      `yaml:"path" doc:"settings of solver: path"`
	Train       train.Params      `yaml:"train" doc:"settings of solver: train"`
	Constraint  train.Constraint  `yaml:"constraint" doc:"what restrains the policy beside the loss"`
	Metrics     []string          `yaml:"metrics,omitempty" oneof:"param_diff,value_diff" doc:"measures beside the default ones"`
	RewardModel *RewardModel      `yaml:"reward_model,omitempty" doc:"a first stage: a reward is fitted to the comparisons by Bradley and Terry's model, and takes the place of log pi_star in the loss"`
	Purpose     string            `yaml:"purpose,omitempty" oneof:"loss,rlhf" doc:"loss minimizes the loss; rlhf, in its place, KL(pi to pi_free), pi_free the loss's minimizer over all policies without a constraint: the RLHF problem with reward log(pi_free/pi_ref) at lambda 1, which wants the same policy"`
}

// RewardModel is a first stage of a run: by maximum likelihood a reward model is fitted to the comparisons (Bradley and Terry), with
// which losses that read rewards, such as rlhf, then optimize the policy in place of log pi_star.
type RewardModel struct {
	Class policy.Params `yaml:"class" required:"true" doc:"the rewards among which the likeliest is taken: logits of a kind of policy without its reference"`
}

// Check refuses classes that are drawn.
func (m *RewardModel) Check() []registry.Problem {
	if registry.Random(m.Class) {
		return []registry.Problem{{Key: "class", Wrong: "is drawn at random", Allowed: "a kind of policy that is linear in its parameters: log-linear, linear or tabular"}}
	}
	return nil
}

// Solvers that Settings.Solver names.
const (
	SolverTrain = "train"
	SolverExact = "exact"
	SolverPath  = "path"
)

// Run is all that a run's results depend on.
type Run struct {
	Settings
	Loss objective.Params
	// File returns the content of a data file that the settings name, and the name that messages call it by. It is not called
	// for settings that name none.
	File func(path string) (content []byte, name string)
}

// Source returns the run's source of random numbers for one use. It depends on the seed and the use alone, so losses that are
// compared under one seed see the same data and the same batches. Parameters with a seed of their own replace the run's.
func (r *Run) Source(use string, params any) *rand.Rand {
	seed := r.Seed
	if own := registry.Seed(params); own != nil {
		seed = *own
	}
	var space [64]byte
	text := append(binary.LittleEndian.AppendUint64(space[:0], uint64(seed)), use...)
	return rand.New(rand.NewChaCha8(sha256.Sum256(text)))
}

// Random says whether the seed changes anything about the run.
func (r *Run) Random() bool {
	uses := func(params any) bool { return registry.Random(params) && registry.Seed(params) == nil }
	return uses(r.Environment) || uses(r.Preferences) || uses(r.Policy) ||
		r.Solver == SolverTrain && r.Train.Shuffle || r.Solver != SolverExact && objective.Random(r.Loss)
}

// EnvironmentSeed returns the seed that the environment is drawn from, 0 where it is not random: two runs whose environments
// have the same parameters and this seed share the environment.
func (r *Run) EnvironmentSeed() int {
	if !registry.Random(r.Environment) {
		return 0
	}
	if own := registry.Seed(r.Environment); own != nil {
		return *own
	}
	return r.Seed
}

// BuildPrompts makes the run's environment without what preferences may say of it.
func (r *Run) BuildPrompts() (*bandit.Env, error) {
	rng := r.Source("environment", r.Environment)
	if e, ok := r.Environment.(bandit.OfFiles); ok {
		return e.BuildFrom(r.File, rng)
	}
	return r.Environment.Build(rng)
}

// BuildEnvironment makes the run's environment, see preference.Describe.
func (r *Run) BuildEnvironment() (*bandit.Env, error) {
	env, err := r.BuildPrompts()
	if err != nil || r.Preferences == nil {
		return env, err
	}
	env, _, err = r.Describe(env)
	return env, err
}

// Describe returns the environment as the run's preferences make it, see preference.Describe, with pi_star the Bradley-Terry fit
// where it is to be. That is DPO's minimizer at lambda 1 from a uniform reference (arXiv 2305.18290, eq. 2 and 6).
func (r *Run) Describe(env *bandit.Env) (*bandit.Env, *preference.Pairs, error) {
	env, pairs, err := preference.Describe(r.Preferences, r.input(env))
	if err != nil || !env.Fit {
		return env, pairs, err
	}
	fit, err := bradleyTerry(context.Background(), env, &policy.TabularParams{}, pairs)
	if err != nil {
		return nil, nil, fmt.Errorf("environment.pi_star: the Bradley-Terry fit to the comparisons is not one policy (%w); none, or more comparisons", err)
	}
	for i, star := range fit {
		x := &env.Prompts[i]
		x.LogStar, x.PiStar = star, make([]float64, len(star))
		logspace.Softmax(x.LogStar, x.PiStar, star)
	}
	return env, pairs, nil
}

// bradleyTerry returns the reward of a class, prompts x K (nats, as log-probabilities), under which comparisons are likeliest: the
// minimizer of DPO at lambda 1 from a uniform reference, the class's logits being the reward.
func bradleyTerry(ctx context.Context, env *bandit.Env, class policy.Params, pairs *preference.Pairs) ([][]float64, error) {
	even := *env
	even.Prompts = slices.Clone(env.Prompts)
	for i := range even.Prompts {
		even.Prompts[i].Init = make([]float64, env.Responses())
	}
	reward, err := class.Build(&even, nil)
	if err != nil {
		return nil, err
	}
	affine, ok := reward.(policy.Affine)
	if !ok {
		return nil, errors.New("a class of rewards that is not linear in its parameters has no unique fit")
	}
	fit, err := exact.Solve(ctx, &exact.Problem{Env: &even, Policy: affine, Objective: (&objective.DPO{Lambda: 1}).Objective(), Pairs: pairs})
	if err == nil && fit.Status != train.Converged {
		err = fmt.Errorf("%s, %s", fit.Status, fit.Reason)
	}
	if err != nil {
		return nil, err
	}
	return fit.Policy, nil
}

// BuildPreferences makes the run's comparisons in its environment; of online preferences those of the first round.
func (r *Run) BuildPreferences(env *bandit.Env) (*preference.Pairs, error) {
	in := r.input(env)
	in.RNG, in.Rewards = r.Source("preferences", r.Preferences), r.Rewards(env)
	return r.Preferences.Build(in)
}

func (r *Run) input(env *bandit.Env) preference.Input {
	in := preference.Input{Env: env}
	if path := preference.PathOf(r.Preferences); path != "" {
		in.File, in.FileName = r.File(path)
	}
	return in
}

// BuildPolicy makes the run's policy at its start.
func (r *Run) BuildPolicy(env *bandit.Env) (policy.Policy, error) {
	return r.Policy.Build(env, r.Source("policy", r.Policy))
}

// Online returns the run's preferences where they are drawn from the policy in training, else nil.
func (r *Run) Online() *preference.Online {
	o, _ := r.Preferences.(*preference.Online)
	return o
}

// Watched says whether the run's rounds end where they come to rest, see preference.Online.
func (r *Run) Watched() bool { o := r.Online(); return o != nil && o.Watch }

// Rewards returns what labels of online preferences follow, prompts x K (nats), nil at prompts that are held out; nil where
// preferences are not online.
func (r *Run) Rewards(env *bandit.Env) [][]float64 {
	o := r.Online()
	if o == nil {
		return nil
	}
	gold := make([][]float64, len(env.Prompts))
	for i := range env.Prompts {
		gold[i] = env.Prompts[i].LogStar
	}
	rewards := o.Proxy.Rewards(gold, r.Source("proxy", o))
	for i := range env.Prompts {
		if env.Prompts[i].HeldOut {
			rewards[i] = nil
		}
	}
	return rewards
}

// Trained says whether the run takes training steps.
func (r *Run) Trained() bool {
	_, direct := r.Loss.(objective.Direct)
	return r.Solver == SolverTrain && !direct
}

package bandit

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/logspace"
	"windtunnel/toy/registry"
)

// LinearReward holds bandits of which the prompts are states, points of the unit cube, and the true reward is linear in features of
// state and response: r(s, a) = w_g f(s, a), with weights of the state's group g. pi_ref is uniform, and training starts from logits 0.
type LinearReward struct {
	Responses  int         `yaml:"responses" range:"[2,1e4]" doc:"K, responses of each prompt"`
	Dimension  int         `yaml:"dimension" range:"[1,100]" doc:"coordinates of a state"`
	Features   Features    `yaml:"features" required:"true" doc:"formulas of the state (s of one coordinate, else s1, s2, ...), the response's number a, the group's number g where there are groups, and pi = 3.14..."`
	Reward     [][]float64 `yaml:"reward" required:"true" range:"[-1e6,1e6]" doc:"weights of the features in the true reward, a list a group"`
	Groups     []string    `yaml:"groups,omitempty" doc:"names of groups of states"`
	States     States      `yaml:"states" doc:"states that preferences are of"`
	Unlabelled States      `yaml:"unlabelled,omitempty" doc:"states that no preference is of, on which terms of the whole policy are trained all the same"`
	HeldOut    States      `yaml:"held_out,omitempty" doc:"states that are measured only"`
	Seed       *int        `yaml:"seed" range:"[0,1e15]" doc:"of the states; default the run's seed"`
}

var _ OfFiles = (*LinearReward)(nil)

// Build draws the states. Those of files are an error.
func (l *LinearReward) Build(rng *rand.Rand) (*Env, error) { return l.BuildFrom(nil, rng) }

// BuildFrom draws the held-out states first, so that more of the others change none of them.
func (l *LinearReward) BuildFrom(file func(path string) ([]byte, string), rng *rand.Rand) (*Env, error) {
	variables := l.variables()
	features, err := l.Features.Compile(variables, l.Responses)
	if err != nil {
		return nil, err
	}
	in := &space{dimension: l.Dimension, groups: l.Groups, file: file, rng: rng}
	if len(in.groups) == 0 {
		in.groups = []string{""}
	}
	env := &Env{Variables: variables}
	for _, part := range l.parts() {
		states, err := part.states.draw(in)
		if err != nil {
			return nil, fmt.Errorf("%s.%w", part.key, err)
		}
		prompts := make([]Prompt, len(states))
		for i, s := range states {
			if prompts[i], err = l.prompt(s, in.groups[s.group], features); err != nil {
				return nil, err
			}
			prompts[i].Name = fmt.Sprintf("%s%s-%d", part.prefix, cmp.Or(prompts[i].Group, "state"), i+1)
			prompts[i].HeldOut, prompts[i].Unlabelled = part.key != "states", part.key == "unlabelled"
		}
		env.Prompts = append(prompts, env.Prompts...)
	}
	return env, nil
}

// part is one set of states of an environment.
type part struct {
	key, prefix string // in the config, and of the prompts' names
	states      States
}

func (l *LinearReward) parts() []part {
	all := []part{{"held_out", "heldout-", l.HeldOut}, {"unlabelled", "unlabelled-", l.Unlabelled}, {"states", "", l.States}}
	return slices.DeleteFunc(all, func(p part) bool { return p.states == nil })
}

// variables are what formulas call a state's coordinates and its group.
func (l *LinearReward) variables() []string {
	names := []string{"s"}
	if l.Dimension > 1 {
		names = nil
		for i := range l.Dimension {
			names = append(names, fmt.Sprint("s", i+1))
		}
	}
	if len(l.Groups) > 0 {
		names = append(names, "g")
	}
	return names
}

func (l *LinearReward) prompt(s state, group string, features *FeatureMap) (Prompt, error) {
	own := slices.Clone(s.at)
	if len(l.Groups) > 0 {
		own = append(own, float64(s.group))
	}
	f, err := features.At(own)
	if err != nil {
		return Prompt{}, err
	}
	k := l.Responses
	rewards, uniform := mat.NewVecDense(k, nil), slices.Repeat([]float64{1 / float64(k)}, k)
	rewards.MulVec(f, mat.NewVecDense(len(l.Reward[s.group]), l.Reward[s.group]))
	p := NewPrompt("", uniform, uniform, make([]float64, k), own)
	p.Rewards, p.Contrasts, p.Group = rewards.RawVector().Data, f, group
	logspace.LogSoftmax(p.LogStar, p.Rewards)
	logspace.Exp(p.PiStar, p.LogStar)
	return p, nil
}

func (l *LinearReward) Random() bool {
	return slices.ContainsFunc(l.parts(), func(p part) bool { _, drawn := p.states.(*UniformStates); return drawn })
}

func (l *LinearReward) SeedOverride() *int { return l.Seed }

func (l *LinearReward) Files() (files []registry.File) {
	for _, p := range l.parts() {
		if f, is := p.states.(*FileStates); is {
			files = append(files, registry.File{Key: p.key + ".path", Path: f.Path})
		}
	}
	return files
}

// Check refuses formulas that cannot be read, and weights that do not fit them.
func (l *LinearReward) Check() []registry.Problem {
	if _, err := l.Features.Compile(l.variables(), l.Responses); err != nil {
		return []registry.Problem{{Key: "features", Wrong: err.Error()}}
	}
	if groups := max(1, len(l.Groups)); len(l.Reward) != groups {
		return []registry.Problem{{Key: "reward", Wrong: fmt.Sprintf("has %d lists of weights", len(l.Reward)), Allowed: fmt.Sprintf("%d, one a group", groups)}}
	}
	for i, weights := range l.Reward {
		if len(weights) != len(l.Features) {
			return []registry.Problem{{Key: fmt.Sprint("reward.", i), Wrong: fmt.Sprintf("has %d weights", len(weights)),
				Allowed: fmt.Sprintf("%d, one a feature", len(l.Features))}}
		}
	}
	return nil
}

var linearRewardKind = registry.Kind[Params]{
	Name:    "linear-reward",
	Summary: "states of a continuous space as prompts, with a true reward that is linear in features of state and response",
	Source:  "Li, Xu, Yu 2023, arXiv 2312.10584; Ramesh et al. 2024, arXiv 2405.20304",
	New:     func() Params { return &LinearReward{Responses: 4, Dimension: 1, States: &UniformStates{N: 20}} },
}

// Package language holds environments whose responses are free text, the language models that answer in them, and the
// preferences that these are trained by: what the packages bandit, policy and preference hold for responses that can
// be enumerated. A [Task] puts one of each together and trains.
package language

import (
	"errors"
	"math/rand/v2"

	"windtunnel/toy/bandit"
	"windtunnel/toy/gold"
	"windtunnel/toy/registry"
)

// errText is what enumerating free text comes to. Whoever meets an environment, a policy or preferences of this package
// builds a Task instead.
var errText = errors.New("free text cannot be enumerated")

// Environment is an environment of free text.
type Environment interface {
	bandit.Params
	// evaluation returns how policies are looked at in it.
	evaluation() *Evaluation
}

// Evaluation holds when policies are evaluated and how their continuations are sampled.
type Evaluation struct {
	Every int `yaml:"evaluate_every" range:"[0,1e9]" doc:"steps between evaluations; the first and the last policy are always evaluated, 0 evaluates only these"`
}

// EvaluateEvery returns the steps between looks at the policy, 0 where only the first and the last policy are looked at.
func EvaluateEvery(env Environment) int { return env.evaluation().Every }

// Stories is an environment of prompts to be continued, with a gold reward. Prompts are taken from the file in order:
// first those that preferences are about, then those that are held out. Where good is positive, the prompts are
// grouped by the mean gold reward of the reference's continuations, drawn for this alone: the best share is the group
// good, as large a share the group bad, the rest middle.
type Stories struct {
	Path        string      `yaml:"path" required:"true" doc:"JSONL file of prompts, relative to the config: {\"prompt\": \"Once upon a time\"} a line"`
	Train       int         `yaml:"train" range:"[1,1e6]" doc:"prompts that preferences are about"`
	HeldOut     int         `yaml:"held_out" range:"[0,1e6]" doc:"prompts after these, on which policies are only evaluated"`
	Reward      gold.Params `yaml:"reward" doc:"the gold reward of a continuation"`
	Tokens      int         `yaml:"tokens" range:"[1,1e5]" doc:"most tokens of a continuation"`
	Temperature float64     `yaml:"temperature" range:"[0,1e3]" doc:"continuations are sampled at; 0 is greedy"`
	TopP        float64     `yaml:"top_p" range:"(0,1]" doc:"continuations are sampled from the likeliest tokens that hold this much probability"`
	Samples     int         `yaml:"samples" range:"[1,1e4]" doc:"continuations a prompt that an evaluation draws"`
	Rollouts    int         `yaml:"rollouts" range:"[2,1e4]" doc:"continuations a prompt that each step of rlhf draws from the policy; train.batch_size then counts prompts"`
	Good        float64     `yaml:"good" range:"[0,0.5]" doc:"share of the prompts that are called good, and share that are called bad, by the reference's mean reward; 0 makes no groups"`
	GoodSamples int         `yaml:"good_samples" range:"[1,1e4]" doc:"continuations of the reference a prompt that good and bad are told by"`
	Evaluation  `yaml:",inline"`
}

// Build fails: a Task is built instead.
func (*Stories) Build(*rand.Rand) (*bandit.Env, error) { return nil, errText }

// Random says whether the seed changes the environment; it always changes the continuations.
func (*Stories) Random() bool { return true }

// Files returns the file of prompts.
func (s *Stories) Files() []registry.File { return []registry.File{{Key: "path", Path: s.Path}} }

func (s *Stories) evaluation() *Evaluation { return &s.Evaluation }

// Dialogues is an environment of human preferences, whose prompts come with the pairs. There is no gold reward:
// policies are evaluated on pairs that training does not see.
type Dialogues struct {
	Evaluation `yaml:",inline"`
}

// Build fails: a Task is built instead.
func (*Dialogues) Build(*rand.Rand) (*bandit.Env, error) { return nil, errText }

// Random is false.
func (*Dialogues) Random() bool { return false }

func (d *Dialogues) evaluation() *Evaluation { return &d.Evaluation }

// Environments lists the environments of free text, sorted by name.
func Environments() registry.Table[bandit.Params] {
	return registry.Table[bandit.Params]{
		{Name: "dialogues", Summary: "human preferences between responses; the prompts come with the pairs", Source: "this project",
			New: func() bandit.Params { return &Dialogues{} }},
		{Name: "stories", Summary: "prompts to be continued by a language model, with a gold reward", Source: "this project",
			New: func() bandit.Params {
				return &Stories{Train: 64, HeldOut: 32, Reward: gold.Default(), Tokens: 64, Temperature: 1, TopP: 1, Samples: 4, Rollouts: 4, GoodSamples: 8}
			}},
	}
}

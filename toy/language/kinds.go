// Package language holds environments whose responses are free text, the language models that answer in them, and the
// preferences that these are trained by: what the packages bandit, policy and preference hold for responses that can
// be enumerated. A [Task] puts one of each together, trains by losses of compared responses, on given pairs or on pairs
// drawn from the policy itself, or by REINFORCE against a reward, and evaluates on held-out pairs and on sampled
// continuations. A [Scorer] scores pairs of texts. The package prints nothing and opens no file.
//
// Weights are trained in float64 and rounded to the network's precision for each step.
package language

import (
	"errors"
	"math/rand/v2"

	"windtunnel/toy/bandit"
	"windtunnel/toy/dialogue"
	"windtunnel/toy/gold"
	"windtunnel/toy/llama"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
	"windtunnel/toy/registry"
)

// errText is what enumerating free text comes to. Whoever meets an environment, a policy or preferences of this package
// builds a Task instead.
var errText = errors.New("free text cannot be enumerated")

// Environment is an environment of free text.
type Environment interface {
	bandit.Params
	// EvaluateEvery returns the steps between evaluations of the policy; 0 evaluates only the first and the last one.
	EvaluateEvery() int
}

// Evaluating holds when policies are evaluated.
type Evaluating struct {
	Every int `yaml:"evaluate_every" range:"[0,1e9]" doc:"steps between evaluations; the first and the last policy are always evaluated, 0 evaluates only these"`
}

func (e *Evaluating) EvaluateEvery() int { return e.Every }

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
	Evaluating  `yaml:",inline"`
}

func (*Stories) Build(*rand.Rand) (*bandit.Env, error) { return nil, errText }

// Random says whether the seed changes the environment; it always changes the continuations.
func (*Stories) Random() bool { return true }

func (s *Stories) Files() []registry.File { return []registry.File{{Key: "path", Path: s.Path}} }

// Dialogues is an environment of human preferences, whose prompts come with the pairs. There is no gold reward:
// policies are evaluated on pairs that are not trained on.
type Dialogues struct {
	Evaluating `yaml:",inline"`
}

func (*Dialogues) Build(*rand.Rand) (*bandit.Env, error) { return nil, errText }

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

// Llama asks for a pretrained decoder of the Llama architecture (llama2.c's checkpoints), fine-tuned whole or by LoRA. It
// starts as the checkpoint, which is the frozen reference too.
type Llama struct {
	Model     string     `yaml:"model" required:"true" doc:"checkpoint in llama2.c's format, relative to the config"`
	Tokenizer string     `yaml:"tokenizer" required:"true" doc:"tokenizer in llama2.c's format, relative to the config"`
	LoRA      llama.LoRA `yaml:"lora" doc:"train low-rank changes of the weights in place of the weights"`
	Micro     int        `yaml:"micro_batch" range:"[1,1e6]" doc:"a batch of more pairs is computed in parts, each twice, so that the activations of only so many are held (gradient accumulation); results are the same"`
	Precision string     `yaml:"precision" oneof:"float32,float64" doc:"of weights and activations; sums of log-probabilities and the optimizer are float64 in both"`
}

func (*Llama) Build(*bandit.Env, *rand.Rand) (policy.Policy, error) { return nil, errText }

// Random says whether the starting point depends on the seed: LoRA's factors A are drawn at random.
func (l *Llama) Random() bool { return l.LoRA.Rank > 0 }

func (l *Llama) Files() []registry.File {
	return []registry.File{{Key: "model", Path: l.Model}, {Key: "tokenizer", Path: l.Tokenizer}}
}

// Policies lists the policies over free text, sorted by name.
func Policies() registry.Table[policy.Params] {
	return registry.Table[policy.Params]{
		{Name: "llama", Summary: "a pretrained Llama-architecture language model, fine-tuned whole or by LoRA",
			Source: "Touvron et al. 2023, arXiv 2302.13971; checkpoints of karpathy/llama2.c; LoRA: arXiv 2106.09685",
			New: func() policy.Params {
				return &Llama{LoRA: llama.LoRA{Alpha: 16, Targets: []string{"q", "v"}}, Micro: 32, Precision: "float32"}
			}},
	}
}

// Human holds preference pairs that people labelled, in the formats of the package dialogue.
type Human struct {
	Path      string `yaml:"path" required:"true" doc:"JSONL, CSV or Parquet file, plain or compressed by gzip or zstd, relative to the config: {chosen, rejected} of whole dialogues or of lists of messages, {prompt, chosen, rejected}, {prompt, completion, label}, or the chat fine-tuning format; with a weight or not (any number from 0, of which only ratios matter)"`
	Template  string `yaml:"template" doc:"Go text/template that writes .Messages, each with .Role and .Content, as text; .AddGenerationPrompt is true where the assistant's turn comes next; default \\n\\nHuman: ... \\n\\nAssistant: ..., a system message first"`
	N         int    `yaml:"n" range:"[0,1e9]" doc:"the first pairs that fit are trained on; 0 takes all but the held-out ones"`
	HeldOut   int    `yaml:"held_out" range:"[0,1e9]" doc:"the pairs after these that policies are evaluated on"`
	MaxTokens int    `yaml:"max_tokens" range:"[2,1e6]" doc:"a pair fits if its prompt with either response has at most this many tokens"`
	SkipBad   bool   `yaml:"skip_bad" doc:"pass over lines that are no pairs, and count them, in place of an error"`
}

// Check refuses a template that cannot write messages.
func (h *Human) Check() []registry.Problem {
	if _, err := h.template(); err != nil {
		return []registry.Problem{{Key: "template", Wrong: err.Error(), Allowed: "a template of Go that writes the content of every .Messages, such as {{range .Messages}}<{{.Role}}>{{.Content}}{{end}}{{if .AddGenerationPrompt}}<assistant>{{end}}"}}
	}
	return nil
}

func (h *Human) template() (*dialogue.Template, error) {
	if h.Template == "" {
		return nil, nil
	}
	return dialogue.NewTemplate(h.Template)
}

func (*Human) Build(preference.Input) (*preference.Pairs, error) { return nil, errText }

func (h *Human) Files() []registry.File { return []registry.File{{Key: "path", Path: h.Path}} }

// Continuations are pairs of continuations that the reference gives to a prompt, labelled by the gold reward: y1 wins
// with probability sigmoid((r(y1) - r(y2)) / temperature) (Bradley-Terry). Equal continuations are drawn again.
type Continuations struct {
	Pairs       int     `yaml:"pairs" range:"[1,1e6]" doc:"pairs a prompt"`
	HeldOut     int     `yaml:"held_out_pairs" range:"[0,1e6]" doc:"pairs a held-out prompt, on which policies are evaluated"`
	Temperature float64 `yaml:"temperature" range:"(0,1e6]" doc:"of the label: how many units of reward change the odds of a win by e"`
	LabelNoise  float64 `yaml:"label_noise" range:"[0,1]" doc:"probability that a label is flipped"`
	Seed        *int    `yaml:"seed" range:"[0,1e15]" doc:"of the draws; default the run's seed"`
}

func (*Continuations) Build(preference.Input) (*preference.Pairs, error) { return nil, errText }

func (*Continuations) Random() bool { return true }

func (c *Continuations) SeedOverride() *int { return c.Seed }

// Preferences lists the preferences between free texts, sorted by name.
func Preferences() registry.Table[preference.Params] {
	return registry.Table[preference.Params]{
		{Name: "continuations", Summary: "pairs of the reference's continuations, labelled by the gold reward and Bradley and Terry's model",
			Source: "this project", New: func() preference.Params { return &Continuations{Pairs: 4, HeldOut: 2, Temperature: 0.25} }},
		{Name: "human", Summary: "human-labelled pairs of responses from a JSONL file, as users of TRL have them",
			Source: "Bai et al. 2022, arXiv 2204.05862", New: func() preference.Params { return &Human{MaxTokens: 512} }},
	}
}

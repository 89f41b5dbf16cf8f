package language

import (
	"windtunnel/toy/preference"
	"windtunnel/toy/registry"
)

// Human holds preference pairs that people labelled, in the formats of the package dialogue.
type Human struct {
	Path      string `yaml:"path" required:"true" doc:"JSONL file, plain or gzipped, relative to the config: whole dialogues {chosen, rejected}, {prompt, chosen, rejected}, or the chat fine-tuning format"`
	N         int    `yaml:"n" range:"[0,1e9]" doc:"the first pairs that fit are trained on; 0 takes all but the held-out ones"`
	HeldOut   int    `yaml:"held_out" range:"[0,1e9]" doc:"the pairs after these that policies are evaluated on"`
	MaxTokens int    `yaml:"max_tokens" range:"[2,1e6]" doc:"a pair fits if its prompt with either response has at most this many tokens"`
	SkipBad   bool   `yaml:"skip_bad" doc:"pass over lines that are no pairs, and count them, in place of an error"`
}

// Build fails: a Task is built instead.
func (*Human) Build(preference.Input) (*preference.Pairs, error) { return nil, errText }

// Random is false.
func (*Human) Random() bool { return false }

// FilePath returns the path.
func (h *Human) FilePath() string { return h.Path }

// Continuations are pairs of continuations that the reference gives to a prompt, labelled by the gold reward: y1 wins
// with probability sigmoid((r(y1) - r(y2)) / temperature) (Bradley-Terry). Equal continuations are drawn again.
type Continuations struct {
	Pairs       int     `yaml:"pairs" range:"[1,1e6]" doc:"pairs a prompt"`
	HeldOut     int     `yaml:"held_out_pairs" range:"[0,1e6]" doc:"pairs a held-out prompt, on which policies are evaluated"`
	Temperature float64 `yaml:"temperature" range:"(0,1e6]" doc:"of the label: how many units of reward change the odds of a win by e"`
	LabelNoise  float64 `yaml:"label_noise" range:"[0,1]" doc:"probability that a label is flipped"`
	Seed        *int    `yaml:"seed" range:"[0,1e15]" doc:"of the draws; default the run's seed"`
}

// Build fails: a Task is built instead.
func (*Continuations) Build(preference.Input) (*preference.Pairs, error) { return nil, errText }

// Random is true.
func (*Continuations) Random() bool { return true }

// FilePath returns "".
func (*Continuations) FilePath() string { return "" }

// SeedOverride returns the seed that the parameters fix, or nil.
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

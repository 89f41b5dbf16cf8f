package language

import (
	"math/rand/v2"

	"windtunnel/toy/bandit"
	"windtunnel/toy/policy"
	"windtunnel/toy/registry"
)

// Llama asks for a pretrained decoder of the Llama architecture (llama2.c's checkpoints), fine-tuned whole or by LoRA. It
// starts as the checkpoint, which is the frozen reference too.
type Llama struct {
	Model     string     `yaml:"model" required:"true" doc:"checkpoint in llama2.c's format, relative to the config"`
	Tokenizer string     `yaml:"tokenizer" required:"true" doc:"tokenizer in llama2.c's format, relative to the config"`
	LoRA      Adaptation `yaml:"lora" doc:"train low-rank changes of the weights in place of the weights"`
	Micro     int        `yaml:"micro_batch" range:"[1,1e6]" doc:"a batch of more pairs is computed in parts, each twice, so that the activations of only so many are held (gradient accumulation); results are the same"`
	Precision string     `yaml:"precision" oneof:"float32,float64" doc:"of weights and activations; sums of log-probabilities and the optimizer are float64 in both"`
}

// Adaptation holds how a model is changed at low rank: W + alpha/rank B A (Hu et al. 2021, arXiv 2106.09685).
type Adaptation struct {
	Rank    int      `yaml:"rank" range:"[0,1e4]" doc:"of the change of each weight matrix; 0 trains the whole model"`
	Alpha   float64  `yaml:"alpha" range:"(0,1e6]" doc:"the change is scaled by alpha/rank"`
	Targets []string `yaml:"targets" oneof:"q,k,v,o,gate,up,down" doc:"the matrices that are changed, in every layer"`
}

// Build fails: a Task is built instead.
func (*Llama) Build(*bandit.Env, *rand.Rand) (policy.Policy, error) { return nil, errText }

// Random says whether the starting point depends on the seed: LoRA's factors A are drawn at random.
func (l *Llama) Random() bool { return l.LoRA.Rank > 0 }

// Files returns the checkpoint and the tokenizer.
func (l *Llama) Files() []registry.File {
	return []registry.File{{Key: "model", Path: l.Model}, {Key: "tokenizer", Path: l.Tokenizer}}
}

// Policies lists the policies over free text, sorted by name.
func Policies() registry.Table[policy.Params] {
	return registry.Table[policy.Params]{
		{Name: "llama", Summary: "a pretrained Llama-architecture language model, fine-tuned whole or by LoRA",
			Source: "Touvron et al. 2023, arXiv 2302.13971; checkpoints of karpathy/llama2.c; LoRA: arXiv 2106.09685",
			New: func() policy.Params {
				return &Llama{LoRA: Adaptation{Alpha: 16, Targets: []string{"q", "v"}}, Micro: 32, Precision: "float32"}
			}},
	}
}

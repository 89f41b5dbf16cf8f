// Package bandit holds the environments: prompts with K responses each, the true preferences over them, and the
// reference policy that training starts from.
package bandit

import (
	"math/rand/v2"

	"windtunnel/toy/logspace"
)

// Prompt is one prompt of a bandit. All slices have the environment's K entries, one a response.
type Prompt struct {
	Name     string
	PiStar   []float64 // the Bradley-Terry-optimal policy, as declared
	PiRef    []float64 // the reference policy, as declared: for metrics, figures and columns
	LogStar  []float64 // log pi_star (nats, normalized)
	LogRef   []float64 // log pi_ref (nats, normalized)
	Init     []float64 // logits that training starts from; log pi_ref unless given
	Features []float64 // input of policies that read features; one-hot unless given
}

// LogReference returns the log-probabilities of the frozen reference that every loss and KL term sees, softmax(Init).
// It differs from the declared pi_ref where a config gives init_logits, as the published runs do.
func (p *Prompt) LogReference() []float64 {
	ref := make([]float64, len(p.Init))
	logspace.LogSoftmax(ref, p.Init)
	return ref
}

// Env is a contextual bandit: prompts, equally likely, that share the number of responses.
type Env struct {
	Prompts   []Prompt
	Sequences *Sequences // what tokens responses consist of; nil where they are no sequences
}

// Responses returns K, the number of responses of every prompt.
func (e *Env) Responses() int { return len(e.Prompts[0].LogStar) }

// Preference returns p_star(i > j) at a prompt, sigmoid(log pi_star(i) - log pi_star(j)) (Bradley-Terry).
func (e *Env) Preference(prompt, i, j int) float64 {
	star := e.Prompts[prompt].LogStar
	return logspace.Sigmoid(star[i] - star[j])
}

// Params are the parameters of one kind of environment.
type Params interface {
	// Build makes the environment. rng is used by random environments only and is the run's environment source.
	Build(rng *rand.Rand) (*Env, error)
	// Random says whether Build depends on rng.
	Random() bool
}

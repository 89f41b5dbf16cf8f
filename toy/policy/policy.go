// Package policy holds the trainable policies over a bandit's responses. A policy is a flat parameter slice and maps
// between parameters and logits; optimizers, clipping, penalties, finite-difference checks and checkpoints work on flat
// slices only.
package policy

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/bandit"
	"windtunnel/toy/registry"
)

// Item is one response of one prompt, by index.
type Item struct{ Prompt, Response int }

// Policy is a softmax over logits that depend on a flat parameter slice. Methods allocate nothing.
type Policy interface {
	// Params returns the live parameter slice, not a copy.
	Params() []float64
	// Prompts and Responses return the number of prompts and K.
	Prompts() int
	Responses() int
	// Scores writes the items' logits to dst. Within a prompt they differ from log-probabilities by a constant.
	Scores(items []Item, dst []float64)
	// AddScoreGrad adds the parameter gradient to grad, given the derivatives d of a loss by the items' logits.
	AddScoreGrad(items []Item, d, grad []float64)
	// Logits writes all K logits of a prompt to dst.
	Logits(prompt int, dst []float64)
	// AddLogitGrad adds the parameter gradient to grad, given the derivatives d of a loss by a prompt's K logits.
	AddLogitGrad(prompt int, d, grad []float64)
}

// Sparse is a policy whose gradient for a few items touches a few parameters.
type Sparse interface {
	Policy
	// Support appends the indices of the parameters that the items depend on to dst, each once.
	Support(items []Item, dst []int) []int
}

// Block is a set of prompts whose logits depend on parameters of their own: the parameters Offset..Offset+Dim. The
// exact solver treats blocks one by one.
type Block struct {
	Prompts     []int
	Offset, Dim int
}

// Affine is a policy whose logits are affine in its parameters, which the exact solver relies on.
type Affine interface {
	Policy
	// Blocks partitions prompts and parameters.
	Blocks() []Block
	// Jacobian returns the K x Dim derivative of a prompt's logits by the parameters of its block; nil is the identity.
	Jacobian(prompt int) *mat.Dense
}

// Params are the parameters of one kind of policy.
type Params interface {
	// Build makes the policy at its starting point, the environment's initial logits. rng is the run's initialization
	// source.
	Build(env *bandit.Env, rng *rand.Rand) (Policy, error)
}

// Kinds lists every policy, sorted by name.
func Kinds() registry.Table[Params] {
	return registry.Table[Params]{gruKind, linearKind, logLinearKind, lowRankKind, mlpKind, prefixTableKind, tabularKind}
}

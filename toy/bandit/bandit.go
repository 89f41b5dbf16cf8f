// Package bandit holds the environments: prompts with K responses each, the true preferences over them, and the
// reference policy that training starts from.
package bandit

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/mat"

	"windtunnel/toy/logspace"
	"windtunnel/toy/registry"
)

// Prompt is one prompt of a bandit. All slices but Features have K elements, one a response.
type Prompt struct {
	Name     string
	Labels   []string  // names of the responses; nil where they have numbers alone
	PiStar   []float64 // the Bradley-Terry-optimal policy, as declared; NaN where there is none
	PiRef    []float64 // the reference policy, as declared: for metrics, figures and columns
	LogStar  []float64 // log pi_star (nats, normalized); NaN where there is none
	LogRef   []float64 // log pi_ref (nats, normalized)
	Init     []float64 // logits that training starts from; log pi_ref unless given
	Features []float64 // input of policies that read features; one-hot unless given
	Group    string    // kind of prompt, as "good" or "bad", where the environment has kinds; else ""
	HeldOut  bool      // no preference is of this prompt; it is measured only
	// Unlabelled says of a prompt that is held out that losses of the whole policy are trained on it all the same, see Env.Shares.
	Unlabelled bool
	// Rewards are the true ones in their own scale, of which pi_star is the softmax, and Contrasts (K x features, a row a response)
	// what they are linear in; nil where the environment has none.
	Rewards   []float64
	Contrasts *mat.Dense
	// Wins holds K x K probabilities, row by row, that one response is preferred to another, NaN for two that were never compared;
	// nil where they follow from pi_star (Bradley-Terry).
	Wins []float64
}

// LogReference returns the log-probabilities of the frozen reference of every loss and KL term, softmax(Init).
// It differs from the declared pi_ref where a config gives init_logits, as the published runs do.
func (p *Prompt) LogReference() []float64 {
	ref := make([]float64, len(p.Init))
	logspace.LogSoftmax(ref, p.Init)
	return ref
}

// Label is the name of a response, or its number.
func (p *Prompt) Label(response int) string {
	if p.Labels == nil {
		return strconv.Itoa(response)
	}
	return p.Labels[response]
}

// Env is a contextual bandit: prompts, equally likely, that share the number of responses.
type Env struct {
	Prompts   []Prompt
	Sequences *Sequences // what tokens responses consist of; nil where they are not sequences
	Fit       bool       // pi_star is to be the Bradley-Terry fit to the comparisons, and is not yet known
	Pairwise  bool       // policies are measured by win rates of all pairs, too
	Variables []string   // what formulas call the prompts' features; nil where these have no names
}

// Rewarded says whether rewards are known in their own scale.
func (e *Env) Rewarded() bool { return e.Prompts[0].Rewards != nil }

// Shares returns the indices of unlabelled prompts, the weight that a distribution term has on each, and that on all prompts with
// preferences together: an unlabelled prompt weighs as much as these do on average.
func (e *Env) Shares() (unlabelled []int, each, labelled float64) {
	for i := range e.Prompts {
		if e.Prompts[i].Unlabelled {
			unlabelled = append(unlabelled, i)
		}
	}
	n := float64(len(e.Training()))
	each = 1 / (n + float64(len(unlabelled)))
	return unlabelled, each, n * each
}

// HasStar says whether there is a pi_star.
func (e *Env) HasStar() bool { return !math.IsNaN(e.Prompts[0].LogStar[0]) }

// Training returns the indices of the prompts that are not held out.
func (e *Env) Training() []int {
	var indices []int
	for i := range e.Prompts {
		if !e.Prompts[i].HeldOut {
			indices = append(indices, i)
		}
	}
	return indices
}

// Judged returns the indices of the prompts that are held out and measured only, or where there are none of all.
func (e *Env) Judged() []int {
	var held, all []int
	for i := range e.Prompts {
		if all = append(all, i); e.Prompts[i].HeldOut && !e.Prompts[i].Unlabelled {
			held = append(held, i)
		}
	}
	if held == nil {
		return all
	}
	return held
}

// Group is the prompts of one kind that are trained on, or those that are held out.
type Group struct {
	Name    string // the prompts' Group, "train" where they have none; held out: "heldout-GROUP", or "heldout"; so unlabelled ones
	Prompts []int  // indices, ascending
}

// Groups returns the groups of prompts in the order in which the environment has them; none for an environment without
// groups and held-out prompts.
func (e *Env) Groups() []Group {
	var groups []Group
	named := false // some group is not the default one
	for i := range e.Prompts {
		name := e.Prompts[i].GroupName()
		named = named || name != trainGroup
		at := slices.IndexFunc(groups, func(g Group) bool { return g.Name == name })
		if at < 0 {
			at, groups = len(groups), append(groups, Group{Name: name})
		}
		groups[at].Prompts = append(groups[at].Prompts, i)
	}
	if !named {
		return nil
	}
	return groups
}

// trainGroup is the group of prompts without one that are trained on.
const trainGroup = "train"

// GroupName is the name of the prompt's group, see Env.Groups.
func (p *Prompt) GroupName() string {
	switch {
	case p.Unlabelled && p.Group != "":
		return "unlabelled-" + p.Group
	case p.Unlabelled:
		return "unlabelled"
	case p.HeldOut && p.Group != "":
		return "heldout-" + p.Group
	case p.HeldOut:
		return "heldout"
	}
	return cmp.Or(p.Group, trainGroup)
}

// Responses returns K, the number of responses of every prompt.
func (e *Env) Responses() int { return len(e.Prompts[0].LogStar) }

// Preference returns p_star(i > j) at a prompt, sigmoid(log pi_star(i) - log pi_star(j)) (Bradley-Terry) unless win rates are given.
func (e *Env) Preference(prompt, i, j int) float64 {
	if p := &e.Prompts[prompt]; p.Wins != nil {
		return p.Wins[i*len(p.LogStar)+j]
	}
	return logspace.Sigmoid(e.Gap(prompt, i, j))
}

// WinRates returns Preference of all pairs at a prompt, K x K row by row, which the caller only reads.
func (e *Env) WinRates(prompt int) []float64 {
	if wins := e.Prompts[prompt].Wins; wins != nil {
		return wins
	}
	k := e.Responses()
	wins := make([]float64, k*k)
	for i := range wins {
		wins[i] = e.Preference(prompt, i/k, i%k)
	}
	return wins
}

// Gap returns the reward of response i less that of j, the log-odds of p_star(i > j) (nats).
func (e *Env) Gap(prompt, i, j int) float64 {
	p := &e.Prompts[prompt]
	if k := len(p.LogStar); p.Wins != nil {
		return math.Log(p.Wins[i*k+j]) - math.Log(p.Wins[j*k+i])
	}
	return p.LogStar[i] - p.LogStar[j]
}

// Params are the parameters of one kind of environment.
type Params interface {
	// Build makes the environment. rng is used by random environments only and is the run's environment source.
	Build(rng *rand.Rand) (*Env, error)
}

// OfFiles are environments that are made of files, too.
type OfFiles interface {
	Params
	registry.Reader
	// BuildFrom is Build given the files' content, and the names that messages call them by.
	BuildFrom(file func(path string) (content []byte, name string), rng *rand.Rand) (*Env, error)
}

// Kinds lists every environment, sorted by name.
func Kinds() registry.Table[Params] {
	return registry.Table[Params]{declaredKind, contextualKind, derivedKind, linearRewardKind, randomKind, sequenceKind}
}

func exp(logs []float64) []float64 {
	p := make([]float64, len(logs))
	logspace.Exp(p, logs)
	return p
}

// oneHot returns a prompt's features where it shares none with the n-1 others.
func oneHot(i, n int) []float64 {
	features := make([]float64, n)
	features[i] = 1
	return features
}

package language

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
)

// Groups of prompts. Those of prompts that are held out begin with heldout.
const (
	TrainGroup   = "train"
	HeldOutGroup = "heldout"
	goodGroup    = "good"
	middleGroup  = "middle"
	badGroup     = "bad"
)

// Evaluation is what was found of a policy after a step.
type Evaluation struct {
	Step    int
	Prompts []Prompt // in the order of the environment; nil where there is no reward
	HeldOut *HeldOut // on pairs that are not trained on; nil where there are none
}

// HeldOut is what was found on pairs that are not trained on.
type HeldOut struct {
	Comparisons
	CHES float64 // mean over the pairs, by length, under the policy at the start; NaN of single responses
	// CHESRank is Kendall's correlation of the pairs' CHES with the change of their chosen responses' log-probability. Below 0, chosen
	// responses fall the more the more they are like their rejected ones. NaN where nothing has changed.
	CHESRank float64
}

// Prompt is what was found at one prompt, from Samples continuations of the policy. Rewards are in the gold reward's units.
type Prompt struct {
	Name  string
	Group string // train, or heldout; or with groups good, middle, bad, heldout-good, heldout-middle, heldout-bad
	Held  bool   // held out
	Text  string
	Continued
	Samples     int
	ProxyReward float64 // mean reward that the labels follow; NaN where they follow the gold reward
	Written     string  // the first continuation
}

// Continued is what was found of a policy's continuations of one prompt.
type Continued struct {
	Reward          float64 // mean over the policy's continuations
	ReferenceReward float64 // mean over the reference's
	Tokens          float64 // mean length of the policy's continuations, with the token that ended each
	// KL estimates KL(pi to pi_ref) in nats: the mean, over the policy's continuations, of the sum over their tokens of the
	// exact divergence of the next token's distributions over the vocabulary. It has the expectation of the plain estimate, the
	// mean of log pi - log pi_ref, is never negative and varies far less: the token's own draw is averaged out (Rao-Blackwell). It
	// is an estimate of that divergence for continuations drawn at temperature 1 from the whole distribution; else it is the same
	// sum along continuations of a sharper policy.
	KL float64
	// WinRate is the share of continuations that have more reward than one of the reference, equal ones counting 1/2: continuation j
	// of the policy is compared with continuation j of the reference. Their random numbers are independent, so that wins are those
	// of independent draws.
	WinRate float64
}

// evaluator evaluates a task's policies, all on the same random numbers.
type evaluator[T kernel.Float] struct {
	*task[T]
	pairs         *pairEvaluator[T]         // nil where no pairs are held out
	continuations *continuationEvaluator[T] // nil where there is no reward
	names, groups []string                  // of the prompts
	proxy         Reward                    // that labels follow; nil where they follow the gold reward
}

func (t *task[T]) newEvaluator(ctx context.Context) (*evaluator[T], error) {
	e := &evaluator[T]{task: t}
	stories, ok := t.Environment.(*Stories)
	if !ok {
		return e, nil
	}
	var err error
	of := origin{what: "groups", environment: t.Environment, policy: t.Policy} // the same with every seed
	if e.groups, err = share(t.Shared, of, func() ([]string, error) { return t.groupsOf(ctx, stories) }); err != nil {
		return nil, err
	}
	e.names = numbered(e.groups)
	if t.proxy() != nil {
		e.proxy = t.labelling()
	}
	c := &continuationEvaluator[T]{Reference: t.reference, Prompts: t.ids(), Samples: stories.Samples, Sampling: t.sampling(),
		Reward: t.gold(), Seed: t.seed, Workers: t.Workers}
	c.prepare()
	e.continuations = c
	c.Baseline, err = share(t.Shared, t.origin("baseline"), func() ([][]float64, error) { return c.drawBaseline(ctx) })
	return e, err
}

// evaluate evaluates the policy as it stands after a step.
func (e *evaluator[T]) evaluate(ctx context.Context, step int) (*Evaluation, error) {
	out := &Evaluation{Step: step}
	if e.pairs != nil {
		var err error
		if out.HeldOut, err = e.pairs.compare(ctx, e.network); err != nil {
			return nil, err
		}
	}
	if e.continuations == nil {
		return out, nil
	}
	found, drawn, err := e.continuations.evaluate(ctx, e.network)
	if err != nil {
		return nil, err
	}
	out.Prompts = make([]Prompt, len(found))
	for i, f := range found {
		p := e.prompt(i)
		p.Continued, p.Samples = f, len(drawn[i])
		p.Written = e.readable(drawn[i][0].Text())
		if e.proxy != nil {
			p.ProxyReward = 0
			for k := range drawn[i] {
				p.ProxyReward += e.proxy(i, drawn[i][k].Text()) / float64(p.Samples)
			}
		}
		out.Prompts[i] = p
	}
	return out, nil
}

func (e *evaluator[T]) prompt(i int) Prompt {
	held := i >= e.Environment.(*Stories).Train
	return Prompt{Name: e.names[i], Group: e.groups[i], Held: held, Text: e.data.prompts[i].text, ProxyReward: math.NaN()}
}

// readable decodes a continuation for people: bytes that are no text become the replacement character.
func (e *evaluator[T]) readable(ids []int32) string {
	return strings.ToValidUTF8(e.text(ids), "\uFFFD")
}

// poolPerN is how many continuations of the reference the best of n is computed from, times n. More make the estimate better:
// it is that of the policy that draws from these.
const poolPerN = 16

// bestOfN evaluates the best of n of the reference's continuations by gold reward. Its policy, reward and KL are those of the
// best of n draws from a pool of the reference's continuations (objective.BestOfN), which stands for the reference.
func (e *evaluator[T]) bestOfN(ctx context.Context, n int) (*Evaluation, error) {
	drawn, err := draw(ctx, e.reference, e.ids(), poolPerN*n, e.sampling(), source{Stream: poolStream, Seed: e.seed}, e.Workers)
	if err != nil {
		return nil, err
	}
	reward := e.gold()
	out := &Evaluation{Prompts: make([]Prompt, len(drawn))}
	for i, pool := range drawn {
		rewards := make([]float64, len(pool))
		for j := range pool {
			rewards[j] = reward(i, pool[j].Text())
		}
		uniform := make([]float64, len(pool))
		floats.AddConst(-math.Log(float64(len(pool))), uniform)
		p, reference := e.prompt(i), e.continuations.Baseline[i]
		p.Samples = len(pool)
		for j, l := range (&objective.BestOfN{N: n}).Policy(uniform, rewards) {
			share := math.Exp(l)
			p.Reward += share * rewards[j]
			p.Continued.Tokens += share * float64(len(pool[j].Tokens))
			p.WinRate += share * wins(rewards[j], reference)
			if share > 0 {
				p.KL += share * (l - uniform[j])
			}
		}
		p.KL = max(0, p.KL) // rounding of a divergence of 0
		p.ReferenceReward = stat.Mean(reference, nil)
		p.Written = e.readable(pool[floats.MaxIdx(rewards)].Text())
		out.Prompts[i] = p
	}
	return out, nil
}

// wins is the share of rewards that a reward is above, equal ones counting 1/2.
func wins(reward float64, of []float64) float64 {
	sum := 0.0
	for _, r := range of {
		sum += ranks(reward, r)
	}
	return sum / float64(len(of))
}

// groupsOf returns the group of each prompt. Prompts are ranked by the mean reward of the reference's continuations, drawn with
// the same random numbers in every run; training and held-out prompts are ranked apart.
func (t *task[T]) groupsOf(ctx context.Context, s *Stories) ([]string, error) {
	means := make([]float64, len(t.data.prompts))
	if s.Good > 0 {
		drawn, err := draw(ctx, t.reference, t.ids(), s.GoodSamples, t.sampling(), source{Stream: groupsStream}, t.Workers)
		if err != nil {
			return nil, err
		}
		reward := t.gold()
		for i := range drawn {
			for j := range drawn[i] {
				means[i] += reward(i, drawn[i][j].Text()) / float64(len(drawn[i]))
			}
		}
	}
	return append(s.divide(means[:s.Train], false), s.divide(means[s.Train:], true)...), nil
}

// divide returns the groups of prompts of which the reference has these mean rewards. Of equal ones the first is the better.
func (s *Stories) divide(means []float64, held bool) []string {
	names := make([]string, len(means))
	if s.Good == 0 {
		for i := range names {
			names[i] = TrainGroup
			if held {
				names[i] = HeldOutGroup
			}
		}
		return names
	}
	order := make([]int, len(means)) // from the best
	floats.ArgsortStable(floats.ScaleTo(make([]float64, len(means)), -1, means), order)
	extreme := int(math.Round(s.Good * float64(len(means)))) // so many are good, and so many bad
	for rank, i := range order {
		switch {
		case rank < extreme:
			names[i] = goodGroup
		case rank >= len(order)-extreme:
			names[i] = badGroup
		default:
			names[i] = middleGroup
		}
		if held {
			names[i] = HeldOutGroup + "-" + names[i]
		}
	}
	return names
}

// PromptNames returns the names of all prompts, which are known before any is read: GROUP-1, GROUP-2, ... in each group.
func (s *Stories) PromptNames() []string {
	return numbered(append(s.divide(make([]float64, s.Train), false), s.divide(make([]float64, s.HeldOut), true)...))
}

// numbered returns GROUP-1, GROUP-2, ... for the members of each group, in order.
func numbered(groups []string) []string {
	seen := map[string]int{}
	names := make([]string, len(groups))
	for i, g := range groups {
		seen[g]++
		names[i] = fmt.Sprintf("%s-%d", g, seen[g])
	}
	return names
}

// pairEvaluator measures networks on pairs that they are not trained on. One goroutine at a time may use it.
type pairEvaluator[T kernel.Float] struct {
	pairs                 []Pair
	scorer                *scorer[T]
	policy, start, tokens logps
	weights               []float64
	uneven                []float64 // the same; nil where all are equal
	ches                  []float64 // by length, at the start; nil of single responses
}

// newPairEvaluator returns the measure of change since start, whose log-probabilities come from the cache if they are there;
// workers 0 is one a processor. Pairs that the network cannot hold are an error.
func newPairEvaluator[T kernel.Float](ctx context.Context, start *llama.Network[T], pairs []Pair, cache *logpCache, workers int) (*pairEvaluator[T], error) {
	n := len(pairs)
	e := &pairEvaluator[T]{pairs: pairs, scorer: newScorer[T](newWorkers(workers)), policy: newLogps(n), start: newLogps(n), tokens: newLogps(n)}
	for i := range pairs {
		e.tokens.chosen[i], e.tokens.rejected[i] = float64(len(pairs[i].Chosen)), float64(len(pairs[i].Rejected))
		e.weights = append(e.weights, pairs[i].weight())
	}
	if slices.Max(e.weights) > slices.Min(e.weights) {
		e.uneven = e.weights
	}
	return e, e.scorer.cached(ctx, start, keyOf(start), pairs, cache, e.start)
}

func (e *pairEvaluator[T]) compare(ctx context.Context, n *llama.Network[T]) (*HeldOut, error) {
	if err := e.scorer.score(ctx, n, e.pairs, e.policy); err != nil {
		return nil, err
	}
	found := &HeldOut{Comparisons: compare(e.policy, e.start, e.tokens, e.weights), CHES: math.NaN(), CHESRank: math.NaN()}
	if e.ches != nil {
		found.CHES = stat.Mean(e.ches, e.uneven)
	}
	shifts := floats.SubTo(make([]float64, len(e.pairs)), e.policy.chosen, e.start.chosen)
	if e.ches != nil && floats.Norm(shifts, 1) > 0 {
		found.CHESRank = stat.Kendall(e.ches, shifts, e.uneven)
	}
	return found, nil
}

// continuationEvaluator measures networks by what they write, all on the same random numbers and against the same
// continuations of the reference. Its user sets the exported fields, calls prepare and sets Baseline; one goroutine at a time may use it.
type continuationEvaluator[T kernel.Float] struct {
	Reference *llama.Network[T]
	Prompts   [][]int32
	Samples   int // continuations a prompt, at least 1
	Sampling  llama.Sampling
	Reward    Reward
	Seed      uint64
	Workers   int         // goroutines; 0 is one a processor
	Baseline  [][]float64 // what drawBaseline returns

	workers *workers
	scratch []divergenceScratch[T] // one a worker
}

// drawBaseline returns the rewards of the reference's continuations, by prompt and sample. The errors are those of draw.
func (e *continuationEvaluator[T]) drawBaseline(ctx context.Context) ([][]float64, error) {
	drawn, err := draw(ctx, e.Reference, e.Prompts, e.Samples, e.Sampling, source{baselineStream, e.Seed, 0}, e.Workers)
	if err != nil {
		return nil, fmt.Errorf("the reference: %w", err)
	}
	all := make([][]float64, len(drawn))
	for i, continuations := range drawn {
		all[i] = make([]float64, e.Samples)
		for k := range continuations {
			all[i][k] = e.Reward(i, continuations[k].Text())
		}
	}
	return all, nil
}

func (e *continuationEvaluator[T]) prepare() {
	e.workers = newWorkers(e.Workers)
	vocab := e.Reference.Config().Vocab
	for range e.workers.size() {
		e.scratch = append(e.scratch, divergenceScratch[T]{policy: llama.NewTape[T](), reference: llama.NewTape[T](),
			logPi: make([]float64, vocab), logRef: make([]float64, vocab)})
	}
}

// evaluate draws the network's continuations and returns what was found at each prompt, and the continuations.
func (e *continuationEvaluator[T]) evaluate(ctx context.Context, n *llama.Network[T]) ([]Continued, [][]Continuation, error) {
	drawn, err := draw(ctx, n, e.Prompts, e.Samples, e.Sampling, source{policyStream, e.Seed, 0}, e.Workers)
	if err != nil {
		return nil, nil, err
	}
	found := make([]Continued, len(drawn))
	err = e.workers.try(ctx, "prompt", len(drawn), func(worker, i int) error {
		e.reward(i, drawn[i], &found[i])
		return e.scratch[worker].diverge(n, e.Reference, e.Prompts[i], drawn[i], &found[i])
	})
	return found, drawn, err
}

func (e *continuationEvaluator[T]) reward(prompt int, drawn []Continuation, found *Continued) {
	n := float64(len(drawn))
	for k := range drawn {
		reward, reference := e.Reward(prompt, drawn[k].Text()), e.Baseline[prompt][k]
		found.Reward += reward / n
		found.ReferenceReward += reference / n
		found.Tokens += float64(len(drawn[k].Tokens)) / n
		found.WinRate += ranks(reward, reference)
	}
	found.WinRate /= n
}

// divergenceScratch is what a worker needs to compare two networks along continuations.
type divergenceScratch[T kernel.Float] struct {
	policy, reference *llama.Tape[T]
	response          [1][]int32
	logPi, logRef     []float64 // Vocab
}

func (s *divergenceScratch[T]) diverge(policy, reference *llama.Network[T], prompt []int32, drawn []Continuation, found *Continued) error {
	weight := 1 / float64(len(drawn))
	for k := range drawn {
		s.response[0] = drawn[k].Tokens
		if err := s.policy.Forward(policy, prompt, s.response[:], false); err != nil {
			return err
		}
		if err := s.reference.Forward(reference, prompt, s.response[:], false); err != nil {
			return fmt.Errorf("the reference: %w", err)
		}
		for at := range drawn[k].Tokens {
			widen(s.logPi, s.policy.Logits(0, at))
			widen(s.logRef, s.reference.Logits(0, at))
			found.KL += weight * divergence(s.logPi, s.logRef)
		}
	}
	return nil
}

func widen[T kernel.Float](dst []float64, logits []T) {
	for i, v := range logits {
		dst[i] = float64(v)
	}
	logspace.LogSoftmax(dst, dst)
}

// divergence returns KL(p to q) in nats from log-probabilities. A divergence of 0 is not rounded below 0.
func divergence(logP, logQ []float64) float64 {
	sum := 0.0
	for i, p := range logP {
		sum += math.Exp(p) * (p - logQ[i])
	}
	return max(0, sum)
}

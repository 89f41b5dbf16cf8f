package tune

import (
	"context"
	"fmt"
	"math"

	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
	"windtunnel/toy/logspace"
)

// HeldOut measures networks on pairs that they are not trained on. One goroutine at a time may use it.
type HeldOut[T kernel.Float] struct {
	pairs         []Pair
	scorer        *scorer[T]
	policy, start logps
	tokens        logps
}

// NewHeldOut returns the measure of change since start, whose log-probabilities come from the cache if they are there; a
// nil cache is none. workers 0 is one a processor. Pairs that the network cannot hold are an error.
func NewHeldOut[T kernel.Float](ctx context.Context, start *llama.Network[T], pairs []Pair, cache ReferenceCache, workers int) (*HeldOut[T], error) {
	if err := checkPairs(pairs, 0); err != nil {
		return nil, err
	}
	if cache == nil {
		cache = &Memory{}
	}
	n := len(pairs)
	h := &HeldOut[T]{pairs: pairs, scorer: newScorer[T](newTeam(workers)), policy: newLogps(n), start: newLogps(n), tokens: newLogps(n)}
	for i := range pairs {
		h.tokens.chosen[i], h.tokens.rejected[i] = float64(len(pairs[i].Chosen)), float64(len(pairs[i].Rejected))
	}
	return h, h.scorer.lookUp(ctx, start, KeyOf(start), pairs, cache, h.start)
}

// Compare returns the means over the pairs.
func (h *HeldOut[T]) Compare(ctx context.Context, n *llama.Network[T]) (Comparisons, error) {
	if err := h.scorer.score(ctx, n, h.pairs, h.policy); err != nil {
		return Comparisons{}, err
	}
	return compare(h.policy, h.start, h.tokens), nil
}

// Panel says on what networks are judged by what they write.
type Panel[T kernel.Float] struct {
	Reference *llama.Network[T]
	Prompts   [][]int32
	Samples   int // continuations a prompt, at least 1
	Sampling  llama.Sampling
	Reward    Reward
	Seed      uint64
	Workers   int         // goroutines; 0 is one a processor
	Baseline  [][]float64 // what Draw returns; nil lets NewJudge draw
}

// Draw returns the rewards of the reference's continuations, by prompt and sample. The errors are those of the function Draw.
func (p *Panel[T]) Draw(ctx context.Context) ([][]float64, error) {
	drawn, err := Draw(ctx, p.Reference, p.Prompts, p.Samples, p.Sampling, Dice{Baseline, p.Seed, 0}, p.Workers)
	if err != nil {
		return nil, fmt.Errorf("the reference: %w", err)
	}
	all := make([][]float64, len(drawn))
	for i, continuations := range drawn {
		all[i] = make([]float64, p.Samples)
		for k := range continuations {
			all[i][k] = p.Reward(i, continuations[k].Text())
		}
	}
	return all, nil
}

// Judged is what was found at one prompt.
type Judged struct {
	Reward          float64 // mean over the policy's continuations
	ReferenceReward float64 // mean over the reference's
	Tokens          float64 // mean length of the policy's continuations, with the token that ended each
	// KL estimates KL(pi to pi_ref) in nats: the mean, over the policy's continuations, of the sum over their tokens of the
	// exact divergence of the next token's distributions over the vocabulary. It has the expectation of Sampled, is never
	// negative and varies far less: the token's own draw is averaged out (Rao-Blackwell). Both are estimates of that
	// divergence for continuations drawn at temperature 1 from the whole distribution; else they are the same sums along
	// continuations of a sharper policy.
	KL      float64
	Sampled float64 // the mean of log pi - log pi_ref, the plain estimate
	// Wins, Ties and Losses compare continuation j of the policy with continuation j of the reference by reward. Their random
	// numbers are independent, so that wins are those of independent draws.
	Wins, Ties, Losses int
}

// Judge judges networks on a panel, all on the same random numbers and against the same continuations of the reference. One
// goroutine at a time may use it.
type Judge[T kernel.Float] struct {
	Panel[T]
	scorer *scorer[T]
	seats  []seat[T] // one a worker
}

// seat is a worker's scratch.
type seat[T kernel.Float] struct {
	policy, reference *llama.Tape[T]
	responses         [][]int32
	logPi, logRef     []float64 // Vocab
}

// NewJudge returns a judge, drawing the reference's continuations where the panel has no baseline. The errors are those of Draw.
func NewJudge[T kernel.Float](ctx context.Context, p Panel[T]) (*Judge[T], error) {
	if p.Samples < 1 {
		return nil, fmt.Errorf("%d samples a prompt, allowed is 1 or more", p.Samples)
	}
	if p.Baseline == nil {
		var err error
		if p.Baseline, err = p.Draw(ctx); err != nil {
			return nil, err
		}
	}
	j := &Judge[T]{Panel: p, scorer: newScorer[T](newTeam(p.Workers))}
	vocab := p.Reference.Config().Vocab
	for range j.scorer.team.size() {
		j.seats = append(j.seats, seat[T]{policy: llama.NewTape[T](), reference: llama.NewTape[T](),
			logPi: make([]float64, vocab), logRef: make([]float64, vocab)})
	}
	return j, nil
}

// ReferenceRewards returns the rewards of the reference's continuations, by prompt and sample. They are the judge's own.
func (j *Judge[T]) ReferenceRewards() [][]float64 { return j.Baseline }

// Judge draws the network's continuations and returns what was found at each prompt, and the continuations.
func (j *Judge[T]) Judge(ctx context.Context, n *llama.Network[T]) ([]Judged, [][]Continuation, error) {
	drawn, err := Draw(ctx, n, j.Prompts, j.Samples, j.Sampling, Dice{Policy, j.Seed, 0}, j.Workers)
	if err != nil {
		return nil, nil, err
	}
	found := make([]Judged, len(drawn))
	err = j.scorer.each(ctx, "prompt", len(drawn), func(worker, i int) error {
		j.reward(i, drawn[i], &found[i])
		return j.seats[worker].diverge(n, j.Reference, j.Prompts[i], drawn[i], &found[i])
	})
	return found, drawn, err
}

// reward compares rewards at one prompt.
func (j *Judge[T]) reward(prompt int, drawn []Continuation, found *Judged) {
	n := float64(len(drawn))
	for k := range drawn {
		reward, reference := j.Reward(prompt, drawn[k].Text()), j.Baseline[prompt][k]
		found.Reward += reward / n
		found.ReferenceReward += reference / n
		found.Tokens += float64(len(drawn[k].Tokens)) / n
		switch {
		case reward > reference:
			found.Wins++
		case reward == reference:
			found.Ties++
		default:
			found.Losses++
		}
	}
}

// heldLogits is the number of logits that a tape is asked to hold at a time, unless one continuation has more.
const heldLogits = 1 << 22

// diverge estimates the divergence at one prompt, some continuations at a time.
func (s *seat[T]) diverge(policy, reference *llama.Network[T], prompt []int32, drawn []Continuation, found *Judged) error {
	for rest := drawn; len(rest) > 0; rest = rest[len(s.responses):] {
		s.responses = s.responses[:0]
		for k, logits := 0, 0; k < len(rest); k++ {
			logits += len(rest[k].Tokens) * len(s.logPi)
			if k > 0 && logits > heldLogits {
				break
			}
			s.responses = append(s.responses, rest[k].Tokens)
		}
		if err := s.add(policy, reference, prompt, 1/float64(len(drawn)), found); err != nil {
			return err
		}
	}
	return nil
}

// add adds weight times the estimates of the continuations in s.responses.
func (s *seat[T]) add(policy, reference *llama.Network[T], prompt []int32, weight float64, found *Judged) error {
	if err := s.policy.Forward(policy, prompt, s.responses, false); err != nil {
		return err
	}
	if err := s.reference.Forward(reference, prompt, s.responses, false); err != nil {
		return fmt.Errorf("the reference: %w", err)
	}
	for k, tokens := range s.responses {
		found.Sampled += weight * (s.policy.Logp(k) - s.reference.Logp(k))
		for at := range tokens {
			widen(s.logPi, s.policy.Logits(k, at))
			widen(s.logRef, s.reference.Logits(k, at))
			found.KL += weight * divergence(s.logPi, s.logRef)
		}
	}
	return nil
}

// widen writes log-probabilities for logits.
func widen[T kernel.Float](dst []float64, logits []T) {
	for i, v := range logits {
		dst[i] = float64(v)
	}
	logspace.LogSoftmax(dst, dst)
}

// divergence returns KL(p to q) in nats from log-probabilities. Rounding of a divergence of 0 is kept from below 0.
func divergence(logP, logQ []float64) float64 {
	sum := 0.0
	for i, p := range logP {
		sum += math.Exp(p) * (p - logQ[i])
	}
	return max(0, sum)
}

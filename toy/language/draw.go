package language

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"slices"

	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
	"windtunnel/toy/preference"
)

// Continuation is a response that a network drew.
type Continuation struct {
	Tokens []int32 // as drawn: the BOS or EOS that ended it is the last
	Ended  bool    // whether it ended by such a token, rather than by its length
}

// Text returns the tokens without the one that ended it.
func (c *Continuation) Text() []int32 {
	if c.Ended {
		return c.Tokens[:len(c.Tokens)-1]
	}
	return c.Tokens
}

// Reward is the gold reward of a continuation of the prompt with the given number; text is without the token that ended it,
// and to be left as it is. Several goroutines call it at once.
type Reward func(prompt int, text []int32) float64

// source says where random numbers come from. Different sources share none.
type source struct {
	Stream stream
	Seed   uint64
	Step   int // of training, or the round
}

type stream string

const (
	policyStream    stream = "policy"    // continuations of what is evaluated
	baselineStream  stream = "reference" // continuations of the reference that these are compared with
	rolloutStream   stream = "rollout"   // continuations that REINFORCE learns from
	roundStream     stream = "round"     // pairs drawn from the policy
	labelStream     stream = "label"     // which of them is chosen
	referenceStream stream = "samples"   // samples of the reference that a loss reads
	groupsStream    stream = "groups"    // continuations of the reference that prompts are ranked by, good to bad
	poolStream      stream = "best of n" // continuations of the reference that the best is taken of
)

// draw returns continuations of every prompt, so many each. Continuation j of prompt i takes its random numbers from the
// source, i and j alone: two networks are compared on common random numbers, whatever the workers. workers 0 is one a
// processor. A prompt that the network cannot hold is an error.
func draw[T kernel.Float](ctx context.Context, n *llama.Network[T], prompts [][]int32, count int, s llama.Sampling,
	from source, workers int) ([][]Continuation, error) {
	out := make([][]Continuation, len(prompts))
	all := newWorkers(workers)
	drawers := make([]*drawer[T], all.size())
	err := all.try(ctx, "prompt", len(prompts), func(worker, i int) error {
		if drawers[worker] == nil {
			drawers[worker] = newDrawer(n)
		}
		out[i] = make([]Continuation, count)
		for j := range out[i] {
			if err := drawers[worker].draw(prompts[i], j > 0, s, from.seedOf(i, j), &out[i][j]); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// drawer draws continuations. It allocates nothing once it has seen the longest.
type drawer[T kernel.Float] struct {
	generator *llama.Generator[T]
	source    *rand.ChaCha8
	rng       *rand.Rand
}

func newDrawer[T kernel.Float](n *llama.Network[T]) *drawer[T] {
	source := rand.NewChaCha8([32]byte{})
	return &drawer[T]{llama.NewGenerator(n), source, rand.New(source)}
}

// draw overwrites c, in its own memory if that suffices. again says that the prompt is that of the draw before, and the
// network as it was.
func (d *drawer[T]) draw(prompt []int32, again bool, s llama.Sampling, seed [32]byte, c *Continuation) error {
	d.source.Seed(seed)
	var tokens []int32
	var err error
	if again {
		tokens, err = d.generator.Again(s, d.rng, c.Tokens[:0])
	} else {
		tokens, err = d.generator.Generate(prompt, s, d.rng, c.Tokens[:0])
	}
	if end := d.generator.End(); err == nil && end >= 0 {
		c.Tokens, c.Ended = append(tokens, end), true
	} else {
		c.Tokens, c.Ended = tokens, false
	}
	return err
}

// seedOf returns the seed of one continuation's random numbers.
func (d source) seedOf(prompt, sample int) [32]byte {
	var text [64]byte
	b := text[:0]
	for _, v := range [...]uint64{d.Seed, uint64(d.Step), uint64(prompt), uint64(sample)} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return sha256.Sum256(append(b, d.Stream...))
}

// drawPairs draws so many pairs of each prompt from the policy as it stands, as iterative DPO does it: prompts in turn, two independent
// continuations each, the better chosen by Bradley-Terry, P(first) = sigmoid((r_1 - r_2)/temperature), r being the given reward and
// Pair.Gap the difference of the gold one; at temperature 0 the better is chosen always, equal ones by a coin. Rounds, counted from 0,
// share no random numbers. The two responses of a pair may be the same. The errors are those of draw.
func (t *task[T]) drawPairs(ctx context.Context, n *llama.Network[T], of [][]int32, each int, reward, gold Reward, temperature float64, round int) ([]Pair, error) {
	prompts := slices.Repeat(of, each)
	drawn, err := draw(ctx, n, prompts, 2, t.sampling(), source{roundStream, t.seed, round}, t.Workers)
	if err != nil {
		return nil, err
	}
	pairs := make([]Pair, len(prompts))
	for i, two := range drawn {
		prompt := i % len(of)
		coin := rand.New(rand.NewChaCha8(source{labelStream, t.seed, round}.seedOf(i, 0))).Float64()
		chosen, rejected := &two[0], &two[1]
		if coin >= preference.Wins(reward(prompt, chosen.Text()), reward(prompt, rejected.Text()), temperature) {
			chosen, rejected = rejected, chosen
		}
		pairs[i] = Pair{Prompt: prompts[i], Chosen: chosen.Tokens, Rejected: rejected.Tokens,
			Gap: gold(prompt, chosen.Text()) - gold(prompt, rejected.Text())}
	}
	return pairs, nil
}

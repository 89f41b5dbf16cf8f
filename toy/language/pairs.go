package language

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"windtunnel/toy/llama"
	"windtunnel/toy/objective"
	"windtunnel/toy/preference"
	"windtunnel/toy/tune"
)

// Streams of random numbers of this package, beside those of tune.
const (
	groups tune.Stream = "groups"
	pool   tune.Stream = "best of n"
)

// pairs returns what is trained on, unless it is drawn along the way, and sets what is held out.
func (t *task[T]) pairs(ctx context.Context) ([]tune.Pair, error) {
	switch p := t.Preferences.(type) {
	case *Human:
		t.heldOut = t.data.heldOut
		return t.data.pairs, nil
	case *Continuations:
		return t.continuations(ctx, p)
	}
	return nil, nil
}

// continuations draws pairs from the reference and labels them: for the training prompts, and for those held out.
func (t *task[T]) continuations(ctx context.Context, p *Continuations) ([]tune.Pair, error) {
	s := t.Environment.(*Stories)
	if p.HeldOut > 0 && s.HeldOut > 0 {
		var err error
		t.heldOut, err = share(t.Shared, t.origin("held-out pairs"), func() ([]tune.Pair, error) {
			return t.label(ctx, p, t.ids()[s.Train:], p.HeldOut, 1)
		})
		if err != nil {
			return nil, err
		}
	}
	if _, best := t.Loss.(objective.Direct); best || reinforced(t.Loss) {
		return nil, nil // which read no pairs
	}
	pairs, err := share(t.Shared, t.origin("pairs"), func() ([]tune.Pair, error) {
		return t.label(ctx, p, t.trainingPrompts(), p.Pairs, 0)
	})
	return slices.Clone(pairs), err // to which samples of the reference may be added
}

// label draws so many pairs of each prompt from the reference. Rounds share no random numbers.
func (t *task[T]) label(ctx context.Context, p *Continuations, prompts [][]int32, each, round int) ([]tune.Pair, error) {
	pairs, err := tune.DrawPairs(ctx, t.reference, tune.Rounds{Prompts: prompts, Pairs: each * len(prompts), Sampling: t.sampling(),
		Reward: t.gold(), Temperature: p.Temperature, Seed: t.seed, Workers: t.Workers}, round)
	flip(pairs, p.LabelNoise, t.Source(fmt.Sprint("label noise ", round), p))
	return pairs, err
}

// flip turns the labels of a share of the pairs around.
func flip(pairs []tune.Pair, share float64, rng *rand.Rand) {
	for i := range pairs {
		if p := &pairs[i]; rng.Float64() < share {
			p.Chosen, p.Rejected, p.Gap = p.Rejected, p.Chosen, -p.Gap
		}
	}
}

// sampling is how continuations are drawn.
func (t *task[T]) sampling() llama.Sampling {
	s := t.Environment.(*Stories)
	return llama.Sampling{Temperature: s.Temperature, TopP: s.TopP, Tokens: s.Tokens}
}

// ids returns the prompts in tokens, training first.
func (t *task[T]) ids() [][]int32 {
	all := make([][]int32, len(t.data.prompts))
	for i := range t.data.prompts {
		all[i] = t.data.prompts[i].ids
	}
	return all
}

func (t *task[T]) trainingPrompts() [][]int32 { return t.ids()[:t.Environment.(*Stories).Train] }

// gold returns the gold reward.
func (t *task[T]) gold() tune.Reward { return t.rewardOf(t.Environment.(*Stories).Reward.Reward()) }

// labelling returns the reward that labels follow, and REINFORCE climbs: the proxy of online preferences, else the gold
// reward.
func (t *task[T]) labelling() tune.Reward {
	if texts := t.proxy(); texts != nil {
		return t.rewardOf(texts.Reward.Reward())
	}
	return t.gold()
}

// proxy returns the proxy of online preferences that is not the gold reward, or nil.
func (t *task[T]) proxy() *preference.Texts {
	if o := t.online(); o != nil {
		texts, _ := o.Proxy.(*preference.Texts)
		return texts
	}
	return nil
}

// score is a reward of texts.
type score interface {
	Score(continuation string, ids []int32) float64
}

// rewardOf reads a reward of texts as one of tokens.
func (t *task[T]) rewardOf(s score) tune.Reward {
	return func(_ int, ids []int32) float64 { return s.Score(t.text(ids), ids) }
}

// text decodes a continuation.
func (t *task[T]) text(ids []int32) string { return t.data.tokenizer.Text(-1, ids) }

// newPanel returns what judges policies, nil where there is no reward.
func (t *task[T]) newPanel(ctx context.Context) (*panel[T], error) {
	s, ok := t.Environment.(*Stories)
	if !ok {
		return nil, nil
	}
	p := &panel[T]{task: t, stories: s}
	return p, p.prepare(ctx)
}

package tune

import (
	"context"
	"math/rand/v2"

	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
	"windtunnel/toy/logspace"
)

// Rounds says how pairs are drawn from a policy, as iterative DPO does it: prompts in turn, two independent continuations
// each, the better chosen by Bradley-Terry, P(first) = sigmoid((r_1 - r_2)/Temperature).
type Rounds struct {
	Prompts     [][]int32
	Pairs       int // a round
	Sampling    llama.Sampling
	Reward      Reward  // what labels: the gold reward, or a proxy
	Gold        Reward  // what Pair.Gap is the difference of; nil is Reward
	Temperature float64 // of the labels, in units of reward; 0 chooses the better always, equal ones by a coin
	Seed        uint64
	Workers     int // goroutines; 0 is one a processor
}

// DrawPairs returns the pairs of a round, counted from 0, of the policy as it stands. Rounds share no random numbers. The two
// responses of a pair may be the same. The errors are those of Draw.
func DrawPairs[T kernel.Float](ctx context.Context, n *llama.Network[T], r Rounds, round int) ([]Pair, error) {
	prompts := make([][]int32, r.Pairs)
	for i := range prompts {
		prompts[i] = r.Prompts[i%len(r.Prompts)]
	}
	drawn, err := Draw(ctx, n, prompts, 2, r.Sampling, Dice{Round, r.Seed, round}, r.Workers)
	if err != nil {
		return nil, err
	}
	gold := r.Gold
	if gold == nil {
		gold = r.Reward
	}
	pairs := make([]Pair, r.Pairs)
	for i, two := range drawn {
		prompt := i % len(r.Prompts)
		coin := rand.New(rand.NewChaCha8(Dice{Label, r.Seed, round}.roll(i, 0))).Float64()
		chosen, rejected := &two[0], &two[1]
		if coin >= preferred(r.Reward(prompt, chosen.Text())-r.Reward(prompt, rejected.Text()), r.Temperature) {
			chosen, rejected = rejected, chosen
		}
		pairs[i] = Pair{Prompt: prompts[i], Chosen: chosen.Tokens, Rejected: rejected.Tokens,
			Gap: gold(prompt, chosen.Text()) - gold(prompt, rejected.Text())}
	}
	return pairs, nil
}

// preferred returns the probability that what has so much more reward is chosen.
func preferred(gap, temperature float64) float64 {
	switch {
	case gap == 0:
		return 0.5
	case temperature > 0:
		return logspace.Sigmoid(gap / temperature)
	case gap > 0:
		return 1
	}
	return 0
}

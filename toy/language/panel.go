package language

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"windtunnel/toy/kernel"
	"windtunnel/toy/llama"
	"windtunnel/toy/objective"
	"windtunnel/toy/tune"
)

// Groups of prompts. Those of prompts that are held out begin with heldout.
const (
	TrainGroup   = "train"
	HeldOutGroup = "heldout"
	goodGroup    = "good"
	middleGroup  = "middle"
	badGroup     = "bad"
)

// panel judges policies by what they write.
type panel[T kernel.Float] struct {
	*task[T]
	stories *Stories
	judge   *tune.Judge[T]
	names   []string
	groups  []string
	proxy   tune.Reward // that labels follow; nil where they follow the gold reward
}

// prepare draws what policies are compared with.
func (p *panel[T]) prepare(ctx context.Context) error {
	var err error
	of := origin{what: "groups", environment: p.Environment, policy: p.Policy} // the same with every seed
	if p.groups, err = share(p.Shared, of, func() ([]string, error) { return p.sort(ctx) }); err != nil {
		return err
	}
	p.names = numbered(p.groups)
	if p.task.proxy() != nil {
		p.proxy = p.labelling()
	}
	panel := tune.Panel[T]{Reference: p.reference, Prompts: p.ids(), Samples: p.stories.Samples, Sampling: p.sampling(),
		Reward: p.gold(), Seed: p.seed, Workers: p.Workers}
	if panel.Baseline, err = share(p.Shared, p.origin("baseline"), func() ([][]float64, error) { return panel.Draw(ctx) }); err != nil {
		return err
	}
	p.judge, err = tune.NewJudge(ctx, panel)
	return err
}

// sort tells the group of each prompt. Good and bad are told by the mean reward of the reference's continuations, drawn with
// the same random numbers in every run, among training and held-out prompts apart.
func (p *panel[T]) sort(ctx context.Context) ([]string, error) {
	n := len(p.data.prompts)
	means := make([]float64, n)
	if p.stories.Good > 0 {
		drawn, err := tune.Draw(ctx, p.reference, p.ids(), p.stories.GoodSamples, p.sampling(), tune.Dice{Stream: groups}, p.Workers)
		if err != nil {
			return nil, err
		}
		reward := p.gold()
		for i := range drawn {
			for j := range drawn[i] {
				means[i] += reward(i, drawn[i][j].Text()) / float64(len(drawn[i]))
			}
		}
	}
	return append(p.stories.divide(means[:p.stories.Train], false), p.stories.divide(means[p.stories.Train:], true)...), nil
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
	order := make([]int, len(means))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(means[b], means[a]) })
	n := s.extreme(len(means))
	for rank, i := range order {
		switch {
		case rank < n:
			names[i] = goodGroup
		case rank >= len(order)-n:
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

// extreme is how many of so many prompts are good, and how many are bad.
func (s *Stories) extreme(prompts int) int { return int(math.Round(s.Good * float64(prompts))) }

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

// look judges a network.
func (p *panel[T]) look(ctx context.Context, n *llama.Network[T]) ([]Prompt, error) {
	judged, drawn, err := p.judge.Judge(ctx, n)
	if err != nil {
		return nil, err
	}
	all := make([]Prompt, len(judged))
	for i, j := range judged {
		one := p.prompt(i)
		one.Judged, one.Samples = j, len(drawn[i])
		one.WinRate = (float64(j.Wins) + float64(j.Ties)/2) / float64(one.Samples)
		one.Written = p.readable(drawn[i][0].Text())
		if p.proxy != nil {
			one.ProxyReward = 0
			for k := range drawn[i] {
				one.ProxyReward += p.proxy(i, drawn[i][k].Text()) / float64(one.Samples)
			}
		}
		all[i] = one
	}
	return all, nil
}

// prompt returns what is known of a prompt without any policy.
func (p *panel[T]) prompt(i int) Prompt {
	return Prompt{Name: p.names[i], Group: p.groups[i], Held: i >= p.stories.Train, Text: p.data.prompts[i].text, ProxyReward: math.NaN()}
}

// readable decodes a continuation for people: bytes that are no text become the replacement character.
func (p *panel[T]) readable(ids []int32) string { return strings.ToValidUTF8(p.text(ids), "\uFFFD") }

// poolPerN is how many continuations of the reference the best of n is computed from, times n. More make the estimate better:
// it is that of the policy that draws from these.
const poolPerN = 16

// best looks at the best of n of the reference's continuations by gold reward. Its policy, reward and KL are those of the best
// of n draws from a pool of the reference's continuations (objective.BestOfN), which stands for the reference.
func (p *panel[T]) best(ctx context.Context, n int) ([]Prompt, error) {
	drawn, err := tune.Draw(ctx, p.reference, p.ids(), poolPerN*n, p.sampling(), tune.Dice{Stream: pool, Seed: p.seed}, p.Workers)
	if err != nil {
		return nil, err
	}
	reward := p.gold()
	all := make([]Prompt, len(drawn))
	for i, candidates := range drawn {
		rewards := make([]float64, len(candidates))
		for j := range candidates {
			rewards[j] = reward(i, candidates[j].Text())
		}
		all[i] = p.prompt(i)
		p.choose(&all[i], n, rewards, candidates, p.judge.ReferenceRewards()[i])
	}
	return all, nil
}

// choose fills in what the best of n draws from a pool comes to.
func (p *panel[T]) choose(one *Prompt, n int, rewards []float64, pool []tune.Continuation, reference []float64) {
	uniform := make([]float64, len(pool))
	floats.AddConst(-math.Log(float64(len(pool))), uniform)
	logp := (&objective.BestOfN{N: n}).Policy(uniform, rewards)
	one.Samples = len(pool)
	for j, l := range logp {
		share := math.Exp(l)
		one.Reward += share * rewards[j]
		one.Judged.Tokens += share * float64(len(pool[j].Tokens))
		one.WinRate += share * wins(rewards[j], reference)
		if share > 0 {
			one.KL += share * (l - uniform[j])
		}
	}
	one.KL = max(0, one.KL) // rounding of a divergence of 0
	one.Sampled = one.KL
	one.ReferenceReward = stat.Mean(reference, nil)
	one.Written = p.readable(pool[floats.MaxIdx(rewards)].Text())
}

// wins is the share of rewards that a reward is above, equal ones counting 1/2.
func wins(reward float64, of []float64) float64 {
	sum := 0.0
	for _, r := range of {
		switch {
		case reward > r:
			sum++
		case reward == r:
			sum += 0.5
		}
	}
	return sum / float64(len(of))
}

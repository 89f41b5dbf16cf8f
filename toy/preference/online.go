package preference

import (
	"errors"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat/distuv"

	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
	"windtunnel/toy/registry"
)

// Online holds how pairs are drawn from the policy in training, round after round (iterative DPO; Xu et al. 2023, arXiv
// 2312.16682; Guo et al. 2024, arXiv 2402.04792). Each round, for each prompt, Pairs times: two responses are drawn
// independently from the policy as it is at the round's start; if they differ, the first wins with probability
// sigmoid((r1 - r2) / temperature), r being the reward of Proxy, and the label is flipped with probability label_noise.
// Equal draws are dropped. Then training passes over the round's pairs train.epochs times. A round of which all draws are
// equal adds nothing, which is what happens when the policy has collapsed. A Sampler draws otherwise. With 0 Pairs a round has
// every ordered pair with the probability that it would be drawn and labelled with: the exact expectation, in which two equal
// responses count as well. Weights are those at the round's start: with one step a round they are held fixed while differentiating
// and new at every step.
type Online struct {
	Drawn       `yaml:",inline"`
	Rounds      int     `yaml:"rounds" range:"[1,1e6]" doc:"rounds of drawing from the current policy and of training on the pairs drawn, train.epochs passes each"`
	Pairs       int     `yaml:"pairs" range:"[0,1e9]" doc:"draws a round for each prompt; equal draws are dropped; 0 takes all pairs with their exact probabilities"`
	Sampler     Sampler `yaml:"sampler,omitempty" doc:"which two responses are compared; default both of the policy"`
	Temperature float64 `yaml:"temperature" range:"[0,1e6]" doc:"of the labels: of two responses the first wins with probability sigmoid((r1 - r2) / temperature); at 0 the better one always does"`
	LabelNoise  float64 `yaml:"label_noise" range:"[0,1]" doc:"probability that a label is flipped"`
	Proxy       Proxy   `yaml:"proxy" doc:"the reward that labels follow: the gold one, or one that is wrong in a known way"`
	Accumulate  bool    `yaml:"accumulate" doc:"train on the pairs of all rounds so far; false trains on the last round's"`
	Reference   string  `yaml:"reference" oneof:"start,previous" doc:"the reference of the losses: the policy at the start of training, or at the start of the round"`
	Watch       bool    `yaml:"watch,omitempty" doc:"end when the policies of rounds come to rest, to a cycle or to a collapse, and say so as status and period"`
	Seed        *int    `yaml:"seed" range:"[0,1e15]" doc:"of the draws and of what the proxy draws; default the run's seed"`
}

// ErrNoPairs says that all draws of a first round were of equal responses.
var ErrNoPairs = errors.New("preferences: all draws of the first round were of equal responses; raise pairs")

// Build draws the first round, from the policy that training starts from. Labels follow in.Rewards.
func (o *Online) Build(in Input) (*Pairs, error) {
	pairs := o.Draw(in.RNG, in.Env, in.Rewards, func(prompt int, logits []float64) { copy(logits, in.Env.Prompts[prompt].Init) })
	if pairs.Len() == 0 {
		return nil, ErrNoPairs
	}
	return pairs, nil
}

// Draw returns the pairs of one round, none if all draws were of equal responses. Labels follow rewards,
// prompts x K in nats, nil for a prompt that is not drawn for, unless the environment has win rates; logits writes a prompt's K logits of the policy. It takes the
// same random numbers whatever the outcome, so that losses compared under one seed have them in common.
func (o *Online) Draw(rng *rand.Rand, env *bandit.Env, rewards [][]float64, logits func(prompt int, dst []float64)) *Pairs {
	pairs, sampler := &Pairs{}, o.Sampler
	if sampler == nil {
		sampler = &Independent{Responses{ofPolicy, 1}, Responses{ofPolicy, 1}}
	}
	prompts := 0.0
	for prompt, reward := range rewards {
		if reward == nil {
			continue
		}
		prompts++
		x := &env.Prompts[prompt]
		scores := &Scores{Policy: make([]float64, len(reward)), Reference: x.LogRef, Reward: reward}
		logits(prompt, scores.Policy)
		wins := func(a, b int) float64 {
			gap := reward[a] - reward[b]
			if x.Wins != nil {
				gap = env.Gap(prompt, a, b)
			}
			return Wins(gap, 0, o.Temperature)
		}
		if parts := sampler.Parts(scores); o.Pairs == 0 {
			o.expect(pairs, prompt, parts, wins)
		} else {
			o.draw(rng, pairs, prompt, parts, wins)
		}
	}
	if len(rewards) > 1 && o.Pairs > 0 {
		pairs.shuffle(rng)
	}
	floats.Scale(1/prompts, pairs.Weight)
	return pairs
}

// draw appends draws of a prompt's pairs.
func (o *Online) draw(rng *rand.Rand, pairs *Pairs, prompt int, parts []Part, wins func(a, b int) float64) {
	var shares []float64
	var first, second []distuv.Categorical
	for _, p := range parts {
		shares = append(shares, p.Share)
		first, second = append(first, distuv.NewCategorical(p.First, rng)), append(second, distuv.NewCategorical(p.Second, rng))
	}
	choice, at := distuv.NewCategorical(shares, rng), 0
	for range o.Pairs {
		if len(parts) > 1 {
			at = int(choice.Rand())
		}
		a, b := int(first[at].Rand()), int(second[at].Rand())
		win, flip := rng.Float64(), rng.Float64()
		if a == b {
			continue
		}
		if (win >= wins(a, b)) != (flip < o.LabelNoise) {
			a, b = b, a
		}
		pairs.add(prompt, a, b)
	}
}

// expect appends every comparison of a prompt that may be drawn, with the probability that it is.
func (o *Online) expect(pairs *Pairs, prompt int, parts []Part, wins func(a, b int) float64) {
	for a := range parts[0].First {
		for b := range parts[0].First {
			drawn := 0.0
			for _, p := range parts {
				drawn += p.Share * (p.First[a]*p.Second[b] + p.First[b]*p.Second[a])
			}
			win := wins(a, b)
			if weight := drawn * (win + o.LabelNoise*(1-2*win)); weight > 0 {
				pairs.add(prompt, a, b)
				pairs.Weight = append(pairs.Weight, weight)
			}
		}
	}
}

// Differing returns the comparisons of two different responses.
func (p *Pairs) Differing() *Pairs {
	some := &Pairs{}
	for i := range p.Len() {
		if p.Chosen[i] != p.Rejected[i] {
			some.take(p, i)
			if p.Weight != nil {
				some.Weight = append(some.Weight, p.Weight[i])
			}
		}
	}
	return some
}

// Wins returns the probability that a response of reward a is chosen over one of reward b: sigmoid((a - b)/temperature)
// (Bradley and Terry). At temperature 0 the better one is always chosen, and of equal ones each with probability 1/2.
func Wins(a, b, temperature float64) float64 {
	if a == b {
		return 0.5
	}
	return logspace.Sigmoid((a - b) / max(temperature, math.SmallestNonzeroFloat64))
}

// Random is false of exact probabilities of the gold reward's labels.
func (o *Online) Random() bool {
	_, gold := o.Proxy.(*Gold)
	return o.Pairs > 0 || !gold
}

// Check refuses to accumulate distributions.
func (o *Online) Check() []registry.Problem {
	if o.Pairs == 0 && o.Accumulate {
		return []registry.Problem{{Key: "accumulate", Wrong: "is true, and exact probabilities are of the last round's policy", Allowed: "false, or pairs above 0"}}
	}
	return o.Drawn.Check()
}

func (o *Online) SeedOverride() *int { return o.Seed }

var onlineKind = registry.Kind[Params]{
	Name:    "online",
	Aliases: []string{"iterative"},
	Summary: "pairs drawn from the policy in training, round after round, and labelled by the gold reward or by a wrong one",
	Source:  "iterative DPO: Xu et al. 2023, arXiv 2312.16682; over-optimization: Gao, Schulman, Hilton 2022, arXiv 2210.10760",
	New: func() Params {
		return &Online{Rounds: 10, Pairs: 100, Temperature: 1, Proxy: &Gold{}, Reference: "start"}
	},
}

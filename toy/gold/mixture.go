package gold

import "windtunnel/toy/registry"

// Mixture is a weighted sum of rewards r_k:
//
//	sum_k weight_k r_k
//
// Weights are in the order of the parts, need not sum to 1 and may be negative: a negative weight of length asks for short
// continuations.
type Mixture struct {
	Parts []Part `yaml:"parts" required:"true" doc:"the rewards, each with its weight and its own parameters"`
}

// Part is one reward of a mixture.
type Part struct {
	Weight float64 `yaml:"weight" required:"true" range:"[-1e6,1e6]" doc:"what the reward is multiplied by"`
	Reward Params  `yaml:",kind"`
}

// Check refuses an empty mixture.
func (p *Mixture) Check() []registry.Problem {
	if len(p.Parts) == 0 {
		return []registry.Problem{{Key: "parts", Wrong: "is empty", Allowed: "at least one reward"}}
	}
	return nil
}

// Reward returns the weighted sum.
func (p *Mixture) Reward() Reward {
	m := make(mixture, len(p.Parts))
	for i, part := range p.Parts {
		m[i] = weighted{part.Weight, part.Reward.Reward()}
	}
	return m
}

type weighted struct {
	weight float64
	reward Reward
}

type mixture []weighted

// Score implements [Reward].
func (m mixture) Score(continuation string, ids []int32) float64 {
	sum := 0.0
	for _, part := range m {
		sum += part.weight * part.reward.Score(continuation, ids)
	}
	return sum
}

var mixtureKind = registry.Kind[Params]{
	Name:    "mixture",
	Summary: "a weighted sum of other rewards, with weights that are known",
	Source:  "this project",
	New:     func() Params { return &Mixture{} },
}

package metrics

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

const linearBandits, groupRobust = "Li, Xu, Yu 2023, arXiv 2312.10584", "Ramesh et al. 2024, arXiv 2405.20304"

// OfRewards lists the metrics that only runs have whose environment has rewards in their own scale, sorted by name. Of all prompts
// together they are measured on those that are held out, where there are any. They are no part of All.
func OfRewards() []Metric {
	return []Metric{
		{Name: "best_reward", Source: linearBandits, Summary: "True reward of the best response, in the environment's own scale.",
			Value: func(v *View) float64 { return v.ofRewards(func() float64 { return floats.Max(v.Rewards) }) }},
		{Name: "reward_error", Source: groupRobust,
			Summary: "By how much the mean reward of the most probable responses falls short of that of the best ones, as a share of it.",
			Value:   func(v *View) float64 { return rewardError([]*View{v}) }, Overall: rewardError},
		{Name: "true_reward", Source: linearBandits, Summary: "Expected true reward of pi, in the environment's own scale.",
			Value: func(v *View) float64 { return v.ofRewards(func() float64 { return floats.Dot(v.Pi, v.Rewards) }) }},
		{Name: "worst_reward_error", Source: groupRobust, Summary: "The largest reward_error of a group of prompts.",
			Value: func(v *View) float64 { return rewardError([]*View{v}) }, Overall: worstRewardError},
	}
}

// ofRewards is NaN where rewards, or the policy, are not known.
func (v *View) ofRewards(value func() float64) float64 {
	if v.Rewards == nil || math.IsNaN(v.Pi[0]) {
		return math.NaN()
	}
	return value()
}

// rewardError is (best - reached) / best, with the mean rewards of the best and of the most probable response of every prompt; of
// several equally probable ones the first counts.
func rewardError(views []*View) float64 {
	best, reached := 0.0, 0.0
	for _, v := range views {
		best += v.ofRewards(func() float64 { return floats.Max(v.Rewards) })
		reached += v.ofRewards(func() float64 { return v.Rewards[floats.MaxIdx(v.LogPi)] })
	}
	return (best - reached) / best
}

// worstRewardError is the largest reward error of the views of a group.
func worstRewardError(views []*View) float64 {
	worst := math.NaN()
	for i, v := range views {
		if slices.ContainsFunc(views[:i], func(other *View) bool { return other.Group == v.Group }) {
			continue
		}
		group := slices.DeleteFunc(slices.Clone(views), func(other *View) bool { return other.Group != v.Group })
		if e := rewardError(group); i == 0 || !(e <= worst) {
			worst = e
		}
	}
	return worst
}

package metrics

import "math"

// MaxWinRate is the largest number of responses for which the win rate is computed: NewView takes O(K^2) time for it.
const MaxWinRate = 4096

// ofStar are of the policy beside the rewards of pi_star.
var ofStar = []Metric{
	{Name: "reward", Unit: "nats", Source: "arXiv 2407.09072",
		Summary: "Expected reward sum(pi log pi_star), at most 0.",
		Value: func(v *View) float64 {
			sum := 0.0
			for i, l := range v.LogStar {
				switch {
				case math.IsInf(v.LogPi[i], -1):
					continue
				case math.IsInf(l, -1):
					return l
				}
				sum += v.Pi[i] * l
			}
			return sum
		}},
	{Name: "win_rate", Source: "Bradley and Terry 1952",
		Summary: "Exact probability that a response of pi beats one of pi_ref under p_star, the same response drawn twice " +
			"counting 1/2; empty above 4096 responses.",
		Value: func(v *View) float64 {
			if v.WinsAgainstRef == nil {
				return math.NaN()
			}
			sum := 0.0
			for i, p := range v.Pi {
				sum += p * v.WinsAgainstRef[i]
			}
			return sum
		}},
}

// ProxyReward is the expected reward of a proxy, in the scale of reward. It is no part of All: only runs whose labels
// follow a reward of their own, those with online preferences, have it.
var ProxyReward = Metric{
	Name: "proxy_reward", Unit: "nats", Source: "Gao, Schulman, Hilton 2022, arXiv 2210.10760",
	Summary: "Expected reward by the reward that labels of online preferences follow; a column only where some run has online preferences.",
	Value: func(v *View) float64 {
		if v.Proxy == nil {
			return math.NaN()
		}
		sum := 0.0
		for i, r := range v.Proxy {
			if v.Pi[i] > 0 {
				sum += v.Pi[i] * r
			}
		}
		return sum
	},
}

// setWins fills WinsAgainstRef. Win rates are linear in pi, so the pairs are summed once and a record costs O(K).
func (v *View) setWins() {
	k := len(v.LogStar)
	if k > MaxWinRate {
		return
	}
	v.WinsAgainstRef = make([]float64, k)
	for i := range k {
		v.WinsAgainstRef[i] += v.Ref[i] / 2
		for j := range i {
			iWins, jWins := duel(v.LogStar[i], v.LogStar[j])
			v.WinsAgainstRef[i] += v.Ref[j] * iWins
			v.WinsAgainstRef[j] += v.Ref[i] * jWins
		}
	}
}

// duel returns the Bradley-Terry probability 1/(1 + exp(b-a)) that the response of log pi_star a beats that of b, and
// its complement, both to full relative precision; 1/2 each where both are -Inf.
func duel(a, b float64) (first, second float64) {
	if a == b {
		return 0.5, 0.5
	}
	e := math.Exp(-math.Abs(a - b))
	winner, loser := 1/(1+e), e/(1+e)
	if a < b {
		return loser, winner
	}
	return winner, loser
}

package metrics

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/logspace"
)

const game = "Munos et al. 2023, arXiv 2312.00886"

// OfGames lists the metrics that only runs with counts or a matrix of win rates have, sorted by name, in which responses play the
// symmetric zero-sum game of their win rates. They are no part of All.
func OfGames() []Metric {
	return []Metric{
		{Name: "borda_mass", Source: "Borda 1781",
			Summary: "Probability that pi gives to the responses that win most often against a response drawn evenly.",
			Value:   func(v *View) float64 { return v.mass(v.Borda) }},
		{Name: "condorcet_mass", Source: "Condorcet 1785",
			Summary: "Probability that pi gives to the response that beats every other one more often than not; empty where there is none.",
			Value:   func(v *View) float64 { return v.mass(v.Condorcet) }},
		DualityGap,
		{Name: "nash_gap", Source: game,
			Summary: "Duality gap of pi in the game of the win rates, 2 max_y P(y > pi) - 1: 0 only at a Nash equilibrium, at most 1.",
			Value:   func(v *View) float64 { return 2*v.bestResponse() - 1 }},
		{Name: "win_rate_best", Source: game,
			Summary: "Probability that a response of pi beats the best response to pi, at most 1/2, the same response drawn twice counting 1/2.",
			Value:   func(v *View) float64 { return 1 - v.bestResponse() }},
	}
}

// bestResponse returns the largest probability with which a response beats one of pi, NaN where win rates are not known.
func (v *View) bestResponse() float64 {
	k, best := len(v.Pi), math.Inf(-1)
	if v.Wins == nil {
		return math.NaN()
	}
	for i := range k {
		sum := 0.0
		for j, p := range v.Pi {
			sum += p * v.Wins[i*k+j]
		}
		best = max(best, sum) // NaN stays
	}
	return best
}

// SetWins gives the view the win rates of all pairs, K x K row by row, the probability that the row's response is preferred to the
// column's, NaN for two of which it is not known. win_rate is then by these.
func (v *View) SetWins(wins []float64) {
	k, unknown := len(v.LogRef), slices.ContainsFunc(wins, math.IsNaN)
	v.Wins, v.Condorcet, v.Borda, v.WinsAgainstRef = wins, nil, nil, make([]float64, k)
	v.logBest, v.best = make([]float64, k), make([]float64, k)
	score := make([]float64, k)
	for i := range k {
		row := wins[i*k : i*k+k]
		v.WinsAgainstRef[i], score[i] = floats.Dot(row, v.Ref), floats.Sum(row)
		beaten := 0
		for _, p := range row {
			if p > 0.5 {
				beaten++
			}
		}
		if beaten == k-1 && !unknown {
			v.Condorcet = []int{i}
		}
	}
	for i, s := range score {
		if !unknown && s >= floats.Max(score)*(1-TieTolerance) {
			v.Borda = append(v.Borda, i)
		}
	}
}

// DualityGap is one of OfGames, of plans in which some loss plays.
var DualityGap = Metric{
	Name: "duality_gap", Source: "Munos et al. 2023, arXiv 2312.00886; Zhou et al. 2025, arXiv 2503.08942",
	Summary: "Duality gap of pi in the game of the win rates in which each player pays lambda, the run's, times the KL to the frozen reference: " +
		"what a best response gains less what pi gains from it, 0 only at the equilibrium.",
	// The best response b is in proportion to pi_ref exp(P pi/lambda), and b gains over pi as much as pi loses to it: with V(p, q) =
	// p'Pq - lambda KL(p to pi_ref) + lambda KL(q to pi_ref) the gap V(b, pi) - V(pi, b) comes to 2 lambda KL(pi to b), since pi'P pi
	// is 1/2. That is not negative by rounding, and keeps its digits as it falls to 0.
	Value: func(v *View) float64 {
		if v.Wins == nil || !(v.Lambda > 0) {
			return math.NaN()
		}
		return 2 * v.Lambda * kl(v.LogPi, v.logBest, v.Pi, v.best)
	},
}

// respond computes the best response to the policy in the regularized game.
func (v *View) respond() {
	k := len(v.Pi)
	for i := range k {
		v.logBest[i] = v.LogStart[i] + (floats.Dot(v.Wins[i*k:i*k+k], v.Pi)-0.5)/v.Lambda
	}
	logspace.LogSoftmax(v.logBest, v.logBest)
	logspace.Exp(v.best, v.logBest)
}

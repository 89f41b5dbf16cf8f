package metrics

import (
	"math"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/logspace"
)

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

package language

import (
	"math"

	"windtunnel/toy/train"
)

// Record is a moment of training, with the measures of the step's batch before its update. At step 0 and where a step has
// none of them they are NaN: Comparisons where it is not of pairs, Draws where nothing is drawn.
type Record struct {
	train.Record
	Comparisons
	Draws
}

// Draws are means over continuations that the policy drew.
type Draws struct {
	Reward float64
	KL     float64 // of log pi - log pi_ref, nats: an estimate of KL(pi to pi_ref)
	Tokens float64 // length, with the token that ended it
}

func noDraws() Draws { return Draws{math.NaN(), math.NaN(), math.NaN()} }

func noComparisons() Comparisons {
	nan := math.NaN()
	return Comparisons{0, nan, nan, nan, nan, nan, nan, nan, nan, nan}
}

// Comparisons are means over pairs by their weights, with the meanings of the metrics of the same names: log-probabilities are summed over
// a response's tokens, in nats, and shifts are their changes since the start of training.
type Comparisons struct {
	Pairs                        int
	ChosenLogp, RejectedLogp     float64
	ChosenShift, RejectedShift   float64
	Margin                       float64 // ChosenShift - RejectedShift
	Accuracy                     float64 // share of pairs whose chosen response is the likelier; equal ones count 1/2
	RewardAccuracy               float64 // share whose chosen response's shift is the larger
	ChosenTokens, RejectedTokens float64 // mean lengths
}

// compare averages, by the pairs' weights, what the policy and the network at the start say of pairs; tokens are the lengths, 0 for a
// response that a pair does not have, which is left out. What compares two responses is NaN of single ones.
func compare(policy, start, tokens logps, weights []float64) Comparisons {
	var c Comparisons
	c.Pairs = len(policy.chosen)
	var sizes [3]float64 // of chosen, rejected, both
	for i, chosen := range policy.chosen {
		rejected := policy.rejected[i]
		up, down := chosen-start.chosen[i], rejected-start.rejected[i]
		w, some, other := weights[i], tokens.chosen[i] > 0, tokens.rejected[i] > 0
		if some {
			sizes[0] += w
			c.ChosenLogp += w * chosen
			c.ChosenShift += w * up
			c.ChosenTokens += w * tokens.chosen[i]
		}
		if other {
			sizes[1] += w
			c.RejectedLogp += w * rejected
			c.RejectedShift += w * down
			c.RejectedTokens += w * tokens.rejected[i]
		}
		if some && other {
			sizes[2] += w
			c.Margin += w * (up - down)
			c.Accuracy += w * ranks(chosen, rejected)
			c.RewardAccuracy += w * ranks(up, down)
		}
	}
	for i, means := range [][]*float64{{&c.ChosenLogp, &c.ChosenShift, &c.ChosenTokens}, {&c.RejectedLogp, &c.RejectedShift, &c.RejectedTokens},
		{&c.Margin, &c.Accuracy, &c.RewardAccuracy}} {
		for _, v := range means {
			*v /= sizes[i]
		}
	}
	return c
}

// ranks returns 1 if a > b, 1/2 if they are equal and 0 otherwise.
func ranks(a, b float64) float64 {
	switch {
	case a > b:
		return 1
	case a == b:
		return 0.5
	}
	return 0
}

package llama

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"windtunnel/toy/kernel"
)

// Sampling says how tokens are chosen.
type Sampling struct {
	Temperature float64 // the logits are divided by it; 0 takes the largest, the first of equals
	TopP        float64 // in [0, 1]: only the likeliest tokens that together exceed it are drawn (Holtzman et al. 2020); 0 and 1 mean all
	Tokens      int     // most tokens to generate, at least 0
}

func (s Sampling) check() error {
	switch {
	case !(s.Temperature >= 0) || math.IsInf(s.Temperature, 0):
		return fmt.Errorf("temperature is %v, allowed is a finite number from 0", s.Temperature)
	case !(s.TopP >= 0 && s.TopP <= 1):
		return fmt.Errorf("top-p is %v, allowed is 0 to 1", s.TopP)
	case s.Tokens < 0:
		return fmt.Errorf("tokens is %d, allowed is 0 or more", s.Tokens)
	}
	return nil
}

// candidate is a token that may be drawn.
type candidate struct {
	id   int32
	prob float64
}

// sample draws a token for a number coin in [0, 1).
func (g *Generator[T]) sample(s Sampling, coin float64) int32 {
	copy(g.probs, g.logits)
	// The largest is taken off first, so that no temperature gives infinities.
	top := g.probs[largest(g.probs)]
	for i, v := range g.probs {
		g.probs[i] = T(float64(v-top) / s.Temperature)
	}
	kernel.Softmax(g.probs)
	g.candidates = g.candidates[:0]
	nucleus := s.TopP > 0 && s.TopP < 1
	// Tokens below this make up less than 1-TopP together, so the others suffice.
	least := 0.
	if nucleus {
		least = (1 - s.TopP) / float64(len(g.probs))
	}
	for id, p := range g.probs {
		if p > 0 && float64(p) >= least {
			g.candidates = append(g.candidates, candidate{int32(id), float64(p)})
		}
	}
	if nucleus {
		slices.SortFunc(g.candidates, func(a, b candidate) int { return cmp.Or(cmp.Compare(b.prob, a.prob), cmp.Compare(a.id, b.id)) })
		g.candidates = g.candidates[:nucleusSize(g.candidates, s.TopP)]
	}
	return draw(g.candidates, coin)
}

// nucleusSize is the number of the first candidates that together exceed p.
func nucleusSize(candidates []candidate, p float64) int {
	sum := 0.
	for i, c := range candidates {
		if sum += c.prob; sum > p {
			return i + 1
		}
	}
	return len(candidates)
}

// draw returns the candidate at which the cumulated probability passes coin times their sum.
func draw(candidates []candidate, coin float64) int32 {
	sum := 0.
	for _, c := range candidates {
		sum += c.prob
	}
	rest := coin * sum
	for _, c := range candidates {
		if rest -= c.prob; rest < 0 {
			return c.id
		}
	}
	return candidates[len(candidates)-1].id
}

// largest returns the index of the largest element, the first of equals.
func largest[T kernel.Float](x []T) int32 {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return int32(best)
}

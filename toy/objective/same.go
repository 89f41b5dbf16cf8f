package objective

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/logspace"
)

// sameTolerance is how far apart two gradients may be for rounding, relative to what is added up in them.
const sameTolerance = 1e-9

// Same says whether two objectives are one in a bandit, where every response is one token: on all the policies of a fixed list
// of prompts, compared in full, their gradients by the logits are the same up to one positive factor, a's over b's. dpo-norm,
// ld-dpo and r-dpo are dpo there, by what they compute and not by their names. Two constants are the same, with factor 1.
func Same(a, b *Objective) (factor float64, same bool) {
	switch {
	case (a.Moving == nil) != (b.Moving == nil) || a.Moving != nil && *a.Moving != *b.Moving,
		(a.Sampled == nil) != (b.Sampled == nil) || a.Sampled != nil && *a.Sampled != *b.Sampled, a.Advances() != b.Advances():
		return 0, false
	}
	for _, p := range probes() {
		ga, sizeA := a.logitGrad(p)
		gb, sizeB := b.logitGrad(p)
		most := 0
		for k, v := range gb {
			if math.Abs(v) > math.Abs(gb[most]) {
				most = k
			}
		}
		if math.Abs(gb[most]) > sameTolerance*sizeB {
			here := ga[most] / gb[most]
			if factor == 0 {
				factor = here
			}
			if !(here > 0) || math.Abs(here-factor) > sameTolerance*factor {
				return 0, false
			}
		}
		for k, v := range ga {
			if !(math.Abs(v-factor*gb[k]) <= sameTolerance*(sizeA+factor*sizeB)) {
				return 0, false
			}
		}
	}
	if factor == 0 {
		factor = 1
	}
	return factor, true
}

// ReadsRewards says whether an objective reads the rewards of single responses (pi_star), and the reward gaps of comparisons: whether its
// derivatives are lost where these are.
func (o *Objective) ReadsRewards() (rewards, gaps bool) {
	lost := func(g []float64, _ float64) bool { return slices.ContainsFunc(g, math.IsNaN) }
	for _, p := range probes() {
		unknown := slices.Repeat([]float64{math.NaN()}, len(p.Gap))
		q := *p
		q.LogStar = unknown[:len(p.LogStar)]
		rewards = rewards || lost(o.FreeGrad(&q))
		q = *p
		q.Gap = unknown
		gaps = gaps || lost(o.FreeGrad(&q))
	}
	return rewards, gaps
}

// logitGrad is the gradient on a prompt by its logits, with the sizes of what is added up.
func (o *Objective) logitGrad(p *Prompt) (g []float64, size float64) {
	g, size = o.FreeGrad(p)
	sum := 0.0
	for _, v := range g {
		sum += v
	}
	floats.AddScaled(g, -sum, p.Pi)
	return g, size
}

// probes are prompts of four responses, no two alike, all pairs compared both ways, at policies near the reference and far.
func probes() []*Prompt {
	var all []*Prompt
	for i := range 6 {
		p := &Prompt{DistWeight: 1}
		distribution := func(phase, spread float64) (log, probability []float64) {
			log, probability = make([]float64, 4), make([]float64, 4)
			for k := range log {
				log[k] = spread * math.Sin(phase+2.3*float64(k*k)+float64(i))
			}
			logspace.Softmax(log, probability, log)
			return log, probability
		}
		p.LogRef, p.Ref = distribution(0.3, 0.9)
		p.LogStar, _ = distribution(1.9, 1.4)
		p.LogPi, p.Pi = distribution(4.1, 0.5*float64(i)*float64(i))
		p.Logits = p.LogPi
		index := Dispersion(p.Ref, p.LogRef)
		for at := range 16 {
			p.Wins = append(p.Wins, logspace.Sigmoid(p.LogStar[at/4]-p.LogStar[at%4]+math.Sin(float64(at/4-at%4))))
		}
		for c := range 4 {
			for r := range 4 {
				if c != r {
					p.Chosen, p.Rejected = append(p.Chosen, c), append(p.Rejected, r)
					p.Weight = append(p.Weight, logspace.Sigmoid(p.LogStar[c]-p.LogStar[r])/6)
					p.Gap, p.Dispersion = append(p.Gap, p.LogStar[c]-p.LogStar[r]), append(p.Dispersion, index)
				}
			}
		}
		all = append(all, p)
	}
	return all
}

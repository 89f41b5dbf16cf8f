package train

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// DrawReference draws the responses of the objective's Sampled term from the frozen reference, N for every prompt. It is
// called once, before a minibatch is made. The i-th response of every prompt is drawn before the next of any, so that
// with one source a larger N adds to those of a smaller one.
func (p *Problem) DrawReference(rng *rand.Rand) {
	var prompts []distuv.Categorical
	for i := range p.reference {
		prompts = append(prompts, distuv.NewCategorical(p.reference[i].Ref, rng))
	}
	p.drawn = make([][]int, len(prompts))
	for range p.Objective.Sampled.N {
		for i := range prompts {
			p.drawn[i] = append(p.drawn[i], int(prompts[i].Rand()))
		}
	}
}

// addDrawn puts the responses drawn for the last of m's prompts among its items, before those of another prompt.
func (b *batcher) addDrawn(m *Minibatch) {
	last := len(m.prompts) - 1
	if b.problem.Objective.Sampled == nil || last < 0 {
		return
	}
	drawn := b.problem.drawn[m.prompts[last]]
	for _, response := range drawn {
		m.drawn = append(m.drawn, b.item(m, m.prompts[last], response))
		m.drawnWeight = append(m.drawnWeight, m.promptWeight[last]/float64(len(drawn)))
	}
}

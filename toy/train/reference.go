package train

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"

	"windtunnel/toy/logspace"
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

// advance does what an objective asks for between steps: it hands the minibatch of the coming step to terms that carry a
// statistic along.
func (p *Problem) advance(m *Minibatch) {
	if p.carries {
		p.forward(m)
		p.Objective.Advance(&m.Batch)
	}
}

// moveReference moves the reference: log pi_ref becomes alpha log pi + (1-alpha) log pi_ref, normalized (TR-DPO, arXiv
// 2404.09656, for a policy whose logits are linear in its parameters).
func (p *Problem) moveReference(alpha float64) {
	for prompt := range p.reference {
		d := &p.reference[prompt]
		p.Policy.Logits(prompt, p.logits)
		logspace.LogSoftmax(p.logits, p.logits)
		for k, v := range p.logits {
			d.LogRef[k] = alpha*v + (1-alpha)*d.LogRef[k]
		}
		logspace.Softmax(d.LogRef, d.Ref, d.LogRef)
	}
	p.version++
}

// refresh copies the reference that has moved into a minibatch's columns.
func (p *Problem) refresh(m *Minibatch) {
	for i := range m.chosen {
		m.RefChosen[i] = p.logRef(m, m.chosen[i])
		m.RefRejected[i] = p.logRef(m, m.rejected[i])
	}
	m.reference = p.version
}

// logRef returns log pi_ref of one of a minibatch's responses, 0 for an absent one.
func (p *Problem) logRef(m *Minibatch, position int32) float64 {
	if int(position) == len(m.items) {
		return 0
	}
	item := m.items[position]
	return p.reference[item.Prompt].LogRef[item.Response]
}

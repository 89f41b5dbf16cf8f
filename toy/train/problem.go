// Package train moves a policy's parameters down a loss: minibatches, gradients, optimizers, schedules, clipping,
// constraints and the loop around them. It prints nothing and opens no file.
package train

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat/distuv"

	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
)

// Problem computes the loss of a policy on minibatches and its gradient. It keeps scratch and serves one goroutine.
//
// On a minibatch with weights w_i (summing to 1) the loss is the sum of w_i times the objective's pair terms, plus for
// each prompt the weight of its comparisons times the distribution terms, plus L2 times the sum of squared parameters.
type Problem struct {
	Policy    policy.Policy
	Objective *objective.Objective
	L2        float64 // alpha of the penalty alpha * sum(theta^2), [0, inf)

	difference    bool // raw scores suffice
	scored        bool // the policy's scores suffice: raw ones, or log-probabilities
	env           *bandit.Env
	drawn         [][]int // by prompt: responses drawn from the reference, see DrawReference
	reference     []objective.Dist
	version       int       // how often the reference has moved
	carries       bool      // a term carries a statistic from step to step
	itemized      bool      // a term reads comparisons one by one
	aligned       bool      // a term reads how concentrated the policy is
	rewarded      bool      // a term reads the rewards of single responses
	dispersion    []float64 // by prompt: MallowsPO's index, -log(H(pi_ref)/log K)
	grad          objective.Grad
	score, dScore []float64
	logits, dLogP []float64
	held          []float64  // see hold
	curvature     *curvature // nil before it is needed
}

// NewProblem returns the problem of training a policy by an objective in an environment.
func NewProblem(env *bandit.Env, pol policy.Policy, obj *objective.Objective, l2 float64) *Problem {
	k := env.Responses()
	p := &Problem{Policy: pol, Objective: obj, L2: l2, env: env, difference: obj.DifferenceOnly(),
		carries: obj.Advances(), aligned: obj.Aligned(), rewarded: obj.Rewarded(), itemized: obj.Itemized(), logits: make([]float64, k), dLogP: make([]float64, k)}
	for i := range env.Prompts {
		ref := env.Prompts[i].LogReference()
		d := objective.Dist{LogRef: ref, Ref: make([]float64, k), LogStar: env.Prompts[i].LogStar,
			LogPi: make([]float64, k), Pi: make([]float64, k)}
		logspace.Exp(d.Ref, ref)
		if obj.Plays() {
			d.Wins = env.WinRates(i)
		}
		p.reference = append(p.reference, d)
		p.dispersion = append(p.dispersion, objective.Dispersion(d.Ref, d.LogRef))
	}
	p.scored = p.difference || p.scoresAreLogps()
	return p
}

// scoresAreLogps says whether nothing but the log-probabilities of single responses is needed, and the policy's scores
// are such: then a step costs O(n) whatever the number of responses.
func (p *Problem) scoresAreLogps() bool {
	normalized, ok := p.Policy.(policy.Normalized)
	return ok && normalized.Normalized() && !p.Objective.WholePolicy() && !p.aligned
}

// Loss returns the loss on a minibatch.
func (p *Problem) Loss(m *Minibatch) float64 {
	p.forward(m)
	loss := p.Objective.Loss(&m.Batch)
	if p.L2 > 0 {
		for _, v := range p.Policy.Params() {
			loss += p.L2 * v * v
		}
	}
	return loss
}

// AddGrad adds the gradient of the loss on a minibatch to grad.
func (p *Problem) AddGrad(m *Minibatch, grad []float64) {
	p.addGrad(m, grad)
	p.addPenalty(grad)
}

func (p *Problem) addPenalty(grad []float64) {
	if p.L2 > 0 {
		floats.AddScaled(grad, 2*p.L2, p.Policy.Params())
	}
}

// addGrad adds the gradient without the penalty's.
func (p *Problem) addGrad(m *Minibatch, grad []float64) {
	p.forward(m)
	p.grad.Chosen, p.grad.Rejected = zeros(p.grad.Chosen, len(m.chosen)), zeros(p.grad.Rejected, len(m.chosen))
	p.grad.Drawn = zeros(p.grad.Drawn, len(m.drawn))
	p.Objective.Grad(&m.Batch, &p.grad)
	p.dScore = zeros(p.dScore, len(m.items)+1)
	dScore := p.dScore // the last is for absent sides
	for i, w := range m.chosen {
		dScore[w] += p.grad.Chosen[i]
		dScore[m.rejected[i]] += p.grad.Rejected[i]
	}
	for i, at := range m.drawn {
		dScore[at] += p.grad.Drawn[i]
	}
	dScore = dScore[:len(m.items)]
	if p.scored {
		p.Policy.AddScoreGrad(m.items, dScore, grad)
	} else {
		p.backwardLogits(m, dScore, grad)
	}
}

// forward evaluates the policy on the minibatch: raw scores where differences suffice, else log-probabilities.
func (p *Problem) forward(m *Minibatch) {
	p.score = sized(p.score, len(m.items)+1)
	if m.reference != p.version {
		p.refresh(m)
	}
	score := p.score
	score[len(m.items)] = 0
	if p.scored {
		p.Policy.Scores(m.items, score[:len(m.items)])
	} else {
		for _, prompt := range m.Prompts {
			p.Policy.Logits(prompt, p.logits)
			d := &p.reference[prompt]
			logspace.Softmax(d.LogPi, d.Pi, p.logits)
		}
		for i, item := range m.items {
			score[i] = p.reference[item.Prompt].LogPi[item.Response]
		}
	}
	for i, w := range m.chosen {
		m.Chosen[i] = score[w]
		m.Rejected[i] = score[m.rejected[i]]
	}
	for i, at := range m.drawn {
		m.Drawn[i] = score[at]
	}
	if p.aligned {
		p.align(m)
	}
}

// align fills in how concentrated the policy is on each comparison's prompt. Unpaired data have no such losses.
func (p *Problem) align(m *Minibatch) {
	m.Collision, m.Peak = m.Collision[:0], m.Peak[:0]
	last, collision, peak := -1, 0.0, 0.0
	for _, w := range m.chosen {
		if prompt := m.items[w].Prompt; prompt != last {
			last = prompt
			collision, peak = objective.Concentration(p.reference[prompt].LogPi)
		}
		m.Collision, m.Peak = append(m.Collision, collision), append(m.Peak, peak)
	}
}

// backwardLogits carries derivatives by log-probabilities through each prompt's softmax: with G the derivative by log
// pi, the derivative by the logits is G - pi sum(G).
func (p *Problem) backwardLogits(m *Minibatch, dScore, grad []float64) {
	for i, prompt := range m.Prompts {
		g, d := p.dLogP, &p.reference[prompt]
		clear(g)
		for j, item := range m.items[m.itemStart[i]:m.itemStart[i+1]] {
			g[item.Response] += dScore[m.itemStart[i]+j]
		}
		p.Objective.DistGrad(d, m.PromptWeight[i], g)
		sum := 0.0
		for _, v := range g {
			sum += v
		}
		floats.AddScaled(g, -sum, d.Pi)
		p.Policy.AddLogitGrad(prompt, g, grad)
	}
}

// gap returns the reward of the chosen response less that of the rejected one; an absent one has none.
func (p *Problem) gap(prompt, chosen, rejected int) float64 {
	if star := p.reference[prompt].LogStar; chosen == preference.Absent || rejected == preference.Absent {
		return at(star, chosen) - at(star, rejected)
	}
	return p.env.Gap(prompt, chosen, rejected)
}

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

// moveReference moves the reference (TR-DPO, arXiv 2404.09656, for a policy whose logits are linear in its parameters).
func (p *Problem) moveReference(alpha float64) {
	for prompt := range p.reference {
		d := &p.reference[prompt]
		p.Policy.Logits(prompt, p.logits)
		logspace.LogSoftmax(p.logits, p.logits)
		(&objective.Moving{Alpha: alpha}).Move(d.LogRef, d.Ref, p.logits)
	}
	p.version++
}

func (p *Problem) rebase() {
	for prompt := range p.reference {
		d := &p.reference[prompt]
		p.Policy.Logits(prompt, p.logits)
		logspace.Softmax(d.LogRef, d.Ref, p.logits)
		p.dispersion[prompt] = objective.Dispersion(d.Ref, d.LogRef)
	}
	p.version++
}

// Policies returns the policy's log-probabilities at every prompt.
func (p *Problem) Policies() [][]float64 {
	all := make([][]float64, len(p.reference))
	for prompt := range all {
		all[prompt] = make([]float64, len(p.logits))
		p.Policy.Logits(prompt, all[prompt])
		logspace.LogSoftmax(all[prompt], all[prompt])
	}
	return all
}

// hold makes the policy as it is the one that terms hold back from differentiation, or where not on the policy as it will be. It
// says whether some term plays against an opponent, for which this makes a difference.
func (p *Problem) hold(on bool) bool {
	for prompt := range p.reference {
		d := &p.reference[prompt]
		if d.LogHeld, d.Held = nil, nil; on {
			if p.held == nil {
				p.held = make([]float64, 2*len(p.reference)*len(p.logits))
			}
			k := len(p.logits)
			d.LogHeld, d.Held = p.held[2*prompt*k:][:k], p.held[(2*prompt+1)*k:][:k]
			p.Policy.Logits(prompt, p.logits)
			logspace.Softmax(d.LogHeld, d.Held, p.logits)
		}
	}
	return p.Objective.Plays()
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

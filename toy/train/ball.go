package train

import (
	"slices"

	"windtunnel/toy/logspace"
	"windtunnel/toy/policy"
)

// ball projects a policy onto {pi: KL(pi to pi_ref) <= radius}. Among the policies of the ball the one nearest in
// KL(. to pi) lies on the geodesic between pi_ref and pi, so the projection scales the logits' distance from the
// start. Parameters that several prompts share are scaled by one factor, the smallest that any of the prompts needs.
type ball struct {
	problem *Problem
	radius  float64
	start   []float64
	blocks  []policy.Block
	trial   []float64
}

func newBall(p *Problem, radius float64) *ball {
	b := &ball{problem: p, radius: radius, start: slices.Clone(p.Policy.Params())}
	b.blocks = []policy.Block{{Prompts: upTo(p.Policy.Prompts()), Dim: len(b.start)}}
	if affine, ok := p.Policy.(policy.Affine); ok {
		b.blocks = affine.Blocks()
	}
	b.trial = make([]float64, len(b.start))
	return b
}

func (b *ball) project() {
	params := b.problem.Policy.Params()
	for i := range b.blocks {
		block := &b.blocks[i]
		theta, start := params[block.Offset:block.Offset+block.Dim], b.start[block.Offset:block.Offset+block.Dim]
		if b.distance(block) <= b.radius {
			continue
		}
		full := b.trial[:block.Dim]
		copy(full, theta)
		scaleTo(theta, start, full, b.largest(block, theta, start, full))
	}
}

// largest bisects for the largest factor, in [0, 1], that stays in the ball; the distance grows with the factor.
func (b *ball) largest(block *policy.Block, theta, start, full []float64) float64 {
	low, high := 0.0, 1.0
	for {
		mid := (low + high) / 2
		if mid <= low || mid >= high {
			return low
		}
		scaleTo(theta, start, full, mid)
		if b.distance(block) <= b.radius {
			low = mid
		} else {
			high = mid
		}
	}
}

// scaleTo sets theta to start + factor (full - start).
func scaleTo(theta, start, full []float64, factor float64) {
	for i := range theta {
		theta[i] = start[i] + factor*(full[i]-start[i])
	}
}

// distance returns the largest KL(pi to pi_ref) over the block's prompts, in nats.
func (b *ball) distance(block *policy.Block) float64 {
	far := 0.0
	for _, prompt := range block.Prompts {
		d := &b.problem.reference[prompt]
		b.problem.Policy.Logits(prompt, b.problem.logits)
		logspace.Softmax(d.LogPi, d.Pi, b.problem.logits)
		kl := 0.0
		for k, pi := range d.Pi {
			kl += pi * (d.LogPi[k] - d.LogRef[k])
		}
		far = max(far, kl)
	}
	return far
}

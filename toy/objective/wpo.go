package objective

import (
	"math"

	"windtunnel/toy/registry"
)

// WPO holds the parameters of weighted preference optimization: DPO with each comparison weighted by how likely the policy
// is to produce it, w = exp(log pi(y_w)/n_w + log pi(y_l)/n_l), held back from differentiation (Zhou et al., arXiv
// 2406.11827, without the alignment of weights by token entropy).
type WPO struct {
	Lambda float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
}

// Objective returns the loss.
func (p *WPO) Objective() *Objective {
	return onPairs(&reweighted{margin: Margin{Lambda: p.Lambda, Factor: 1, Outer: Logistic{}}})
}

// reweighted is a margin loss whose comparisons are weighted by the policy's own probabilities, or by fixed ones.
type reweighted struct {
	margin Margin
	batch  Batch // with the new weights
	weight []float64
	fixed  []float64 // nil: the policy's
}

// DifferenceOnly is false: the weights need probabilities.
func (*reweighted) DifferenceOnly() bool { return false }

// PerToken is true.
func (*reweighted) PerToken() bool { return true }

// Structure is that of the margin loss, with its weights, which are positive, held.
func (r *reweighted) Structure() (Structure, bool) {
	s, known := r.margin.Structure()
	s.Held, s.Symmetric = true, true
	return s, known
}

// Loss returns the margin loss with the new weights.
func (r *reweighted) Loss(b *Batch) float64 { return r.margin.Loss(r.weigh(b)) }

// Grad adds scale times the gradient with the weights held.
func (r *reweighted) Grad(b *Batch, scale float64, g *Grad) { r.margin.Grad(r.weigh(b), scale, g) }

// Freeze returns the loss with the weights that it has on b.
func (r *reweighted) Freeze(b *Batch) PairTerm {
	held := &reweighted{margin: r.margin, fixed: append([]float64(nil), r.likelihoods(b)...)}
	held.margin.margin, held.margin.slope, held.margin.curve = nil, nil, nil
	return held
}

func (r *reweighted) likelihoods(b *Batch) []float64 {
	if r.fixed != nil {
		return r.fixed
	}
	n := len(b.Chosen)
	if cap(r.weight) < n {
		r.weight = make([]float64, n)
	}
	r.weight = r.weight[:n]
	for i := range n {
		chosen, rejected := b.Chosen[i], b.Rejected[i]
		if b.ChosenTokens != nil {
			chosen, rejected = chosen/b.ChosenTokens[i], rejected/b.RejectedTokens[i]
		}
		r.weight[i] = math.Exp(chosen + rejected)
	}
	return r.weight
}

func (r *reweighted) weigh(b *Batch) *Batch {
	n := len(b.Chosen)
	likelihoods := r.likelihoods(b)
	if cap(r.batch.Weight) < n {
		r.batch.Weight = make([]float64, n)
	}
	weight := r.batch.Weight[:n]
	r.batch = *b
	r.batch.Weight = weight
	for i, w := range b.Weight {
		weight[i] = w * likelihoods[i]
	}
	return &r.batch
}

var wpoKind = registry.Kind[Params]{
	Name:    "wpo",
	Summary: "DPO with comparisons weighted by the policy's likelihood of them, detached",
	Source:  "Zhou et al. 2024, arXiv 2406.11827",
	New:     func() Params { return &WPO{Lambda: defaultLambda} },
}

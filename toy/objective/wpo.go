package objective

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// WPO holds the parameters of weighted preference optimization: DPO with each comparison weighted by how likely the policy
// is to produce it, held back from differentiation (Zhou et al., arXiv 2406.11827),
//
//	w = exp((log pi(y_w) - a)/n_w + (log pi(y_l) - a)/n_l)
//
// The alignment a makes the weights of responses that the policy draws itself alike, whether it is sure of itself or not:
// 0 without alignment; sampled, the log of the sum of pi^2, which is the mean of pi under pi, with w at most 1 as in the
// code published with the paper and in TRL; greedy, the log of the largest pi. The paper takes a token by token; in a bandit
// a response is one token, and the prompt's policy is the token's.
type WPO struct {
	Lambda    float64 `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"regularization strength, DPO's beta"`
	Alignment string  `yaml:"alignment" oneof:"sampled,greedy,none" doc:"what weights are measured from: nothing, the mean or the largest probability of the policy"`
}

// Objective returns the loss. An empty Alignment is sampled.
func (p *WPO) Objective() *Objective {
	return OnPairs(reweigh(func() PairTerm { return &Margin{Lambda: p.Lambda, Factor: 1, Outer: Logistic{}} },
		oneOf("alignment", p.Alignment, "sampled", "greedy", "none")))
}

// reweighted is a loss whose comparisons are weighted by the policy's own probabilities, or by fixed ones.
type reweighted struct {
	term      PairTerm
	fresh     func() PairTerm // the term with scratch of its own
	alignment string
	batch     Batch // with the new weights
	weight    []float64
	fixed     []float64 // nil: the policy's
}

var _, _, _ = Detached(new(reweighted)), Structured(new(reweighted)), perToken(new(reweighted))

func reweigh(fresh func() PairTerm, alignment string) *reweighted {
	return &reweighted{term: fresh(), fresh: fresh, alignment: alignment}
}

// inBandit returns the terms that the weighted loss is a sum of.
func (r *reweighted) inBandit() []PairTerm {
	terms := func() []PairTerm {
		if b, ok := r.fresh().(interface{ inBandit() []PairTerm }); ok {
			return b.inBandit()
		}
		return nil
	}
	var all []PairTerm
	for i := range terms() {
		all = append(all, reweigh(func() PairTerm { return terms()[i] }, r.alignment))
	}
	return all
}

// DifferenceOnly is false: the weights need probabilities.
func (*reweighted) DifferenceOnly() bool { return false }

func (*reweighted) PerToken() bool { return true }

// Structure is that of the loss, with its weights, which are positive, held.
func (r *reweighted) Structure() (Structure, bool) {
	inner, structured := r.term.(Structured)
	if !structured {
		return Structure{}, false
	}
	s, known := inner.Structure()
	s.Held, s.Symmetric = true, true
	return s, known
}

func (r *reweighted) Loss(b *Batch) float64 { return r.term.Loss(r.weigh(b)) }

func (r *reweighted) Grad(b *Batch, scale float64, g *Grad) { r.term.Grad(r.weigh(b), scale, g) }

func (r *reweighted) Freeze(b *Batch) PairTerm {
	held := reweigh(r.fresh, "none")
	held.fixed = append([]float64(nil), r.likelihoods(b)...)
	if d, ok := held.term.(Detached); ok {
		held.term = d.Freeze(r.weigh(b))
	}
	return held
}

func (r *reweighted) likelihoods(b *Batch) []float64 {
	if r.fixed != nil {
		return r.fixed
	}
	n := len(b.Chosen)
	r.weight = sized(r.weight, n)
	base, most := r.measure(b)
	for i := range n {
		chosen, rejected := b.Chosen[i], b.Rejected[i]
		if base != nil {
			chosen, rejected = chosen-base[i], rejected-base[i]
		}
		if b.ChosenTokens != nil {
			chosen, rejected = chosen/b.ChosenTokens[i], rejected/b.RejectedTokens[i]
		}
		r.weight[i] = math.Exp(min(chosen+rejected, most))
	}
	return r.weight
}

// measure returns what log-probabilities are measured from, nil for 0, and the largest log-weight.
func (r *reweighted) measure(b *Batch) (base []float64, most float64) {
	switch r.alignment {
	case "sampled":
		return b.Collision, 0
	case "greedy":
		return b.Peak, math.Inf(1)
	}
	return nil, math.Inf(1)
}

func (r *reweighted) weigh(b *Batch) *Batch {
	weight := sized(r.batch.Weight, len(b.Weight))
	r.batch = *b
	r.batch.Weight = floats.MulTo(weight, b.Weight, r.likelihoods(b))
	return &r.batch
}

// Concentration returns the logs of the sum of squares and of the largest of probabilities whose logs are given: both 0
// for a policy that is sure, -log K for a uniform one.
func Concentration(logPi []float64) (collision, peak float64) {
	peak = slices.Max(logPi)
	sum := 0.0
	for _, v := range logPi {
		sum += math.Exp(2 * (v - peak))
	}
	return 2*peak + math.Log(sum), peak
}

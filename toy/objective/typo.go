package objective

import (
	"fmt"
	"strconv"

	"windtunnel/toy/registry"
)

// TYPO holds the parameters of the paper's compositional loss (arXiv 2407.09072; EXPO in arXiv 2506.07492):
// -log sigmoid(log pi(y_w) - log pi(y_l)) + lambda KL(pi_ref to pi). The reference regularizes through the
// unsupervised second term alone, which ReferenceSamples estimates where responses cannot be enumerated: up to a
// constant by lambda times the mean of -log pi over samples of pi_ref.
type TYPO struct {
	Lambda           float64          `yaml:"lambda" alias:"beta" range:"[1e-100,1e100]" doc:"weight of KL(pi_ref to pi)"`
	KLReduction      string           `yaml:"kl_reduction" oneof:"sum,mean" doc:"sum is the true KL over the K responses; mean divides it by K, as the published code does; only with reference_samples: exact"`
	ReferenceSamples ReferenceSamples `yaml:"reference_samples" doc:"exact: the KL over all K responses; a whole number N: minus the mean log-probability of N responses a prompt, drawn from pi_ref once; pair: that of the two compared responses"`
}

// Objective returns the two terms.
func (p *TYPO) Objective() *Objective {
	o := (&BradleyTerry{}).Objective()
	switch {
	case p.ReferenceSamples.pair:
		return o.And(p.Lambda, OnPairs(pairEntropy()))
	case p.ReferenceSamples.n > 0:
		return o.And(p.Lambda, &Objective{Sampled: &Sampled{Weight: 1, N: p.ReferenceSamples.n}})
	}
	return o.And(p.Lambda, (&KLRefPi{Reduction: p.KLReduction}).Objective())
}

// Random says whether responses are drawn from the reference.
func (p *TYPO) Random() bool { return p.ReferenceSamples.n > 0 }

// Check refuses a reduction that only the exact term has.
func (p *TYPO) Check() []registry.Problem {
	if p.KLReduction == "mean" && p.ReferenceSamples != (ReferenceSamples{}) {
		return []registry.Problem{{Key: "kl_reduction", Wrong: "is mean, but samples are averaged over themselves",
			Allowed: "sum, or reference_samples: exact"}}
	}
	return nil
}

// BradleyTerry is the likelihood of comparisons under the policy's own preferences, -log sigmoid(log pi(y_w) - log
// pi(y_l)), without reference: TYPO's supervised term.
type BradleyTerry struct{}

// Objective returns the term.
func (*BradleyTerry) Objective() *Objective {
	return OnPairs(&Margin{Lambda: 1, Factor: 1, Outer: Logistic{}, ReferenceFree: true})
}

// ReferenceSamples says how a loss has KL(pi_ref to pi): exactly (the zero value), from the responses of the comparisons
// themselves, or from N responses a prompt drawn from pi_ref.
type ReferenceSamples struct {
	n    int // responses drawn a prompt; 0 for none
	pair bool
}

// PairAsSamples lets the two responses of a comparison stand in for samples of the reference.
func PairAsSamples() ReferenceSamples { return ReferenceSamples{pair: true} }

// DrawnFromReference returns n samples a prompt, at least 1.
func DrawnFromReference(n int) ReferenceSamples { return ReferenceSamples{n: n} }

// mostReferenceSamples bounds the samples of one prompt.
const mostReferenceSamples = 1_000_000

// UnmarshalText reads exact, pair or a whole number of samples.
func (r *ReferenceSamples) UnmarshalText(text []byte) error {
	switch string(text) {
	case "exact":
		*r = ReferenceSamples{}
		return nil
	case "pair":
		*r = PairAsSamples()
		return nil
	}
	v, err := strconv.ParseFloat(string(text), 64) // 1e3 is whole too
	if err != nil || !(v >= 1 && v <= mostReferenceSamples) || v != float64(int(v)) {
		return fmt.Errorf("exact, pair, or a whole number in [1,%d]", mostReferenceSamples)
	}
	*r = DrawnFromReference(int(v))
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (r ReferenceSamples) MarshalText() ([]byte, error) {
	switch {
	case r.pair:
		return []byte("pair"), nil
	case r.n > 0:
		return strconv.AppendInt(nil, int64(r.n), 10), nil
	}
	return []byte("exact"), nil
}

// Random says whether training by a loss depends on random numbers: it draws responses from the reference, or leaves comparisons out.
func Random(p Params) bool {
	r, ok := p.(interface{ Random() bool })
	return ok && r.Random()
}

// pairEntropy is the cross-entropy of a comparison's two responses, each weighing 1/2: -(log pi(y_w) + log pi(y_l))/2.
func pairEntropy() *Sides {
	return &Sides{Lambda: 1, Factor: 0.5, Chosen: Pointwise{At: negative.At}, Rejected: Pointwise{At: negative.At}, ReferenceFree: true}
}

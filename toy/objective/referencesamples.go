package objective

import (
	"fmt"
	"strconv"
)

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

// samplesReference is implemented by parameters of losses that may draw responses from the reference.
type samplesReference interface{ SamplesReference() bool }

// SamplesReference says whether a loss draws responses from the reference, so that it depends on random numbers.
func SamplesReference(p Params) bool {
	s, ok := p.(samplesReference)
	return ok && s.SamplesReference()
}

// minusIdentity is the function -x of one response.
type minusIdentity struct{}

func (minusIdentity) Value(x, dst []float64) {
	for i, v := range x {
		dst[i] = -v
	}
}

func (minusIdentity) Slope(_, dst []float64) {
	for i := range dst {
		dst[i] = -1
	}
}

func (minusIdentity) Curve(_, dst []float64) { clear(dst) }

// pairEntropy is the cross-entropy of a comparison's two responses, each weighing 1/2: -(log pi(y_w) + log pi(y_l))/2.
func pairEntropy() *Sides {
	return &Sides{Lambda: 1, Factor: 0.5, Chosen: minusIdentity{}, Rejected: minusIdentity{}, ReferenceFree: true}
}

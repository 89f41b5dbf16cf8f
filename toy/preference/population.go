package preference

import (
	"math"

	"windtunnel/toy/registry"
)

// Population asks for the exact expectation over all comparisons: no sampling error.
type Population struct{}

// Build returns every ordered pair of distinct responses of every prompt that is not held out, with the weight
// p_star(chosen > rejected) over the number of unordered pairs, K(K-1)/2, and of prompts.
func (*Population) Build(in Input) (*Pairs, error) {
	k, prompts := in.Env.Responses(), in.Env.Training()
	pairs := &Pairs{}
	scale := 1 / (float64(k) * float64(k-1) / 2 * float64(len(prompts)))
	for _, p := range prompts {
		for i := range k {
			for j := range k {
				if i == j {
					continue
				}
				weight := in.Env.Preference(p, i, j)
				if weight == 0 && in.Env.Prompts[p].Wins != nil {
					continue // it never wins
				}
				pairs.add(p, i, j)
				// A probability that underflows is still not 0: the response does win sometimes.
				pairs.Weight = append(pairs.Weight, max(weight*scale, math.SmallestNonzeroFloat64))
			}
		}
	}
	return pairs, nil
}

var populationKind = registry.Kind[Params]{
	Name:    "population",
	Summary: "all comparisons with their exact probabilities, each unordered pair weighing the same",
	Source:  "Hu, He, Wipf 2024, arXiv 2407.09072, population losses",
	New:     func() Params { return &Population{} },
}

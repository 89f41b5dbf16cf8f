package preference

import (
	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/registry"
)

// Extremes asks for one comparison a prompt, of pi_star's best response with its worst.
type Extremes struct{}

// Build returns the comparison of every prompt that is not held out; of equal responses the first is taken.
func (*Extremes) Build(in Input) (*Pairs, error) {
	pairs := &Pairs{}
	for _, p := range in.Env.Training() {
		star := in.Env.Prompts[p].PiStar
		pairs.add(p, floats.MaxIdx(star), floats.MinIdx(star))
	}
	return pairs, nil
}

var extremesKind = registry.Kind[Params]{
	Name:    "extremes",
	Summary: "one comparison a prompt: pi_star's best response over its worst",
	Source:  "this project, after the single pairs of arXiv 2410.08847",
	New:     func() Params { return &Extremes{} },
}

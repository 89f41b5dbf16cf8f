package bandit

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/registry"
)

// Derived holds an environment made from another one: one of its prompts alone, or with a reference that starves the best
// response.
type Derived struct {
	Of     Params  `yaml:"of" required:"true" doc:"the environment that it is made from"`
	Prompt string  `yaml:"prompt,omitempty" doc:"this prompt alone, by name, or first or last; without it all prompts"`
	Starve float64 `yaml:"starve" range:"[0,1)" doc:"probability that pi_ref gives pi_star's best response, the first of equals, the others sharing the rest as before; 0 leaves pi_ref as it is"`
}

func (d *Derived) Build(rng *rand.Rand) (*Env, error) {
	of, err := d.Of.Build(rng)
	if err != nil {
		return nil, err
	}
	if d.Starve > 0 && !of.HasStar() {
		return nil, errors.New("starve takes from pi_star's best response, and there is no pi_star")
	}
	env := &Env{Prompts: slices.Clone(of.Prompts), Sequences: of.Sequences, Fit: of.Fit}
	if d.Prompt != "" {
		at := slices.IndexFunc(env.Prompts, func(p Prompt) bool { return p.Name == d.Prompt })
		switch {
		case at >= 0:
		case d.Prompt == "first":
			at = 0
		case d.Prompt == "last":
			at = len(env.Prompts) - 1
		default:
			return nil, fmt.Errorf("there is no prompt %q to be alone", d.Prompt)
		}
		alone := env.Prompts[at]
		alone.Features = oneHot(0, 1)
		env.Prompts = []Prompt{alone}
	}
	for i := range env.Prompts {
		if p := &env.Prompts[i]; d.Starve > 0 {
			*p = starved(p, d.Starve)
		}
	}
	return env, nil
}

// starved returns a prompt whose reference gives the best response little.
func starved(p *Prompt, little float64) Prompt {
	best := floats.MaxIdx(p.PiStar)
	ref := make([]float64, len(p.PiRef))
	for i, v := range p.PiRef {
		ref[i] = v / (1 - p.PiRef[best]) * (1 - little)
	}
	ref[best] = little
	made := NewPrompt(p.Name, p.PiStar, ref, nil, p.Features)
	made.LogStar, made.Labels, made.Group, made.HeldOut = p.LogStar, p.Labels, p.Group, p.HeldOut
	return made
}

func (d *Derived) Random() bool { return registry.Random(d.Of) }

func (d *Derived) SeedOverride() *int { return registry.Seed(d.Of) }

var derivedKind = registry.Kind[Params]{
	Name:    "derived",
	Summary: "another environment with one prompt alone, or with a reference that gives the best response next to nothing",
	Source:  "this project",
	New:     func() Params { return &Derived{} },
}

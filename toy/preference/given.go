package preference

import (
	"errors"
	"math"
	"slices"

	"windtunnel/toy/bandit"
	"windtunnel/toy/registry"
)

// Given is implemented by preferences that are data, or say with what probability each response wins, and so need no pi_star.
type Given interface {
	Params
	// Wins returns by prompt what bandit.Prompt.Wins holds; nil where pi_star, or the rates among the comparisons, say it.
	Wins(in Input) ([][]float64, error)
}

// GivenBy returns the preferences that say who wins: p itself, or what it draws from; nil where that is the environment's pi_star.
func GivenBy(p Params) Given {
	switch p := p.(type) {
	case *Sample:
		return GivenBy(p.Of)
	case *Online:
		return GivenBy(p.Of)
	case Given:
		return p
	}
	return nil
}

// Drawn is part of preferences that draw by others.
type Drawn struct {
	Of Params `yaml:"of,omitempty" doc:"preferences that are drawn from, or whose win rates labels follow, in place of pi_star: counts, file or matrix"`
}

func (d *Drawn) Files() []registry.File {
	path := PathOf(d.Of)
	if path == "" {
		return nil
	}
	return []registry.File{{Key: "of.path", Path: path}}
}

// Check refuses to draw from what is drawn itself.
func (d *Drawn) Check() []registry.Problem {
	if _, given := d.Of.(Given); d.Of != nil && !given {
		return []registry.Problem{{Key: "of", Wrong: "is drawn itself, or by pi_star", Allowed: "of the kind counts, file or matrix"}}
	}
	return nil
}

// Describe returns the environment as preferences that are given make it, with their comparisons: with their win rates, and where
// pi_star is not known with the rates among the comparisons, or with the Bradley-Terry fit to them. The error says what the
// preferences or the fit lack, as FILE:LINE: or KEY: what is wrong; what is allowed. Of others, and of pairs where pi_star is
// known, the environment stays.
func Describe(p Params, in Input) (*bandit.Env, *Pairs, error) {
	given, known := GivenBy(p), in.Env.HasStar()
	if given == nil {
		if !known {
			return nil, nil, errors.New("preferences: need a pi_star, which the environment has not; give it, or preferences of the kind counts, file or " +
				"matrix, from which sample and online draw by of")
		}
		return in.Env, nil, nil
	}
	if _, pairs := given.(*File); pairs && known {
		return in.Env, nil, nil
	}
	if Params(given) != p {
		in.Key = "of."
	}
	env := *in.Env
	env.Prompts, env.Pairwise = slices.Clone(env.Prompts), true
	wins, err := given.Wins(in)
	if err != nil {
		return nil, nil, err
	}
	pairs, err := given.Build(in)
	if err != nil {
		return nil, nil, err
	}
	if !known && env.Fit && pairs.Unpaired() {
		return nil, nil, errors.New("environment.pi_star: single responses with labels have no Bradley-Terry fit; none")
	}
	for x := range env.Prompts {
		if !known && !env.Fit && wins == nil {
			env.Prompts[x].Wins = pairs.rates(x, env.Responses())
		}
	}
	for x := range wins {
		env.Prompts[x].Wins = wins[x]
	}
	return &env, pairs, drawable(p, &env)
}

// drawable says what preferences that draw cannot draw by.
func drawable(p Params, env *bandit.Env) error {
	unknown := func(x bandit.Prompt) bool { return slices.ContainsFunc(x.Wins, math.IsNaN) }
	s, _ := p.(*Sample)
	o, _ := p.(*Online)
	switch {
	case s != nil && s.Sampling == "pi_star" && !env.HasStar() && !env.Fit:
		return errors.New("preferences.sampling: is pi_star, and there is none; uniform or pi_ref")
	case o != nil && slices.ContainsFunc(env.Prompts, unknown):
		return errors.New("preferences.of: has responses that were never compared, between which no label can be drawn; comparisons of all, or pi_star: bradley-terry")
	case o != nil && o.Sampler != nil && o.Sampler.Reads(ofReward) && !env.HasStar() && !env.Fit:
		return errors.New("preferences.sampler: reads the reward, and there is no pi_star; of: uniform, policy or pi_ref")
	case o != nil && env.Prompts[0].Wins != nil:
		if _, gold := o.Proxy.(*Gold); !gold {
			return errors.New("preferences.proxy: is a reward, and labels follow win rates; gold")
		}
	}
	return nil
}

// rates returns the share of a prompt's comparisons of each two responses that one of them won, K x K row by row, NaN where there
// are none, as of single responses.
func (p *Pairs) rates(prompt, k int) []float64 {
	won, rate := make([]float64, k*k), make([]float64, k*k)
	for i, x := range p.Prompt {
		if x == prompt && !p.Unpaired() {
			won[p.Chosen[i]*k+p.Rejected[i]] += p.WeightOf(i)
		}
	}
	for i := range rate {
		if rate[i] = won[i] / (won[i] + won[i%k*k+i/k]); i/k == i%k {
			rate[i] = 0.5
		}
	}
	return rate
}

package preference

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"windtunnel/toy/gold"
	"windtunnel/toy/registry"
)

// Proxy is the reward that labels of online preferences follow. The gold reward of a bandit is log pi_star.
type Proxy interface {
	// Rewards returns the proxy's reward of every response of every prompt, given the gold one, both prompts x K in nats.
	// It is fixed for the run: rng is a source of its own.
	Rewards(gold [][]float64, rng *rand.Rand) [][]float64
}

// Gold is no proxy: labels follow the gold reward itself.
type Gold struct{}

func (*Gold) Rewards(gold [][]float64, _ *rand.Rand) [][]float64 { return gold }

// Noisy is the gold reward plus an error that every response has once and for all: scale times an independent draw of
// Student's t with the given degrees of freedom. A light-tailed error makes optimization gain less than the proxy says, a
// heavy-tailed one makes it lose what it had gained (Kwa, Thomas, Garriga-Alonso 2024, arXiv 2407.14503).
type Noisy struct {
	Scale   float64 `yaml:"scale" range:"[0,1e6]" doc:"of the error of each response (nats); of a normal one, its standard deviation"`
	Freedom float64 `yaml:"freedom" range:"[0,1e6]" doc:"degrees of freedom of Student's t; less is heavier in the tails; 0 is a normal error"`
}

func (p *Noisy) Rewards(gold [][]float64, rng *rand.Rand) [][]float64 {
	draw := rng.NormFloat64
	if p.Freedom > 0 {
		draw = distuv.StudentsT{Sigma: 1, Nu: p.Freedom, Src: rng}.Rand
	}
	return mapped(gold, func(reward, proxy []float64) {
		for i, r := range reward {
			proxy[i] = r + p.Scale*draw()
		}
	})
}

// Check refuses tails so heavy that a draw may not be finite.
func (p *Noisy) Check() []registry.Problem {
	if p.Freedom > 0 && p.Freedom < 0.5 {
		return []registry.Problem{{Key: "freedom", Wrong: fmt.Sprintf("is %v", p.Freedom), Allowed: "0 for a normal error, or at least 0.5"}}
	}
	return nil
}

// Flipped is the gold reward with its sign turned on a share of each prompt's responses, drawn at random: 2 m - r with m
// the mean of the prompt's rewards. On the others it is right, so that optimization gains until it finds the worst of
// those for which it is wrong.
type Flipped struct {
	Share float64 `yaml:"share" range:"[0,1]" doc:"part of each prompt's responses on which the proxy is turned around, rounded"`
}

func (p *Flipped) Rewards(gold [][]float64, rng *rand.Rand) [][]float64 {
	return mapped(gold, func(reward, proxy []float64) {
		copy(proxy, reward)
		mean := stat.Mean(reward, nil)
		for _, i := range rng.Perm(len(reward))[:int(math.Round(p.Share*float64(len(reward))))] {
			proxy[i] = 2*mean - reward[i]
		}
	})
}

// Texts is another reward of free text, such as one in which length counts: only language models write texts, and for them
// it is read as it is.
type Texts struct {
	Reward gold.Params `yaml:"reward" required:"true" doc:"the reward of a continuation that labels follow"`
}

// Rewards panics: numbered responses have no text. Loading refuses the kind where responses are numbered.
func (p *Texts) Rewards([][]float64, *rand.Rand) [][]float64 {
	panic("preference: a reward of texts among numbered responses")
}

// mapped returns rewards of the same form, made prompt by prompt.
func mapped(gold [][]float64, do func(reward, proxy []float64)) [][]float64 {
	all := make([][]float64, len(gold))
	for i, reward := range gold {
		all[i] = make([]float64, len(reward))
		do(reward, all[i])
	}
	return all
}

// Proxies lists every reward that labels of online preferences can follow, sorted by name.
func Proxies() registry.Table[Proxy] {
	return registry.Table[Proxy]{
		{Name: "flipped", Summary: "the gold reward, turned around on a share of the responses", Source: "this project",
			New: func() Proxy { return &Flipped{Share: 0.1} }},
		{Name: "gold", Summary: "the gold reward itself, log pi_star", Source: "this project", New: func() Proxy { return &Gold{} }},
		{Name: "noisy", Summary: "the gold reward plus an error fixed for each response, normal or of Student's t",
			Source: "Kwa, Thomas, Garriga-Alonso 2024, arXiv 2407.14503", New: func() Proxy { return &Noisy{Scale: 1} }},
		{Name: "texts", Summary: "another reward of free text than the gold one; for language models", Source: "this project",
			New: func() Proxy { return &Texts{} }},
	}
}

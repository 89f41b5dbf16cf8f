package preference

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"windtunnel/toy/logspace"
	"windtunnel/toy/registry"
)

// Sample holds how pairs are drawn. For each prompt, n times: two responses are drawn independently from the sampling
// policy; if they differ, the first wins with probability p_star (Bradley-Terry), and the label is flipped with
// probability label_noise. Equal draws are dropped, so n = 300 leaves about 200 pairs at K = 3. With coverage below 1 a
// random part of the K (K-1) / 2 comparisons is never made, and draws of them are dropped too. The pairs of several prompts
// are shuffled together.
//
// Of a matrix the win rates are its own. Of data n comparisons in all are drawn with replacement, each as often as its weight
// says: a bootstrap sample (Efron 1979).
type Sample struct {
	Drawn       `yaml:",inline"`
	N           int     `yaml:"n" range:"[1,1e9]" doc:"draws for each prompt; equal draws are dropped"`
	LabelNoise  float64 `yaml:"label_noise" range:"[0,1]" doc:"probability that a label is flipped"`
	Sampling    string  `yaml:"sampling" oneof:"uniform,pi_ref,pi_star" doc:"the policy that responses are drawn from"`
	Temperature float64 `yaml:"temperature" range:"[1e-3,1e6]" doc:"of pi_ref or pi_star as sampling policy; above 1 is flatter"`
	Coverage    float64 `yaml:"coverage" range:"(0,1]" doc:"part of the comparisons of two responses that are ever made, rounded up; which, is drawn for each prompt"`
	Seed        *int    `yaml:"seed" range:"[0,1e15]" doc:"of the draws; default the run's seed"`
}

func (s *Sample) Build(in Input) (*Pairs, error) {
	pairs := &Pairs{}
	if s.data() {
		return s.redraw(in)
	}
	for _, p := range in.Env.Training() {
		s.draw(pairs, in, p)
	}
	if pairs.Len() == 0 {
		return nil, fmt.Errorf("preferences: all %d draws were of equal responses or of comparisons that are never made; raise n or coverage", s.N)
	}
	if len(in.Env.Prompts) > 1 {
		pairs.shuffle(in.RNG)
	}
	return pairs, nil
}

func (s *Sample) Random() bool { return true }

// Draws returns how many comparisons are drawn where there are so many prompts, those that fall out included.
func (s *Sample) Draws(prompts int) int {
	if s.data() {
		return s.N
	}
	return s.N * prompts
}

// Check refuses settings without an effect on data.
func (s *Sample) Check() []registry.Problem {
	if s.data() && (s.Sampling != "uniform" || s.Temperature != 1 || s.Coverage != 1 || s.LabelNoise != 0) {
		return []registry.Problem{{Key: "of", Wrong: "is data, of which sampling, temperature, coverage and label_noise change nothing", Allowed: "n and seed beside it"}}
	}
	return s.Drawn.Check()
}

func (s *Sample) data() bool {
	_, matrix := s.Of.(*Matrix)
	return s.Of != nil && !matrix
}

func (s *Sample) redraw(in Input) (*Pairs, error) {
	data, err := s.Of.Build(in)
	if err != nil {
		return nil, err
	}
	weights := make([]float64, data.Len())
	for i := range weights {
		weights[i] = data.WeightOf(i)
	}
	pairs, draw := &Pairs{}, distuv.NewCategorical(weights, in.RNG)
	for range s.N {
		pairs.take(data, int(draw.Rand()))
	}
	return pairs, nil
}

func (s *Sample) SeedOverride() *int { return s.Seed }

// draw appends one prompt's pairs. Each draw takes the same random numbers whatever its outcome, so that settings
// compared under one seed have random numbers in common and, with one prompt, a larger n extends a smaller one.
func (s *Sample) draw(pairs *Pairs, in Input, prompt int) {
	made := s.comparisons(in)
	next := s.sampler(in, prompt)
	for range s.N {
		y1, y2 := next(), next()
		win, flip := in.RNG.Float64(), in.RNG.Float64()
		if y1 == y2 || made != nil && !made[max(y1, y2)*(max(y1, y2)-1)/2+min(y1, y2)] {
			continue
		}
		chosen, rejected := y1, y2
		if (win >= in.Env.Preference(prompt, y1, y2)) != (flip < s.LabelNoise) {
			chosen, rejected = y2, y1
		}
		pairs.add(prompt, chosen, rejected)
	}
}

// comparisons draws which comparisons of two responses are ever made, that of responses a < b being number b(b-1)/2 + a; nil for all.
func (s *Sample) comparisons(in Input) []bool {
	if s.Coverage == 1 {
		return nil
	}
	k := in.Env.Responses()
	made := make([]bool, k*(k-1)/2)
	for i := range int(math.Ceil(s.Coverage * float64(len(made)))) {
		made[i] = true
	}
	in.RNG.Shuffle(len(made), func(i, j int) { made[i], made[j] = made[j], made[i] })
	return made
}

// sampler returns a function that draws a response of a prompt.
func (s *Sample) sampler(in Input, prompt int) func() int {
	k := in.Env.Responses()
	logs := in.Env.Prompts[prompt].LogRef
	switch s.Sampling {
	case "uniform":
		return func() int { return in.RNG.IntN(k) }
	case "pi_star":
		logs = in.Env.Prompts[prompt].LogStar
	}
	weights := make([]float64, k)
	for i, v := range logs {
		weights[i] = v / s.Temperature
	}
	logspace.LogSoftmax(weights, weights)
	logspace.Exp(weights, weights)
	draw := distuv.NewCategorical(weights, in.RNG)
	return func() int { return int(draw.Rand()) }
}

var sampleKind = registry.Kind[Params]{
	Name:    "sample",
	Summary: "pairs drawn at random and labelled by Bradley and Terry's model",
	Source:  "Hu, He, Wipf 2024, arXiv 2407.09072, published synthetic code",
	New:     func() Params { return &Sample{N: 300, Sampling: "uniform", Temperature: 1, Coverage: 1} },
}

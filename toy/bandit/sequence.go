package bandit

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/logspace"
	"windtunnel/toy/registry"
)

// Sequences is the shape of responses that are sequences of tokens: all sequences of Length tokens 0..Vocabulary-1.
// A response's index is the number that its tokens spell in base Vocabulary, most significant digit first: of 2 tokens
// over a vocabulary of 8, response 11 is the sequence 1, 3.
type Sequences struct {
	Vocabulary int // V, at least 2
	Length     int // T, at least 1
}

// Responses returns K = V^T.
func (s Sequences) Responses() int {
	k := 1
	for range s.Length {
		k *= s.Vocabulary
	}
	return k
}

// mostSequences is the largest number of responses of the kind sequence: metrics enumerate every response.
const mostSequences = 20_000

// Sequence holds the distribution of random bandits whose responses are sequences of tokens (see Sequences). pi_star
// draws a sequence token by token: the logits of a token given the `order` tokens before it (all of them where there
// are fewer) are Gaussian, drawn once for each context. pi_ref is such a process too, with the logits of pi_star /
// temperature + perturbation * noise; on the good prompts it is pi_star. Both are products of normalized conditional
// probabilities, so a table by prefix holds either exactly. Prompts have nothing in common, and one-hot features.
type Sequence struct {
	Prompts      int     `yaml:"prompts" range:"[1,1000]" doc:"number of prompts"`
	Good         int     `yaml:"good" range:"[0,1000]" doc:"how many of the prompts are good, pi_ref = pi_star; they are named good-1, ..., the others bad-1, ..."`
	Vocabulary   int     `yaml:"vocabulary" range:"[2,20000]" doc:"V, number of tokens"`
	Length       int     `yaml:"length" range:"[1,14]" doc:"T, tokens of every response; the V^T responses, at most 20000, are numbered by their tokens as digits in base V, the first token the most significant"`
	Order        int     `yaml:"order" range:"[0,13]" doc:"how many tokens before it the distribution of a token depends on"`
	Scale        float64 `yaml:"scale" range:"[0,1e3]" doc:"standard deviation of pi_star's logits of a token (nats)"`
	Temperature  float64 `yaml:"temperature" range:"[1e-3,1e6]" doc:"of pi_ref's tokens relative to pi_star's; above 1 is flatter"`
	Perturbation float64 `yaml:"perturbation" range:"[0,1e3]" doc:"standard deviation of the noise on pi_ref's logits of a token (nats)"`
	Seed         *int    `yaml:"seed" range:"[0,1e15]" doc:"of the environment; default the run's seed"`
}

func (s *Sequence) Build(rng *rand.Rand) (*Env, error) {
	shape := Sequences{s.Vocabulary, s.Length}
	env := &Env{Sequences: &shape}
	for i := range s.Prompts {
		star, noise := s.process(rng), s.process(rng)
		for _, logits := range star {
			floats.Scale(s.Scale, logits)
		}
		ref := s.perturbed(star, noise)
		if i < s.Good {
			ref = star
		}
		p := Prompt{Name: promptName(i, s.Good), LogStar: star.unroll(shape), LogRef: ref.unroll(shape), Features: oneHot(i, s.Prompts)}
		p.Init = slices.Clone(p.LogRef)
		p.PiStar, p.PiRef = exp(p.LogStar), exp(p.LogRef)
		env.Prompts = append(env.Prompts, p)
	}
	return env, nil
}

func (s *Sequence) Random() bool { return true }

func (s *Sequence) SeedOverride() *int { return s.Seed }

// Check refuses more sequences than can be enumerated, and more good prompts than prompts.
func (s *Sequence) Check() []registry.Problem {
	var problems []registry.Problem
	k := 1
	for range s.Length {
		if k *= s.Vocabulary; k > mostSequences {
			problems = append(problems, registry.Problem{Key: "length",
				Wrong:   fmt.Sprintf("%d tokens over a vocabulary of %d are more than %d sequences", s.Length, s.Vocabulary, mostSequences),
				Allowed: fmt.Sprintf("a length and a vocabulary with vocabulary^length up to %d", mostSequences)})
			break
		}
	}
	return append(problems, checkGood(s.Good, s.Prompts)...)
}

// process is a Markov process of tokens: by length of the context (up to the order) the logits of the next token,
// V for each context, contexts numbered as sequences are.
type process [][]float64

func (s *Sequence) process(rng *rand.Rand) process {
	var p process
	contexts := 1
	for range min(s.Order, s.Length-1) + 1 {
		logits := make([]float64, contexts*s.Vocabulary)
		for i := range logits {
			logits[i] = rng.NormFloat64()
		}
		p = append(p, logits)
		contexts *= s.Vocabulary
	}
	return p
}

func (s *Sequence) perturbed(star, noise process) process {
	var p process
	for i := range star {
		logits := make([]float64, len(star[i]))
		floats.AddScaled(logits, s.Perturbation, noise[i])
		floats.AddScaled(logits, 1/s.Temperature, star[i])
		p = append(p, logits)
	}
	return p
}

func (p process) unroll(shape Sequences) []float64 {
	logp, row := []float64{0}, make([]float64, shape.Vocabulary)
	for t := range shape.Length {
		logits := p[min(t, len(p)-1)]
		contexts := len(logits) / shape.Vocabulary
		next := make([]float64, 0, len(logp)*shape.Vocabulary)
		for prefix, before := range logp {
			context := prefix % contexts // the last tokens of the prefix
			logspace.LogSoftmax(row, logits[context*shape.Vocabulary:(context+1)*shape.Vocabulary])
			for _, v := range row {
				next = append(next, before+v)
			}
		}
		logp = next
	}
	return logp
}

var sequenceKind = registry.Kind[Params]{
	Name:    "sequence",
	Summary: "responses are all sequences of a few tokens; the true policy and the reference draw them token by token",
	Source:  "this project",
	New: func() Params {
		return &Sequence{Prompts: 1, Vocabulary: 8, Length: 4, Order: 1, Scale: 1, Temperature: 1, Perturbation: 0.5}
	},
}

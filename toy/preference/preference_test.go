package preference

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"windtunnel/toy/bandit"
	"windtunnel/toy/registry"
)

// environment returns prompts with the given true policies and the reference (0.7, 0.2, 0.1).
func environment(stars ...[]float64) *bandit.Env {
	env := &bandit.Env{}
	for i, star := range stars {
		env.Prompts = append(env.Prompts, bandit.NewPrompt(fmt.Sprint(i), star, []float64{0.7, 0.2, 0.1}[:len(star)], nil, nil))
	}
	return env
}

var star = []float64{0.6, 0.3, 0.1}

// checkPairs checks what every source of pairs promises.
func checkPairs(t *testing.T, pairs *Pairs, env *bandit.Env) {
	t.Helper()
	n := pairs.Len()
	if n == 0 || len(pairs.Prompt) != n || len(pairs.Rejected) != n || pairs.Weight != nil && len(pairs.Weight) != n {
		t.Fatalf("columns of %d, %d, %d and %d entries", len(pairs.Prompt), n, len(pairs.Rejected), len(pairs.Weight))
	}
	total := 0.0
	for i := range n {
		p, w, l := pairs.Prompt[i], pairs.Chosen[i], pairs.Rejected[i]
		if p < 0 || p >= len(env.Prompts) || w < 0 || w >= env.Responses() || l < 0 || l >= env.Responses() || w == l {
			t.Fatalf("pair %d: prompt %d, chosen %d, rejected %d", i, p, w, l)
		}
		if pairs.WeightOf(i) <= 0 {
			t.Fatalf("pair %d: weight %v", i, pairs.WeightOf(i))
		}
		total += pairs.WeightOf(i)
	}
	if math.Abs(total-1) > 1e-12 {
		t.Errorf("weights sum to %v", total)
	}
}

func TestPopulation(t *testing.T) {
	env := environment(star, []float64{0.2, 0.2, 0.6})
	pairs, err := (&Population{}).Build(Input{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	checkPairs(t, pairs, env)
	if pairs.Len() != 2*3*2 {
		t.Errorf("%d comparisons, want 12: the ordered pairs of 3 responses at 2 prompts", pairs.Len())
	}
	weight := map[[3]int]float64{}
	for i := range pairs.Len() {
		key := [3]int{pairs.Prompt[i], pairs.Chosen[i], pairs.Rejected[i]}
		if weight[key] != 0 {
			t.Errorf("comparison %v comes twice", key)
		}
		weight[key] = pairs.Weight[i]
	}
	for p := range 2 {
		s := env.Prompts[p].PiStar
		for i := range 3 {
			for j := range i {
				up, down := weight[[3]int{p, i, j}], weight[[3]int{p, j, i}]
				if math.Abs(up+down-1./6) > 1e-15 {
					t.Errorf("prompt %d: the pair %d, %d weighs %v, want 1/6", p, i, j, up+down)
				}
				if math.Abs(up/down-s[i]/s[j]) > 1e-13*s[i]/s[j] {
					t.Errorf("prompt %d: odds of %d over %d are %v, want %v", p, i, j, up/down, s[i]/s[j])
				}
			}
		}
	}
}

// TestPopulationUnderflow: a response that is all but impossible still wins with a weight that is not 0.
func TestPopulationUnderflow(t *testing.T) {
	env := environment(star)
	env.Prompts[0].LogStar = []float64{0, -1e4, -2e4}
	pairs, err := (&Population{}).Build(Input{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	checkPairs(t, pairs, env)
	if pairs.Len() != 6 {
		t.Errorf("%d comparisons of three responses that all win sometimes", pairs.Len())
	}
	env.Prompts[0].Wins = []float64{0.5, 1, 1, 0, 0.5, 0.4, 0, 0.6, 0.5}
	if pairs, err = (&Population{}).Build(Input{Env: env}); err != nil || pairs.Len() != 4 {
		t.Errorf("%+v (%v) of win rates two of which are 0", pairs, err)
	}
}

func TestSources(t *testing.T) {
	seed := 3
	file, sample := &File{Path: "a"}, &Sample{Seed: &seed}
	if PathOf(file) != "a" || registry.Random(file) {
		t.Errorf("file: path %q, random %v", PathOf(file), registry.Random(file))
	}
	if PathOf(sample) != "" || !sample.Random() || *sample.SeedOverride() != 3 || (&Sample{}).SeedOverride() != nil {
		t.Errorf("sample: path %q, random %v, seed %v", PathOf(sample), sample.Random(), sample.SeedOverride())
	}
	if p := (&Population{}); PathOf(p) != "" || registry.Random(p) {
		t.Errorf("population: path %q, random %v", PathOf(p), registry.Random(p))
	}
}

// No preference is of a held-out prompt.
func TestHeldOut(t *testing.T) {
	env := threeResponses(2)
	env.Prompts[1].HeldOut = true
	for _, params := range []Params{&Sample{N: 50, Sampling: "uniform", Temperature: 1, Coverage: 1}, &Population{}} {
		pairs, err := params.Build(Input{Env: env, RNG: source(1)})
		if err != nil {
			t.Fatal(err)
		}
		total := 0.0
		for i, prompt := range pairs.Prompt {
			total += pairs.WeightOf(i)
			if prompt != 0 {
				t.Fatalf("%T compares responses of prompt %d", params, prompt)
			}
		}
		if total < 1-1e-12 || total > 1+1e-12 {
			t.Errorf("%T: the weights sum to %v", params, total)
		}
	}
	_, err := (&File{}).Build(Input{Env: env, FileName: "f", File: []byte(`{"prompt": 1, "chosen": 0, "rejected": 1}`)})
	if err == nil || !strings.Contains(err.Error(), "f:1: prompt: 1 is x2, which is held out") {
		t.Errorf("error %v", err)
	}
}

// threeResponses is a bandit of some prompts x1, x2, ... with three responses.
func threeResponses(prompts int) *bandit.Env {
	env := &bandit.Env{}
	for i := range prompts {
		p := []float64{0.5, 0.3, 0.2}
		env.Prompts = append(env.Prompts, bandit.NewPrompt("x"+string(rune('1'+i)), p, p, nil, []float64{1}))
	}
	return env
}

package bandit

import (
	"math"
	"slices"
	"testing"

	"windtunnel/toy/registry"
)

func two() *Declared {
	return &Declared{Prompts: []DeclaredPrompt{{Name: "a", PiStar: []float64{0.6, 0.4}, PiRef: []float64{0.5, 0.5}},
		{Name: "b", PiStar: []float64{0.2, 0.8}, PiRef: []float64{0.25, 0.75}}}}
}

// A prompt alone is the prompt as it was, and the other environment stays as it is.
func TestDerivedPrompt(t *testing.T) {
	of := two()
	whole, _ := of.Build(nil)
	for prompt, at := range map[string]int{"a": 0, "b": 1, "first": 0, "last": 1} {
		env, err := (&Derived{Of: of, Prompt: prompt}).Build(nil)
		if err != nil || len(env.Prompts) != 1 || env.Prompts[0].Name != whole.Prompts[at].Name || !slices.Equal(env.Prompts[0].LogRef, whole.Prompts[at].LogRef) ||
			!slices.Equal(env.Prompts[0].Features, []float64{1}) {
			t.Errorf("%s: %+v, %v", prompt, env, err)
		}
	}
	if _, err := (&Derived{Of: of, Prompt: "c"}).Build(nil); err == nil {
		t.Error("there is a prompt c")
	}
}

// The best response gets what is said, the others keep their proportions, and training starts there.
func TestDerivedStarves(t *testing.T) {
	three := &Declared{Prompts: []DeclaredPrompt{{Name: "x", PiStar: []float64{0.3, 0.6, 0.1}, PiRef: []float64{0.2, 0.5, 0.3}}}}
	env, err := (&Derived{Of: three, Starve: 1e-6}).Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := env.Prompts[0]
	for i, want := range []float64{0.4 * (1 - 1e-6), 1e-6, 0.6 * (1 - 1e-6)} {
		if math.Abs(p.PiRef[i]/want-1) > 1e-12 || math.Abs(math.Exp(p.LogReference()[i])/want-1) > 1e-12 {
			t.Errorf("response %d: %v, want %v", i, p.PiRef[i], want)
		}
	}
	if random := (&Derived{Of: &Random{Seed: new(int)}}); !random.Random() || random.SeedOverride() == nil || registry.Random(&Derived{Of: three}) {
		t.Error("a derived environment is random where the other is, with its seed")
	}
}

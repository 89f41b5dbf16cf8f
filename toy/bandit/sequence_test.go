package bandit

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"windtunnel/toy/logspace"
)

func sequences(t *testing.T, s Sequence) *Env {
	t.Helper()
	env, err := s.Build(rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// With order 1, what comes after a token does not depend on what was before it.
func TestSequenceIsMarkov(t *testing.T) {
	s := Sequence{Prompts: 1, Vocabulary: 3, Length: 4, Order: 1, Scale: 1, Temperature: 1, Perturbation: 0.5}
	env := sequences(t, s)
	index := func(tokens []int) int { return ((tokens[0]*3+tokens[1])*3+tokens[2])*3 + tokens[3] }
	for what, logp := range map[string][]float64{"pi_star": env.Prompts[0].LogStar, "pi_ref": env.Prompts[0].LogRef} {
		if len(logp) != 81 || math.Abs(logspace.LogSumExp(logp)) > 1e-12 {
			t.Fatalf("%s: %d responses, log of the sum of probabilities %v", what, len(logp), logspace.LogSumExp(logp))
		}
		odds := func(before int) float64 { // of the last token 0 against 2, after another token 1
			return logp[index([]int{0, before, 1, 0})] - logp[index([]int{0, before, 1, 2})]
		}
		if math.Abs(odds(0)-odds(2)) > 1e-12 {
			t.Errorf("%s: the last token depends on the second", what)
		}
	}
	s.Order = 2
	logp := sequences(t, s).Prompts[0].LogStar
	a := logp[index([]int{0, 0, 1, 0})] - logp[index([]int{0, 0, 1, 2})]
	b := logp[index([]int{0, 2, 1, 0})] - logp[index([]int{0, 2, 1, 2})]
	if math.Abs(a-b) < 1e-3 {
		t.Error("order 2: the last token does not depend on the second")
	}
}

func TestSequenceReference(t *testing.T) {
	s := Sequence{Prompts: 3, Good: 1, Vocabulary: 3, Length: 2, Order: 1, Scale: 1, Temperature: 2}
	env := sequences(t, s)
	if p := &env.Prompts[0]; p.Name != "good-1" || !slices.Equal(p.LogRef, p.LogStar) {
		t.Errorf("%s: pi_ref %v, pi_star %v", p.Name, p.LogRef, p.LogStar)
	}
	p := &env.Prompts[1]
	star, ref := p.LogStar[0]-p.LogStar[1], p.LogRef[0]-p.LogRef[1] // sequences 00 and 01
	if p.Name != "bad-1" || math.Abs(ref-star/2) > 1e-12 {
		t.Errorf("%s: log-ratio %v under pi_ref at temperature 2, %v under pi_star", p.Name, ref, star)
	}
}

func TestSequenceCheck(t *testing.T) {
	for _, c := range []struct {
		s   Sequence
		key string
	}{
		{Sequence{Prompts: 1, Vocabulary: 8, Length: 4}, ""},
		{Sequence{Prompts: 1, Vocabulary: 20000, Length: 1}, ""},
		{Sequence{Prompts: 1, Vocabulary: 8, Length: 5}, "length"},
		{Sequence{Prompts: 1, Vocabulary: 20000, Length: 14}, "length"},
		{Sequence{Prompts: 1, Good: 2, Vocabulary: 2, Length: 1}, "good"},
	} {
		key := ""
		for _, problem := range c.s.Check() {
			key += problem.Key
		}
		if key != c.key {
			t.Errorf("%+v: problem with %q, want %q", c.s, key, c.key)
		}
	}
}

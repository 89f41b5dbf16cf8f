package preference

import (
	"strings"
	"testing"

	"windtunnel/toy/bandit"
)

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

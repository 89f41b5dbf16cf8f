package preference

import (
	"slices"
	"testing"

	"windtunnel/toy/bandit"
)

func TestExtremes(t *testing.T) {
	env, _ := (&bandit.Declared{Prompts: []bandit.DeclaredPrompt{{Name: "x", PiStar: []float64{0.3, 0.6, 0.1}, PiRef: []float64{0.2, 0.5, 0.3}},
		{Name: "y", PiStar: []float64{0.25, 0.25, 0.5}, PiRef: []float64{0.2, 0.5, 0.3}}}}).Build(nil)
	pairs, err := (&Extremes{}).Build(Input{Env: env})
	if err != nil || !slices.Equal(pairs.Prompt, []int{0, 1}) || !slices.Equal(pairs.Chosen, []int{1, 2}) || !slices.Equal(pairs.Rejected, []int{2, 0}) {
		t.Errorf("%+v, %v", pairs, err)
	}
}

// Merging keeps every comparison's total weight, and a list without equal ones.
func TestMerged(t *testing.T) {
	p := &Pairs{Prompt: []int{0, 0, 0, 1}, Chosen: []int{1, 0, 1, 1}, Rejected: []int{2, 2, 2, 2}, ChosenTokens: []int{1, 1, 1, 1}, RejectedTokens: []int{3, 1, 3, 3}}
	m := p.Merged()
	if !slices.Equal(m.Prompt, []int{0, 0, 1}) || !slices.Equal(m.Chosen, []int{1, 0, 1}) || !slices.Equal(m.Weight, []float64{0.5, 0.25, 0.25}) ||
		!slices.Equal(m.RejectedTokens, []int{3, 1, 3}) {
		t.Errorf("%+v", m)
	}
	if m.Merged() != m {
		t.Error("a list without equal comparisons is copied")
	}
	p.RejectedTokens[2] = 4
	if got := p.Merged().Len(); got != 4 {
		t.Errorf("responses of different lengths are merged: %d", got)
	}
	p.ChosenTokens, p.RejectedTokens = nil, nil
	if m := p.Merged(); m.Len() != 3 || m.ChosenTokens != nil || m.RejectedTokens != nil {
		t.Errorf("without counts of tokens: %+v", m)
	}
}

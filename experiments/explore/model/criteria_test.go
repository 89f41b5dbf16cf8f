package model

import (
	"context"
	"math"
	"strings"
	"testing"

	"windtunnel/experiments/scorecard"
	"windtunnel/experiments/spec"
	"windtunnel/toy/objective"
)

// The scorecard, which solves the paper's two environments by itself, reads the same values: its cell is the worst of
// their three prompts.
func TestCriteriaAreTheScorecards(t *testing.T) {
	tests := map[string]string{"strong interpolation": "strong-interpolation", "weak interpolation": "weak-interpolation",
		"reference limit": "reference-limit", "monotone": "monotone"}
	var names []string
	for _, name := range tests {
		names = append(names, name)
	}
	kinds := []string{"dpo", "typo", "ipo", "f-dpo", "simpo", "rlhf", "exo"}
	var losses []spec.Objective
	for _, name := range kinds {
		k, _ := objective.Kinds().Find(name)
		losses = append(losses, spec.Objective{Loss: k.New()})
	}
	settings := spec.DefaultScorecard()
	settings.Environments, settings.Tests = 0, names
	all, err := scorecard.Load()
	if err != nil {
		t.Fatal(err)
	}
	chosen, _, _ := scorecard.Select(all, settings)
	card, err := scorecard.Run(context.Background(), losses, chosen, settings, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, kind := range kinds {
		for _, cell := range card.Cells[i] {
			for mine, theirs := range tests {
				if theirs == cell.Test.Name {
					compareCell(t, kind, mine, &cell)
				}
			}
		}
	}
}

// prompts are those of the scorecard's two environments of the paper: pi_star and pi_ref.
var prompts = [][2][]float64{
	{{0.6, 0.3, 0.1}, {0.4, 0.4, 0.2}},
	{{0.6, 0.3, 0.1}, {0.6, 0.3, 0.1}},
	{{0.6, 0.2, 0.2}, {0.4, 0.2, 0.4}},
}

func compareCell(t *testing.T, kind, name string, cell *scorecard.Cell) {
	t.Helper()
	worst, verdict := math.Inf(-1), holds
	for _, p := range prompts {
		s := with(Loss{Kind: kind})
		s.Star, s.Ref, s.Steps = p[0], p[1], 1
		for _, c := range one(t, s).Criteria {
			if c.Name != name {
				continue
			}
			if worst = max(worst, float64(c.Value)); c.Verdict != holds {
				verdict = c.Verdict
			}
		}
	}
	want := map[scorecard.Verdict]string{scorecard.Pass: holds, scorecard.Fail: fails}[cell.Verdict]
	if verdict != want {
		t.Errorf("%s, %s: %s (%v), the scorecard has %s (%v: %s)", kind, name, verdict, worst, want, cell.Value, cell.Detail)
	}
	// The path here is finer than the scorecard's, so only limits are the same numbers.
	if name != "monotone" && math.Abs(worst-cell.Value) > 1e-6 {
		t.Errorf("%s, %s: %v, the scorecard has %v", kind, name, worst, cell.Value)
	}
}

// The paper's point (arXiv 2407.09072): DPO goes to the mode and moves a good prompt, TYPO goes to pi_star and does not.
func TestPaper(t *testing.T) {
	for _, test := range []struct {
		kind string
		want map[string]string
	}{
		{"dpo", map[string]string{"strong interpolation": fails, "weak interpolation": holds, "reference limit": holds, "monotone": holds, "preservation": fails}},
		{"typo", map[string]string{"strong interpolation": holds, "weak interpolation": fails, "reference limit": holds, "monotone": holds, "preservation": holds}},
		{"bradley-terry", map[string]string{"strong interpolation": unknown, "weak interpolation": unknown, "reference limit": unknown, "monotone": unknown}},
		{"best-of-n", map[string]string{"strong interpolation": unknown, "preservation": unknown}},
	} {
		for _, c := range one(t, with(Loss{Kind: test.kind})).Criteria {
			if want, asked := test.want[c.Name]; asked && c.Verdict != want {
				t.Errorf("%s: %s %s (%v), want %s", test.kind, c.Name, c.Verdict, c.Value, want)
			}
		}
	}
}

// DPO's damage to a good prompt has a closed form: pi is proportional to pi_star^(1 + 1/lambda).
func TestPreservation(t *testing.T) {
	s := with(Loss{Kind: "dpo"})
	s.Lambda = 2
	raised := make([]float64, responses)
	for i, p := range s.Star {
		raised[i] = math.Pow(p, 1+1/s.Lambda)
	}
	want := 0.0
	for i, q := range normalized(raised) {
		want += s.Star[i] * math.Log(s.Star[i]/q)
	}
	for _, c := range one(t, s).Criteria {
		if c.Name == "preservation" && math.Abs(float64(c.Value)-want) > 1e-12 {
			t.Errorf("%v nats, want %v", c.Value, want)
		}
	}
}

// The answer names the end that the policy is nearest to, from the paper's three responses.
func TestAnswer(t *testing.T) {
	for fragment, want := range map[string]string{
		"lambda=1e-5&a=dpo":  "DPO collapses to y_a,",
		"lambda=1e-5&a=typo": "TYPO lands ",
		"lambda=1e5&a=dpo":   "DPO stays at π_ref,",
		"lambda=0.5&a=dpo":   "DPO lands ",
		"lambda=0.1&a=custom&a.pair=stopgrad(sigmoid(u))*softplus(-beta*u)": "custom ends at no policy.",
	} {
		s, problems := ParseState(fragment)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if got := new(Explorer).Explore(s, false).Outcomes[0].Answer; !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", fragment, got, want)
		}
	}
}

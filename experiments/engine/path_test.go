package engine

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"windtunnel/metrics/claims"
	"windtunnel/metrics/tables"
)

// pathsOf runs a config and returns what checks claims against its tables.
func pathsOf(t *testing.T, text string) (*claims.Evaluator, *tables.Folder) {
	t.Helper()
	dir := t.TempDir()
	do(t, workOn(t, planOf(t, text), 2), dir)
	folder, err := tables.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	e, err := claims.NewEvaluator(folder)
	if err != nil {
		t.Fatal(err)
	}
	return e, folder
}

func valueOf(t *testing.T, e *claims.Evaluator, claim claims.Params) float64 {
	t.Helper()
	r, err := e.Evaluate(claim)
	if err != nil {
		t.Fatal(err)
	}
	return r.Value
}

// A factor on the loss moves no path and no distance between a loss's path and that of its RLHF problem, and the distance of RLHF
// itself is 0.
func TestPathsIgnoreFactors(t *testing.T) {
	t.Parallel()
	factors := []float64{0.1, 1, 3, 10, 30}
	for _, along := range []string{"constraint.l2", "time"} {
		var config strings.Builder
		fmt.Fprintf(&config, `name: factors
environment: {kind: bandit, prompts: [{name: x, pi_star: [0.55, 0.25, 0.15, 0.05], pi_ref: [0.2, 0.5, 0.05, 0.25]}]}
solver: path
path: {along: %s}
sweep: {purpose: [loss, rlhf]}
objectives:
  - {kind: rlhf, lambda: 1}
`, along)
		for _, c := range factors {
			fmt.Fprintf(&config, "  - {kind: sum, name: dpo times %v, lambda: 1, terms: [{weight: %v, kind: dpo, lambda: 1}]}\n", c, c)
		}
		e, _ := pathsOf(t, config.String())
		distance := func(left, leftPurpose, right, rightPurpose string) float64 {
			return valueOf(t, e, &claims.Path{Left: tables.Where{"objective": {left}, "purpose": {leftPurpose}},
				Right: tables.Where{"objective": {right}, "purpose": {rightPurpose}}, Jump: 0.1, Max: 1})
		}
		if got := distance("rlhf", "loss", "rlhf", "rlhf"); got > 1e-9 {
			t.Errorf("along %s RLHF is %v away from itself", along, got)
		}
		want := distance("dpo times 1", "loss", "dpo times 1", "rlhf")
		if !(want > 0.01 && want < 1) {
			t.Errorf("along %s DPO is %v away from RLHF", along, want)
		}
		for _, c := range factors {
			name := fmt.Sprintf("dpo times %v", c)
			if got := distance(name, "loss", name, "rlhf"); math.Abs(got-want) > 1e-3 {
				t.Errorf("along %s %s is %v away from RLHF, without the factor %v", along, name, got, want)
			}
			if got := distance(name, "loss", "dpo times 1", "loss"); got > 1e-3 {
				t.Errorf("along %s the path of %s is %v away from that without the factor", along, name, got)
			}
		}
	}
}

// odpo with the gap as it is has the minimizer pi_ref pi_star^(2/lambda), wpo without alignment that of dpo: on one frontier, they
// preserve alike. TYPO preserves a good prompt at every lambda. In this environment the best that dpo can do is 1.0661440, where
// lambda is 0.4081564 by bisection on the closed form.
func TestPreservationHasNoGrid(t *testing.T) {
	t.Parallel()
	e, folder := pathsOf(t, `name: preservation
seed: 34
environment: {kind: random-bandit, prompts: 2, good: 1, responses: 5, pi_star: dirichlet, concentration: 1, perturbation: 2}
solver: path
path: {along: lambda, from: 0.1, levels: [{metric: kl_star_pi, prompt: bad, at: 0.5, of: kl_star_ref}]}
objectives: [dpo, typo, {kind: odpo, scaling: identity}, {kind: wpo, alignment: none}]
`)
	half, bound := 0.5, 1e-3
	best := func(objective string) float64 {
		return valueOf(t, e, &claims.Best{Metric: "kl_star_pi", Prompt: "good", Better: "lower", Where: tables.Where{"objective": {objective}}, Over: "points",
			Given: []claims.Condition{{Metric: "kl_star_pi", Prompt: "bad", Max: &half, Of: "kl_star_ref"}}, Limits: claims.Limits{Max: &bound}})
	}
	want := closedForm(t, folder)
	for _, objective := range []string{"dpo", "odpo", "wpo"} {
		if got := best(objective); math.Abs(got-want) > 1e-6 {
			t.Errorf("%s: the good prompt is %v away, want %v", objective, got, want)
		}
	}
	if got := best("typo"); got > 1e-9 {
		t.Errorf("typo: the good prompt is %v away", got)
	}
	for _, claim := range []claims.Params{
		&claims.Monotone{Metric: "kl_ref_pi", Prompt: "bad", Where: tables.Where{"objective": {"dpo", "typo"}}, Along: tables.Strength, Direction: "decreasing", Slack: 1e-9},
		&claims.Path{Left: tables.Where{"objective": {"wpo"}}, Right: tables.Where{"objective": {"dpo"}}, Jump: 1, Max: 1e-3},
	} {
		if r, err := e.Evaluate(claim); err != nil || !r.Holds {
			t.Errorf("%T: %+v (%v)", claim, r, err)
		}
	}
}

// closedForm is the least KL on the good prompt over the lambdas at which DPO's minimizer, pi_ref pi_star^(1/lambda), halves that on
// the bad one: at the largest of them.
func closedForm(t *testing.T, folder *tables.Folder) float64 {
	t.Helper()
	policies, err := folder.Table(tables.Policies)
	if err != nil {
		t.Fatal(err)
	}
	star, ref := map[string][]float64{}, map[string][]float64{}
	for row := range policies.Len() {
		if prompt := policies.Text(row, "prompt"); policies.Text(row, "run") == "dpo" {
			star[prompt] = append(star[prompt], policies.Float(row, "pi_star"))
			ref[prompt] = append(ref[prompt], policies.Float(row, "pi_ref"))
		}
	}
	kl := func(prompt string, lambda float64) float64 { // from pi_star to pi
		sum, norm := 0.0, 0.0
		for k, p := range star[prompt] {
			norm += ref[prompt][k] * math.Pow(p, 1/lambda)
			sum += p * (math.Log(p) - math.Log(ref[prompt][k]) - math.Log(p)/lambda)
		}
		return sum + math.Log(norm)
	}
	start := kl("bad-1", 1e15)
	low, high := 0.35, 10.0
	for range 200 {
		if middle := (low + high) / 2; kl("bad-1", middle) <= start/2 {
			low = middle
		} else {
			high = middle
		}
	}
	return kl("good-1", low)
}

// Points at which there is no minimizer are recorded as such, and a loss without one has no purpose to be held against.
func TestPathWithoutMinimizers(t *testing.T) {
	t.Parallel()
	const separable = `name: none
environment: {kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.4], pi_ref: [0.5, 0.5]}]}
preferences: {kind: sample, n: 1, seed: 1}
solver: path
objectives: [dpo]
`
	for name, test := range map[string]struct {
		settings string
		points   int
	}{"lambda": {"path: {along: lambda, from: 0.1, to: 1, points: 3}\n", 3}, "purpose": {"path: {along: time}\npurpose: rlhf\n", 0}} {
		e, folder := pathsOf(t, separable+test.settings)
		runs, err := folder.Table(tables.Runs)
		if err != nil {
			t.Fatal(err)
		}
		traces, err := folder.Table(tables.Traces)
		if err != nil {
			t.Fatal(err)
		}
		if got := runs.Distinct("status"); len(got) != 1 || got[0] != "diverged" {
			t.Errorf("%s: runs ended as %v", name, got)
		}
		if got := traces.Distinct(tables.PointStatus); traces.Len() != test.points || test.points > 0 && (len(got) != 1 || got[0] != "diverged") {
			t.Errorf("%s: %d points ended as %v", name, traces.Len(), got)
		}
		most := 0.1
		r, err := e.Evaluate(&claims.Best{Metric: "tv_star", Prompt: "x", Better: "lower", Over: "points", Limits: claims.Limits{Max: &most}})
		if err != nil || r.Holds || !math.IsInf(r.Value, 1) {
			t.Errorf("%s: %+v (%v)", name, r, err)
		}
	}
	// The flow itself goes to the vertex for ever, and ends when the policy hardly moves.
	_, folder := pathsOf(t, separable+"path: {along: time}\n")
	policies, err := folder.Table(tables.Policies)
	if err != nil {
		t.Fatal(err)
	}
	if sure := max(policies.Float(0, "pi"), policies.Float(1, "pi")); !(sure > 0.9999) {
		t.Errorf("the flow ends where the winner has probability %v", sure)
	}
}

package scorecard

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"windtunnel/experiments/spec"
	"windtunnel/metrics/claims"
	"windtunnel/metrics/tables"
	"windtunnel/toy/setup"
)

// ended is a run of the loss under test, or of another objective, as the table runs has it.
type ended struct {
	id, objective, status, reason string
	m                             string // a metric
	solver                        string
	lambda                        float64
}

// tablesOf makes a plan and its table runs.
func tablesOf(all ...ended) (*spec.Plan, tables.Memory) {
	plan, runs := &spec.Plan{}, tables.NewTable(tables.Runs, "run", "objective", "status", "reason", "m")
	for _, e := range all {
		plan.Runs = append(plan.Runs, &spec.Run{ID: e.id, Lambda: e.lambda, Run: setup.Run{Settings: setup.Settings{Solver: e.solver}}})
		runs.Append(e.id, e.objective, e.status, e.reason, e.m)
	}
	return plan, tables.Memory{tables.Runs: runs}
}

func upTo(max float64) claims.Limits { return claims.Limits{Max: &max} }

// The gravest status, of equal ones the last, comes with the solver of its run; the run that the detail names gives run, lambda and
// solver; of a solver that did not arrive the first run is named, and other objectives' runs count for nothing.
func TestEvaluate(t *testing.T) {
	bound := &claims.Bound{Metric: "m", Where: tables.Where{"objective": {spec.UnderTest}}, Limits: upTo(2)}
	best := &claims.Best{Metric: "m", Better: "lower", Where: bound.Where, Limits: upTo(2), Given: []claims.Condition{{Metric: "m", Max: upTo(0).Max}}}
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		name  string
		claim claims.Params
		runs  []ended
		want  Reading
	}{
		{"named by the longest", bound, []ended{{"loss/lambda=1", "loss", "converged", "", "1", "exact", 1}, {"loss/lambda=10", "loss", "converged", "", "3", "path", 10},
			{"loss/lambda=2", "loss", "converged", "", "0", "train", 2}},
			Reading{Value: 3, Run: "loss/lambda=10", Lambda: 10, Solver: "path", Status: "converged", Detail: "loss/lambda=10: m 3"}},
		{"named by the longest, which is first", bound, []ended{{"loss/lambda=10", "loss", "converged", "", "3", "path", 10}, {"loss/lambda=1", "loss", "converged", "", "1", "exact", 1}},
			Reading{Value: 3, Run: "loss/lambda=10", Lambda: 10, Solver: "path", Status: "converged", Detail: "loss/lambda=10: m 3"}},
		{"gravest", bound, []ended{{"a", "loss", "local", "", "1", "path", 1}, {"b", "loss", "boundary", "", "3", "exact", 2}},
			Reading{Value: 3, Run: "b", Lambda: 2, Solver: "exact", Status: "local", Detail: "b (boundary): m 3"}},
		{"of equal ones the last", &claims.Minimizer{Where: tables.Where{"objective": {spec.UnderTest}}},
			[]ended{{"a", "loss", "local", "", "", "path", 1}, {"b", "loss", "local", "", "", "train", 2}, {"c", "loss", "converged", "", "", "exact", 3}},
			Reading{Value: nan, Lambda: nan, Solver: "train", Status: "local", Detail: "not decided: a is local: ", outcome: left}},
		{"left", bound, []ended{{"a", "loss", "converged", "", "1", "exact", 1}, {"b", "loss", "failed", "no memory", "", "train", 2}, {"c", "loss", "stalled", "gave up", "", "path", 3}},
			Reading{Value: nan, Run: "b", Lambda: 2, Solver: "train", Status: "failed", Detail: "no memory", outcome: left}},
		{"another objective's", bound, []ended{{"a", "loss", "converged", "", "1", "exact", 1}, {"b", "rlhf", "stalled", "gave up", "", "path", 2}},
			Reading{Value: 1, Run: "a", Lambda: 1, Solver: "exact", Status: "converged", Detail: "a: m 1"}},
		{"training that runs off", bound, []ended{{"a", "loss", "failed", "training diverged: at step 2", "", "train", 1}},
			Reading{Value: inf, Run: "a", Lambda: 1, Solver: "train", Status: "failed", Detail: "a: failed, no m: training diverged: at step 2"}},
		{"a loss that breaks", bound, []ended{{"a", "loss", "failed", "panic: no m", "", "train", 1}},
			Reading{Value: inf, Run: "a", Lambda: 1, Solver: "train", Status: "failed", Detail: "a: failed, no m: panic: no m"}},
		{"a reason that is told", &claims.Minimizer{Where: bound.Where, Max: 3}, []ended{{"a", "loss", "diverged", "falls for ever", "", "exact", 1}},
			Reading{Value: 3, Run: "a", Lambda: 1, Solver: "exact", Status: "diverged", Detail: "a: diverged: falls for ever"}},
		{"a value with a reason", bound, []ended{{"a", "loss", "done", "not settled: on its way", "1", "train", 1}},
			Reading{Value: 1, Run: "a", Lambda: 1, Solver: "train", Status: "done", Detail: "a: m 1"}},
		{"an infinite value with its reason", bound, []ended{{"a", "loss", "diverged", "m inf", "inf", "exact", 1}},
			Reading{Value: inf, Run: "a", Lambda: 1, Solver: "exact", Status: "diverged", Detail: "a: m +Inf: m inf"}},
		{"nothing fulfils", best, []ended{{"a", "loss", "converged", "", "1", "exact", 1}},
			Reading{Value: inf, Run: "a", Lambda: 1, Solver: "exact", Status: "converged", Detail: "a: nothing fulfils the conditions, here or in the 0 others", outcome: empty}},
		{"cannot be asked", &claims.Bound{Metric: "n", Limits: upTo(1)}, []ended{{"a", "loss", "converged", "", "1", "exact", 1}, {"b", "loss", "converged", "it is so", "1", "exact", 1},
			{"c", "loss", "converged", "and so", "1", "exact", 1}},
			Reading{Value: nan, Lambda: nan, Solver: "exact", Status: "converged", Detail: "it is so", outcome: inapplicable}},
		{"rounding noise", bound, []ended{{"a", "loss", "converged", "", "-9.99e-13", "exact", 1}}, Reading{Value: 0, Run: "a", Lambda: 1, Solver: "exact", Status: "converged", Detail: "a: m -9.99e-13"}},
		{"no noise any more", bound, []ended{{"a", "loss", "converged", "", "1e-12", "exact", 1}}, Reading{Value: 1e-12, Run: "a", Lambda: 1, Solver: "exact", Status: "converged", Detail: "a: m 1e-12"}},
	} {
		plan, src := tablesOf(c.runs...)
		got := evaluate(&spec.Desideratum{}, c.claim, plan, src)
		if c.want.outcome == inapplicable && strings.Contains(got.Detail, `"n"`) && strings.HasSuffix(got.Detail, ": "+c.want.Detail) {
			got.Detail = c.want.Detail // after the claim's words
		}
		if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", c.want) {
			t.Errorf("%s: %#v, want %#v", c.name, got, c.want)
		}
	}
}

// The gravity of statuses rises from policies that are given to runs that failed.
func TestGravity(t *testing.T) {
	bound := &claims.Bound{Metric: "m", Limits: upTo(2)}
	all := []string{"exact", "done", "converged", "not-unique", "boundary", "local", "stationary", "cycle", "collapse", "diverged", "stalled", "failed"}
	for i, lighter := range all[:len(all)-1] {
		a, b := ended{"a", "loss", lighter, "panic", "1", "first", 1}, ended{"b", "loss", all[i+1], "panic", "1", "second", 1}
		for _, runs := range [][]ended{{a, b}, {b, a}} {
			plan, src := tablesOf(runs...)
			if r := evaluate(&spec.Desideratum{}, bound, plan, src); r.Status != b.status {
				t.Errorf("of %s and %s the graver is %s", runs[0].status, runs[1].status, r.Status)
			}
		}
	}
}

// Of several prompts the one with the greatest value counts, of equal ones the first, among those of which the same became as of the
// first; or the last alone.
func TestWorstPrompt(t *testing.T) {
	for _, c := range []struct {
		which  string
		values string // by prompt: "-" where the claim cannot be asked
		prompt string
		value  float64
	}{
		{"each", "1 3 2", "b", 3},
		{"each", "-3 -2 -2.5", "b", -2},
		{"each", "1 2 2", "b", 2},
		{"each", "3 2 inf", "c", math.Inf(1)},
		{"each", "1 - 2", "c", 2},
		{"each", "- 1 2", "a", math.NaN()},
		{"last", "3 2 1", "c", 1},
		{"", "1 3 2", "", 7},
	} {
		plan, src := tablesOf(ended{"r", "loss", "converged", "", "7", "exact", 1})
		src[tables.Prompts] = tables.NewTable(tables.Prompts, "run", "prompt", "m")
		for i, v := range strings.Fields(c.values) {
			src[tables.Prompts].Append("r", string(rune('a'+i)), strings.TrimSuffix(v, "-"))
		}
		claim := &claims.Bound{Metric: "m", Limits: upTo(2)}
		got := worstOf(&spec.Desideratum{About: spec.About{Prompt: c.which}}, claim, plan, src)
		if got.Prompt != c.prompt || !near(got.Value, c.value, 0) {
			t.Errorf("%s of %s: %v at %q (%s), want %v at %q", c.which, c.values, got.Value, got.Prompt, got.Detail, c.value, c.prompt)
		}
		if claim.Prompt != "" {
			t.Errorf("%s of %s: the claim that was given is now about %q", c.which, c.values, claim.Prompt)
		}
	}
}

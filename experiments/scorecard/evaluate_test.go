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

// ended is a run of the loss under test, or of rlhf where it has that name, as the table runs has it.
type ended struct {
	id, status, reason string
	m                  string // a metric
	solver             string
	lambda             float64
}

// tablesOf makes a plan and its table runs.
func tablesOf(all ...ended) (*spec.Plan, tables.Memory) {
	plan, runs := &spec.Plan{}, tables.NewTable(tables.Runs, "run", "objective", "status", "reason", "m")
	for _, e := range all {
		plan.Runs = append(plan.Runs, &spec.Run{ID: e.id, Lambda: e.lambda, Run: setup.Run{Settings: setup.Settings{Solver: e.solver}}})
		objective := spec.UnderTest
		if e.id == "rlhf" {
			objective = e.id
		}
		runs.Append(e.id, objective, e.status, e.reason, e.m)
	}
	return plan, tables.Memory{tables.Runs: runs}
}

func upTo(max float64) claims.Limits { return claims.Limits{Max: &max} }

// The gravest status, of equal ones the last, comes with the solver of its run; the run that the detail names gives run, lambda and
// solver; of a solver that did not arrive the first run is named, and other objectives' runs count for nothing.
func TestEvaluate(t *testing.T) {
	where := tables.Where{"objective": {spec.UnderTest}}
	bound := &claims.Bound{Metric: "m", Where: where, Limits: upTo(2)}
	least, most := &claims.Minimizer{Where: where, Max: 0}, &claims.Minimizer{Where: where, Max: 3}
	best := &claims.Best{Metric: "m", Better: "lower", Limits: upTo(2), Given: []claims.Condition{{Metric: "m", Max: upTo(0).Max}}}
	inf, nan := math.Inf(1), math.NaN()
	found := func(value float64, run string, lambda float64, solver, status, detail string) Reading {
		return Reading{Value: value, Run: run, Lambda: lambda, Solver: solver, Status: status, Detail: detail}
	}
	but := func(r Reading, became outcome) Reading {
		r.outcome = became
		return r
	}
	one, ten := ended{"loss/lambda=1", "converged", "", "1", "exact", 1}, ended{"loss/lambda=10", "converged", "", "3", "path", 10}
	for _, c := range []struct {
		name  string
		claim claims.Params
		runs  []ended
		want  Reading
	}{
		{"named by the longest", bound, []ended{one, ten, {"loss/lambda=2", "converged", "", "0", "train", 2}},
			found(3, "loss/lambda=10", 10, "path", "converged", "loss/lambda=10: m 3")},
		{"named by the longest, which is first", bound, []ended{ten, one},
			found(3, "loss/lambda=10", 10, "path", "converged", "loss/lambda=10: m 3")},
		{"gravest", bound, []ended{{"a", "local", "", "1", "path", 1}, {"b", "boundary", "", "3", "exact", 2}},
			found(3, "b", 2, "exact", "local", "b (boundary): m 3")},
		{"of equal ones the last", least, []ended{{"a", "local", "", "", "path", 1}, {"b", "local", "", "", "train", 2}, one},
			but(found(nan, "", nan, "train", "local", "not decided: a is local: "), left)},
		{"left", bound, []ended{one, {"b", "failed", "no memory", "", "train", 2}, {"c", "stalled", "gave up", "", "path", 3}},
			but(found(nan, "b", 2, "train", "failed", "no memory"), left)},
		{"another objective's", bound, []ended{{"a", "converged", "", "1", "exact", 1}, {"rlhf", "stalled", "gave up", "", "path", 2}},
			found(1, "a", 1, "exact", "converged", "a: m 1")},
		{"training that runs off", bound, []ended{{"a", "failed", "training diverged: at step 2", "", "train", 1}},
			found(inf, "a", 1, "train", "failed", "a: failed, no m: training diverged: at step 2")},
		{"a loss that breaks", bound, []ended{{"a", "failed", "panic: no m", "", "train", 1}},
			found(inf, "a", 1, "train", "failed", "a: failed, no m: panic: no m")},
		{"a reason that is told", most, []ended{{"a", "diverged", "falls for ever", "", "exact", 1}},
			found(3, "a", 1, "exact", "diverged", "a: diverged: falls for ever")},
		{"a value with a reason", bound, []ended{{"a", "done", "not settled: on its way", "1", "train", 1}},
			found(1, "a", 1, "train", "done", "a: m 1")},
		{"an infinite value with its reason", bound, []ended{{"a", "diverged", "m inf", "inf", "exact", 1}},
			found(inf, "a", 1, "exact", "diverged", "a: m +Inf: m inf")},
		{"the reason of the run that is named", bound, []ended{{"loss/lambda=1", "done", "one", "0", "exact", 1}, {"loss/lambda=10", "diverged", "ten", "inf", "exact", 10}},
			found(inf, "loss/lambda=10", 10, "exact", "diverged", "loss/lambda=10: m +Inf: ten")},
		{"nothing fulfils", best, []ended{{"a", "converged", "", "1", "exact", 1}},
			but(found(inf, "a", 1, "exact", "converged", "a: nothing fulfils the conditions, here or in the 0 others"), empty)},
		{"rounding noise", bound, []ended{{"a", "converged", "", "-9.99e-13", "exact", 1}},
			found(0, "a", 1, "exact", "converged", "a: m -9.99e-13")},
		{"no noise any more", bound, []ended{{"a", "converged", "", "1e-12", "exact", 1}},
			found(1e-12, "a", 1, "exact", "converged", "a: m 1e-12")},
	} {
		plan, src := tablesOf(c.runs...)
		if got := evaluate(&spec.Desideratum{}, c.claim, plan, src); fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", c.want) {
			t.Errorf("%s: %#v, want %#v", c.name, got, c.want)
		}
	}
	plan, src := tablesOf(one, ended{"b", "converged", "it is so", "1", "exact", 1}, ended{"c", "converged", "and so", "1", "exact", 1})
	r := evaluate(&spec.Desideratum{}, &claims.Bound{Metric: "n", Limits: upTo(1)}, plan, src)
	if r.outcome != inapplicable || !strings.Contains(r.Detail, `"n"`) || !strings.HasSuffix(r.Detail, ": it is so") || !math.IsNaN(r.Value) {
		t.Errorf("what cannot be asked: %#v", r)
	}
}

// The gravity of statuses rises from policies that are given to runs that failed.
func TestGravity(t *testing.T) {
	bound := &claims.Bound{Metric: "m", Limits: upTo(2)}
	all := strings.Fields("exact done converged not-unique boundary local stationary cycle collapse diverged stalled failed")
	for i, lighter := range all[:len(all)-1] {
		a, b := ended{"a", lighter, "panic", "1", "first", 1}, ended{"b", all[i+1], "panic", "1", "second", 1}
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
		plan, src := tablesOf(ended{"r", "converged", "", "7", "exact", 1})
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

package claims_test

import (
	"testing"

	"windtunnel/metrics/claims"
	"windtunnel/metrics/tables"
)

func TestMonotone(t *testing.T) {
	dpo, typo := tables.Where{"objective": {"dpo"}}, tables.Where{"objective": {"typo"}}
	both := tables.Where{"objective": {"dpo", "typo"}}
	tests := map[string]struct {
		claim claims.Monotone
		want  verdict
	}{
		"rises": {claims.Monotone{Metric: "tv_star", Where: typo, Along: "lambda", Direction: "increasing"},
			verdict{true, -.09, 0, "typo/mid: tv_star 0.1, typo/large: 0.19", ""}},
		"falls": {claims.Monotone{Metric: "tv_ref", Where: both, Along: "lambda", Direction: "decreasing"},
			verdict{true, -.0971, 0, "dpo/mid: tv_ref 0.1, dpo/large: 0.0029", ""}},
		"falls and rises": {claims.Monotone{Metric: "tv_star", Where: dpo, Along: "lambda", Direction: "decreasing"},
			verdict{false, .05, 0, "dpo/mid: tv_star 0.15, dpo/large: 0.2", ""}},
		"forgiven": {claims.Monotone{Metric: "tv_star", Where: dpo, Along: "lambda", Direction: "decreasing", Slack: .06},
			verdict{true, .05, .06, "dpo/mid: tv_star 0.15, dpo/large: 0.2", ""}},
		"the wrong way": {claims.Monotone{Metric: "tv_ref", Where: both, Along: "lambda", Direction: "increasing"},
			verdict{false, .3471, 0, "dpo/small: tv_ref 0.35, dpo/large: 0.0029", ""}},
		"from infinity": {claims.Monotone{Metric: "gap", Where: dpo, Along: "lambda", Direction: "decreasing"},
			verdict{true, -1, 0, "dpo/mid: gap 2, dpo/large: 1", ""}},
		"a constant": {claims.Monotone{Metric: "gap", Where: typo, Along: "lambda", Direction: "increasing"},
			verdict{true, 0, 0, "typo/small: gap 1, typo/mid: 1", ""}},
		"on a prompt": {claims.Monotone{Metric: "kl", Prompt: "bad", Where: typo, Along: "lambda", Direction: "increasing"},
			verdict{true, -.02, 0, "typo/small: kl on bad 0.01, typo/mid: 0.03", ""}},
		"grouped by hand": {claims.Monotone{Metric: "tv_ref", Where: both, Along: "lambda", By: []string{"objective"}, Direction: "decreasing"},
			verdict{true, -.0971, 0, "dpo/mid: tv_ref 0.1, dpo/large: 0.0029", ""}},
		"grouped too coarsely": {claims.Monotone{Metric: "tv_ref", Where: both, Along: "lambda", By: []string{"seed"}, Direction: "decreasing"},
			verdict{err: "along: dpo/small and typo/small share lambda=1e-05; name the column"}},
		"a single run": {claims.Monotone{Metric: "tv_ref", Where: tables.Where{"objective": {"ipo"}}, Along: "lambda", Direction: "decreasing"},
			verdict{err: "along: ipo/small is the only run with objective=ipo, seed=1"}},
		"along text": {claims.Monotone{Metric: "tv_ref", Where: dpo, Along: "note", Direction: "decreasing"},
			verdict{err: `note of run dpo/small is "x", not a number`}},
		"along nothing": {claims.Monotone{Metric: "tv_ref", Where: dpo, Along: "reason", Direction: "decreasing"},
			verdict{err: "along: run dpo/small has no reason"}},
		"unknown along": {claims.Monotone{Metric: "tv_ref", Where: dpo, Along: "lamda", Direction: "decreasing"},
			verdict{err: `along: table runs has no column "lamda"`}},
		"unknown by": {claims.Monotone{Metric: "tv_ref", Where: dpo, Along: "lambda", By: []string{"sed"}, Direction: "decreasing"},
			verdict{err: `by: table runs has no column "sed"`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { check(t, &test.claim, sweep(t), test.want) })
	}
}

// Runs are ordered by the sweep, not by the table, and small steps back add up.
func TestMonotoneDrift(t *testing.T) {
	src := tables.Memory{"runs": table(t, "runs", `
run lambda status v
c   3      done   0.85
a   1      done   1
d   10     done   0.7
b   2      done   0.9
`)}
	claim := &claims.Monotone{Metric: "v", Along: "lambda", Direction: "increasing", Slack: .15}
	check(t, claim, src, verdict{false, .3, .15, "a: v 1, d: 0.7", ""})
	claim.Direction = "decreasing"
	check(t, claim, src, verdict{true, -.05, .15, "b: v 0.9, c: 0.85", ""})
}

// Where the metric stays, the run before is the one that a step back is from.
func TestMonotoneStays(t *testing.T) {
	src := tables.Memory{"runs": table(t, "runs", "run lambda status v\na 1 done 1\nb 2 done 1\nc 3 done 0.5\n")}
	claim := &claims.Monotone{Metric: "v", Along: "lambda", Direction: "increasing", Slack: .5}
	check(t, claim, src, verdict{true, .5, .5, "a: v 1, c: 0.5", ""})
	claim.Direction = "decreasing"
	check(t, claim, src, verdict{true, 0, .5, "a: v 1, b: 1", ""})
}

func TestMonotoneDiverged(t *testing.T) {
	src := tables.Memory{"runs": table(t, "runs", `
run lambda status   v
a   1      done     1
b   2      diverged -
`)}
	check(t, &claims.Monotone{Metric: "v", Along: "lambda", Direction: "increasing"}, src, broken("b: diverged, no v"))
}

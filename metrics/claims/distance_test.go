package claims_test

import (
	"testing"

	"windtunnel/metrics/claims"
	"windtunnel/metrics/tables"
)

func TestDistance(t *testing.T) {
	v := func(x float64) *float64 { return &x }
	run := func(name string) tables.Where { return tables.Where{"run": {name}} }
	tests := map[string]struct {
		claim claims.Distance
		want  verdict
	}{
		"apart on every prompt": {claims.Distance{Left: run("dpo/small"), Right: run("typo/small"), Limits: claims.Limits{Above: v(.01)}},
			verdict{true, .05, .01, "dpo/small to typo/small on bad: total variation 0.05", ""}},
		"too near on one": {claims.Distance{Left: run("dpo/small"), Right: run("typo/small"), Limits: claims.Limits{Min: v(.1)}},
			verdict{false, .05, .1, "dpo/small to typo/small on bad: total variation 0.05", ""}},
		"too far on one": {claims.Distance{Left: run("dpo/small"), Right: run("typo/small"), Limits: claims.Limits{Max: v(.1)}},
			verdict{false, .3, .1, "dpo/small to typo/small on good: total variation 0.3", ""}},
		"near enough on the one asked": {claims.Distance{Left: run("dpo/small"), Right: run("typo/small"), Prompt: "bad", Limits: claims.Limits{Below: v(.1)}},
			verdict{true, .05, .1, "dpo/small to typo/small on bad: total variation 0.05", ""}},
		"matched": {claims.Distance{Left: tables.Where{"objective": {"typo"}, "lambda": {"1e-5", "1"}}, Right: tables.Where{"run": {"typo/small", "typo/mid"}},
			Match: []string{"lambda"}, Prompt: "good", Limits: claims.Limits{Max: v(0)}},
			verdict{true, 0, 0, "typo/small to typo/small on good: total variation 0", ""}},
		"responses in another order": {claims.Distance{Left: run("typo/mid"), Right: run("dpo/mid"), Limits: claims.Limits{Max: v(1)}},
			verdict{err: "the policies of typo/mid and dpo/mid list different responses: good 0 and good 1"}},
		"other prompts": {claims.Distance{Left: run("typo/mid"), Right: run("typo/small"), Limits: claims.Limits{Max: v(1)}},
			verdict{err: "the policies of typo/mid and typo/small have 2 and 4 responses"}},
		"diverged":             {claims.Distance{Left: run("ipo/small"), Right: run("typo/small"), Limits: claims.Limits{Max: v(1)}}, broken("ipo/small: diverged, no final policy")},
		"counterpart diverged": {claims.Distance{Left: run("typo/small"), Right: run("ipo/small"), Limits: claims.Limits{Max: v(1)}}, broken("ipo/small: diverged, no final policy")},
		"empty without excuse": {claims.Distance{Left: run("typo/small"), Right: run("dpo/large"), Limits: claims.Limits{Max: v(1)}}, verdict{err: "run dpo/large (converged) has no final policy"}},
		"absent":               {claims.Distance{Left: run("typo/large"), Right: run("typo/small"), Limits: claims.Limits{Max: v(1)}}, verdict{err: "run typo/large (done) has no final policy"}},
		"unknown prompt":       {claims.Distance{Left: run("typo/mid"), Right: run("typo/small"), Prompt: "ugly", Limits: claims.Limits{Max: v(1)}}, verdict{err: `prompt: table policies has no prompt "ugly"; it has good, bad`}},
		"several counterparts": {claims.Distance{Left: run("typo/mid"), Right: tables.Where{"objective": {"dpo"}}, Limits: claims.Limits{Max: v(1)}}, verdict{err: "has several counterparts in right"}},
		"no left":              {claims.Distance{Left: run("kto"), Right: run("typo/mid"), Limits: claims.Limits{Max: v(1)}}, verdict{err: "left: selects no run"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { check(t, &test.claim, sweep(t), test.want) })
	}
}

func TestDistanceWithoutPolicies(t *testing.T) {
	limit := 1.0
	src := sweep(t)
	src["policies"] = table(t, "policies", "run prompt response\ndpo/small good 0")
	claim := &claims.Distance{Left: tables.Where{"run": {"dpo/small"}}, Right: tables.Where{"run": {"dpo/mid"}}, Limits: claims.Limits{Max: &limit}}
	check(t, claim, src, verdict{err: `table policies has no column "pi"`})
	delete(src, "policies")
	check(t, claim, src, verdict{err: "policies"})
}

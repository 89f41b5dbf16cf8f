package claims_test

import (
	"math"
	"testing"

	"windtunnel/metrics/claims"
	"windtunnel/metrics/tables"
)

func TestCompare(t *testing.T) {
	dpo, typo, ipo := tables.Where{"objective": {"dpo"}}, tables.Where{"objective": {"typo"}}, tables.Where{"objective": {"ipo"}}
	small := func(objective string) tables.Where {
		return tables.Where{"objective": {objective}, "lambda": {"1e-5"}}
	}
	lambda := []string{"lambda"}
	tests := map[string]struct {
		claim claims.Compare
		want  verdict
	}{
		"less everywhere": {claims.Compare{Metric: "tv_star", Where: typo, With: dpo, Match: lambda, Relation: "less"},
			verdict{true, .19, .2, "typo/large: tv_star 0.19, dpo/large: 0.2", ""}},
		"not by that much": {claims.Compare{Metric: "tv_star", Where: typo, With: dpo, Match: lambda, Relation: "less", Margin: .02},
			verdict{false, .19, .18, "typo/large: tv_star 0.19, dpo/large: 0.2", ""}},
		"equal is not less": {claims.Compare{Metric: "tv_ref", Where: typo, With: dpo, Match: lambda, Relation: "less"},
			verdict{false, .1, .1, "typo/mid: tv_ref 0.1, dpo/mid: 0.1", ""}},
		"equal is not greater": {claims.Compare{Metric: "gap", Where: tables.Where{"run": {"typo/mid"}}, With: small("typo"), Relation: "greater"},
			verdict{false, 1, 1, "typo/mid: gap 1, typo/small: 1", ""}},
		"greater": {claims.Compare{Metric: "tv_star", Where: dpo, With: typo, Match: []string{"lambda", "seed"}, Relation: "greater"},
			verdict{true, .2, .19, "dpo/large: tv_star 0.2, typo/large: 0.19", ""}},
		"not greater by that much": {claims.Compare{Metric: "tv_star", Where: small("dpo"), With: small("typo"), Relation: "greater", Margin: .5},
			verdict{false, .4, .51, "dpo/small: tv_star 0.4, typo/small: 0.01", ""}},
		"equal within": {claims.Compare{Metric: "tv_star", Where: typo, With: dpo, Match: lambda, Relation: "equal", Tolerance: .5},
			verdict{true, .39, .5, "typo/small: tv_star 0.01, dpo/small: 0.4", ""}},
		"not equal": {claims.Compare{Metric: "tv_star", Where: typo, With: dpo, Match: lambda, Relation: "equal", Tolerance: .1},
			verdict{false, .39, .1, "typo/small: tv_star 0.01, dpo/small: 0.4", ""}},
		"exactly equal": {claims.Compare{Metric: "tv_ref", Where: typo, With: dpo, Match: lambda, Relation: "equal", Tolerance: 0},
			verdict{false, .15, 0, "typo/small: tv_ref 0.2, dpo/small: 0.35", ""}},
		"all with one": {claims.Compare{Metric: "tv_star", Where: dpo, With: small("typo"), Relation: "greater"},
			verdict{true, .15, .01, "dpo/mid: tv_star 0.15, typo/small: 0.01", ""}},
		"infinities are equal": {claims.Compare{Metric: "gap", Where: small("dpo"), With: small("dpo"), Relation: "equal"},
			verdict{true, 0, 0, "dpo/small: gap +Inf, dpo/small: +Inf", ""}},
		"less than infinite": {claims.Compare{Metric: "gap", Where: small("typo"), With: small("dpo"), Relation: "less"},
			verdict{true, 1, math.Inf(1), "typo/small: gap 1, dpo/small: +Inf", ""}},
		"on a prompt": {claims.Compare{Metric: "kl", Prompt: "bad", Where: typo, With: dpo, Match: lambda, Relation: "less"},
			verdict{true, .099, .1, "typo/large: kl on bad 0.099, dpo/large: 0.1", ""}},
		"diverged":             {claims.Compare{Metric: "tv_star", Where: ipo, With: dpo, Match: lambda, Relation: "less"}, broken("ipo/small: diverged, no tv_star")},
		"counterpart diverged": {claims.Compare{Metric: "tv_star", Where: small("dpo"), With: ipo, Relation: "less"}, broken("ipo/small: diverged, no tv_star")},
		"no counterpart": {claims.Compare{Metric: "tv_star", Where: dpo, With: ipo, Match: lambda, Relation: "less"},
			verdict{err: "match: dpo/mid has no counterpart in with with lambda=1"}},
		"several counterparts": {claims.Compare{Metric: "tv_star", Where: dpo, With: typo, Match: []string{"seed"}, Relation: "less"},
			verdict{err: "match: dpo/small has several counterparts in with: typo/small and typo/mid"}},
		"two counterparts, the first of all rows": {claims.Compare{Metric: "tv_star", Where: typo, With: tables.Where{"run": {"dpo/small", "dpo/mid"}}, Relation: "less"},
			verdict{err: "match: typo/small has several counterparts in with: dpo/small and dpo/mid"}},
		"nothing to compare with": {claims.Compare{Metric: "tv_star", Where: dpo, With: tables.Where{"objective": {"kto"}}, Relation: "less"},
			verdict{err: "with: selects no run"}},
		"unknown match column": {claims.Compare{Metric: "tv_star", Where: dpo, With: typo, Match: []string{"lamda"}, Relation: "less"},
			verdict{err: `match: table runs has no column "lamda"`}},
		"unknown metric": {claims.Compare{Metric: "tv", Where: dpo, With: typo, Match: lambda, Relation: "less"},
			verdict{err: `metric: table runs has no column "tv"`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { check(t, &test.claim, sweep(t), test.want) })
	}
}

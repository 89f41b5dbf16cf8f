package claims_test

import (
	"testing"

	"windtunnel/metrics/claims"
	"windtunnel/metrics/tables"
)

func TestDominated(t *testing.T) {
	v := func(x float64) *float64 { return &x }
	dpo, typo := tables.Where{"objective": {"dpo"}}, tables.Where{"objective": {"typo"}}
	both := []claims.Axis{{Metric: "kl", Prompt: "good", Better: "lower"}, {Metric: "kl", Prompt: "bad", Better: "lower"}}
	improves := &claims.Improvement{Metric: "kl", Prompt: "bad", Better: "lower", BaselineMetric: "base", By: .05}
	tests := map[string]struct {
		claim claims.Dominated
		want  verdict
	}{
		"all": {claims.Dominated{Where: dpo, By: typo, On: both},
			verdict{true, 0, 0, "dpo/large: kl on good 0, kl on bad 0.1; nearest typo/small: kl on good 0, kl on bad 0.01", ""}},
		"those that improve": {claims.Dominated{Where: dpo, By: typo, On: both, Improves: improves},
			verdict{true, -.04, 0, "dpo/mid: kl on good 0.2, kl on bad 0.05; nearest typo/small: kl on good 0, kl on bad 0.01", ""}},
		"the other way round": {claims.Dominated{Where: typo, By: dpo, On: both},
			verdict{false, .09, 0, "typo/small: kl on good 0, kl on bad 0.01; nearest dpo/large: kl on good 0, kl on bad 0.1", ""}},
		"within the slack": {claims.Dominated{Where: tables.Where{"run": {"typo/large"}}, By: dpo, On: both, Slack: 1e-3 + 1e-12},
			verdict{true, 1e-3, 1e-3 + 1e-12, "typo/large: kl on good 0, kl on bad 0.099; nearest dpo/large: kl on good 0, kl on bad 0.1", ""}},
		"higher is better": {claims.Dominated{Where: dpo, By: typo, On: []claims.Axis{{Metric: "tv_star", Better: "higher"}}},
			verdict{false, .21, 0, "dpo/small: tv_star 0.4; nearest typo/large: tv_star 0.19", ""}},
		"improving on a number": {claims.Dominated{Where: dpo, By: typo, On: both,
			Improves: &claims.Improvement{Metric: "tv_star", Better: "lower", Baseline: v(.25), By: .3}},
			verdict{true, -.04, 0, "dpo/mid: kl on good 0.2, kl on bad 0.05; nearest typo/small: kl on good 0, kl on bad 0.01", ""}},
		"improving upwards": {claims.Dominated{Where: dpo, By: typo, On: both,
			Improves: &claims.Improvement{Metric: "tv_star", Better: "higher", Baseline: v(.2), By: .5}},
			verdict{true, -.79, 0, "dpo/small: kl on good 0.9, kl on bad 0.8; nearest typo/small: kl on good 0, kl on bad 0.01", ""}},
		"nothing improves": {claims.Dominated{Where: dpo, By: typo, On: both,
			Improves: &claims.Improvement{Metric: "kl", Prompt: "bad", Better: "lower", BaselineMetric: "base", By: .6}},
			verdict{err: "improves: none of 3 selected runs improves kl on bad by 60 %"}},
		"a baseline out of reach": {claims.Dominated{Where: typo, By: typo, On: both,
			Improves: &claims.Improvement{Metric: "tv_star", Better: "higher", Baseline: v(1e308), By: 1e-9}},
			verdict{err: "improves: none of 3"}},
		"an infinitely bad baseline": {claims.Dominated{Where: tables.Where{"run": {"dpo/small"}}, By: typo, On: both,
			Improves: &claims.Improvement{Metric: "tv_star", Better: "lower", BaselineMetric: "gap", By: .05}},
			verdict{true, -.79, 0, "dpo/small: kl on good 0.9, kl on bad 0.8; nearest typo/small: kl on good 0, kl on bad 0.01", ""}},
		"dominated by nothing that works": {claims.Dominated{Where: dpo, By: tables.Where{"objective": {"ipo"}}, On: both},
			broken("ipo/small: diverged, no kl on good")},
		"a broken rival among others": {claims.Dominated{Where: tables.Where{"run": {"dpo/mid"}}, By: tables.Where{"objective": {"ipo", "typo"}}, On: both},
			verdict{true, -.04, 0, "dpo/mid: kl on good 0.2, kl on bad 0.05; nearest typo/small: kl on good 0, kl on bad 0.01", ""}},
		"diverged": {claims.Dominated{Where: tables.Where{"objective": {"ipo"}}, By: typo, On: both}, broken("ipo/small: diverged, no kl on good")},
		"diverged before it improved": {claims.Dominated{Where: tables.Where{"objective": {"ipo"}}, By: typo, On: both, Improves: improves},
			broken("ipo/small: diverged, no kl on bad")},
		"nobody dominates": {claims.Dominated{Where: dpo, By: tables.Where{"objective": {"kto"}}, On: both}, verdict{err: "by: selects no run"}},
		"nobody within": {claims.Dominated{Where: tables.Where{"run": {"dpo/mid"}}, By: tables.Where{"objective": {"ipo"}}, Within: []string{"lambda"}, On: both},
			verdict{err: "within: no run of by shares lambda=1 with dpo/mid"}},
		"unknown within": {claims.Dominated{Where: dpo, By: typo, Within: []string{"sed"}, On: both}, verdict{err: `within: table runs has no column "sed"`}},
		"unknown axis":   {claims.Dominated{Where: dpo, By: typo, On: []claims.Axis{{Metric: "kll", Prompt: "bad", Better: "lower"}}}, verdict{err: `on.0.metric: table prompts has no column "kll"`}},
		"unknown baseline": {claims.Dominated{Where: dpo, By: typo, On: both, Improves: &claims.Improvement{Metric: "kl", Prompt: "bad", BaselineMetric: "bse", By: .1}},
			verdict{err: `improves.baseline_metric: table prompts has no column "bse"`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { check(t, &test.claim, sweep(t), test.want) })
	}
}

// Random environments: groups of prompts are averaged, and rivals come from the same seed.
func TestDominatedWithinSeeds(t *testing.T) {
	claim := &claims.Dominated{
		Where: tables.Where{"objective": {"dpo"}}, By: tables.Where{"objective": {"typo"}}, Within: []string{"seed"},
		On:       []claims.Axis{{Metric: "kl", Prompt: "good", Better: "lower"}, {Metric: "kl", Prompt: "bad", Better: "lower"}},
		Improves: &claims.Improvement{Metric: "kl", Prompt: "bad", Better: "lower", BaselineMetric: "base", By: .05},
	}
	check(t, claim, seeds(t), verdict{false, .15, 0, "dpo/2: kl on good 0.1, kl on bad 0.2; nearest typo/2: kl on good 0, kl on bad 0.35", ""})
	claim.Slack = .2
	check(t, claim, seeds(t), verdict{true, .15, .2, "dpo/2: kl on good 0.1, kl on bad 0.2; nearest typo/2: kl on good 0, kl on bad 0.35", ""})
	claim.Within, claim.Slack = nil, 0
	check(t, claim, seeds(t), verdict{false, .1, 0, "dpo/2: kl on good 0.1, kl on bad 0.2; nearest typo/1: kl on good 0, kl on bad 0.3", ""})
}

// What improves by exactly the share counts, or by less than 1e-9 of the baseline too little, and not what is as infinitely bad.
func TestDominatedImprovesExactly(t *testing.T) {
	for name, c := range map[string]struct {
		x, base, better string
		counts          bool
	}{
		"exactly":           {"1", "2", "lower", true},
		"by rounding":       {"1.0000000015", "2", "lower", true},
		"too little":        {"1.0000000025", "2", "lower", false},
		"upwards":           {"3", "2", "higher", true},
		"hardly upwards":    {"2.9999999985", "2", "higher", true},
		"too little up":     {"2.9999999975", "2", "higher", false},
		"below 0":           {"-3", "-2", "lower", true},
		"not below 0":       {"-2.9", "-2", "lower", false},
		"from 0":            {"0", "0", "lower", true},
		"not from 0":        {"1e-300", "0", "lower", false},
		"infinitely bad":    {"inf", "inf", "lower", false},
		"from infinity":     {"1e300", "inf", "lower", true},
		"infinitely low":    {"-inf", "-inf", "higher", false},
		"infinitely better": {"-inf", "2", "lower", true},
	} {
		src := tables.Memory{"runs": table(t, "runs", "run status x base y\na done "+c.x+" "+c.base+" 4\nz done 0 0 3\n")}
		want := verdict{true, -1, 0, "a: y 4; nearest z: y 3", ""}
		if !c.counts {
			want = verdict{err: "improves: none of 1 selected runs improves x by 50 %"}
		}
		t.Run(name, func(t *testing.T) {
			check(t, &claims.Dominated{Where: tables.Where{"run": {"a"}}, By: tables.Where{"run": {"z"}}, On: []claims.Axis{{Metric: "y", Better: "lower"}},
				Improves: &claims.Improvement{Metric: "x", BaselineMetric: "base", Better: c.better, By: 0.5}}, src, want)
		})
	}
}

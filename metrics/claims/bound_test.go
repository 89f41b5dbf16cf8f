package claims_test

import (
	"fmt"
	"math"
	"testing"

	"windtunnel/metrics/claims"
	"windtunnel/metrics/tables"
)

func TestBound(t *testing.T) {
	v := func(x float64) *float64 { return &x }
	dpo, typo := tables.Where{"objective": {"dpo"}}, tables.Where{"objective": {"typo"}}
	tests := map[string]struct {
		claim claims.Bound
		want  verdict
	}{
		"holds, nearest": {claims.Bound{Metric: "tv_star", Where: typo, Limits: claims.Limits{Max: v(.2)}},
			verdict{true, .19, .2, "typo/large: tv_star 0.19", ""}},
		"broken, worst": {claims.Bound{Metric: "tv_star", Where: dpo, Limits: claims.Limits{Max: v(.19)}},
			verdict{false, .4, .19, "dpo/small: tv_star 0.4", ""}},
		"selected by number": {claims.Bound{Metric: "tv_ref", Where: tables.Where{"lambda": {"1e2"}}, Limits: claims.Limits{Max: v(.01)}},
			verdict{true, .0029, .01, "dpo/large: tv_ref 0.0029", ""}},
		"max is inclusive":       {claims.Bound{Metric: "tv_star", Where: typo, Limits: claims.Limits{Max: v(.19)}}, verdict{true, .19, .19, "typo/large: tv_star 0.19", ""}},
		"below is strict":        {claims.Bound{Metric: "tv_star", Where: typo, Limits: claims.Limits{Below: v(.19)}}, verdict{false, .19, .19, "typo/large: tv_star 0.19", ""}},
		"min is inclusive":       {claims.Bound{Metric: "tv_star", Where: dpo, Limits: claims.Limits{Min: v(.15)}}, verdict{true, .15, .15, "dpo/mid: tv_star 0.15", ""}},
		"above is strict":        {claims.Bound{Metric: "tv_star", Where: dpo, Limits: claims.Limits{Above: v(.15)}}, verdict{false, .15, .15, "dpo/mid: tv_star 0.15", ""}},
		"nearest of two limits":  {claims.Bound{Metric: "tv_star", Where: dpo, Limits: claims.Limits{Min: v(.1), Max: v(.41)}}, verdict{true, .4, .41, "dpo/small: tv_star 0.4", ""}},
		"the broken of two":      {claims.Bound{Metric: "tv_star", Where: dpo, Limits: claims.Limits{Min: v(.16), Max: v(.4)}}, verdict{false, .15, .16, "dpo/mid: tv_star 0.15", ""}},
		"strict breaks, at zero": {claims.Bound{Metric: "tv_star", Where: dpo, Limits: claims.Limits{Above: v(.1), Below: v(.4)}}, verdict{false, .4, .4, "dpo/small: tv_star 0.4", ""}},
		"broken before even":     {claims.Bound{Metric: "tv_star", Where: dpo, Limits: claims.Limits{Above: v(.15), Max: v(.4)}}, verdict{false, .15, .15, "dpo/mid: tv_star 0.15", ""}},
		"infinite is too much":   {claims.Bound{Metric: "gap", Where: dpo, Limits: claims.Limits{Max: v(1e300)}}, verdict{false, math.Inf(1), 1e300, "dpo/small: gap +Inf", ""}},
		"infinite is enough":     {claims.Bound{Metric: "gap", Where: tables.Where{"gap": {"inf"}}, Limits: claims.Limits{Above: v(1e300)}}, verdict{true, math.Inf(1), 1e300, "dpo/small: gap +Inf", ""}},
		"one prompt":             {claims.Bound{Metric: "kl", Prompt: "good", Where: typo, Limits: claims.Limits{Max: v(.02)}}, verdict{true, 0, .02, "typo/small: kl on good 0", ""}},
		"one prompt, broken":     {claims.Bound{Metric: "kl", Prompt: "bad", Where: typo, Limits: claims.Limits{Below: v(.099)}}, verdict{false, .099, .099, "typo/large: kl on bad 0.099", ""}},
		"diverged":               {claims.Bound{Metric: "tv_star", Limits: claims.Limits{Max: v(1)}}, broken("ipo/small: diverged, no tv_star")},
		"diverged, on a prompt":  {claims.Bound{Metric: "kl", Prompt: "bad", Limits: claims.Limits{Max: v(1)}}, broken("ipo/small: diverged, no kl on bad")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { check(t, &test.claim, sweep(t), test.want) })
	}
}

func TestBoundOnAGroupOfPrompts(t *testing.T) {
	limit := .25
	check(t, &claims.Bound{Metric: "kl", Prompt: "good", Limits: claims.Limits{Max: &limit}}, seeds(t), verdict{true, .2, .25, "dpo/1: kl on good 0.2", ""})
	check(t, &claims.Bound{Metric: "kl", Prompt: "good-2", Limits: claims.Limits{Max: &limit}}, seeds(t), verdict{false, .3, .25, "dpo/1: kl on good-2 0.3", ""})
}

func ExampleBound() {
	runs := tables.NewTable(tables.Runs, "run", "objective", "lambda", "status", "tv_star")
	for _, row := range [][]string{
		{"dpo/lambda=1e-05", "dpo", "1e-05", "done", "0.3988"},
		{"typo/lambda=1e-05", "typo", "1e-05", "done", "0.0097"},
	} {
		runs.Append(row...)
	}
	limit := 0.02
	claim := claims.Bound{Metric: "tv_star", Where: tables.Where{"objective": {"typo"}}, Limits: claims.Limits{Max: &limit}}
	result, err := claims.Evaluate(&claim, tables.Memory{tables.Runs: runs})
	fmt.Println(result.Holds, result.Value, result.Bound, err)
	fmt.Println(result.Detail)
	// Output:
	// true 0.0097 0.02 <nil>
	// typo/lambda=1e-05: tv_star 0.0097
}

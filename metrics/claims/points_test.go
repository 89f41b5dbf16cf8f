package claims_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"windtunnel/metrics/claims"
	"windtunnel/metrics/tables"
	"windtunnel/toy/registry"
)

// curve is a path at one prompt of two responses: the strength of each point with the first response's probability, NaN for
// none.
type curve struct {
	run, prompt string
	at          [][2]float64
}

// traced is a results folder of paths, with pi_ref = 0.5 and pi_star = 0.8 of the first response.
func traced(t testing.TB, curves ...curve) tables.Memory {
	t.Helper()
	var runs, policies, prompts, traces, trajectories strings.Builder
	runs.WriteString("run objective seed status tv_star\n")
	policies.WriteString("run prompt response pi pi_ref pi_star\n")
	prompts.WriteString("run prompt tv_star tv_ref kl_star_pi kl_star_ref reward_of\n")
	traces.WriteString("run step strength point_status tv_star\n")
	trajectories.WriteString("run step prompt response pi\n")
	known := map[string]bool{}
	for _, c := range curves {
		if !known[c.run] {
			objective, seed, _ := strings.Cut(c.run, "/")
			fmt.Fprintf(&runs, "%s %s %s converged -\n", c.run, objective, seed)
		}
		fmt.Fprintf(&policies, "%s %s 0 - 0.5 0.8\n%s %s 1 - 0.5 0.2\n", c.run, c.prompt, c.run, c.prompt)
		fmt.Fprintf(&prompts, "%s %s - - - - -\n", c.run, c.prompt)
		for i, q := range c.at {
			if !known[c.run] {
				status := "converged"
				if math.IsNaN(q[1]) {
					status = "diverged"
				}
				fmt.Fprintf(&traces, "%s %d %v %s %s\n", c.run, i, q[0], status, strings.ReplaceAll(fmt.Sprint(math.Abs(q[1]-0.8)), "NaN", "-"))
			}
			if !math.IsNaN(q[1]) {
				fmt.Fprintf(&trajectories, "%s %d %s 0 %v\n%s %d %s 1 %v\n", c.run, i, c.prompt, q[1], c.run, i, c.prompt, 1-q[1])
			}
		}
		known[c.run] = true
	}
	return tables.Memory{"runs": table(t, "runs", runs.String()), "policies": table(t, "policies", policies.String()),
		"prompts": table(t, "prompts", prompts.String()), "traces": table(t, "traces", traces.String()),
		"trajectories": table(t, "trajectories", trajectories.String())}
}

var none = math.NaN()

// twoLosses is dpo, which leaves the good prompt as the bad one gets better, and typo, which does not, over two seeds; in the second
// dpo never brings the bad prompt to half.
func twoLosses(t testing.TB) tables.Memory {
	return traced(t,
		curve{"dpo/1", "good", [][2]float64{{0.1, 0.99}, {1, 0.9}, {10, 0.82}, {100, 0.8}}},
		curve{"dpo/1", "bad", [][2]float64{{0.1, 0.95}, {1, 0.75}, {10, 0.7}, {100, 0.52}}},
		curve{"dpo/2", "good", [][2]float64{{0.1, 0.99}, {1, 0.9}, {10, 0.82}, {100, 0.8}}},
		curve{"dpo/2", "bad", [][2]float64{{0.1, 0.4}, {1, 0.5}, {10, 0.51}, {100, 0.5}}},
		curve{"typo/1", "good", [][2]float64{{0.1, 0.8}, {1, 0.8}, {10, 0.8}}},
		curve{"typo/1", "bad", [][2]float64{{0.1, 0.79}, {1, 0.7}, {10, 0.51}}},
		curve{"typo/2", "good", [][2]float64{{0.1, none}, {1, 0.8}, {10, 0.8}}},
		curve{"typo/2", "bad", [][2]float64{{0.1, none}, {1, 0.7}, {10, 0.51}}},
		curve{"none/1", "good", [][2]float64{{0.1, none}, {1, none}}},
		curve{"none/1", "bad", [][2]float64{{0.1, none}, {1, none}}})
}

func TestBest(t *testing.T) {
	v := func(x float64) *float64 { return &x }
	half := []claims.Condition{{Metric: "tv_star", Prompt: "bad", Max: v(0.5), Of: "kl_star_ref"}} // KL(pi_star to pi_ref) is 0.1927
	kl := 0.8*math.Log(1.6) + 0.2*math.Log(0.4)
	tests := map[string]struct {
		claim claims.Best
		want  verdict
	}{
		"over a path": {claims.Best{Metric: "tv_star", Prompt: "good", Better: "lower", Where: tables.Where{"run": {"dpo/1"}}, Over: "points", Given: half, Limits: claims.Limits{Max: v(0.2)}},
			verdict{true, 0.1, 0.2, "dpo/1 at strength 1: best tv_star on good 0.1", ""}},
		"with paths in which nothing counts": {claims.Best{Metric: "tv_star", Prompt: "good", Better: "lower", Where: tables.Where{"objective": {"dpo"}}, Over: "points", Given: half, Limits: claims.Limits{Max: v(0.05)}},
			verdict{false, 0.1, 0.05, "dpo/1 at strength 1: best tv_star on good 0.1; in 1 of 2 nothing fulfils the conditions", ""}},
		"where nothing counts": {claims.Best{Metric: "tv_star", Prompt: "good", Better: "lower", Where: tables.Where{"run": {"dpo/2"}}, Over: "points", Given: half, Limits: claims.Limits{Max: v(0.2)}},
			verdict{false, math.Inf(1), none, "dpo/2: nothing fulfils the conditions, here or in the 0 others", ""}},
		"the highest": {claims.Best{Metric: "tv_ref", Prompt: "bad", Better: "higher", Where: tables.Where{"objective": {"dpo"}}, Over: "points", Limits: claims.Limits{Above: v(0.2)}},
			verdict{false, 0.1, 0.2, "dpo/2 at strength 0.1: best tv_ref on bad 0.1", ""}},
		"at least": {claims.Best{Metric: "tv_star", Prompt: "good", Better: "lower", Where: tables.Where{"run": {"dpo/1"}}, Over: "points",
			Given: []claims.Condition{{Metric: "kl_star_ref", Prompt: "bad", Min: v(1), Of: "kl_star_ref"}, {Metric: "tv_ref", Prompt: "good", Min: v(0.35)}}, Limits: claims.Limits{Max: v(1)}},
			verdict{true, 0.1, 1, "dpo/1 at strength 1: best tv_star on good 0.1", ""}},
		"without policies at some points": {claims.Best{Metric: "tv_star", Prompt: "bad", Better: "lower", Where: tables.Where{"run": {"typo/2"}}, Over: "points", Limits: claims.Limits{Max: v(0.2)}},
			verdict{true, 0.1, 0.2, "typo/2 at strength 1: best tv_star on bad 0.1", ""}},
		"of all prompts": {claims.Best{Metric: "tv_star", Better: "lower", Where: tables.Where{"run": {"dpo/1"}}, Over: "points", Limits: claims.Limits{Max: v(0.2)}},
			verdict{true, 0, 0.2, "dpo/1 at strength 100: best tv_star 0", ""}},
		"without policies": {claims.Best{Metric: "tv_star", Prompt: "bad", Better: "lower", Where: tables.Where{"objective": {"none"}}, Over: "points", Limits: claims.Limits{Max: v(0.2)}},
			broken("none/1: diverged, no policy at any point of its path")},
		"a column of no metric": {claims.Best{Metric: "reward_of", Prompt: "bad", Better: "lower", Over: "points", Where: tables.Where{"run": {"dpo/1"}}, Limits: claims.Limits{Max: v(0.2)}},
			verdict{err: "metric: reward_of is no metric of a policy"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { check(t, &test.claim, twoLosses(t), test.want) })
	}
	group := traced(t, curve{"dpo/1", "good-1", [][2]float64{{1, 0.5}, {2, 0.7}}}, curve{"dpo/1", "good-2", [][2]float64{{1, 0.7}, {2, 0.6}}},
		curve{"dpo/1", "bad", [][2]float64{{1, 0.8}, {2, 0.8}}})
	check(t, &claims.Best{Metric: "tv_star", Prompt: "good", Better: "lower", Over: "points", Limits: claims.Limits{Max: v(0.2)}}, group,
		verdict{true, 0.15, 0.2, "dpo/1 at strength 2: best tv_star on good 0.15", ""})
	if math.Abs(kl/2-0.0964) > 1e-4 { // what the points of dpo/1 are held against: 0.05 at strength 1, 0.1 at 10
		t.Errorf("half of KL(pi_star to pi_ref) is %v", kl/2)
	}
	runs := map[string]struct {
		claim claims.Best
		want  verdict
	}{
		"of runs": {claims.Best{Metric: "kl", Prompt: "good", Better: "lower", Where: tables.Where{"objective": {"dpo"}}, Given: []claims.Condition{{Metric: "kl", Prompt: "bad", Max: v(0.5), Of: "base"}}, Limits: claims.Limits{Max: v(0.1)}},
			verdict{false, 0.2, 0.1, "dpo/mid: best kl on good 0.2", ""}},
		"by objective": {claims.Best{Metric: "tv_star", Better: "lower", Where: tables.Where{"objective": {"dpo", "typo"}}, By: []string{"objective"}, Limits: claims.Limits{Max: v(0.12)}},
			verdict{false, 0.15, 0.12, "dpo/mid: best tv_star 0.15", ""}},
		"of equals the first": {claims.Best{Metric: "gap", Better: "lower", Where: tables.Where{"objective": {"typo"}}, Limits: claims.Limits{Max: v(0.5)}},
			verdict{false, 1, 0.5, "typo/small: best gap 1", ""}},
		"conditions met exactly": {claims.Best{Metric: "tv_star", Better: "lower", Where: tables.Where{"objective": {"dpo"}}, Given: []claims.Condition{{Metric: "tv_ref", Min: v(0.1), Max: v(0.1)}}, Limits: claims.Limits{Max: v(0.5)}},
			verdict{true, 0.15, 0.5, "dpo/mid: best tv_star 0.15", ""}},
		"conditions met exactly, at 0": {claims.Best{Metric: "tv_star", Better: "lower", Where: tables.Where{"run": {"typo/mid"}}, Given: []claims.Condition{{Metric: "kl", Prompt: "good", Min: v(0), Max: v(0)}}, Limits: claims.Limits{Max: v(0.5)}},
			verdict{true, 0.1, 0.5, "typo/mid: best tv_star 0.1", ""}},
		"a small condition": {claims.Best{Metric: "tv_star", Better: "lower", Where: tables.Where{"run": {"typo/large"}}, Given: []claims.Condition{{Metric: "tv_ref", Max: v(1e-6)}}, Limits: claims.Limits{Max: v(0.5)}},
			verdict{false, math.Inf(1), none, "typo/large: nothing fulfils the conditions, here or in the 0 others", ""}},
		"a run that broke": {claims.Best{Metric: "tv_star", Better: "lower", Limits: claims.Limits{Max: v(0.12)}}, broken("ipo/small: diverged, no tv_star")},
	}
	for name, test := range runs {
		t.Run(name, func(t *testing.T) { check(t, &test.claim, sweep(t), test.want) })
	}
}

// A condition may be missed by rounding, by 1e-9 of what the value is held against, and not by more.
func TestBestByRounding(t *testing.T) {
	v := func(x float64) *float64 { return &x }
	src := tables.Memory{"runs": table(t, "runs", `
run status x             base y
a   done   0.0500000001  0.1  1
b   done   0.05000000001 0.1  2
c   done   0.04999999999 0.1  3
d   done   0.0499999999  0.1  4
`)}
	check(t, &claims.Best{Metric: "y", Better: "lower", Given: []claims.Condition{{Metric: "x", Max: v(0.5), Of: "base"}}, Limits: claims.Limits{Max: v(5)}}, src,
		verdict{true, 2, 5, "b: best y 2", ""})
	check(t, &claims.Best{Metric: "y", Better: "higher", Given: []claims.Condition{{Metric: "x", Min: v(0.5), Of: "base"}}, Limits: claims.Limits{Max: v(5)}}, src,
		verdict{true, 3, 5, "c: best y 3", ""})
}

// Without a strength the points are those of training, and are named by the step.
func TestMonotoneTraining(t *testing.T) {
	src := twoLosses(t)
	src["traces"] = table(t, "traces", "run step tv_star\ndpo/1 0 0.3\ndpo/1 1 0.1\ndpo/1 2 0.25\ndpo/1 3 0.2\n")
	check(t, &claims.Monotone{Metric: "tv_star", Where: tables.Where{"run": {"dpo/1"}}, Along: "strength", Direction: "decreasing"}, src,
		verdict{false, 0.15, 0, "dpo/1 at step 1: tv_star 0.1, dpo/1 at step 2: 0.25", ""})
}

func TestMonotonePath(t *testing.T) {
	dpo := tables.Where{"objective": {"dpo"}}
	check(t, &claims.Monotone{Metric: "tv_star", Prompt: "good", Where: dpo, Along: "strength", Direction: "decreasing", Slack: 0}, twoLosses(t),
		verdict{true, -0.02, 0, "dpo/1 at strength 10: tv_star on good 0.02, dpo/1 at strength 100: 1.388e-17", ""})
	check(t, &claims.Monotone{Metric: "tv_ref", Prompt: "bad", Where: dpo, Along: "strength", Direction: "decreasing", Slack: 0.005}, twoLosses(t),
		verdict{false, 0.01, 0.005, "dpo/2 at strength 1: tv_ref on bad 0, dpo/2 at strength 10: 0.01", ""})
	check(t, &claims.Monotone{Metric: "tv_ref", Prompt: "bad", Where: tables.Where{"objective": {"typo"}}, Along: "strength", Direction: "decreasing"}, twoLosses(t),
		broken("typo/2 at strength 0.1: diverged, no policy"))
}

func TestDominatedPath(t *testing.T) {
	on := []claims.Axis{{Metric: "tv_star", Prompt: "good", Better: "lower"}, {Metric: "tv_star", Prompt: "bad", Better: "lower"}}
	half := &claims.Improvement{Metric: "kl_star_pi", Prompt: "bad", Better: "lower", BaselineMetric: "kl_star_ref", By: 0.5}
	dpo, typo := tables.Where{"objective": {"dpo"}}, tables.Where{"objective": {"typo"}}
	claim := claims.Dominated{Where: dpo, By: typo, Within: []string{"seed"}, On: on, Over: "points"}
	check(t, &claim, twoLosses(t), verdict{true, 0, 0, "dpo/1 at strength 100: tv_star on good 1.388e-17, tv_star on bad 0.28; nearest typo/1 at strength 0.1: tv_star on good 1.388e-17, tv_star on bad 0.01", ""})
	claim.Refute, claim.Improves = true, half // at 1 typo is better by 0.1 and 0.04, at 10 by 0.02 and 0.09, at 0.1 by 0.19 and 0.14
	check(t, &claim, twoLosses(t), verdict{false, 0.02, 0, "dpo/1 at strength 10: tv_star on good 0.02, tv_star on bad 0.1; nearest typo/1 at strength 0.1: tv_star on good 1.388e-17, tv_star on bad 0.01", ""})
	claim.Where = tables.Where{"run": {"dpo/2"}}
	check(t, &claim, twoLosses(t), broken("dpo/2: nothing fulfils the conditions, no point that improves kl_star_pi on bad by 50 %"))
}

// Of each run the point that is hardest to beat is held against the claim, of equal ones the first, and the worst run decides.
func TestRefuteRuns(t *testing.T) {
	src := traced(t,
		curve{"dpo/1", "good", [][2]float64{{1, 0.2}, {2, 0.5}, {3, 0.5}}},
		curve{"dpo/2", "good", [][2]float64{{1, 0.4}, {2, 0.3}}},
		curve{"typo/1", "good", [][2]float64{{1, 0.75}, {2, 0.7}}})
	claim := claims.Dominated{Where: tables.Where{"objective": {"dpo"}}, By: tables.Where{"objective": {"typo"}}, Over: "points", Refute: true,
		On: []claims.Axis{{Metric: "tv_star", Prompt: "good", Better: "lower"}}, Slack: 0.3}
	check(t, &claim, src, verdict{false, 0.35, 0.3, "dpo/2 at strength 1: tv_star on good 0.4; nearest typo/1 at strength 1: tv_star on good 0.05", ""})
	claim.Where = tables.Where{"run": {"dpo/1"}}
	check(t, &claim, src, verdict{true, 0.25, 0.3, "dpo/1 at strength 2: tv_star on good 0.3; nearest typo/1 at strength 1: tv_star on good 0.05", ""})
}

func TestCrossing(t *testing.T) {
	v := func(x float64) *float64 { return &x }
	dpo := tables.Where{"run": {"dpo/1"}}
	claim := claims.Crossing{Metric: "tv_star", Prompt: "good", Where: dpo, Along: "strength", Level: 0.06, Within: "below", Interpolate: true, Limits: claims.Limits{Max: v(100)}}
	check(t, &claim, twoLosses(t), verdict{true, math.Sqrt(10), 100, "dpo/1: within 0.06 at strength 3.162", ""})
	claim.Interpolate = false
	check(t, &claim, twoLosses(t), verdict{true, 10, 100, "dpo/1: within 0.06 at strength 10", ""})
	claim.Level, claim.Interpolate = 0.05, true // 0.05 beyond the level at 1 and 0.03 within it at 10
	check(t, &claim, twoLosses(t), verdict{true, math.Pow(10, 0.625), 100, "dpo/1: within 0.05 at strength 4.217", ""})
	claim.Level, claim.Interpolate = 0.06, false
	claim.Within, claim.Max = "above", v(0.01)
	check(t, &claim, twoLosses(t), verdict{false, 0.1, 0.01, "dpo/1: within 0.06 at strength 0.1", ""})
	claim.Level = 0.5
	check(t, &claim, twoLosses(t), verdict{false, math.Inf(1), 0.01, "dpo/1: within 0.5 at strength +Inf", ""})

	// A level that is met exactly is reached, and from 0 nothing is interpolated on the scale of logarithms.
	reached := tables.Memory{"runs": table(t, "runs", `
run status lambda size v
a   done   0      7    3
b   done   1      5    2
c   done   4      8    1
d   done   4      6    1
e   done   9      9    0
`)}
	for _, c := range []struct {
		level float64
		value string
		want  verdict
	}{
		{1, "", verdict{true, 4, 100, "a to e: within 1 at lambda 4", ""}}, {2.5, "", verdict{true, 1, 100, "a to e: within 2.5 at lambda 1", ""}},
		{1.5, "", verdict{true, 2, 100, "a to e: within 1.5 at lambda 2", ""}}, {3, "", verdict{true, 0, 100, "a to e: within 3 at lambda 0", ""}},
		{1.5, "size", verdict{true, 8, 100, "a to e: within 1.5 at lambda 8", ""}}, {-1, "size", verdict{false, math.Inf(1), 100, "a to e: within -1 at lambda +Inf", ""}},
	} {
		check(t, &claims.Crossing{Metric: "v", Along: "lambda", By: []string{"status"}, Level: c.level, Within: "below", Interpolate: c.value == "", Value: c.value,
			Limits: claims.Limits{Max: v(100)}}, reached, c.want)
	}

	// Samples of growing size, of two seeds each, against the population: the farther seed counts.
	samples := tables.Memory{"runs": table(t, "runs", `
run  objective n    seed status
a/1  dpo       10   1    converged
a/2  dpo       10   2    converged
b/1  dpo       100  1    converged
b/2  dpo       100  2    converged
c/1  dpo       1000 1    converged
c/2  dpo       1000 2    converged
all  dpo       -    0    converged
`), "policies": table(t, "policies", `
run prompt response pi
a/1 x      0        0.9
a/1 x      1        0.1
a/2 x      0        0.8
a/2 x      1        0.2
b/1 x      0        0.61
b/1 x      1        0.39
b/2 x      0        0.7
b/2 x      1        0.3
c/1 x      0        0.6
c/1 x      1        0.4
c/2 x      0        0.62
c/2 x      1        0.38
all x      0        0.6
all x      1        0.4
`)}
	sample := claims.Crossing{Where: tables.Where{"seed": {"1", "2"}}, With: tables.Where{"run": {"all"}}, Along: "n", By: []string{"objective"}, Level: 0.1,
		Within: "below", Interpolate: true, Limits: claims.Limits{Max: v(50)}}
	check(t, &sample, samples, verdict{false, 100, 50, "a/1 to c/2: within 0.1 at n 100", ""})
	sample.Level = 0.06
	check(t, &sample, samples, verdict{false, 100 * math.Sqrt(10), 50, "a/1 to c/2: within 0.06 at n 316.2", ""})
	// A sample without a policy is not within, and nothing is interpolated from there; without the population there is no claim.
	samples["runs"] = table(t, "runs", `
run  objective n    seed status
lost dpo       10   1    failed
b/1  dpo       100  1    converged
c/1  dpo       1000 1    converged
all  dpo       -    0    converged
gone dpo       -    0    failed
`)
	sample.Where = tables.Where{"seed": {"1"}}
	check(t, &sample, samples, verdict{false, 100, 50, "lost to c/1: within 0.06 at n 100", ""})
	sample.With = tables.Where{"run": {"gone"}}
	check(t, &sample, samples, broken("gone: failed, no final policy"))
}

func TestRegret(t *testing.T) {
	where := tables.Where{"run": {"dpo/1"}}
	claim := claims.Regret{Metric: "tv_star", Prompt: "bad", Better: "lower", Where: where, Along: "strength", Times: 10, Max: 0.06}
	check(t, &claim, twoLosses(t), verdict{true, 0.05, 0.06, "dpo/1 at strength 1: tv_star on bad 0.05, dpo/1 at strength 10: 0.1", ""})
	claim.Times, claim.Better, claim.Metric = 1, "higher", "tv_ref"
	claim.Among, claim.With, claim.Match = []float64{1, 10}, tables.Where{"objective": {"typo"}}, []string{"seed"}
	check(t, &claim, twoLosses(t), verdict{true, 0.05, 0.06, "dpo/1 at strength 1: tv_ref on bad 0.25, typo/1 at strength 1: 0.2", ""})
	claim.Times = 100
	check(t, &claim, twoLosses(t), verdict{err: "times: nothing was run at strength 100, 100 times the best of dpo/1 at strength 1"})
	claim.Among = []float64{2, 3}
	check(t, &claim, twoLosses(t), verdict{err: "among: no strength lies between 2 and 3"})
	// Numbers on the scale of logarithms: the tolerance by which they are found is relative, 0 is itself, and the ends of among belong to it.
	small := tables.Memory{"runs": table(t, "runs", "run status lambda v\na done 0 8\nb done 1e-6 7\nc done 1e-5 6\nd done 1e-4 0.5\ne done 1 5\nf done 3 6.25\n")}
	for _, c := range []struct {
		better string
		among  []float64
		times  float64
		most   float64
		want   verdict
	}{
		{"lower", nil, 0.1, 5.5, verdict{true, 5.5, 5.5, "d: v 0.5, c: 6", ""}},
		{"higher", nil, 2, 0, verdict{true, 0, 0, "a: v 8, a: 8", ""}},
		{"higher", []float64{0, 0}, 1, 0, verdict{true, 0, 0, "a: v 8, a: 8", ""}},
		{"higher", []float64{1 + 5e-10, 3}, 1, 0, verdict{true, 0, 0, "f: v 6.25, f: 6.25", ""}},
		{"lower", []float64{1 + 5e-10, 3}, 3, 1, verdict{false, 1.25, 1, "e: v 5, f: 6.25", ""}},
		{"higher", []float64{1, 3 - 1e-9}, 1, 0, verdict{true, 0, 0, "f: v 6.25, f: 6.25", ""}},
		{"higher", []float64{1, 2.9}, 3, 0, verdict{true, -1.25, 0, "e: v 5, f: 6.25", ""}},
		{"lower", []float64{1.1, 3}, 1, 0, verdict{true, 0, 0, "f: v 6.25, f: 6.25", ""}},
	} {
		check(t, &claims.Regret{Metric: "v", Better: c.better, Along: "lambda", By: []string{"status"}, Among: c.among, Times: c.times, Max: c.most}, small, c.want)
	}
	check(t, &claims.Regret{Metric: "tv_star", Better: "lower", Where: tables.Where{"objective": {"dpo"}}, Along: "lambda", By: []string{"objective"}, Times: 100, Max: 1},
		sweep(t), verdict{true, 0.05, 1, "dpo/mid: tv_star 0.15, dpo/large: 0.2", ""})
}

func TestPath(t *testing.T) {
	// Three responses on two sides of a triangle: the right path goes along the lower side, the left one over the corner.
	src := tables.Memory{"runs": table(t, "runs", `
run   objective status
left  dpo       converged
right rlhf      converged
jump  odpo      converged
lost  ipo       diverged
side  kto       converged
cross kto       converged
`), "policies": table(t, "policies", `
run   prompt response pi pi_ref pi_star
left  x      0        -  0.3    0.3
left  x      1        -  0.3    0.3
left  x      2        -  0.4    0.4
right x      0        -  0.3    0.3
right x      1        -  0.3    0.3
right x      2        -  0.4    0.4
jump  x      0        -  0.3    0.3
jump  x      1        -  0.3    0.3
jump  x      2        -  0.4    0.4
side  x      0        -  0.3    0.3
side  x      1        -  0.3    0.3
side  x      2        -  0.4    0.4
cross x      0        -  0.3    0.3
cross x      1        -  0.3    0.3
cross x      2        -  0.4    0.4
`), "traces": table(t, "traces", `
run   step strength point_status
left  0    0        converged
left  1    1        converged
left  2    2        converged
right 0    0        converged
right 1    1        converged
jump  0    0        converged
jump  1    1        converged
side  0    0        converged
cross 0    0        converged
cross 1    1        converged
`), "trajectories": table(t, "trajectories", `
run   step prompt response pi
left  0    x      0        0.5
left  0    x      1        0.5
left  0    x      2        0
left  1    x      0        0.3
left  1    x      1        0.3
left  1    x      2        0.4
left  2    x      0        0.4
left  2    x      1        0.6
left  2    x      2        0
right 0    x      0        0.6
right 0    x      1        0.4
right 0    x      2        0
right 1    x      0        0.4
right 1    x      1        0.6
right 1    x      2        0
jump  0    x      0        0.6
jump  0    x      1        0.4
jump  0    x      2        0
jump  1    x      0        0.4
jump  1    x      1        0.6
jump  1    x      2        0
side  0    x      0        0.5
side  0    x      1        0.5
side  0    x      2        0
cross 0    x      0        1
cross 0    x      1        0
cross 0    x      2        0
cross 1    x      0        0
cross 1    x      1        0.5
cross 1    x      2        0.5
`)}
	of := func(name string) tables.Where { return tables.Where{"run": {name}} }
	check(t, &claims.Path{Left: of("left"), Right: of("right"), Jump: 0.5, Max: 0.3}, src,
		verdict{false, 0.4, 0.3, "left at strength 1 on x: total variation 0.4 to the path of right", ""})
	check(t, &claims.Path{Left: of("right"), Right: of("left"), Jump: 0.5, Max: 0.3}, src,
		verdict{true, 0.1, 0.3, "right at strength 0 on x: total variation 0.1 to the path of left", ""})
	check(t, &claims.Path{Left: of("jump"), Right: of("right"), Jump: 0.5, Max: 1e-12}, src,
		verdict{true, 0, 1e-12, "jump at strength 0 on x: total variation 1.388e-16 to the path of right", ""})
	// Where the right path leaps, only its ends are near: the middle of a joined left one is 0.1 away.
	check(t, &claims.Path{Left: of("left"), Right: of("jump"), Jump: 0.1, Prompt: "x", Max: 0.45}, src,
		verdict{true, 0.4, 0.45, "left at strength 1 on x: total variation 0.4 to the path of jump", ""})
	// The nearest point of a segment is half-way along it, where the parts of two responses make up for that of the third.
	check(t, &claims.Path{Left: of("side"), Right: of("cross"), Jump: 1, Max: 0.5}, src,
		verdict{true, 0.25, 0.5, "side at strength 0 on x: total variation 0.25 to the path of cross", ""})
	check(t, &claims.Path{Left: of("lost"), Right: of("right"), Jump: 0.5, Max: 0.3}, src, broken("lost: diverged, no path"))
	check(t, &claims.Path{Left: of("left"), Right: of("right"), Jump: 0.5, Prompt: "y", Max: 0.3}, src, verdict{err: `prompt: run left has no prompt "y"`})
}

// Bounds that are met exactly, by probabilities without rounding: jump joins, max allows, and of equally far points the first is named.
func TestPathExactly(t *testing.T) {
	path := func(at ...float64) [][2]float64 {
		points := make([][2]float64, len(at))
		for i, q := range at {
			points[i] = [2]float64{float64(i + 1), q}
		}
		return points
	}
	for name, c := range map[string]struct {
		left, right [][2]float64
		jump, most  float64
		want        verdict
	}{
		"as far as allowed":    {path(0.75), path(0.5), 0.5, 0.25, verdict{true, 0.25, 0.25, "l/1 at strength 1 on x: total variation 0.25 to the path of r/1", ""}},
		"farther than allowed": {path(0.75), path(0.5), 0.5, 0.125, verdict{false, 0.25, 0.125, "l/1 at strength 1 on x: total variation 0.25 to the path of r/1", ""}},
		"equally far":          {path(0.75, 0.25), path(0.5), 0.125, 1, verdict{true, 0.25, 1, "l/1 at strength 1 on x: total variation 0.25 to the path of r/1", ""}},
		"farthest at the end":  {path(0.5, 0.625, 1), path(0.5), 0.5, 1, verdict{true, 0.5, 1, "l/1 at strength 3 on x: total variation 0.5 to the path of r/1", ""}},
		"joined":               {path(0.25, 0.75), path(0.25, 1, 0.75), 0.5, 1, verdict{true, 0.25, 1, "l/1 at strength 1 on x: total variation 0.25 to the path of r/1", ""}},
		"not joined":           {path(0.25, 0.75), path(0.25, 1, 0.75), 0.375, 1, verdict{true, 0, 1, "l/1 at strength 1 on x: total variation 0 to the path of r/1", ""}},
		"farthest between":     {path(0.375, 0.625), path(0.25, 0.75), 0.25, 1, verdict{true, 0.25, 1, "l/1 at strength 1 on x: total variation 0.25 to the path of r/1", ""}},
		"joined on the right":  {path(0.5), path(0.25, 0.75), 0.5, 1, verdict{true, 0, 1, "l/1 at strength 1 on x: total variation 0 to the path of r/1", ""}},
		"a leap on the right":  {path(0.5), path(0.25, 0.75), 0.375, 1, verdict{true, 0.25, 1, "l/1 at strength 1 on x: total variation 0.25 to the path of r/1", ""}},
		"without a point":      {path(0.25, none, 0.75), path(0.25, none, 0.75), 1, 1, verdict{true, 0, 1, "l/1 at strength 1 on x: total variation 0 to the path of r/1", ""}},
		"a broken end":         {path(0.25, none), path(0.25), 1, 1, broken("l/1 at strength 2: diverged, no policy")},
		"a broken beginning":   {path(0.25), path(none, 0.25), 1, 1, broken("r/1 at strength 1: diverged, no policy")},
	} {
		src := traced(t, curve{"l/1", "x", c.left}, curve{"r/1", "x", c.right})
		t.Run(name, func(t *testing.T) {
			check(t, &claims.Path{Left: tables.Where{"objective": {"l"}}, Right: tables.Where{"objective": {"r"}}, Jump: c.jump, Max: c.most}, src, c.want)
		})
	}
}

// Policies along a path must be of points, prompts and responses that other tables have.
func TestPathsThatDoNotFit(t *testing.T) {
	one := &claims.Monotone{Metric: "tv_star", Prompt: "x", Along: "strength", Direction: "increasing"}
	for _, cells := range [][]string{{"2", "x", "0"}, {"1", "y", "0"}, {"1", "x", "2"}, {"1", "x", "-1"}, {"1", "x", ""}} {
		src := traced(t, curve{"a/1", "x", [][2]float64{{1, 0.25}, {2, 0.5}}})
		src["trajectories"].Append("a/1", cells[0], cells[1], cells[2], "0.5")
		check(t, one, src, verdict{err: fmt.Sprintf("table trajectories: run a/1 has a policy at step %s, prompt %s and response %s that other tables do not have", cells[0], cells[1], cells[2])})
	}
	src := traced(t, curve{"a/1", "x", [][2]float64{{1, 0.25}, {2, 0.5}}})
	src["policies"] = table(t, "policies", "run prompt response pi_ref pi_star\nb/1 x 0 0.5 0.5")
	check(t, one, src, verdict{err: "run a/1 has a policy at step 0, prompt x and response 0"})
	src["trajectories"] = table(t, "trajectories", "run step prompt response pi\nb/1 0 x 0 0.5")
	check(t, one, src, broken("a/1 at strength 1: converged, no policy"))
}

// The distance between paths is that of brute force over fine grids on both.
func TestPathByBruteForce(t *testing.T) {
	at := func(i, n int, turn float64) (pi [4]float64) {
		s, sum := float64(i)/float64(n), 0.0
		for k := range pi {
			pi[k] = math.Exp(2 * math.Sin(turn*float64(k+1)+2*s*float64(k)))
			sum += pi[k]
		}
		for k := range pi {
			pi[k] /= sum
		}
		return pi
	}
	const points = 60
	var runs, policies, traces, trajectories strings.Builder
	runs.WriteString("run objective status\na dpo converged\nb rlhf converged\n")
	policies.WriteString("run prompt response pi pi_ref pi_star\n")
	traces.WriteString("run step strength point_status\n")
	trajectories.WriteString("run step prompt response pi\n")
	for turn, run := range []string{"a", "b"} {
		for k := range 4 {
			fmt.Fprintf(&policies, "%s x %d - 0.25 0.25\n", run, k)
		}
		for i := range points + 1 {
			fmt.Fprintf(&traces, "%s %d %d converged\n", run, i, i)
			for k, v := range at(i, points, float64(turn+1)) {
				fmt.Fprintf(&trajectories, "%s %d x %d %v\n", run, i, k, v)
			}
		}
	}
	src := tables.Memory{"runs": table(t, "runs", runs.String()), "policies": table(t, "policies", policies.String()),
		"traces": table(t, "traces", traces.String()), "trajectories": table(t, "trajectories", trajectories.String())}
	got, err := claims.Evaluate(&claims.Path{Left: tables.Where{"run": {"a"}}, Right: tables.Where{"run": {"b"}}, Jump: 0.2, Max: 1}, src)
	if err != nil {
		t.Fatal(err)
	}
	most := 0.0
	const fine = 2000
	for i := range fine + 1 {
		least := math.Inf(1)
		a := at(i, fine, 1)
		for j := range fine + 1 {
			tv := 0.0
			for k, v := range at(j, fine, 2) {
				tv += math.Abs(v-a[k]) / 2
			}
			least = min(least, tv)
		}
		most = max(most, least)
	}
	if !(math.Abs(got.Value-most) <= 1e-3) {
		t.Errorf("the largest distance is %v, by brute force %v", got.Value, most)
	}
}

func TestPathClaimsCheckThemselves(t *testing.T) {
	v := func(x float64) *float64 { return &x }
	for name, test := range map[string]struct {
		claim interface {
			Check() []registry.Problem
		}
		key string
	}{
		"no limit":                  {&claims.Best{}, "max"},
		"a condition without limit": {&claims.Best{Limits: claims.Limits{Max: v(1)}, Given: []claims.Condition{{Metric: "x"}}}, "given.0.max"},
		"groups of points":          {&claims.Best{Limits: claims.Limits{Max: v(1)}, Over: "points", By: []string{"seed"}}, "by"},
		"neither metric nor with":   {&claims.Crossing{Limits: claims.Limits{Max: v(1)}}, "metric"},
		"value along strength":      {&claims.Crossing{Metric: "x", Limits: claims.Limits{Max: v(1)}, Along: "strength", Value: "y"}, "value"},
		"value and interpolated":    {&claims.Crossing{Metric: "x", Limits: claims.Limits{Max: v(1)}, Along: "n", Value: "y", Interpolate: true}, "value"},
		"both metric and with":      {&claims.Crossing{Metric: "x", Limits: claims.Limits{Max: v(1)}, With: tables.Where{"run": {"a"}}}, "metric"},
		"three ends":                {&claims.Regret{Among: []float64{1, 2, 3}}, "among"},
		"with along strength":       {&claims.Crossing{Limits: claims.Limits{Max: v(1)}, Along: "strength", With: tables.Where{"run": {"a"}}}, "with"},
		"one end":                   {&claims.Regret{Among: []float64{1}}, "among"},
		"ends the wrong way round":  {&claims.Regret{Among: []float64{2, 1}}, "among"},
	} {
		if problems := test.claim.Check(); len(problems) != 1 || problems[0].Key != test.key {
			t.Errorf("%s: %+v", name, problems)
		}
	}
	for name, claim := range map[string]interface{ Check() []registry.Problem }{
		"best":   &claims.Best{Limits: claims.Limits{Max: v(1)}, Given: []claims.Condition{{Max: v(1)}}},
		"points": &claims.Best{Limits: claims.Limits{Max: v(1)}, Over: "points"}, "value": &claims.Crossing{Metric: "x", Along: "n", Value: "y", Limits: claims.Limits{Max: v(1)}},
		"crossing": &claims.Crossing{Metric: "x", Limits: claims.Limits{Max: v(1)}}, "regret": &claims.Regret{Among: []float64{1, 1}},
	} {
		if problems := claim.Check(); len(problems) > 0 {
			t.Errorf("%s: %+v", name, problems)
		}
	}
}

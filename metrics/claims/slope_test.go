package claims_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"windtunnel/metrics/claims"
	"windtunnel/metrics/tables"
)

// powers has runs at total variations 0.4 n^slope from the run exact, with n = 1, 4, 16, for two slopes.
func powers(t testing.TB) tables.Memory {
	var runs, policies strings.Builder
	runs.WriteString("run objective lambda n status\nexact typo 1 - done\nlost lost 1 64 failed\nzero zero 1 0 done\nendless endless 1 inf done\n")
	policies.WriteString("run prompt response pi\nexact x 0 0.5\nexact x 1 0.5\n")
	for _, slope := range []float64{-0.5, -1} {
		for _, n := range []float64{1, 4, 16} {
			tv := 0.4 * math.Pow(n, slope)
			for seed, far := range []float64{0.5, 1.5} { // the mean counts
				run := fmt.Sprintf("s%g/%g/%d", -slope, n, seed)
				fmt.Fprintf(&runs, "%s sampled %g %g done\n", run, -slope, n)
				fmt.Fprintf(&policies, "%s x 0 %v\n%s x 1 %v\n", run, 0.5+far*tv, run, 0.5-far*tv)
			}
		}
	}
	return tables.Memory{"runs": table(t, "runs", runs.String()), "policies": table(t, "policies", policies.String())}
}

func TestSlope(t *testing.T) {
	v := func(x float64) *float64 { return &x }
	sampled, exact := tables.Where{"objective": {"sampled"}}, tables.Where{"objective": {"typo"}}
	for name, c := range map[string]struct {
		claim claims.Slope
		want  verdict
	}{
		"holds": {claims.Slope{Left: tables.Where{"lambda": {"0.5"}}, Right: exact, Along: "n", Limits: claims.Limits{Min: v(-0.6), Max: v(-0.45)}},
			verdict{true, -0.5, -0.45, "total variation over n: slope -0.5", ""}},
		"a slope of its own": {claims.Slope{Left: sampled, Right: exact, Along: "n", By: []string{"lambda"}, Limits: claims.Limits{Min: v(-0.6)}},
			verdict{false, -1, -0.6, "total variation over n at lambda=1: slope -1", ""}},
		"one point": {claims.Slope{Left: tables.Where{"n": {"4"}, "lambda": {"1"}, "objective": {"sampled"}}, Right: exact, Along: "n", Limits: claims.Limits{Max: v(0)}}, verdict{err: "along: n has a single value, and a line needs two"}},
		"two points": {claims.Slope{Left: tables.Where{"lambda": {"1"}, "objective": {"sampled"}, "n": {"1", "4"}}, Right: exact, Along: "n", Limits: claims.Limits{Max: v(-1 + 1e-9)}},
			verdict{true, -1, -1 + 1e-9, "total variation over n: slope -1", ""}},
		"no positive number": {claims.Slope{Left: tables.Where{"objective": {"zero"}}, Right: exact, Along: "n", Limits: claims.Limits{Max: v(0)}}, verdict{err: "along: run zero has n \"0\", which is no positive number"}},
		"no finite number":   {claims.Slope{Left: tables.Where{"objective": {"endless"}}, Right: exact, Along: "n", Limits: claims.Limits{Max: v(0)}}, verdict{err: "along: run endless has n \"inf\", which is no positive number"}},
		"no number":          {claims.Slope{Left: exact, Right: exact, Along: "n", Limits: claims.Limits{Max: v(0)}}, verdict{err: "along: run exact has n \"\", which is no positive number"}},
		"no distance":        {claims.Slope{Left: sampled, Right: sampled, Match: []string{"run"}, Along: "n", By: []string{"lambda"}, Limits: claims.Limits{Max: v(0)}}, verdict{err: "along: a mean total variation is 0 at lambda=0.5, which has no logarithm"}},
		"a failed run":       {claims.Slope{Left: tables.Where{"objective": {"lost"}}, Right: exact, Along: "n", Limits: claims.Limits{Max: v(0)}}, broken("lost: failed, no final policy")},
		"no column":          {claims.Slope{Left: sampled, Right: exact, Along: "m", Limits: claims.Limits{Max: v(0)}}, verdict{err: `along: table runs has no column "m"`}},
		"no match":           {claims.Slope{Left: sampled, Right: exact, Match: []string{"n"}, Along: "n", Limits: claims.Limits{Max: v(0)}}, verdict{err: "has no counterpart in right"}},
	} {
		t.Run(name, func(t *testing.T) { check(t, &c.claim, powers(t), c.want) })
	}
}

package claims_test

import (
	"math"
	"testing"

	"windtunnel/metrics/claims"
	"windtunnel/metrics/tables"
)

// growing has a norm that goes up a thousandfold, stays and goes down, and one that begins at 0.
func growing(t testing.TB) tables.Memory {
	return tables.Memory{"runs": table(t, "runs", `
run    objective at   side  status norm
u/near u         near right done   2
u/far  u         far  right done   2000
v/near v         near right done   5
v/far  v         far  right done   5
w/near w         near right done   100
w/far  w         far  right done   1
o/near o         near right done   0
o/far  o         far  right done   1
z/near z         near right done   0
z/far  z         far  right done   0
m/near m         near right done   -1
m/far  m         far  right done   1
`)}
}

func TestGrowth(t *testing.T) {
	v := func(x float64) *float64 { return &x }
	claim := func(objective string, change func(*claims.Growth)) *claims.Growth {
		g := &claims.Growth{Metric: "norm", From: tables.Where{"at": {"near"}, "objective": {objective}},
			To: tables.Where{"at": {"far"}, "objective": {objective}}, Limits: claims.Limits{Max: v(1)}}
		if change != nil {
			change(g)
		}
		return g
	}
	falls := func(g *claims.Growth) { g.Falls = true }
	for name, test := range map[string]struct {
		claim *claims.Growth
		want  verdict
	}{
		"grows":           {claim("u", nil), verdict{false, 3, 1, "u/far: norm 2000, u/near: 2; powers of ten 3", ""}},
		"stays":           {claim("v", nil), verdict{true, 0, 1, "v/far: norm 5, v/near: 5; powers of ten 0", ""}},
		"falling is none": {claim("w", nil), verdict{true, 0, 1, "w/far: norm 1, w/near: 100; powers of ten 0", ""}},
		"falls":           {claim("w", falls), verdict{false, 2, 1, "w/far: norm 1, w/near: 100; powers of ten 2", ""}},
		"growing is none": {claim("u", falls), verdict{true, 0, 1, "u/far: norm 2000, u/near: 2; powers of ten 0", ""}},
		"0 all along":     {claim("z", nil), verdict{true, 0, 1, "z/far: norm 0, z/near: 0; powers of ten 0", ""}},
		"from 0":          {claim("o", nil), verdict{err: "norm is 0 in o/near"}},
		"falls from 0":    {claim("z", falls), verdict{err: "norm is 0 in z/near"}},
		"negative":        {claim("m", nil), verdict{err: "is negative"}},
		"no counterpart":  {claim("u", func(g *claims.Growth) { g.To["objective"] = []string{"x"} }), verdict{err: "to: selects no run"}},
		"pooled":          {claim("u", func(g *claims.Growth) { g.Pooled = true; g.From["objective"] = []string{"u", "w"} }), verdict{false, math.Log10(20), 1, "u/far: norm 2000, w/near: 100; powers of ten 1.301", ""}},
		"pooled, of equals the first": {claim("u", func(g *claims.Growth) {
			g.Pooled, g.To["objective"], g.From["objective"] = true, []string{"o", "w", "m"}, []string{"v", "z"}
		}), verdict{true, 0, 1, "w/far: norm 1, v/near: 5; powers of ten 0", ""}},
		"negative in the end": {claim("m", func(g *claims.Growth) { g.From, g.To = g.To, g.From }), verdict{err: "is negative"}},
		"pooled, the last":    {claim("w", func(g *claims.Growth) { g.Pooled = true; g.To["objective"] = []string{"v", "u", "w"} }), verdict{false, math.Log10(20), 1, "u/far: norm 2000, w/near: 100; powers of ten 1.301", ""}},
	} {
		t.Run(name, func(t *testing.T) { check(t, test.claim, growing(t), test.want) })
	}
}

func TestGain(t *testing.T) {
	v := func(x float64) *float64 { return &x }
	src := tables.Memory{"runs": table(t, "runs", "run objective status\ndpo dpo done\nipo ipo diverged\none one done\nodd odd done\nnil nil failed\n"), "policies": table(t, "policies", `
run prompt response pi  pi_ref pi_star
dpo x      0        0.1 0.2    0.5
dpo x      1        0.6 0.3    0.3
dpo x      2        0.2 0.4    0.15
dpo x      3        0.1 0.1    0.05
dpo y      0        0.7 0.4    0.1
dpo y      1        0.2 0.4    0.2
dpo y      2        0.1 0.2    0.7
ipo x      0        -   0.2    0.5
one x      0        0.5   0.375 0.2
one x      1        0.125 0.25  0.4
one x      2        0.25  0.125 0.4
one x      3        0.125 0.25  0.2
odd x      0        0.5 0.4    -
odd x      1        0.5 0.6    -
`)}
	dpo := tables.Where{"objective": {"dpo"}}
	for name, test := range map[string]struct {
		claim claims.Gain
		want  verdict
	}{
		"between best and worst": {claims.Gain{Where: dpo, Limits: claims.Limits{Max: v(.05)}}, verdict{false, .1, .05, "dpo: probability gained on x 0.1", ""}},
		"of one prompt":          {claims.Gain{Where: dpo, Prompt: "y", Limits: claims.Limits{Max: v(.05)}}, verdict{true, -.2, .05, "dpo: probability gained on y -0.2", ""}},
		"of given responses":     {claims.Gain{Where: dpo, Prompt: "x", Responses: []int{1, 3}, Limits: claims.Limits{Max: v(.3)}}, verdict{true, .3, .3, "dpo: probability gained on x 0.3", ""}},
		// On y there is nothing to gain, and of equally good or bad responses the first is the best or the worst.
		"of equals the first":       {claims.Gain{Where: tables.Where{"run": {"one"}}, Limits: claims.Limits{Max: v(.05)}}, verdict{true, 0, .05, "one: probability gained on x 0", ""}},
		"of given ones, no others":  {claims.Gain{Where: tables.Where{"run": {"one"}}, Responses: []int{2}, Limits: claims.Limits{Min: v(0)}}, verdict{true, .125, 0, "one: probability gained on x 0.125", ""}},
		"without pi_star":           {claims.Gain{Where: tables.Where{"run": {"odd"}}, Limits: claims.Limits{Min: v(0)}}, verdict{err: "run odd (done) has no pi_star"}},
		"of given, without pi_star": {claims.Gain{Where: tables.Where{"run": {"odd"}}, Responses: []int{0}, Limits: claims.Limits{Max: v(.5)}}, verdict{true, .1, .5, "odd: probability gained on x 0.1", ""}},
		"without policies":          {claims.Gain{Where: tables.Where{"run": {"nil"}}, Limits: claims.Limits{Min: v(0)}}, broken("nil: failed, no final policy")},
		"of a broken run":           {claims.Gain{Prompt: "x", Limits: claims.Limits{Max: v(.3)}}, broken("ipo: diverged, no final policy")},
	} {
		t.Run(name, func(t *testing.T) { check(t, &test.claim, src, test.want) })
	}
}

func TestMinimizer(t *testing.T) {
	src := tables.Memory{"runs": table(t, "runs", `
run objective status     reason
a   one       converged  -
b   several   not-unique line
c   edge      boundary   edge
d   none      diverged   falls
e   best      local      starts
f   rest      stationary rest
`)}
	for objective, test := range map[string]struct {
		max  float64
		want verdict
	}{
		"one":     {0, verdict{true, 0, 0, "a: converged", ""}},
		"several": {0, verdict{false, 1, 0, "b: not-unique: line", ""}},
		"edge":    {2, verdict{true, 2, 2, "c: boundary: edge", ""}},
		"none":    {2, verdict{false, 3, 2, "d: diverged: falls", ""}},
		"best":    {0, verdict{err: "not decided: e is local: starts"}},
		"rest":    {0, verdict{err: "not decided: f is stationary: rest"}},
	} {
		check(t, &claims.Minimizer{Where: tables.Where{"objective": {objective}}, Max: test.max}, src, test.want)
	}
	check(t, &claims.Minimizer{Where: tables.Where{"objective": {"one", "none", "several"}}}, src, verdict{false, 3, 0, "d: diverged: falls", ""})
}

// What asks the same of many losses needs one number and one limit.
func TestLimit(t *testing.T) {
	v := func(x float64) *float64 { return &x }
	type limited interface {
		Limit() (string, float64, bool)
	}
	for _, test := range []struct {
		claim limited
		key   string
		limit float64
		least bool
	}{
		{&claims.Bound{Limits: claims.Limits{Max: v(2)}}, "max", 2, false}, {&claims.Bound{Limits: claims.Limits{Min: v(3)}}, "min", 3, true}, {&claims.Bound{Limits: claims.Limits{Min: v(1), Max: v(2)}}, "", 0, false},
		{&claims.Bound{Limits: claims.Limits{Below: v(2)}}, "", 0, false}, {&claims.Monotone{Slack: 4}, "slack", 4, false}, {&claims.Dominated{Slack: 5}, "slack", 5, false},
		{&claims.Path{Max: .5}, "max", .5, false}, {&claims.Regret{Max: 6}, "max", 6, false}, {&claims.Minimizer{Max: 1}, "max", 1, false},
		{&claims.Best{Limits: claims.Limits{Max: v(7)}}, "max", 7, false}, {&claims.Crossing{Limits: claims.Limits{Max: v(8)}}, "max", 8, false}, {&claims.Distance{Limits: claims.Limits{Max: v(.9)}}, "max", .9, false},
		{&claims.Growth{Limits: claims.Limits{Max: v(1)}}, "max", 1, false}, {&claims.Gain{Limits: claims.Limits{Max: v(.1)}}, "max", .1, false},
	} {
		if key, limit, least := test.claim.Limit(); key != test.key || limit != test.limit || least != test.least {
			t.Errorf("%T: %s %v %v", test.claim, key, limit, least)
		}
	}
}

// Steps to the next run alone do not add up.
func TestMonotoneNext(t *testing.T) {
	src := tables.Memory{"runs": table(t, "runs", `
run objective lambda seed status tv
a   dpo       1      1    done   1
b   dpo       2      1    done   2
c   dpo       3      1    done   3.5
`)}
	claim := claims.Monotone{Metric: "tv", Along: "lambda", Direction: "decreasing", Slack: 1}
	check(t, &claim, src, verdict{false, 2.5, 1, "a: tv 1, c: 3.5", ""})
	claim.Next = true
	check(t, &claim, src, verdict{false, 1.5, 1, "b: tv 2, c: 3.5", ""})
}

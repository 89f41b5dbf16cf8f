package claims_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"windtunnel/metrics/claims"
	"windtunnel/metrics/tables"
)

// sleep is Student's sleep data (1908): hours of extra sleep of ten patients under two drugs, here two losses on ten
// seeds. At lambda 2 the second loses its lead, and one run failed.
func sleep(t testing.TB) tables.Memory {
	var text strings.Builder
	text.WriteString("run objective lambda seed status extra steady even\n")
	for drug, hours := range [][]float64{
		{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2}, {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4},
	} {
		for seed, h := range hours {
			fmt.Fprintf(&text, "drug%d/1/%d drug%d 1 %d done %g %d 3\n", drug+1, seed, drug+1, seed, h, drug)
			fmt.Fprintf(&text, "drug%d/2/%d drug%d 2 %d done %g %d %d\n", drug+1, seed, drug+1, seed, hours[(seed*(drug+1)*3)%10], drug, 4-seed%2*2)
		}
	}
	text.WriteString("drug3/1/0 drug3 1 0 failed - - -\n")
	return tables.Memory{"runs": table(t, "runs", text.String())}
}

// The interval of the difference is that of R's t.test(paired = TRUE): -2.4598858 to -0.7001142.
func TestDiffers(t *testing.T) {
	v := func(x float64) *float64 { return &x }
	at := func(drug, lambda string) tables.Where {
		return tables.Where{"objective": {drug}, "lambda": {lambda}}
	}
	seed := []string{"seed"}
	one := func(change func(d *claims.Differs)) *claims.Differs {
		d := &claims.Differs{Metric: "extra", Left: at("drug1", "1"), Right: at("drug2", "1"), Match: seed}
		change(d)
		return d
	}
	const low, high = -2.45988576327698238, -0.70011423672301754
	even := 2.26215716279820 * math.Sqrt(10./9/10) // seeds 0, 2, 4, ... are 1 above, the others 1 below
	const detail = "extra: mean difference -1.58, 95 % interval -2.46 to -0.7001 over 10 pairs"
	for name, c := range map[string]struct {
		claim *claims.Differs
		want  verdict
	}{
		"excludes 0":      {one(func(*claims.Differs) {}), verdict{true, high, 0, detail, ""}},
		"turned round":    {one(func(d *claims.Differs) { d.Left, d.Right = d.Right, d.Left }), verdict{true, -high, 0, "extra: mean difference 1.58, 95 % interval 0.7001 to 2.46 over 10 pairs", ""}},
		"below":           {one(func(d *claims.Differs) { d.Below = v(0) }), verdict{true, high, 0, detail, ""}},
		"not below":       {one(func(d *claims.Differs) { d.Below = v(-1) }), verdict{false, high, -1, detail, ""}},
		"not above":       {one(func(d *claims.Differs) { d.Above = v(-2) }), verdict{false, low, -2, detail, ""}},
		"within":          {one(func(d *claims.Differs) { d.Min, d.Max = v(-3), v(0) }), verdict{true, low, -3, detail, ""}},
		"not within":      {one(func(d *claims.Differs) { d.Min, d.Max = v(-1), v(1) }), verdict{false, low, -1, detail, ""}},
		"without noise":   {one(func(d *claims.Differs) { d.Metric = "steady" }), verdict{true, -1, 0, "steady: mean difference -1, 95 % interval -1 to -1 over 10 pairs", ""}},
		"no difference":   {one(func(d *claims.Differs) { d.Metric, d.Right = "steady", at("drug1", "2") }), verdict{false, 0, 0, "steady: mean difference 0, 95 % interval 0 to 0 over 10 pairs", ""}},
		"mean 0":          {one(func(d *claims.Differs) { d.Metric, d.Left, d.Right = "even", at("drug1", "2"), at("drug1", "1") }), verdict{false, -even, 0, "even: mean difference 0, 95 % interval -0.7541 to 0.7541 over 10 pairs", ""}},
		"a failed run":    {one(func(d *claims.Differs) { d.Left = at("drug3", "1") }), broken("drug3/1/0: failed, no extra")},
		"one pair":        {one(func(d *claims.Differs) { d.Left = tables.Where{"run": {"drug1/1/3"}} }), verdict{err: "metric: extra: an interval needs at least 2 values, there is 1"}},
		"averaged unsaid": {one(func(d *claims.Differs) { d.Left, d.Match = tables.Where{"objective": {"drug1"}}, seed }), verdict{err: "by: drug1/1/0 and drug1/2/0 would be averaged, but differ in lambda"}},
		"counterparts":    {one(func(d *claims.Differs) { d.Right = tables.Where{"objective": {"drug2"}} }), verdict{err: "match: drug1/1/0 has several counterparts in right"}},
		"unknown column":  {one(func(d *claims.Differs) { d.By = []string{"lamda"} }), verdict{err: `match: table runs has no column "lamda"`}},
	} {
		t.Run(name, func(t *testing.T) { check(t, c.claim, sleep(t), c.want) })
	}
}

// With by, every group must hold, and the one that decides is named.
func TestDiffersBy(t *testing.T) {
	d := &claims.Differs{Metric: "extra", Left: tables.Where{"objective": {"drug1"}}, Right: tables.Where{"objective": {"drug2"}},
		Match: []string{"seed"}, By: []string{"lambda"}}
	got, err := claims.Evaluate(d, sleep(t))
	if err != nil || got.Holds || !strings.HasPrefix(got.Detail, "extra at lambda=2: mean difference ") {
		t.Errorf("%+v, %v; want a claim that fails at lambda 2", got, err)
	}
}

func TestDiffersTwins(t *testing.T) {
	src := tables.Memory{"runs": table(t, "runs", "run objective seed status kl\na dpo 1 done 1\nb dpo 1 done 2\nc ipo 1 done 2")}
	d := &claims.Differs{Metric: "kl", Left: tables.Where{"objective": {"dpo"}}, Right: tables.Where{"objective": {"ipo"}}, Match: []string{"seed"}}
	check(t, d, src, verdict{err: "match: several runs of left have seed=1"})
}

// With a prompt of its own on the right side, runs are compared with themselves at another prompt.
func TestDiffersAcrossPrompts(t *testing.T) {
	src := tables.Memory{
		"runs":    table(t, "runs", "run objective lambda seed status\na dpo 1 0 done\nb dpo 1 1 done\nc dpo 1 2 done\n"),
		"prompts": table(t, "prompts", "run prompt kl\na seen-1 1\na new-1 3\nb seen-1 2\nb new-1 4.5\nc seen-1 3\nc new-1 4.5\n"),
	}
	where := tables.Where{"objective": {"dpo"}}
	d := &claims.Differs{Metric: "kl", Prompt: "new", Other: "seen", Left: where, Right: where, Match: []string{"seed"}}
	got, err := claims.Evaluate(d, src)
	if err != nil {
		t.Fatal(err)
	}
	// The differences are 2, 2.5 and 1.5: mean 2, standard error 0.5/sqrt(3), Student's 4.302653 at two degrees of freedom.
	if want := 2 - 4.302653*0.5/1.7320508; !got.Holds || got.Value < want-1e-6 || got.Value > want+1e-6 {
		t.Errorf("%+v, want %v", got, want)
	}
	if problems := (&claims.Differs{Other: "seen", Match: []string{"seed"}}).Check(); len(problems) != 1 || problems[0].Key != "right_prompt" {
		t.Errorf("problems %v", problems)
	}
}

// Each side is compared at its own best value, which other runs have chosen: a is best at 1 on seeds 0 and 1 though it is
// better at 2 on the others, b at 2.
func TestDiffersSelect(t *testing.T) {
	src := tables.Memory{"runs": table(t, "runs", `run objective lambda seed status kl
a10 a 1 0 done 1
a11 a 1 1 done 3
a12 a 1 2 done 5
a13 a 1 3 done 7
a20 a 2 0 done 2
a21 a 2 1 done 2.5
a22 a 2 2 done 0
a23 a 2 3 done 0
b10 b 1 0 done 9
b11 b 1 1 done 9
b12 b 1 2 done 0
b13 b 1 3 done 0
b20 b 2 0 done 8
b21 b 2 1 done 8
b22 b 2 2 done 6
b23 b 2 3 done 8
c12 c 1 2 done 6
d10 d 1 0 failed -
e30 e 3 3 done 1
e20 e 2 0 done 5
e22 e 2 2 done 1
e23 e 2 3 done 2
e10 e 1 0 done 5
e12 e 1 2 done 3
e13 e 1 3 done 4`)}
	claim := func(change func(*claims.Differs)) *claims.Differs {
		d := &claims.Differs{Metric: "kl", Left: tables.Where{"objective": {"a"}}, Right: tables.Where{"objective": {"b"}}, Match: []string{"seed"},
			Select: &claims.Select{Column: "lambda", Better: "lower", Where: tables.Where{"seed": {"0", "1"}}}}
		change(d)
		return d
	}
	for name, c := range map[string]struct {
		claim *claims.Differs
		want  verdict
	}{
		"lower":  {claim(func(*claims.Differs) {}), verdict{true, -1, 0, "kl: mean difference -1, 95 % interval -1 to -1 over 2 pairs; lambda 1 and 2", ""}},
		"higher": {claim(func(d *claims.Differs) { d.Select.Better = "higher" }), verdict{false, 0, 0, "kl: mean difference 0, 95 % interval 0 to 0 over 2 pairs; lambda 2 and 1", ""}},
		// Of e, 3 has no run that chooses, and 1 and 2 are equal: the table's first counts.
		"of equals the first": {claim(func(d *claims.Differs) { d.Left = tables.Where{"objective": {"e"}} }),
			verdict{false, -3.5 + 12.706204736174694*0.5, 0, "kl: mean difference -3.5, 95 % interval -9.853 to 2.853 over 2 pairs; lambda 1 and 2", ""}},
		"no run":    {claim(func(d *claims.Differs) { d.Left = tables.Where{"objective": {"c"}} }), verdict{err: "select.where: selects no run of left"}},
		"all runs":  {claim(func(d *claims.Differs) { d.Select.Where = tables.Where{"objective": {"a", "b"}} }), verdict{err: "select.where: leaves no runs to compare"}},
		"a failed":  {claim(func(d *claims.Differs) { d.Right = tables.Where{"objective": {"d"}} }), broken("d10: failed, no kl")},
		"no column": {claim(func(d *claims.Differs) { d.Select.Column = "lamda" }), verdict{err: `select.column: table runs has no column "lamda"`}},
	} {
		t.Run(name, func(t *testing.T) { check(t, c.claim, src, c.want) })
	}
}

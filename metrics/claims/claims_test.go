package claims_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"windtunnel/metrics/claims"
	"windtunnel/metrics/tables"
	"windtunnel/toy/registry"
)

// table parses a table written with blanks between cells and - for an empty cell.
func table(t testing.TB, name, text string) *tables.Table {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	out := tables.NewTable(name, strings.Fields(lines[0])...)
	for _, line := range lines[1:] {
		row := strings.Fields(line)
		if len(row) != len(out.Header) {
			t.Fatalf("table %s: %q has %d cells", name, line, len(row))
		}
		for i, cell := range row {
			if cell == "-" {
				row[i] = ""
			}
		}
		out.Append(row...)
	}
	return out
}

// sweep is a small results folder: dpo and typo over lambda, an ipo run that diverged, one prompt of each kind.
func sweep(t testing.TB) tables.Memory {
	return tables.Memory{
		"runs": table(t, "runs", `
run        objective lambda seed status    steps reason tv_star tv_ref note gap
dpo/small  dpo       1e-05  1    converged 9     -      0.4     0.35   x    inf
dpo/mid    dpo       1      1    converged 9     -      0.15    0.1    x    2
dpo/large  dpo       100    1    converged 9     -      0.2     0.0029 x    1
typo/small typo      1e-05  1    done      9     -      0.01    0.2    x    1
typo/mid   typo      1      1    done      9     -      0.1     0.1    x    1
typo/large typo      100    1    done      9     -      0.19    0.001  x    1
ipo/small  ipo       1e-05  1    diverged  9     norm   -       -      x    -
`),
		"prompts": table(t, "prompts", `
run        prompt kl  base
dpo/small  good   0.9 0
dpo/small  bad    0.8 0.1
dpo/mid    good   0.2 0
dpo/mid    bad    0.05 0.1
dpo/large  good   0   0
dpo/large  bad    0.1 0.1
typo/small good   0   0
typo/small bad    0.01 0.1
typo/mid   good   0   0
typo/mid   bad    0.03 0.1
typo/large good   0   0
typo/large bad    0.099 0.1
ipo/small  good   -   0
ipo/small  bad    -   0.1
`),
		"policies": table(t, "policies", `
run        prompt response pi  pi_ref pi_star
dpo/small  good   0        0.9 0.6    0.6
dpo/small  good   1        0.1 0.4    0.4
dpo/small  bad    0        0.5 0.6    0.6
dpo/small  bad    1        0.5 0.4    0.4
typo/small good   0        0.6 0.6    0.6
typo/small good   1        0.4 0.4    0.4
typo/small bad    0        0.45 0.6   0.6
typo/small bad    1        0.55 0.4   0.4
typo/mid   good   0        0.6 0.6    0.6
typo/mid   good   1        0.4 0.4    0.4
dpo/mid    good   1        0.4 0.4    0.4
dpo/mid    good   0        0.6 0.6    0.6
dpo/large  good   0        -   0.6    0.6
ipo/small  good   0        -   0.6    0.6
`),
	}
}

// seeds is a results folder of random environments, two prompts of each kind a run.
func seeds(t testing.TB) tables.Memory {
	return tables.Memory{
		"runs": table(t, "runs", `
run    objective lambda seed status
dpo/1  dpo       1      1    done
dpo/2  dpo       1      2    done
typo/1 typo      1      1    done
typo/2 typo      1      2    done
`),
		"prompts": table(t, "prompts", `
run    prompt kl  base goodness
dpo/1  good-1 0.1 0    1
dpo/1  good-2 0.3 0    1
dpo/1  bad-1  0.1 1    1
dpo/1  bad-2  0.5 1    1
dpo/2  good-1 0.1 0    1
dpo/2  good-2 0.1 0    1
dpo/2  bad-1  0.2 1    1
dpo/2  bad-2  0.2 1    1
typo/1 good-1 0   0    2
typo/1 good-2 0   0    2
typo/1 bad-1  0.4 1    2
typo/1 bad-2  0.2 1    2
typo/2 good-1 0   0    2
typo/2 good-2 0   0    2
typo/2 bad-1  0.3 1    2
typo/2 bad-2  0.4 1    2
`),
	}
}

// verdict is an expected result; an expected error is given by a part of it.
type verdict struct {
	holds  bool
	value  float64
	bound  float64
	detail string
	err    string
}

// check evaluates a claim and compares.
func check(t *testing.T, claim claims.Params, src tables.Source, want verdict) {
	t.Helper()
	got, err := claims.Evaluate(claim, src)
	if want.err != "" {
		if err == nil || !strings.Contains(err.Error(), want.err) {
			t.Errorf("error %v, want %q (result %+v)", err, want.err, got)
		}
		return
	}
	if err != nil {
		t.Error(err)
		return
	}
	if got.Holds != want.holds || !close(got.Value, want.value) || !close(got.Bound, want.bound) || got.Detail != want.detail {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func close(a, b float64) bool {
	return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 1e-12
}

// broken is the verdict on a selection with a run that broke.
func broken(detail string) verdict {
	return verdict{value: math.Inf(1), bound: math.NaN(), detail: detail}
}

func TestKinds(t *testing.T) {
	kinds := claims.Kinds()
	for i, k := range kinds {
		if i > 0 && kinds[i-1].Name >= k.Name {
			t.Errorf("%s stands before %s", kinds[i-1].Name, k.Name)
		}
		if k.Summary == "" || k.Source == "" {
			t.Errorf("%s is not described", k.Name)
		}
		if a, b := k.New(), k.New(); a == b {
			t.Errorf("%s shares its parameters", k.Name)
		}
		if _, err := claims.Evaluate(k.New(), tables.Memory{}); err == nil {
			t.Errorf("%s holds without tables", k.Name)
		}
	}
}

func TestRefs(t *testing.T) {
	zero := 0.0
	where, with := tables.Where{"objective": {"dpo"}, "lambda": {"1"}}, tables.Where{"objective": {"typo"}}
	const whereColumns = "where.objective=runs.objective where.lambda=runs.lambda"
	tests := map[string]struct {
		claim                    claims.Params
		columns, prompts, wheres string
	}{
		"bound":             {&claims.Bound{Metric: "tv", Where: where}, whereColumns + " metric=runs.tv", "", "where"},
		"bound on a prompt": {&claims.Bound{Metric: "tv", Prompt: "good"}, "metric=prompts.tv", "prompt=good", ""},
		"compare": {&claims.Compare{Metric: "tv", Where: where, With: with, Match: []string{"seed", "lambda"}},
			whereColumns + " with.objective=runs.objective match.0=runs.seed match.1=runs.lambda metric=runs.tv", "", "where with"},
		"differs": {&claims.Differs{Metric: "tv", Left: where, Right: with, Match: []string{"seed"}, By: []string{"lambda"}},
			"left.objective=runs.objective left.lambda=runs.lambda right.objective=runs.objective match.0=runs.seed by.0=runs.lambda metric=runs.tv", "", "left right"},
		"distance": {&claims.Distance{Left: where, Right: with, Match: []string{"seed"}, Prompt: "bad"},
			"left.objective=runs.objective left.lambda=runs.lambda right.objective=runs.objective match.0=runs.seed kind=policies.pi", "prompt=bad", "left right"},
		"dominated": {&claims.Dominated{Where: where, By: with, Within: []string{"seed"},
			On:       []claims.Axis{{Metric: "kl", Prompt: "good"}, {Metric: "tv"}},
			Improves: &claims.Improvement{Metric: "kl", Prompt: "bad", BaselineMetric: "base"}},
			whereColumns + " by.objective=runs.objective within.0=runs.seed on.0.metric=prompts.kl on.1.metric=runs.tv" +
				" improves.metric=prompts.kl improves.baseline_metric=prompts.base",
			"improves.prompt=bad on.0.prompt=good", "where by"},
		"dominated from a number": {&claims.Dominated{By: with, On: []claims.Axis{{Metric: "tv"}}, Improves: &claims.Improvement{Metric: "kl", Baseline: &zero}},
			"by.objective=runs.objective on.0.metric=runs.tv improves.metric=runs.kl", "", "by"},
		"monotone": {&claims.Monotone{Metric: "tv", Where: where, Along: "lambda", By: []string{"seed"}},
			whereColumns + " along=runs.lambda by.0=runs.seed metric=runs.tv", "", "where"},
		"monotone along a path": {&claims.Monotone{Metric: "tv", Prompt: "good", Along: "strength"}, "along=traces.strength metric=prompts.tv", "prompt=good", ""},
		"status":                {&claims.Status{Where: where}, whereColumns, "", "where"},
		"minimizer":             {&claims.Minimizer{Where: where}, whereColumns, "", "where"},
		"best": {&claims.Best{Metric: "tv", Prompt: "good", Where: with, By: []string{"seed"},
			Given: []claims.Condition{{Metric: "kl", Prompt: "bad", Of: "base"}, {Metric: "tv"}}},
			"where.objective=runs.objective by.0=runs.seed metric=prompts.tv given.0.metric=prompts.kl given.0.of=prompts.base given.1.metric=runs.tv",
			"prompt=good given.0.prompt=bad", "where"},
		"best of n": {&claims.BestOfNBound{Metric: "kl", N: "n", Where: with}, "where.objective=runs.objective n=runs.n metric=runs.kl", "", "where"},
		"crossing": {&claims.Crossing{Metric: "tv", Prompt: "good", Where: with, Along: "n", By: []string{"seed"}, Value: "size"},
			"where.objective=runs.objective along=runs.n by.0=runs.seed value=runs.size metric=prompts.tv", "prompt=good", "where"},
		"crossing by distance": {&claims.Crossing{Where: with, With: where, Match: []string{"seed"}, Along: "n", Prompt: "good"},
			"where.objective=runs.objective with.objective=runs.objective with.lambda=runs.lambda match.0=runs.seed along=runs.n with=policies.pi", "prompt=good", "where with"},
		"regret": {&claims.Regret{Metric: "tv", Prompt: "good", Where: where, With: with, Match: []string{"seed"}, Along: "strength", By: []string{"n"}},
			whereColumns + " with.objective=runs.objective match.0=runs.seed along=traces.strength by.0=runs.n metric=prompts.tv", "prompt=good", "where with"},
		"slope": {&claims.Slope{Left: with, Right: with, Match: []string{"seed"}, Along: "n", By: []string{"lambda"}, Prompt: "good"},
			"left.objective=runs.objective right.objective=runs.objective match.0=runs.seed along=runs.n by.0=runs.lambda", "prompt=good", "left right"},
		"growth": {&claims.Growth{Metric: "tv", Prompt: "good", From: with, To: with, Match: []string{"seed"}},
			"from.objective=runs.objective to.objective=runs.objective match.0=runs.seed metric=prompts.tv", "prompt=good", "from to"},
		"path": {&claims.Path{Left: with, Right: with, Match: []string{"seed"}, Prompt: "good"},
			"left.objective=runs.objective right.objective=runs.objective match.0=runs.seed kind=trajectories.pi", "prompt=good", "left right"},
		"gain": {&claims.Gain{Where: with, Prompt: "good"}, "where.objective=runs.objective kind=policies.pi", "prompt=good", "where"},
		"differs of the chosen": {&claims.Differs{Metric: "tv", Prompt: "new", Other: "seen", Left: with, Right: with, Match: []string{"seed"},
			Select: &claims.Select{Column: "lambda", Where: tables.Where{"seed": {"0"}}}},
			"left.objective=runs.objective right.objective=runs.objective match.0=runs.seed metric=prompts.tv select.column=runs.lambda select.where.seed=runs.seed",
			"prompt=new right_prompt=seen", "left right select.where"},
	}
	for name, test := range tests {
		var columns, prompts, wheres []string
		for _, c := range test.claim.Refs().Columns {
			columns = append(columns, fmt.Sprintf("%s=%s.%s", c.Key, c.Table, c.Column))
		}
		for _, p := range test.claim.Refs().Prompts {
			prompts = append(prompts, p.Key+"="+p.Prompt)
		}
		for _, s := range test.claim.Refs().Wheres {
			wheres = append(wheres, s.Key)
		}
		wanted := strings.Fields(test.columns)
		slices.Sort(columns)
		slices.Sort(wanted)
		if !slices.Equal(columns, wanted) {
			t.Errorf("%s: columns %v, want %v", name, columns, wanted)
		}
		if strings.Join(prompts, " ") != test.prompts || strings.Join(wheres, " ") != test.wheres {
			t.Errorf("%s: prompts %v, wheres %v", name, prompts, wheres)
		}
	}
}

func TestCheck(t *testing.T) {
	v := func(x float64) *float64 { return &x }
	tests := map[string]struct {
		claim registry.Checker
		key   string // of the problem; "" for none
	}{
		"differs without limits":          {&claims.Differs{Match: []string{"seed"}}, ""},
		"differs without pairs":           {&claims.Differs{}, "match"},
		"differs, excludes all":           {&claims.Differs{Match: []string{"seed"}, Min: v(1), Max: v(0)}, "min"},
		"bound with a limit":              {&claims.Bound{Limits: claims.Limits{Max: v(1)}}, ""},
		"bound within":                    {&claims.Bound{Limits: claims.Limits{Min: v(1), Max: v(1)}}, ""},
		"bound without":                   {&claims.Bound{}, "max"},
		"bound upside down":               {&claims.Bound{Limits: claims.Limits{Min: v(1), Max: v(.5)}}, "min"},
		"bound empty by strictness":       {&claims.Bound{Limits: claims.Limits{Above: v(1), Max: v(1)}}, "above"},
		"bound empty by strictness above": {&claims.Bound{Limits: claims.Limits{Min: v(1), Below: v(1)}}, "min"},
		"bound with two lower limits":     {&claims.Bound{Limits: claims.Limits{Min: v(1), Above: v(1)}}, "above"},
		"bound with two upper limits":     {&claims.Bound{Limits: claims.Limits{Max: v(1), Below: v(1)}}, "below"},
		"distance without":                {&claims.Distance{}, "max"},
		"distance with a limit":           {&claims.Distance{Limits: claims.Limits{Above: v(.1)}}, ""},
		"distance from the least":         {&claims.Distance{Limits: claims.Limits{Min: v(0)}}, ""},
		"distance to the greatest":        {&claims.Distance{Limits: claims.Limits{Max: v(1)}}, ""},
		"distance of at most the least":   {&claims.Distance{Limits: claims.Limits{Max: v(0)}}, ""},
		"distance of the greatest":        {&claims.Distance{Limits: claims.Limits{Min: v(1)}}, ""},
		"distance above the least":        {&claims.Distance{Limits: claims.Limits{Above: v(0)}}, ""},
		"distance below the greatest":     {&claims.Distance{Limits: claims.Limits{Below: v(1)}}, ""},
		"distance above the greatest":     {&claims.Distance{Limits: claims.Limits{Above: v(1)}}, "above"},
		"distance below the least":        {&claims.Distance{Limits: claims.Limits{Below: v(0)}}, "below"},
		"distance too small":              {&claims.Distance{Limits: claims.Limits{Min: v(-.1)}}, "min"},
		"distance too large":              {&claims.Distance{Limits: claims.Limits{Max: v(1.1)}}, "max"},
		"distance, one of two too large":  {&claims.Distance{Limits: claims.Limits{Min: v(0), Max: v(1.1)}}, "max"},
		"gain from the greatest loss":     {&claims.Gain{Limits: claims.Limits{Min: v(-1), Max: v(1)}}, ""},
		"gain too small":                  {&claims.Gain{Limits: claims.Limits{Min: v(-1.1)}}, "min"},
		"gain above the greatest":         {&claims.Gain{Limits: claims.Limits{Above: v(1)}}, "above"},
		"compare with a margin":           {&claims.Compare{Relation: "less", Margin: 1}, ""},
		"compare with a tolerance":        {&claims.Compare{Relation: "equal", Tolerance: 1}, ""},
		"compare equal by a margin":       {&claims.Compare{Relation: "equal", Margin: 1}, "margin"},
		"compare less by a tolerance":     {&claims.Compare{Relation: "less", Tolerance: 1}, "tolerance"},
		"status of one list":              {&claims.Status{Is: []string{"done"}}, ""},
		"status of no list":               {&claims.Status{}, "is"},
		"status of both lists":            {&claims.Status{Is: []string{"done"}, IsNot: []string{"failed"}}, "is"},
		"improvement on a number":         {&claims.Improvement{Baseline: v(0)}, ""},
		"improvement on a column":         {&claims.Improvement{BaselineMetric: "base"}, ""},
		"improvement on nothing":          {&claims.Improvement{}, "baseline"},
		"improvement on both":             {&claims.Improvement{Baseline: v(0), BaselineMetric: "base"}, "baseline"},
	}
	for name, test := range tests {
		var keys []string
		for _, p := range test.claim.Check() {
			keys = append(keys, p.Key)
			if p.Wrong == "" || p.Allowed == "" {
				t.Errorf("%s: %+v says too little", name, p)
			}
		}
		if strings.Join(keys, " ") != test.key {
			t.Errorf("%s: problems at %q, want %q", name, keys, test.key)
		}
	}
}

// What every form owes to tables that cannot answer.
func TestUnanswerable(t *testing.T) {
	one := 1.0
	tests := map[string]struct {
		claim claims.Params
		err   string
	}{
		"nothing selected":         {&claims.Bound{Metric: "tv_star", Where: tables.Where{"objective": {"kto"}}, Limits: claims.Limits{Max: &one}}, "where: selects no run of 7"},
		"unknown selecting column": {&claims.Bound{Metric: "tv_star", Where: tables.Where{"lamda": {"1"}}, Limits: claims.Limits{Max: &one}}, `where: table runs has no column "lamda"`},
		"unknown metric":           {&claims.Bound{Metric: "tv_sttar", Limits: claims.Limits{Max: &one}}, `metric: table runs has no column "tv_sttar"`},
		"metric of prompts":        {&claims.Bound{Metric: "tv_star", Prompt: "good", Limits: claims.Limits{Max: &one}}, `metric: table prompts has no column "tv_star"`},
		"unknown prompt":           {&claims.Bound{Metric: "kl", Prompt: "ugly", Limits: claims.Limits{Max: &one}}, `prompt: table prompts has no prompt "ugly"; it has good, bad`},
		"text as a metric":         {&claims.Bound{Metric: "note", Limits: claims.Limits{Max: &one}}, `note of run dpo/small is "x", not a number`},
		"empty without excuse":     {&claims.Bound{Metric: "reason", Where: tables.Where{"objective": {"dpo"}}, Limits: claims.Limits{Max: &one}}, "run dpo/small (converged) has no reason"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { check(t, test.claim, sweep(t), verdict{err: test.err}) })
	}
	t.Run("prompts without the table", func(t *testing.T) {
		src := sweep(t)
		delete(src, "prompts")
		check(t, &claims.Bound{Metric: "kl", Prompt: "good", Limits: claims.Limits{Max: &one}}, src, verdict{err: "prompts"})
	})
	t.Run("runs without a status", func(t *testing.T) {
		src := tables.Memory{"runs": table(t, "runs", "run tv\na 1")}
		check(t, &claims.Bound{Metric: "tv", Limits: claims.Limits{Max: &one}}, src, verdict{err: `no column "status"`})
	})
}

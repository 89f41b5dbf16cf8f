package model

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"windtunnel/toy/objective"
	"windtunnel/toy/setup"
)

// explored answers a fragment without paths.
func explored(t *testing.T, fragment string) *Result {
	t.Helper()
	s, problems := ParseState(fragment)
	if len(problems) > 0 {
		t.Fatalf("%s: %+v", fragment, problems)
	}
	return new(Explorer).Explore(s, false)
}

// The config has a block for what the state sets, names losses of one kind apart, and solves exactly what can be.
func TestConfig(t *testing.T) {
	const head = `name: explored
description: Copied from the explorer.
environment:
  kind: bandit
  prompts:
    - {name: x, pi_star: [0.6,0.3,0.1], pi_ref: [0.4,0.4,0.2]}
`
	const tail = "figures:\n  - {name: simplex, kind: simplex}\n"
	for fragment, want := range map[string]string{
		"steps=20": `preferences: {kind: population}
policy: {kind: tabular}
train: {optimizer: {kind: adam, lr: 0.05}, batch_size: 0, epochs: 20, record_every: 1}
solver: train
objectives:
  - {kind: dpo, lambda: 0.1}
  - {kind: typo, lambda: 0.1}
sweep:
  - {for: [dpo, typo], grid: {solver: [exact, train]}}
`,
		"n=20&seed=4&l2=0.5&kl=0.1&basis=1,0,-1&a=dpo&b=dpo&b.label_smoothing=0.1&steps=500": `preferences: {kind: sample, n: 20}
policy: {kind: low-rank, basis: [[1,0,-1]]}
train: {optimizer: {kind: adam, lr: 0.05}, batch_size: 0, epochs: 500, record_every: 5}
constraint: {l2: 0.5, kl_radius: 0.1}
seed: 4
solver: train
objectives:
  - {kind: dpo, lambda: 0.1, name: dpo a}
  - {kind: dpo, lambda: 0.1, label_smoothing: 0.1, name: dpo b}
`,
		"a=dpo&b=typo&b.reference_samples=4&l2=0.01&steps=199": `preferences: {kind: population}
policy: {kind: tabular}
train: {optimizer: {kind: adam, lr: 0.05}, batch_size: 0, epochs: 199, record_every: 1}
constraint: {l2: 0.01}
seed: 0
solver: train
objectives:
  - {kind: dpo, lambda: 0.1}
  - {kind: typo, lambda: 0.1, reference_samples: 4}
sweep:
  - {for: [dpo], grid: {solver: [exact, train]}}
`,
		"a=custom&a.pair=softplus(-u)&kl=1": `preferences: {kind: population}
policy: {kind: tabular}
train: {optimizer: {kind: adam, lr: 0.05}, batch_size: 0, epochs: 300, record_every: 3}
constraint: {kl_radius: 1}
solver: train
objectives:
  - {kind: custom, lambda: 0.1, pair: softplus(-u)}
`,
	} {
		if got := explored(t, fragment).Config; got != head+want+tail {
			t.Errorf("%s: %s\nwant %s", fragment, got, head+want+tail)
		}
	}
}

// A criterion holds up to its bound; it fails where it is known that there is no minimizer, and is unknown where none is found or asked.
func TestCriterion(t *testing.T) {
	there := PathPoint{found: solution{solver: setup.SolverExact, status: "converged", logPi: []float64{-1, -1, -1}}}
	gone := PathPoint{found: solution{solver: setup.SolverExact, status: "diverged"}, where: " at lambda 1"}
	lost := PathPoint{found: solution{solver: setup.SolverExact, status: "stalled"}, where: " at lambda 2"}
	refused := PathPoint{found: solution{}, where: " at lambda 3"}
	for _, c := range []struct {
		of      []PathPoint
		value   float64
		verdict string
		detail  string
	}{
		{nil, 0, unknown, "not asked"},
		{[]PathPoint{there}, 0.5, holds, "read"},
		{[]PathPoint{there}, 0.5000001, fails, "read"},
		{[]PathPoint{there}, math.NaN(), fails, "read"},
		{[]PathPoint{there, gone, lost}, 0, fails, "there is no minimizer or point of rest at lambda 1"},
		{[]PathPoint{there, lost, gone}, 0, unknown, "no minimizer is found at lambda 2"},
		{[]PathPoint{refused}, 0, unknown, "no minimizer is found at lambda 3"},
	} {
		got := criterion("name", "asks", 0.5, c.of, "not asked", func() (float64, string) { return c.value, "read" })
		value := Number(math.NaN())
		if c.detail == "read" {
			value = Number(c.value)
		}
		if want := (Criterion{"name", "asks", value, 0.5, c.verdict, c.detail}); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

// subjectOf is a loss of the default state.
func subjectOf(t *testing.T, losses ...Loss) *subject {
	t.Helper()
	var e Explorer
	if r := e.Explore(with(losses...), false); len(r.Problems) > 0 {
		t.Fatal(r.Problems)
	}
	return e.subjects[0]
}

// The largest rise of KL(pi_ref to pi) is found with the lambda it rises up to; from infinite to infinite it does not rise.
func TestMonotone(t *testing.T) {
	u := subjectOf(t, Loss{Kind: "dpo"})
	ref := u.env.Prompts[0].LogRef
	tilted := func(nats float64) []float64 { // a policy that gives the last response less
		v := slices.Clone(ref)
		v[2] -= nats
		sum := 0.0
		for _, l := range v {
			sum += math.Exp(l)
		}
		for i := range v {
			v[i] -= math.Log(sum)
		}
		return v
	}
	kl := func(nats float64) float64 { // KL(pi_ref to pi): sum of ref times its excess over the tilted one
		return 0.2*nats + math.Log(0.8+0.2*math.Exp(-nats))
	}
	edge := []float64{math.Log(0.5), math.Log(0.5), math.Inf(-1)}
	for _, c := range []struct {
		policies [][]float64
		value    float64
		at       string
		verdict  string
	}{
		{[][]float64{tilted(3), tilted(2), tilted(1)}, kl(1) - kl(2), "3", holds},
		{[][]float64{tilted(3), tilted(2), tilted(2.5), tilted(1), tilted(1.2)}, kl(2.5) - kl(2), "3", fails},
		{[][]float64{tilted(1), tilted(1), tilted(1)}, 0, "2", holds},
		{[][]float64{edge, edge, tilted(1)}, 0, "2", holds},
		{[][]float64{edge, tilted(1), edge}, math.Inf(1), "3", fails},
	} {
		var path []PathPoint
		for i, p := range c.policies {
			path = append(path, PathPoint{Lambda: Number(i + 1), found: solution{solver: "exact", status: "converged", logPi: p}})
		}
		got := u.monotone(path)
		near := float64(got.Value) == c.value || math.Abs(float64(got.Value)-c.value) < 1e-12
		if !near || got.Verdict != c.verdict || !strings.HasSuffix(got.Detail, "up to lambda "+c.at+" (nats)") {
			t.Errorf("%+v, want %v up to lambda %s", got, c.value, c.at)
		}
	}
}

// A path goes four lambdas a decade from one end to the other, as far as the loss allows.
func TestPathLambdas(t *testing.T) {
	path := subjectOf(t, Loss{Kind: "dpo"}).path()
	if len(path) != 27 || path[0].Lambda != smallLambda || path[26].Lambda != largeLambda || path[26].where != " at lambda 1e+06" {
		t.Errorf("%d points, the last%s", len(path), path[len(path)-1].where)
	}
	for i, p := range path[1:26] {
		if want := math.Pow(10, -3+float64(i)/4); math.Abs(float64(p.Lambda)-want) > 1e-12*want {
			t.Errorf("point %d is at lambda %v, want %v", i+1, p.Lambda, want)
		}
	}
	without := subjectOf(t, Loss{Kind: "bradley-terry"})
	if path := without.path(); path != nil {
		t.Errorf("a loss without lambda has a path of %d", len(path))
	}
	for _, c := range without.criteria(nil)[:4] {
		if c.Verdict != unknown || c.Detail != "the loss has no lambda" {
			t.Errorf("a loss without lambda: %+v", c)
		}
	}
	for _, c := range without.criteria(path[1:26])[:3] {
		if c.Verdict != unknown || !strings.HasSuffix(c.Detail, " is not allowed") {
			t.Errorf("a path without its ends: %+v", c)
		}
	}
}

// The answer says which of the ends is near, at most 0.05 away in total variation, of equally near ones the first of pi_star, mode and
// pi_ref; what is nearer than 1e-9 is there.
func TestAnswerWords(t *testing.T) {
	for _, c := range []struct {
		star, mode, ref float64
		want            string
	}{
		{0.05, 0.3, 0.2, "lands 0.05 from π*."},
		{0.051, 0.3, 0.2, "lands 0.051 from π*, 0.2 from π_ref and 0.3 from the mode."},
		{0.04, 0.04, 0.04, "lands 0.04 from π*."},
		{0.4, 0.01, 0.01, "collapses to y_b, 0.01 from all mass on it and 0.4 from π*."},
		{0.4, 0.3, 0.01, "stays at π_ref, 0.01 from it and 0.4 from π*."},
		{9.9e-10, 0.3, 0.2, "lands 0 from π*."},
		{1e-9, 0.3, 0.2, "lands 1e-09 from π*."},
		{math.NaN(), 0.3, 0.2, "lands NaN from π*, 0.2 from π_ref and 0.3 from the mode."},
	} {
		o := &Outcome{Policy: []Number{1, 0, 0}, Measures: []Measure{{"tv_star", Number(c.star)}, {"tv_mode", Number(c.mode)}, {"tv_ref", Number(c.ref)}}}
		if got := o.answer(1); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// Solvers are asked in turn: the exact one, training where it has no policy; a loss that falls for ever has none, and where training
// breaks off the policies before remain.
func TestSolvers(t *testing.T) {
	for _, c := range []struct {
		fragment, solver, status string
		policy                   bool
		reason, trained          string
		trajectory               int
	}{
		{"a=dpo&steps=20", "exact", "converged", true, "Convex in the margins.", "done after 20 steps", 21},
		{"a=dpo&steps=250", "exact", "converged", true, "Convex in the margins.", "done after 250 steps", 126},
		{"a=dpo&steps=20&kl=0.1", "train", "done", true,
			"A KL radius is a projection between training steps, which the exact solver has not.", "done after 20 steps", 21},
		{"a=dpo&l2=1&kl=0", "exact", "converged", true, "", "done after 300 steps", 101},
		{"a=best-of-n", "exact", "given", true, "", "", 0},
		{"a=typo&a.reference_samples=4&steps=30", "train", "done", true,
			"The exact solver has no statement about a term of sampled reference responses; take reference_samples: exact, or train instead.",
			"done after 30 steps", 31},
		{"a=custom&a.pair=exp(exp(exp(10*u)))&lr=1000", "train", "diverged", false,
			"The gradient's norm is +Inf at step 2. Prompt \"x\": Newton's method gave up after 0 steps, the last of which moved a probability by 0.",
			"diverged after 2 steps: the gradient's norm is +Inf at step 2", 2},
		{"a=custom&a.pair=stopgrad(sigmoid(u))*softplus(-beta*u)&steps=20", "exact", "diverged", false,
			`Prompt "x": the loss falls for ever as margins run off: the lowest of 15 searches, which all ended there.`, "done after 20 steps", 21},
	} {
		o := explored(t, c.fragment).Outcomes[0]
		if o.Solver != c.solver || o.Status != c.status || (o.Policy != nil) != c.policy || c.reason != "" && o.Reason != c.reason ||
			o.Trained != c.trained || len(o.Trajectory) != c.trajectory {
			t.Errorf("%s: %s %s, %q, %q, %d policies, the last %v", c.fragment, o.Solver, o.Status, o.Reason, o.Trained, len(o.Trajectory), o.Policy)
		}
	}
}

// A reason becomes a sentence.
func TestCapitalized(t *testing.T) {
	for reason, want := range map[string]string{"": "", "a": "A.", "it is so": "It is so.", "It is so.": "It is so."} {
		if got := capitalized(reason); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A class of policies reaches 16 nats to either side of pi_ref, which is in the middle, and lies denser there.
func TestClass(t *testing.T) {
	if r := explored(t, "steps=1"); r.Class != nil {
		t.Errorf("all policies are a curve of %d", len(r.Class))
	}
	class := explored(t, "steps=1&basis=3,1,-1").Class
	if len(class) != 97 || !near(class[48], []float64{0.4, 0.4, 0.2}, 1e-15) {
		t.Fatalf("%d policies, the middle %v", len(class), class[48])
	}
	for i, p := range class {
		side := float64(i-48) / 48
		moved := math.Log(float64(p[0]/p[2])) - math.Log(2)
		if want := 16 * side * math.Abs(side); math.Abs(moved-want) > 1e-9 {
			t.Errorf("policy %d is %v nats from pi_ref, want %v", i, moved, want)
		}
	}
}

// An Explorer forgets its paths at the 33rd, and not before.
func TestForgets(t *testing.T) {
	var e Explorer
	e.paths = map[string][]PathPoint{}
	for i := range mostPaths - 1 {
		e.paths[fmt.Sprint(i)] = nil
	}
	s := with(Loss{Kind: "bradley-terry"})
	s.Steps = 1
	for i, want := range []int{mostPaths, 1, 2} {
		s.Star = []float64{0.5 + 0.1*float64(i), 0.3 - 0.1*float64(i), 0.2}
		e.Explore(s, true)
		if len(e.paths) != want {
			t.Errorf("after %d more there are %d paths, want %d", i+1, len(e.paths), want)
		}
	}
}

// Parameters are listed with their words where they are one of some, and lambda apart.
func TestFields(t *testing.T) {
	for _, k := range Kinds() {
		kind, _ := objective.Kinds().Find(k.Name)
		if _, _, _, has := objective.Lambda(kind.New()); k.Lambda != has {
			t.Errorf("%s: lambda %v", k.Name, k.Lambda)
		}
		for _, f := range k.Fields {
			switch interval := strings.HasPrefix(f.Allowed, "(") || strings.HasPrefix(f.Allowed, "["); {
			case f.Key == lambdaKey || strings.Contains(f.Key, "."):
				t.Errorf("%s has the field %s", k.Name, f.Key)
			case f.Type == "true or false" && !slices.Equal(f.Words, []string{"true", "false"}),
				f.Allowed != "" && (!interval || f.Words != nil), len(f.Words) == 1:
				t.Errorf("%s: %+v", k.Name, f)
			}
		}
	}
	f := func(kind, key string) Field {
		for _, k := range Kinds() {
			for _, f := range k.Fields {
				if k.Name == kind && f.Key == key {
					return f
				}
			}
		}
		return Field{}
	}
	if got := f("f-dpo", "divergence"); len(got.Words) < 3 || got.Allowed != "" {
		t.Errorf("divergences %+v", got)
	}
	if got := f("dpo", "label_smoothing"); got.Words != nil || got.Allowed != "[0,0.5]" {
		t.Errorf("label smoothing %+v", got)
	}
}

// JSON has no infinities: they are texts, and NaN is null.
func TestNumber(t *testing.T) {
	for v, want := range map[Number]string{0.1: "0.1", 1. / 3: "0.3333333333333333", 1e300: "1e+300",
		Number(math.Inf(1)): `"inf"`, Number(math.Inf(-1)): `"-inf"`} {
		if got, _ := v.MarshalJSON(); string(got) != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got, _ := Number(math.NaN()).MarshalJSON(); string(got) != "null" {
		t.Errorf("NaN is %s", got)
	}
}

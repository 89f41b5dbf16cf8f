package scorecard

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"windtunnel/experiments/engine"
	"windtunnel/experiments/internal/testfile"
	"windtunnel/experiments/kinds"
	"windtunnel/experiments/spec"
	"windtunnel/toy/bandit"
	"windtunnel/toy/objective"
)

// loss is an objective of a kind with its defaults.
func loss(kind string) spec.Objective {
	k, _ := objective.Kinds().Find(kind)
	return spec.Objective{Loss: k.New()}
}

// desideratum reads a test from the text of its file.
func desideratum(t *testing.T, text string) *spec.Desideratum {
	t.Helper()
	d, err := spec.ReadDesideratum("a/b", "a/b.yaml", []byte(text), nil, kinds.Tables())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A crossing is asked of the first runs alone where these reach the level: of those up to each new value of what it is along. That is
// not so where values fall.
func TestParts(t *testing.T) {
	for _, c := range []struct {
		along string // "-" for runs without a value
		want  []int
	}{
		{"100 200 400", []int{1, 2, 3}},
		{"- 100 100 200 200", []int{3, 5}},
		{"- - 100", []int{3}},
		{"100 - 200", []int{2, 3}},
		{"100 - 100 200", []int{3, 4}},
		{"100 200 100", []int{3}},
		{"200 100 300", []int{3}},
		{"100", []int{1}},
	} {
		var runs strings.Builder
		for i, n := range strings.Fields(c.along) {
			if n == "-" {
				fmt.Fprintf(&runs, "      - {preferences: population, train.epochs: %d}\n", i+1)
			} else {
				fmt.Fprintf(&runs, "      - {preferences: {kind: sample}, preferences.n: %s, preferences.seed: %d, train.epochs: %d}\n", n, i, i+1)
			}
		}
		d := desideratum(t, `desideratum: {asks: where, value: n}
environment: {kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.4], pi_ref: [0.5, 0.5]}]}
sweep:
  - list:
`+runs.String()+`claims:
  - {name: c, kind: crossing, metric: tv_star, where: {objective: loss}, along: preferences.n, by: [objective], level: 0.05, interpolate: false, max: 500}
`)
		p := newSubject("dpo", loss("dpo"), []*spec.Desideratum{d}, spec.ScorecardSettings{}).plans[0][0]()
		if !slices.Equal(p.parts, c.want) {
			t.Errorf("along %s: %v, want %v", c.along, p.parts, c.want)
		}
	}
}

// A crossing along the points of a path is one of each run, and is asked of all.
func TestCrossingOfPath(t *testing.T) {
	d := desideratum(t, `desideratum: {asks: where, value: lambda}
solver: path
path: {along: lambda}
sweep: {train.epochs: [1, 2]}
claims: [{name: c, kind: crossing, metric: tv_ref, where: {objective: loss}, along: strength, level: 0.05, max: 500}]
`)
	s := newSubject("dpo", loss("dpo"), []*spec.Desideratum{d}, spec.ScorecardSettings{})
	if got := s.plans[0][0]().parts; !slices.Equal(got, []int{2}) {
		t.Errorf("parts %v", got)
	}
	r, err := s.read(context.Background(), &engine.Memory{}, d, 0, &Site{Environment: environments(0, 1)[0]})
	if err != nil || !(r.Value > 1 && r.Value < 500) {
		t.Errorf("%+v, %v", r, err)
	}
}

// Where the first runs reach the level the others are not done, whatever would become of them.
func TestFirstPart(t *testing.T) {
	d := desideratum(t, `desideratum: {asks: where, value: lr}
environment: {kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.4], pi_ref: [0.5, 0.5]}]}
train: {optimizer: sgd, epochs: 50}
sweep: {train.optimizer.lr: [0.05, 0.1, 1e6]}
claims: [{name: c, kind: crossing, metric: tv_ref, where: {objective: loss}, along: train.optimizer.lr, level: 0.5, interpolate: false, max: 500}]
`)
	s := newSubject("ipo", loss("ipo"), []*spec.Desideratum{d}, spec.ScorecardSettings{})
	r, err := s.read(context.Background(), &engine.Memory{}, d, 0, &Site{})
	if err != nil || r.Value != 0.05 || r.Status != "done" {
		t.Errorf("%+v, %v", r, err)
	}
	s.plans[0][0]().parts = []int{3}
	if r, err := s.read(context.Background(), &engine.Memory{}, d, 0, &Site{}); err != nil || r.Status == "done" {
		t.Errorf("all runs: %+v, %v", r, err)
	}
}

// Only the tables are wanted that the claim reads: those of prompts where it is about one, or asked of each.
func TestWants(t *testing.T) {
	for _, c := range []struct{ about, claim, want string }{
		{"", "kind: bound, metric: tv_star, where: {objective: loss}", "runs runs runs"},
		{"", "kind: bound, metric: tv_star, prompt: good", "runs prompts prompts"},
		{", prompt: each", "kind: bound, metric: tv_star", "runs prompts prompts"},
		{"", "kind: minimizer", "runs"},
	} {
		d := desideratum(t, "desideratum: {asks: what, value: v"+c.about+"}\nsolver: exact\nclaims: [{name: c, "+c.claim+", max: 1}]\n")
		p := newSubject("dpo", loss("dpo"), []*spec.Desideratum{d}, spec.ScorecardSettings{}).plans[0][0]()
		if got := strings.Join(p.wants, " "); got != c.want {
			t.Errorf("%s%s: %s, want %s", c.claim, c.about, got, c.want)
		}
	}
}

// A test is asked in its own environment and those that its file adds, or in all of the card's that have enough prompts and responses.
func TestSites(t *testing.T) {
	own := desideratum(t, `desideratum:
  asks: what
  value: v
  also: [{name: second, environment: {kind: bandit, prompts: [{name: y, pi_star: [0.6, 0.4], pi_ref: [0.5, 0.5]}]}}]
environment: {kind: bandit, prompts: [{name: x, pi_star: [0.6, 0.4], pi_ref: [0.5, 0.5]}]}
claims: [{name: c, kind: bound, metric: tv_star, max: 1}]
`)
	card := func(prompts, responses int) *spec.Desideratum {
		return &spec.Desideratum{About: spec.About{Prompts: prompts, Responses: responses}, OnCard: true}
	}
	tests := []*spec.Desideratum{card(1, 2), own, card(2, 3), card(2, 4), card(3, 2)}
	sites, all := sitesOf(tests, environments(2, 1))
	want := []string{"interpolation preservation random-1 random-2", "second b", "preservation random-2", "", ""}
	for j, own := range sites {
		var names []string
		for _, s := range own {
			names = append(names, s.Name)
		}
		if got := strings.Join(names, " "); got != want[j] {
			t.Errorf("test %d: %s, want %s", j, got, want[j])
		}
	}
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	if got, want := strings.Join(names, " "), "interpolation preservation random-1 random-2 second b"; got != want {
		t.Errorf("all: %s, want %s", got, want)
	}
}

// The random environments are those of the seeds that follow, the strength of the noise grows every third time, and two with Gaussian
// logits follow two with uniform ones.
func TestRandomEnvironments(t *testing.T) {
	for i, e := range environments(14, 5)[2:] {
		p := e.Params.(*bandit.Random)
		star, perturbation := []string{"dirichlet", "gaussian"}[i/2%2], []float64{0.25, 0.5, 1, 2, 0.25}[i/3]
		if e.Name != fmt.Sprint("random-", i+1) || e.Seed != 5+i || !e.Random || p.Star != star || p.Perturbation != perturbation {
			t.Errorf("%s: seed %d, %s, %v; want seed %d, %s, %v", e.Name, e.Seed, p.Star, p.Perturbation, 5+i, star, perturbation)
		}
	}
}

// Tests come in their order, those without one last by name; a folder of tests adds to them, and must hold some under names of their own.
func TestLoad(t *testing.T) {
	const text = "desideratum: {asks: what, value: v%s}\nclaims: [{name: c, kind: bound, metric: tv_star, max: 1}]\n"
	dir := t.TempDir()
	for name, order := range map[string]string{"mine/last": "", "mine/also-last": "", "mine/first": ", order: -1"} {
		testfile.Write(t, filepath.Join(dir, name+".yaml"), fmt.Sprintf(text, order))
	}
	testfile.Write(t, filepath.Join(dir, "mine", "notes.md"), "no test")
	all, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if names := Names(all); names[0] != "mine/first" || !slices.Equal(names[len(names)-2:], []string{"mine/also-last", "mine/last"}) {
		t.Errorf("the order is %v", names)
	}
	testfile.Write(t, filepath.Join(dir, "preservation.yaml"), fmt.Sprintf(text, ""))
	for _, c := range []struct{ dir, want string }{
		{dir, `preservation.yaml: there is a test "preservation" already; want a name of its own`},
		{t.TempDir(), "holds no desideratum"},
		{filepath.Join(dir, "none"), "cannot be read"},
	} {
		if _, err := Load(c.dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.dir, err, c.want)
		}
	}
}

// A name stands for the test or, where there is none of that name, for the tests under it.
func TestSelect(t *testing.T) {
	var tests []*spec.Desideratum
	for _, name := range []string{"a", "a/b", "c/d", "c/e", "ce"} {
		tests = append(tests, &spec.Desideratum{Name: name})
	}
	for _, c := range []struct {
		names  []string
		bounds map[string]float64
		want   string
		key    string
	}{
		{nil, nil, "a a/b c/d c/e ce", ""},
		{[]string{"a"}, nil, "a", ""},
		{[]string{"c", "a/b"}, map[string]float64{"a": 1}, "a/b c/d c/e", ""},
		{[]string{"a", "f"}, nil, "", "scorecard.tests.1"},
		{[]string{"a"}, map[string]float64{"c": 1, "a": 1}, "", "scorecard.bounds.c"},
	} {
		chosen, key, _ := Select(tests, spec.ScorecardSettings{Tests: c.names, Bounds: c.bounds})
		if got := strings.Join(Names(chosen), " "); got != c.want || key != c.key {
			t.Errorf("%v: %s (%q), want %s (%q)", c.names, got, key, c.want, c.key)
		}
	}
}

// A point of the search is the logits of pi_star and pi_ref of the bad prompt, held within the width, then those of a good prompt.
func TestSearchedBandit(t *testing.T) {
	x := []float64{0, 3, -1e9, 1, 1, 1, 2, 0, 0}
	softmax := func(logits ...float64) (p []float64) {
		sum := 0.0
		for _, l := range logits {
			p = append(p, math.Exp(l))
			sum += math.Exp(l)
		}
		for i := range p {
			p[i] /= sum
		}
		return p
	}
	star, good := softmax(0, 3*math.Tanh(1), -3), softmax(3*math.Tanh(2./3), 0, 0)
	same := func(a, b []float64) bool {
		return slices.EqualFunc(a, b, func(v, w float64) bool { return near(v, w, 1e-12) })
	}
	for n, want := range map[int]int{6: 1, 9: 2} {
		prompts := searchedBandit(x[:n], 3).Prompts
		if len(prompts) != want {
			t.Fatalf("%d prompts of %d logits", len(prompts), n)
		}
		if p := prompts[want-1]; p.Name != "bad" || !same(p.PiStar, star) || !same(p.PiRef, softmax(1, 1, 1)) {
			t.Errorf("the bad prompt of %d logits is %+v", n, p)
		}
		if p := prompts[0]; want == 2 && (p.Name != "good" || !same(p.PiStar, good) || !same(p.PiRef, good)) {
			t.Errorf("the good prompt is %+v", p)
		}
	}
	d := &bandit.Declared{Prompts: []bandit.DeclaredPrompt{{Name: "a", PiStar: []float64{0.5, 0.5}, PiRef: []float64{0.25, 0.75}}, {Name: "b"}}}
	if got, want := flowOf(d), "{kind: bandit, prompts: [{name: a, pi_star: [0.5, 0.5], pi_ref: [0.25, 0.75]}, {name: b, pi_star: [], pi_ref: []}]}"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

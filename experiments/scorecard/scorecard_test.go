package scorecard

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"windtunnel/experiments/internal/testfile"
	"windtunnel/experiments/kinds"
	"windtunnel/experiments/spec"
	"windtunnel/toy/bandit"
	"windtunnel/toy/objective"
)

// measure runs the losses of a YAML list through some tests, all where none are named.
func measure(t *testing.T, losses string, environments int, names ...string) *Card {
	t.Helper()
	path := filepath.Join(t.TempDir(), "card.yaml")
	testfile.Write(t, path, "name: card\nobjectives: ["+losses+"]\nscorecard: {}\n")
	c, err := spec.LoadLosses(path, kinds.Tables())
	if err != nil {
		t.Fatal(err)
	}
	all, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	settings := c.Scorecard.Settings
	settings.Environments, settings.Tests = environments, names
	tests, _, wrong := Select(all, settings)
	if wrong != "" {
		t.Fatalf("no test %s", wrong)
	}
	card, err := Run(context.Background(), c.Scorecard.Objectives, tests, settings, 2)
	if err != nil {
		t.Fatal(err)
	}
	return card
}

func near(a, b, tolerance float64) bool {
	return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= tolerance*(1+math.Abs(a))
}

// A custom loss gets every verdict and number that its built-in twin gets.
func TestTwins(t *testing.T) {
	// A second parameter keeps the twin from being taken for a copy of the other's row.
	card := measure(t, `ipo, {kind: custom, name: my-ipo, lambda: 0.1, pair: "square(u - 1/(2*lambda))"}, dpo, {kind: custom, name: my-dpo, lambda: 0.1, pair: "softplus(-lambda*u)"}`, 1)
	for i := 0; i < len(card.Losses); i += 2 {
		if mine := card.Cells[i+1][0].SameAs; mine != card.Losses[i] {
			t.Errorf("%s is as %q, want %s", card.Losses[i+1], mine, card.Losses[i])
		}
	}
	apart := measure(t, `{kind: custom, name: my-ipo, lambda: 0.1, pair: "square(u - 1/(2*lambda))"}, {kind: custom, name: my-dpo, lambda: 0.1, pair: "softplus(-lambda*u)"}`, 1)
	for i := range apart.Losses {
		for j := range apart.Tests {
			mine, its := &apart.Cells[i][j], &card.Cells[2*i][j]
			if mine.Verdict != its.Verdict || !near(its.Value, mine.Value, 1e-6) {
				t.Errorf("%s of %s: %s %v (%s), the built-in has %s %v (%s)", mine.Test.Name, mine.Loss, mine.Verdict, mine.Value, mine.Detail,
					its.Verdict, its.Value, its.Detail)
			}
		}
	}
}

// Losses are the same that have the same gradient in a bandit at every lambda, their own among them.
func TestAlike(t *testing.T) {
	losses := map[string]string{"dpo": "{kind: dpo, lambda: 0.1}", "weaker": "{kind: dpo, lambda: 0.2}", "norm": "{kind: dpo-norm, lambda: 0.1}",
		"ipo": "{kind: ipo, lambda: 0.1}", "twice": `{kind: custom, name: c, lambda: 0.1, pair: "2*softplus(-lambda*u)"}`,
		"here":  `{kind: custom, name: c, lambda: 0.1, pair: "softplus(-10*lambda*lambda*u)"}`,
		"plain": "bradley-terry"}
	subjects := map[string]*subject{}
	for name, text := range losses {
		path := filepath.Join(t.TempDir(), "card.yaml")
		testfile.Write(t, path, "name: card\nobjectives: ["+text+"]\nscorecard: {}\n")
		c, err := spec.LoadLosses(path, kinds.Tables())
		if err != nil {
			t.Fatal(err)
		}
		subjects[name] = newSubject(name, c.Scorecard.Objectives[0], nil, spec.ScorecardSettings{})
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"dpo", "dpo", true}, {"dpo", "norm", true}, {"dpo", "weaker", false}, {"dpo", "ipo", false}, {"dpo", "twice", false}, {"dpo", "here", false},
		{"here", "here", true}, {"plain", "plain", true}, {"dpo", "plain", false}, {"plain", "dpo", false},
	} {
		if got := alike(subjects[c.a], subjects[c.b]); got != c.want {
			t.Errorf("%s and %s: %v", c.a, c.b, got)
		}
	}
	row := []*subject{subjects["dpo"], subjects["ipo"], subjects["norm"], subjects["weaker"], subjects["dpo"], subjects["ipo"]}
	if got := twins(row); !slices.Equal(got, []int{0, 1, 0, 3, 0, 1}) {
		t.Errorf("twins %v", got)
	}
}

// Nothing is known of a loss in another process but its values: it is a twin of none.
func TestExternalTwins(t *testing.T) {
	external := func() *subject {
		loss := objective.ExternalKind.New().(*objective.External)
		loss.Command = []string{"none"}
		return newSubject("external", spec.Objective{Loss: loss}, nil, spec.ScorecardSettings{})
	}
	dpo := newSubject("dpo", loss("dpo"), nil, spec.ScorecardSettings{})
	if alike(external(), external()) || alike(external(), dpo) || alike(dpo, external()) {
		t.Error("an external loss is taken for another")
	}
}

// A loss is constant in a test where it has the same value at the start, near it and elsewhere, whatever that is.
func TestConstant(t *testing.T) {
	for _, c := range []struct {
		pair  string
		start float64
		want  bool
	}{
		{"0*u", 0, true}, {"7 + 0*u", 0, true}, {"1e12 + 1e-4*u", 0, true}, {"1e3 + 1e-4*u", 0, false}, {"u", 0, false},
		{"relu(2 - abs(abs(u) - 48))", 50, false}, {"relu(10 - abs(u))", 50, false}, // near the start alone, and elsewhere alone
		{"relu(10 - abs(abs(u) - 100))", 50, true},
	} {
		d := desideratum(t, fmt.Sprintf(`desideratum: {asks: what, value: v}
environment: {kind: bandit, prompts: [{name: x, pi_star: [0.75, 0.25], pi_ref: [0.5, 0.5]}]}
policy: {kind: low-rank, basis: [[0.5, -0.5]], start: [%g]}
train: {epochs: 1}
claims: [{name: c, kind: bound, metric: tv_star, max: 1}]
`, c.start))
		kind, _ := objective.Kinds().Find("custom")
		params := kind.New().(*objective.Custom)
		params.Pair = c.pair
		p := newSubject("custom", spec.Objective{Loss: params}, []*spec.Desideratum{d}, spec.ScorecardSettings{}).plans[0][0]()
		if p.why != "" {
			t.Fatal(p.why)
		}
		if got := constant(p.plan); got != c.want {
			t.Errorf("%s from %v: %v", c.pair, c.start, got)
		}
	}
}

// A factor on the loss moves neither its paths under a constraint nor the relative size of its gradients, and lambda not the latter.
func TestFactor(t *testing.T) {
	card := measure(t, `dpo, {kind: custom, name: tenth, lambda: 0.1, pair: "0.1*softplus(-lambda*u)"}, {kind: custom, name: thirty, lambda: 0.1, pair: "30*softplus(-lambda*u)"}, {kind: dpo, name: larger, lambda: 7}`,
		3, "constraint", "gradient/size", "gradient/misordered", "gradient/bounded")
	for i, loss := range card.Losses[1:] {
		for j, test := range card.Tests {
			if loss == "larger" && test.Name == "gradient/misordered" {
				continue // which is at the loss's own lambda
			}
			if got, want := card.Cells[i+1][j].Value, card.Cells[0][j].Value; math.Abs(got-want) > 1e-3 {
				t.Errorf("%s of %s: %v, of dpo %v", test.Name, loss, got, want)
			}
		}
	}
}

// DPO, TYPO and IPO do what the paper (arXiv 2407.09072) proves, and the summary says so in words.
func TestPaper(t *testing.T) {
	card := measure(t, "dpo, ipo, typo", 4, "strong-interpolation", "weak-interpolation", "reference-limit", "preservation", "existence")
	for _, c := range []struct {
		loss, test string
		want       Verdict
	}{
		{"dpo", "strong-interpolation", Fail}, {"dpo", "weak-interpolation", Pass}, {"dpo", "reference-limit", Pass}, {"dpo", "preservation", Fail},
		{"dpo", "existence/never-loses", Fail}, {"dpo", "existence/flipped-labels", Pass}, {"ipo", "existence/never-loses", Pass},
		{"ipo", "existence/never-compared", Fail}, {"typo", "strong-interpolation", Pass}, {"typo", "weak-interpolation", Fail},
		{"typo", "preservation", Pass}, {"typo", "existence/one-pair", Pass},
	} {
		i, j := slices.Index(card.Losses, c.loss), slices.Index(Names(card.Tests), c.test)
		if got := card.Cells[i][j]; got.Verdict != c.want {
			t.Errorf("%s of %s: %s %v (%s)", c.test, c.loss, got.Verdict, got.Value, got.Detail)
		}
	}
	for loss, want := range map[string][]string{"dpo": {"interpolates to the mode", "damages good prompts", "no answer where a response never loses"},
		"typo": {"interpolates to pi_star", "preserves", "one answer to any data"}} {
		words := card.Summary(slices.Index(card.Losses, loss))
		for _, one := range want {
			if !strings.Contains(words, one) {
				t.Errorf("%s: %q lacks %q", loss, words, one)
			}
		}
		if strings.Contains(words, "nothing that pi_star knows") {
			t.Errorf("%s: %q has both ends of interpolation", loss, words)
		}
	}
}

// A loss that the solver of a test refuses has no verdict there and says why by its own name; other losses and other tests of the same
// card have theirs.
func TestRefusals(t *testing.T) {
	card := measure(t, `dpo, {kind: beta-dpo, mode_weight: 0.5}, {kind: custom, name: moved, lambda: 0.1, pair: "softplus(-lambda*(u - ema(u, 0.9)))"}`, 0,
		"strong-interpolation", "preservation", "existence/one-pair", "misspecified/reference", "displacement", "gradient/size")
	for _, c := range []struct {
		loss   string
		tests  []string
		detail string // "" where there is a verdict
	}{
		{"dpo", Names(card.Tests), ""},
		{"beta-dpo", []string{"strong-interpolation", "existence/one-pair", "misspecified/reference"}, "solver is exact, but beta-dpo leaves comparisons out of each batch"},
		{"beta-dpo", []string{"preservation"}, "solver is path, but beta-dpo leaves comparisons out of each batch"},
		{"beta-dpo", []string{"displacement", "gradient/size"}, ""},
		{"moved", []string{"strong-interpolation", "existence/one-pair", "misspecified/reference"}, "solver is exact, but moved reads earlier steps of training"},
		{"moved", []string{"displacement", "gradient/size"}, ""},
	} {
		for _, test := range c.tests {
			got := card.Cells[slices.Index(card.Losses, c.loss)][slices.Index(Names(card.Tests), test)]
			if refused := c.detail != ""; refused != (got.Verdict == None) || refused && (!strings.Contains(got.Detail, c.detail) || got.Site != nil) {
				t.Errorf("%s of %s: %s %v (%s)", test, c.loss, got.Verdict, got.Value, got.Detail)
			}
			if text, _ := got.Document("again"); (text == "") != (c.detail != "") {
				t.Errorf("%s of %s: the config that gives it again is %q", test, c.loss, text)
			}
		}
	}
}

// The infimum over lambda of the damage that DPO does to the good prompt is the same for every loss with its frontier: odpo's
// minimizer with the gap itself is pi_ref pi_star^(2/lambda), DPO's at half the lambda.
func TestFrontier(t *testing.T) {
	card := measure(t, "dpo, {kind: odpo, scaling: identity}, rlhf", 6, "preservation")
	for i, loss := range card.Losses[1:] {
		if got, want := card.Cells[i+1][0].Value, card.Cells[0][0].Value; !near(got, want, 1e-6) {
			t.Errorf("%s: %v, dpo %v", loss, got, want)
		}
	}
}

// A test that measures nothing does not apply: mallows is constant where pi_ref is uniform, and a gradient that is 0 at the
// reference cannot fall.
func TestNothingToMeasure(t *testing.T) {
	card := measure(t, "mallows, chi-po, kl-ref-pi", 0, "beyond-bradley-terry", "gradient")
	for j, test := range card.Tests {
		want := None
		if test.Name == "gradient/bounded" {
			want = Pass
		}
		if c := card.Cells[0][j]; c.Verdict != want {
			t.Errorf("mallows, %s: %s %v (%s)", test.Name, c.Verdict, c.Value, c.Detail)
		}
		if c := card.Cells[1][j]; test.Name == "gradient/bounded" && c.Verdict != Fail {
			t.Errorf("chi-po's gradient is bounded by %v", c.Value)
		}
		if c := card.Cells[2][j]; test.Name == "gradient/misordered" && c.Verdict != None {
			t.Errorf("kl-ref-pi, %s: %s %v", test.Name, c.Verdict, c.Value)
		}
	}
}

// The worst environment makes the cell, of equal ones the first; environments without an answer are counted, and too many leave
// no verdict.
func TestFold(t *testing.T) {
	sites := func(n int) (all []*Site) {
		for i := range n {
			all = append(all, &Site{Name: string(rune('a' + i))})
		}
		return all
	}
	reading := func(value float64, o outcome) Reading {
		return Reading{Value: value, Detail: []string{measured: "found", empty: "nothing", left: "gave up", inapplicable: "no lambda"}[o], outcome: o}
	}
	inf, nan := math.Inf(1), math.NaN()
	found, nothing, gone, none := reading(1, measured), reading(inf, empty), reading(nan, left), reading(nan, inapplicable)
	other := none
	other.Detail = "no comparisons"
	for _, c := range []struct {
		name         string
		readings     []Reading
		value        float64
		site         string
		measured, of int
		verdict      Verdict
		detail       string
	}{
		{"worst", []Reading{found, reading(3, measured), reading(3, measured)}, 3, "b", 3, 3, Fail, "found"},
		{"the bound itself", []Reading{found, reading(2, measured)}, 2, "b", 2, 2, Pass, "found"},
		{"left", append(slices.Repeat([]Reading{found}, 9), gone), 1, "a", 9, 10, Pass,
			"found; 9 of 10 environments were measured; in the others the solver did not arrive, the first j: gave up"},
		{"too many", append([]Reading{gone}, append(slices.Repeat([]Reading{found}, 17), gone, gone)...), nan, "a", 17, 20, None,
			"17 of 20 environments were measured; in the others the solver did not arrive, the first a: gave up"},
		{"all left", []Reading{none, gone, gone}, nan, "b", 0, 2, None,
			"0 of 2 environments were measured; in the others the solver did not arrive, the first b: gave up"},
		{"the only one left", []Reading{none, gone}, nan, "b", 0, 1, None, "gave up"},
		{"empty", []Reading{nothing, found, nothing}, 1, "b", 3, 3, Pass, "found; in 2 of 3 environments nothing fulfils the conditions"},
		{"empty later", []Reading{found, nothing}, 1, "a", 2, 2, Pass, "found; in 1 of 2 environments nothing fulfils the conditions"},
		{"all empty", []Reading{nothing, nothing}, inf, "a", 2, 2, Fail, "nothing"},
		{"inapplicable", []Reading{none, found}, 1, "b", 1, 1, Pass, "found"},
		{"inapplicable later", []Reading{found, none}, 1, "a", 1, 1, Pass, "found"},
		{"none", []Reading{none, other}, nan, "", 0, 0, None, "no lambda"},
		{"no environment", nil, nan, "", 0, 0, None, "there is no environment for it"},
	} {
		cell := fold(c.readings, sites(len(c.readings)))
		cell.Bound = 2
		cell.decide()
		site := ""
		if cell.Site != nil {
			site = cell.Site.Name
		}
		if !near(cell.Value, c.value, 0) || site != c.site || cell.Measured != c.measured || cell.Of != c.of ||
			cell.Verdict != c.verdict || cell.Detail != c.detail {
			t.Errorf("%s: %v at %q, %d of %d, %s: %s", c.name, cell.Value, site, cell.Measured, cell.Of, cell.Verdict, cell.Detail)
		}
	}
}

// The same seed gives the same environments, of which half have Dirichlet pi_star, and a good prompt is one with pi_ref = pi_star.
func TestEnvironments(t *testing.T) {
	all := environments(20, 1)
	if len(all) != 22 || all[2].Name != "random-1" || all[2].Seed != 1 {
		t.Fatalf("%d environments", len(all))
	}
	gaussian := 0
	for i, e := range all[2:] {
		if e.Params.(*bandit.Random).Star == "gaussian" {
			gaussian++
		}
		if e.Env.Responses() != sizes[i%len(sizes)] {
			t.Errorf("%s has %d responses", e.Name, e.Env.Responses())
		}
		if good := e.Env.Prompts[0]; !slices.Equal(good.LogStar, good.LogRef) {
			t.Errorf("%s: the good prompt's pi_ref is not pi_star", e.Name)
		}
	}
	if gaussian != 10 {
		t.Errorf("%d of 20 have Gaussian logits", gaussian)
	}
}

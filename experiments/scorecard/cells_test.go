package scorecard

import (
	"context"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"windtunnel/experiments/spec"
	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/tables"
	"windtunnel/toy/bandit"
	"windtunnel/toy/logspace"
)

// filled is a card of three losses, the last of which is as the first, in four tests.
func filled() *Card {
	about := func(name, group, pass, fail string, oneOf bool) *spec.Desideratum {
		about := spec.About{Group: group, Pass: pass, Fail: fail, OneOf: oneOf, Asks: name + "?", Value: "nats"}
		return &spec.Desideratum{Name: name, Bound: 1, About: about}
	}
	c := &Card{Losses: []string{"a|b", "ipo", "c"}, Tests: []*spec.Desideratum{
		about("star", "ends", "goes to pi_star", "goes nowhere", true), about("mode", "ends", "goes to the mode", "misses the mode", true),
		about("keeps", "good", "keeps", "damages", false), about("reads", "good", "", "", false)}}
	cell := func(loss, test int, value float64, share, of int) Cell {
		cell := Cell{Loss: c.Losses[loss], Test: c.Tests[test], Bound: 2, Measured: share, Of: of,
			Reading: Reading{Value: value, Lambda: math.NaN(), Detail: "found", Solver: "exact", Status: "converged"}}
		if cell.outcome = inapplicable; !math.IsNaN(value) {
			cell.outcome, cell.Site = measured, &Site{Name: "own"}
		}
		cell.decide()
		return cell
	}
	c.Cells = [][]Cell{
		{cell(0, 0, 2, 9, 10), cell(0, 1, 3, 10, 10), cell(0, 2, math.Inf(1), 1, 1), cell(0, 3, 0.125, 1, 1)},
		{cell(1, 0, 5, 10, 10), cell(1, 1, math.Inf(1), 10, 10), cell(1, 2, 0, 1, 1), cell(1, 3, math.NaN(), 0, 0)},
	}
	same := make([]Cell, 4)
	for j, one := range c.Cells[0] {
		one.Loss, one.SameAs = "c", "a|b"
		same[j] = one
	}
	c.Cells = append(c.Cells, same)
	return c
}

// A cell is a mark with a number and its share of the environments, a loss what its groups say: of tests that exclude one another
// the one that is passed, else what fails, else what passes.
func TestMarkdown(t *testing.T) {
	c := filled()
	want := `| loss | 1 | 2 | 3 | 4 |
| --- | --- | --- | --- | --- |
| a\|b | ✓ 2 (9 of 10) | ✗ 3 | ✗ ∞ | ✓ 0.12 |
| ipo | ✗ 5 | ✗ ∞ | ✓ 0 | – |
| c | as a\|b in a bandit | | | |
`
	got := c.Markdown()
	if !strings.HasPrefix(got, want) {
		t.Errorf("%s\nwant %s", got, want)
	}
	for _, want := range []string{
		"| a\\|b | goes to pi_star (9 of 10); damages |\n| ipo | goes nowhere, misses the mode; keeps |\n| c | as a|b in a bandit |\n",
		"| 1 | star | star? | nats | 2 |\n| 2 | mode |"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nlacks %s", got, want)
		}
	}
	c.Cells, c.Losses = nil, nil
	if got := c.Markdown(); !strings.Contains(got, "| 1 | star | star? | nats | 1 |\n") {
		t.Errorf("without losses the bounds are not the tests' own: %s", got)
	}
}

// What a group says is said once, and what begins as something that is said already not at all.
func TestSaid(t *testing.T) {
	cells := func(verdict Verdict, words ...string) (all []*Cell) {
		for _, w := range words {
			all = append(all, &Cell{Verdict: verdict, Test: &spec.Desideratum{About: spec.About{Pass: w, Fail: "no " + w}}})
		}
		return all
	}
	for _, c := range []struct {
		cells []*Cell
		want  string
	}{
		{cells(Pass, "fast", "small", "fast"), "fast, small"},
		{cells(Pass, "fast enough", "fast"), "fast enough"},
		{cells(Pass, "fast", "fast enough"), "fast, fast enough"},
		{append(cells(Fail, "fast"), cells(Pass, "small")...), "no fast"},
		{cells(None, "fast"), ""},
	} {
		if got := said(c.cells); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// A row of the table leaves empty what a cell does not have: seed, counts and what a search found.
func TestTable(t *testing.T) {
	c := filled()
	c.Cells[0][0].Site = &Site{Name: "random-1", Environment: &Environment{Seed: 7, Random: true}}
	c.Cells[0][0].Searched = &Searched{Value: 4, Tries: 450, Environment: "{}"}
	c.Cells[0][1].Site = &Site{Name: "interpolation", Environment: &Environment{}}
	table := c.Table()
	for _, want := range []struct{ row, column, text string }{
		{"0", "environment", "random-1"}, {"0", "seed", "7"}, {"0", "measured", "9"}, {"0", "of", "10"},
		{"0", "searched_value", "4"}, {"0", "searched_tries", "450"},
		{"1", "environment", "interpolation"}, {"1", "seed", ""}, {"1", "searched_value", ""}, {"1", "searched_tries", ""},
		{"7", "value", ""}, {"7", "verdict", "none"}, {"7", "environment", ""}, {"7", "measured", ""}, {"7", "of", ""},
	} {
		if got := table.Text(int(want.row[0]-'0'), want.column); got != want.text {
			t.Errorf("%s of row %s: %q, want %q", want.column, want.row, got, want.text)
		}
	}
}

// The config that gives a cell again expects of its claim what the verdict says, in the cell's environment; so does that of a
// searched environment, about the prompt that was found.
func TestDocuments(t *testing.T) {
	card := measure(t, "dpo, typo", 1, "strong-interpolation", "weak-interpolation", "displacement")
	expected := func(text string) (expect, environment string) {
		node, err := decode.Parse("again.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return decode.Lookup(node, "claims.0.expect").Value, decode.Text(decode.Lookup(node, "environment"))
	}
	passes := map[bool]string{true: "true", false: "false"}
	for _, row := range card.Cells {
		for _, cell := range row {
			text, _ := cell.Document("again")
			expect, environment := expected(text)
			if expect != passes[cell.Verdict == Pass] || !strings.Contains(environment, "kind: ") {
				t.Errorf("%s of %s: %s, and the config expects %s in %s", cell.Test.Name, cell.Loss, cell.Verdict, expect, environment)
			}
			if cell.SearchedDocument("searched") != "" {
				t.Errorf("%s of %s: a config of a search that nobody asked for", cell.Test.Name, cell.Loss)
			}
			for _, value := range []float64{cell.Bound - 1e-9, cell.Bound, cell.Bound + 1e-9} {
				found := &bandit.Declared{Prompts: []bandit.DeclaredPrompt{{Name: "bad", PiStar: []float64{0.75, 0.25}, PiRef: []float64{0.25, 0.75}}}}
				cell.Searched = &Searched{Value: value, Tries: 1, params: found, prompt: "bad"}
				text := cell.SearchedDocument("searched")
				expect, environment := expected(text)
				if expect != passes[value <= cell.Bound] || !strings.Contains(environment, "0.75") ||
					strings.Contains(text, "prompt: bad") != (cell.Test.Prompt != "") {
					t.Errorf("%s of %s searched, %v: %s", cell.Test.Name, cell.Loss, value-cell.Bound, text)
				}
			}
		}
	}
}

// A certificate says where the value is from and what policy was reached there; of a test that is failed, what to try.
func TestCertificate(t *testing.T) {
	card := measure(t, `dpo, typo, {kind: bradley-terry, name: none}, {kind: dpo, name: again}`, 1,
		"weak-interpolation", "preservation", "existence/one-pair", "strong-interpolation", "gradient/size")
	column := func(test string) (all []Cell) {
		j := slices.Index(Names(card.Tests), test)
		for i := range card.Cells {
			all = append(all, card.Cells[i][j])
		}
		return all
	}
	for _, c := range []struct {
		loss        int
		test        string
		want, lacks []string
	}{
		{0, "weak-interpolation", []string{"dpo, weak-interpolation: pass\n", "\nmeasured     in 3 of 3 environments\n",
			"\n  pi_star    (0.6, 0.3, 0.1) on prompt x\n", "\n  pi_ref     (0.4, 0.4, 0.2)\n", "\nlambda       1e-06\n", "\nsolver       exact\n",
			"\nstatus       converged\n", " on prompt x by loss/lambda=1e-06\n", "\nheld against "}, []string{"what to try", "why none"}},
		{1, "weak-interpolation", []string{"typo, weak-interpolation: fail\n", "\nenvironment  interpolation\n", "losses that pass: dpo (",
			"by loss/lambda=1e-06\n"}, []string{"again (", "typo ("}},
		{0, "preservation", []string{"dpo, preservation: fail\n", "on prompt good by loss\n", "on prompt bad by loss\n",
			"what to try  a data term", "too where pi_ref = pi_star; losses that pass: typo ("}, nil},
		{2, "weak-interpolation", []string{"none, weak-interpolation: none\n", "why none     the loss has no lambda\n"},
			[]string{"environment", "measured", "solver", "what to try"}},
		{0, "existence/one-pair", []string{"dpo, existence/one-pair: fail\n", "\nenvironment  one-pair\n"}, []string{"measured", "seed"}},
		{0, "gradient/size", []string{"\nlambda       1\n", " on prompt x by loss/lambda=1/setting=beside it\n"}, nil},
		{0, "strong-interpolation", []string{"dpo, strong-interpolation: fail\n"}, nil},
	} {
		all := column(c.test)
		cell := &all[c.loss]
		text, err := cell.Certificate(context.Background(), all)
		if err != nil {
			t.Fatal(err)
		}
		if cell.Prompt != "" && (strings.Count(text, "\nreached ") != 1 || !strings.Contains(text, " on prompt "+cell.Prompt+" by ")) {
			t.Errorf("not the policy on prompt %s: %s", cell.Prompt, text)
		}
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not in %s", want, text)
			}
		}
		for _, lacks := range c.lacks {
			if strings.Contains(text, lacks) {
				t.Errorf("%q is in %s", lacks, text)
			}
		}
	}
	if got := passing(column("weak-interpolation")[1:]); got != "no registered loss passes" {
		t.Errorf("where none passes: %s", got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := card.Cells[0][0].Certificate(ctx, nil); err == nil {
		t.Error("a certificate of a run that was cancelled")
	}
	// On a path the policies are those of the point that the value is from, by DPO's closed form.
	all := column("preservation")
	text, err := all[0].Certificate(context.Background(), all)
	if err != nil {
		t.Fatal(err)
	}
	env := all[0].Site.Environment.Env
	for x := range env.Prompts {
		prompt := &env.Prompts[x]
		logp := make([]float64, len(prompt.LogStar))
		for k, star := range prompt.LogStar {
			logp[k] = prompt.LogReference()[k] + star/all[0].Lambda
		}
		logspace.LogSoftmax(logp, logp)
		_, after, _ := strings.Cut(text, "\nreached      (")
		text = after
		reached, _, ok := strings.Cut(after, ") on prompt "+prompt.Name)
		if !ok {
			t.Fatalf("no policy on prompt %s", prompt.Name)
		}
		for k, one := range strings.Split(reached, ", ") {
			if got := tables.ParseFloat(one); !near(got, math.Exp(logp[k]), 2e-3) {
				t.Errorf("response %d of prompt %s has %v, want %v", k, prompt.Name, got, math.Exp(logp[k]))
			}
		}
	}
}

// A random environment is named with its seed, others without.
func TestWhere(t *testing.T) {
	for _, c := range []struct {
		site *Environment
		want string
	}{{nil, "own"}, {&Environment{Name: "paper's"}, "own"}, {&Environment{Name: "random-3", Seed: 7, Random: true}, "random-3, seed 7"}} {
		if got := (&Cell{Site: &Site{Name: "own", Environment: c.site}}).where(); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

// A value on a path of lambda has the lambda of the point; the run's own counts on other paths.
func TestLambdaOfPoint(t *testing.T) {
	card := measure(t, "dpo", 0, "preservation", "constraint/l2")
	along, penalty := &card.Cells[0][0], &card.Cells[0][1]
	at, _, found := strings.Cut(strings.TrimPrefix(along.Detail, "loss at strength "), ": ")
	if v := tables.ParseFloat(at); !found || !near(along.Lambda, v, 1e-3) || v == 0.1 {
		t.Errorf("lambda %v of %s", along.Lambda, along.Detail)
	}
	if !strings.Contains(penalty.Detail, " at strength ") || penalty.Lambda != 1 {
		t.Errorf("lambda %v of %s", penalty.Lambda, penalty.Detail)
	}
}

// A search finds what is worse than any of its starts, in an environment that has the value, and counts its tries; where nothing can
// be measured it finds nothing, and where it can get no worse it stops.
func TestSearch(t *testing.T) {
	var tests []*spec.Desideratum
	for _, more := range []string{"", ", prompts: 2, prompt: last, responses: 4"} {
		tests = append(tests, desideratum(t, "desideratum: {asks: what, value: v"+more+"}\nsolver: exact\nsweep: {lambda: [1]}\n"+
			"claims: [{name: c, kind: bound, metric: tv_star, max: 1}]\n"))
	}
	settings := spec.ScorecardSettings{WorstOf: []string{"search"}}
	subjects := []*subject{newSubject("dpo", loss("dpo"), tests, settings)}
	found, err := search(context.Background(), subjects, []int{0}, tests, settings, 1)
	if err != nil {
		t.Fatal(err)
	}
	for j, one := range found[0] {
		prompts := one.params.Prompts
		if one.Value < 0.5 || one.Value > 1 || one.Tries < 100 || len(prompts) != j+1 || len(prompts[j].PiStar) != 3+j ||
			one.prompt != []string{"", "bad"}[j] {
			t.Errorf("test %d: %+v", j, one)
		}
	}
	x, draws := make([]float64, 6), random(3)
	for i := range x {
		x[i] = draws.NormFloat64()
	}
	first := searchedBandit(x, 3) // of equally bad environments the first
	for _, c := range []struct {
		claim string
		want  *Searched
	}{
		{"kind: minimizer, max: 3", &Searched{Value: 0, Tries: 450, params: first}},
		{"kind: crossing, metric: tv_star, along: lambda, level: -1, max: 3", &Searched{Value: math.Inf(1), Tries: 1, params: first}},
		{"kind: best, metric: tv_star, better: lower, given: [{metric: tv_star, min: 2}], max: 1", nil},
	} {
		d := desideratum(t, "desideratum: {asks: what, value: v}\nsolver: exact\nsweep: {lambda: [1, 2]}\nclaims: [{name: c, "+c.claim+"}]\n")
		got, err := newSubject("dpo", loss("dpo"), []*spec.Desideratum{d}, settings).search(context.Background(), d, 0)
		if c.want != nil {
			c.want.Environment = flowOf(first)
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", c.claim, got, err, c.want)
		}
	}
	settings.WorstOf = []string{"random"}
	if other, err := search(context.Background(), subjects, []int{0}, tests, settings, 1); other != nil || err != nil {
		t.Errorf("a search that nobody asked for: %v, %v", other, err)
	}
	settings.WorstOf = []string{"search"}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := search(ctx, subjects, []int{0}, tests, settings, 1); err == nil {
		t.Error("a search that was cancelled has no error")
	}
}

// A loss that breaks fails, also where the claim has a least value and so the card's is the claim's with the sign turned.
func TestBrokenLossFails(t *testing.T) {
	card := measure(t, `{kind: custom, name: broken, pair: "exp(exp(exp(1.9 - 300*u)))"}`, 0, "displacement")
	if c := card.Cells[0][0]; c.Verdict != Fail || !math.IsInf(c.Value, 1) {
		t.Errorf("%s with %v: %s", c.Verdict, c.Value, c.Detail)
	}
}

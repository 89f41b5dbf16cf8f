package report_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"windtunnel/experiments/report"
	"windtunnel/experiments/results"
	"windtunnel/experiments/results/publish"
	"windtunnel/metrics/claims"
	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// open reads the small results folder of testdata, whose tables and manifest never change.
func open(t testing.TB) *results.Reported {
	t.Helper()
	f, err := results.OpenReported(filepath.Join("testdata", "small"))
	if err != nil {
		t.Fatal(err)
	}
	f.Dir = "results/small"
	f.Schemas = map[string]tables.Schema{tables.Runs: {{Name: "tv_star", Doc: "Total variation to pi_star."}}}
	return f
}

func write(t testing.TB, folders ...*results.Reported) string {
	t.Helper()
	page, err := report.Write(t.Context(), folders)
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Undrawn) > 0 {
		t.Fatal(page.Undrawn)
	}
	return string(page.HTML)
}

// The page but for its figures, style and script, which have tests of their own, is that of the golden file.
func TestGolden(t *testing.T) {
	page := write(t, open(t))
	if again := write(t, open(t)); again != page {
		t.Error("the same folder gives another page")
	}
	for _, cut := range []string{`(?s)<svg.*?</svg>`, `(?s)<style>.*?</style>`, `(?s)<script>.*?</script>`, `sha256-[^']*`} {
		page = regexp.MustCompile(cut).ReplaceAllString(page, "...")
	}
	path := filepath.Join("testdata", "small.html")
	if *update {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if page != string(want) {
		t.Errorf("the page is not that of %s; see the difference with -update\n%s", path, firstDifference(page, string(want)))
	}
}

// firstDifference returns the first line in which two texts differ.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d: %s\nwant: %s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

// Nothing on the page names a place to load from: no reference but to the page itself and to data in it.
func TestSelfContained(t *testing.T) {
	page := write(t, open(t))
	for _, m := range regexp.MustCompile(`(?:src|href|action|poster|srcset)\s*=\s*["']?([^"'\s>]*)`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(m[1], "#") && !strings.HasPrefix(m[1], "data:") {
			t.Errorf("the page refers to %s", m[0])
		}
	}
	for _, word := range []string{"@import", "url(", "fetch(", "XMLHttpRequest", "import("} {
		if strings.Contains(page, word) {
			t.Errorf("the page has %s", word)
		}
	}
}

// dressed is the small folder with a hostile name wherever a folder has words.
func dressed(t testing.TB, evil string) *results.Reported {
	f := open(t)
	f.Name, f.Dir, f.Text = evil, evil, evil
	f.Description = evil
	for i := range f.Figures {
		f.Figures[i].Caption = evil
	}
	f.Manifest = &publish.Manifest{Tool: evil, Inputs: map[string]string{evil: evil}, Made: publish.Made{Go: evil, Numerics: evil}}
	f.Verdicts = []results.Verdict{{Name: evil, Text: evil, Result: claims.Result{Detail: evil}}}
	runs := renamed(t, f.Shown[0], evil)
	f.Tables = plots.NewSources(func(string) (tables.Source, error) { return sourceOf(t, runs, evil), nil })
	f.Shown = []*tables.Table{runs}
	f.Schemas = map[string]tables.Schema{tables.Runs: {{Name: "tv_star", Doc: evil}}}
	return f
}

// renamed puts a name in place of the loss dpo, and makes a failed run whose reason it is.
func renamed(t testing.TB, table *tables.Table, evil string) *tables.Table {
	t.Helper()
	if err := table.Load(table.Header...); err != nil {
		t.Fatal(err)
	}
	out := tables.NewTable(table.Name, table.Header...)
	for row := range table.Len() {
		cells := table.Row(row)
		for i, cell := range cells {
			if strings.Contains(cell, "dpo") {
				cells[i] = strings.ReplaceAll(cell, "dpo", evil)
			}
		}
		out.Append(cells...)
	}
	failed := make([]string, len(table.Header))
	for i, name := range table.Header {
		failed[i] = map[string]string{"run": evil, "objective": evil, "status": tables.Failed, "reason": evil, "seed": "0", "lambda": "0.01"}[name]
	}
	out.Append(failed...)
	return out
}

// sourceOf gives the tables of the small folder with the name put in.
func sourceOf(t testing.TB, runs *tables.Table, evil string) tables.Source {
	folder, err := tables.OpenFolder(filepath.Join("testdata", "small"))
	if err != nil {
		t.Fatal(err)
	}
	memory := tables.Memory{tables.Runs: runs}
	for _, name := range []string{"traces", "trajectories", "policies", "prompts"} {
		table, err := folder.Table(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := table.Load(table.Header...); err != nil {
			t.Fatal(err)
		}
		out := tables.NewTable(name, table.Header...)
		for row := range table.Len() {
			cells := table.Row(row)
			for i := range cells {
				cells[i] = strings.ReplaceAll(cells[i], "dpo", evil)
			}
			out.Append(cells...)
		}
		memory[name] = out
	}
	return memory
}

// A tag of the page, or an attribute of one.
var tag = regexp.MustCompile(`<([a-zA-Z!/][a-zA-Z0-9-]*)((?:[^>"']|"[^"]*"|'[^']*')*)>`)

// Hostile names add no element and no attribute: the page has the same tags with the same attribute names as with a
// harmless name. Characters that steer the direction of text are not on it.
func TestHostileNames(t *testing.T) {
	want := shape(write(t, dressed(t, "harmless name")))
	for _, evil := range hostile {
		page := write(t, dressed(t, evil))
		if got := shape(page); got != want {
			t.Errorf("%q changes the page: %s", evil, firstDifference(got, want))
		}
		if strings.ContainsAny(page, "\u202e\u2066\u200f") {
			t.Errorf("%q: the page steers the direction of text", evil)
		}
	}
}

// shape is a page without texts and values: the names of its elements and attributes.
func shape(page string) string {
	page = regexp.MustCompile(`(?s)<(style|script)>.*?</(style|script)>`).ReplaceAllString(page, "<$1></$2>")
	page = regexp.MustCompile(`(?s)<text.*?</text>|<path[^>]*>`).ReplaceAllString(page, "") // as long as the label
	var b strings.Builder
	for _, m := range tag.FindAllStringSubmatch(page, -1) {
		attributes := regexp.MustCompile(`"[^"]*"|'[^']*'`).ReplaceAllString(m[2], "")
		fmt.Fprintf(&b, "%s %s\n", m[1], attributes)
	}
	return b.String()
}

// A table that is too long says how much of it is where.
func TestCut(t *testing.T) {
	f := open(t)
	long := tables.NewTable("paired", "left", "right", "n", "p")
	for i := range 1000 {
		long.Append(fmt.Sprintf("a%d", i), "b", "20", fmt.Sprintf("0.000123456%d", i))
	}
	f.Shown = []*tables.Table{long}
	page := write(t, f)
	for _, want := range []string{"paired: the first 100 of 1000 rows", "900 more rows stand in <code><bdi>results/small/paired.csv</bdi></code>",
		"<bdi>a99</bdi>", "<td>0.0001235</td>", "<code><bdi>right</bdi></code> <bdi>b</bdi>"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(page, "<bdi>a100</bdi>") {
		t.Error("the page has more rows than it says")
	}
}

// A figure that cannot be drawn does not lose the page, which tells of it.
func TestUndrawn(t *testing.T) {
	f := open(t)
	f.Tables = plots.NewSources(func(string) (tables.Source, error) { return tables.Memory{}, nil })
	page, err := report.Write(t.Context(), []*results.Reported{f})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Undrawn) != 1 || !bytes.Contains(page.HTML, []byte("Not drawn: <bdi>figure simplex")) {
		t.Errorf("%v", page.Undrawn)
	}
}

// Verdicts are told in words, with what was expected.
func TestVerdicts(t *testing.T) {
	f := open(t)
	f.Verdicts = []results.Verdict{
		{Expect: true, Result: claims.Result{Holds: true}},
		{Expect: false, Result: claims.Result{Holds: true}},
		{Expect: false},
		{Expect: true},
		{Expect: false, Broken: true},
	}
	page := write(t, f)
	for _, want := range []string{`"well">holds<`, `"ill">holds, though the config says that it does not<`, `"well">does not hold, as the config says<`, `"ill">does not hold<`,
		`"ill">no answer<`, "Claims: 2 of 5 came out as the config says"} {
		if strings.Count(page, want) != 1 {
			t.Errorf("%d times %s", strings.Count(page, want), want)
		}
	}
}

// A folder without tables to draw from has its pictures, as they are.
func TestPictures(t *testing.T) {
	f := open(t)
	f.Pictures = []plots.File{{Name: "a<b.svg", Data: []byte(`<svg viewBox="0 0 100 50"><script>alert(1)</script></svg>`)}}
	page := write(t, f)
	if !strings.Contains(page, `style="flex:1 1 170px;max-width:272px"`) || !strings.Contains(page, `<img src="data:image/svg&#43;xml;base64,PHN2ZyB2`) ||
		strings.Contains(page, "alert(1)") {
		t.Error("the picture is not there as a picture")
	}
}

// The scorecard is a table with a sign beside each color.
func TestScorecard(t *testing.T) {
	f := open(t)
	card := tables.NewTable(plots.ScorecardTable, "loss", "test", "value", "bound", "verdict", "measured", "of", "detail")
	card.Append("dpo", "weak", "0.5", "0.1", "fail", "102", "102", "on x")
	card.Append("dpo", "strong", "", "0.1", "none", "3", "102", "")
	card.Append("typo", "weak", "0.01", "0.1", "pass", "97", "102", "")
	f.Tables = plots.NewSources(func(string) (tables.Source, error) { return tables.Memory{plots.ScorecardTable: card}, nil })
	f.Scorecard, f.Figures, f.Shown, f.Verdicts = true, nil, nil, nil
	page := write(t, f)
	for _, want := range []string{`<td class="v-fail" title="dpo, weak: fail, bound 0.1; on x" data-v="0.5">0.5 ✗</td>`, `class="v-pass"`, "0.01 ✓ 97 of 102", "– 3 of 102",
		"Scorecard: 2 losses, 2 tests", "go run ./experiments scorecard results/small/config.yaml --out reproduced\n"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

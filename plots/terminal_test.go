package plots_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

// inTerminal draws a metric of runs over lambda.
func inTerminal(t testing.TB, runs *tables.Table, title string, o plots.Terminal) string {
	t.Helper()
	src := plots.NewSources(func(string) (tables.Source, error) { return tables.Memory{tables.Runs: runs}, nil })
	fig := plots.Figure{Name: "f", Params: params("lines", func(f *plots.Lines) { f.X, f.Y, f.Title = "lambda", "tv_star", title })}
	text, err := o.Draw(fig, src)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// twoLosses are two losses over lambda, one of which has no value at a place.
func twoLosses() *tables.Table {
	runs := tables.NewTable(tables.Runs, "run", "objective", "lambda", "seed", "status", "tv_star")
	for i, lambda := range []string{"0.01", "0.1", "1", "10"} {
		runs.Append("dpo/"+lambda, "dpo", lambda, "0", "done", []string{"0.9", "0.5", "0.2", "0.3"}[i])
		runs.Append("typo/"+lambda, "typo", lambda, "0", "done", []string{"0.05", "", "0.15", "0.3"}[i])
	}
	return runs
}

var uncolored = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Braille, plain characters and colors draw what they drew before, no wider than the terminal.
func TestTerminalGolden(t *testing.T) {
	for name, o := range map[string]plots.Terminal{
		"braille": {Width: 60, Height: 12}, "ascii": {Width: 60, Height: 12, ASCII: true}, "color": {Width: 60, Height: 12, Color: true},
	} {
		got := inTerminal(t, twoLosses(), "", o)
		path := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || got != string(want) {
			t.Errorf("%s: %v, got\n%s", name, err, got)
		}
		for line := range strings.Lines(uncolored.ReplaceAllString(got, "")) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > o.Width {
				t.Errorf("%s: a line of %d columns: %q", name, n, line)
			}
			if o.ASCII && strings.ContainsFunc(line, func(r rune) bool { return r > unicode.MaxASCII }) {
				t.Errorf("%s: %q", name, line)
			}
		}
	}
}

// The first and the last point of a curve stand in the rows of their values, at both ends of the axis.
func TestTerminalPlaces(t *testing.T) {
	lines := strings.Split(inTerminal(t, twoLosses(), "", plots.Terminal{Width: 60, Height: 12, ASCII: true}), "\n")
	row := func(mark string, first bool) int {
		found := -1
		for i, line := range lines[:13] {
			bar := strings.IndexAny(line, "|+")
			if at := strings.Index(line, mark); bar >= 0 && at > bar && (first == (at < 20)) {
				found = i
			}
		}
		return found
	}
	if high, low := row("o", true), row("x", true); high < 0 || low < 0 || high >= low {
		t.Errorf("DPO begins in row %d, TYPO in row %d of\n%s", high, low, strings.Join(lines, "\n"))
	}
}

// Whatever text and values there are, nothing steers the terminal or panics.
func TestTerminalHostile(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		label := "x" + rapid.String().Draw(rt, "label")
		xs := rapid.SliceOfNDistinct(rapid.Float64Range(1e-9, 1e9), 1, 30, rapid.ID[float64]).Draw(rt, "xs")
		runs := tables.NewTable(tables.Runs, "run", "objective", "lambda", "seed", "status", "tv_star")
		for i, x := range xs {
			runs.Append(fmt.Sprint(i), label, tables.FormatFloat(x), "0", label, tables.FormatFloat(rapid.Float64().Draw(rt, "y")))
		}
		o := plots.Terminal{Width: rapid.IntRange(0, 200).Draw(rt, "width"), Height: rapid.IntRange(0, 40).Draw(rt, "height")}
		text := inTerminal(t, runs, rapid.String().Draw(rt, "title"), o)
		if strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && unicode.IsControl(r) }) {
			rt.Fatalf("%q steers the terminal", text)
		}
	})
}

// Every figure has something to show but those of cells alone.
func TestTerminalFigures(t *testing.T) {
	for _, fig := range figures() {
		text, err := plots.Terminal{Width: 60, Height: 12}.Draw(fig, suite(t))
		if cells := fig.Name == "existence" || strings.HasPrefix(fig.Name, "scorecard"); cells != errors.Is(err, plots.ErrNoChart) || !cells && strings.Count(text, "\n") < 4 {
			t.Errorf("%s: %v in %q", fig.Name, err, text)
		}
	}
}

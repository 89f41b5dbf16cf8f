package terminal

import (
	"bytes"
	"errors"
	"flag"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"windtunnel/metrics/tables"
	"windtunnel/plots"
	_ "windtunnel/toy/fixedseed"
)

var update = flag.Bool("update", false, "write the golden files anew")

// charts returns the panels of two losses over lambda, one of which has no value at a place.
func charts(t testing.TB, scale string) []plots.Chart {
	t.Helper()
	runs := tables.NewTable(tables.Runs, "run", "objective", "lambda", "seed", "status", "tv_star")
	for i, lambda := range []string{"0.01", "0.1", "1", "10"} {
		runs.Append("dpo/"+lambda, "dpo", lambda, "0", "done", []string{"0.9", "0.5", "0.2", "0.3"}[i])
		runs.Append("typo/"+lambda, "typo", lambda, "0", "done", []string{"0.05", "", "0.15", "0.3"}[i])
	}
	src := plots.NewSources(func(string) (tables.Source, error) { return tables.Memory{tables.Runs: runs}, nil })
	kind, _ := plots.Kinds().Find("lines")
	lines := kind.New().(*plots.Lines)
	lines.X, lines.Y, lines.YScale = "lambda", "tv_star", scale
	all, left, err := plots.Charts(plots.Figure{Name: "f", Params: lines}, src)
	if err != nil || left != 0 || len(all) != 1 {
		t.Fatalf("%d charts, %d left out, %v", len(all), left, err)
	}
	return all
}

func drawn(t testing.TB, charts []plots.Chart, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := Draw(&b, charts, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Braille, plain characters and colors draw what they drew before, no wider than the terminal.
func TestGolden(t *testing.T) {
	for name, o := range map[string]Options{
		"braille": {Width: 60, Height: 12}, "ascii": {Width: 60, Height: 12, ASCII: true}, "color": {Width: 60, Height: 12, Color: true},
	} {
		got := drawn(t, charts(t, "linear"), o)
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
		for line := range strings.Lines(uncolored(got)) {
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
func TestPlaces(t *testing.T) {
	c := charts(t, "linear")
	lines := strings.Split(drawn(t, c, Options{Width: 60, Height: 12, ASCII: true}), "\n")
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

// Whatever text and values there are, no line is too wide, steers the terminal or panics.
func TestHostile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(1e-9, 1e9), 1, 30)
		c := charts(nilT{}, "linear")[0]
		c.Title, c.X.Label, c.Y.Label = rapid.String().Draw(t, "title"), rapid.String().Draw(t, "x"), rapid.String().Draw(t, "y")
		xs := values.Draw(t, "xs")
		ys := rapid.SliceOfN(rapid.Float64(), len(xs), len(xs)).Draw(t, "ys")
		gone := make([]float64, len(xs))
		for i := range gone {
			gone[i] = math.NaN()
		}
		c.Series = []plots.Series{{Label: rapid.String().Draw(t, "label"), Color: color.RGBA{200, 0, 0, 255}, X: xs, Y: ys, Low: gone, High: gone}}
		c.Notes = []string{rapid.String().Draw(t, "note")}
		var b bytes.Buffer
		if err := Draw(&b, []plots.Chart{c}, Options{Width: rapid.IntRange(0, 200).Draw(t, "width"), Height: rapid.IntRange(0, 40).Draw(t, "height")}); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsFunc(b.String(), func(r rune) bool { return r != '\n' && unicode.IsControl(r) }) {
			t.Fatalf("%q steers the terminal", b.String())
		}
	})
}

// nilT lets a property make its charts; they are the same each time and cannot fail.
type nilT struct{ testing.TB }

func (nilT) Helper() {}

// A writer's error is the error.
func TestWriteError(t *testing.T) {
	if err := Draw(broken{}, charts(t, "linear"), Options{Width: 60, Height: 12}); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

var errBroken = errors.New("broken pipe")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }

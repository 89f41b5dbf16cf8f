package plots

import (
	"math"
	"slices"
	"testing"
	"unicode/utf8"

	"gonum.org/v1/plot/vg/draw"

	"windtunnel/metrics/tables"
)

// The bands of 2, 4, 9 by hand: mean 5, standard deviation sqrt(13), t(0.975, 2) = 4.302652730.
func TestSpread(t *testing.T) {
	sd := math.Sqrt(13)
	se := sd / math.Sqrt(3)
	for s, want := range map[spread][3]float64{
		spreadCI: {5, 5 - 4.302652730*se, 5 + 4.302652730*se}, spreadQuartiles: {4, 3, 6.5}, spreadRange: {5, 2, 9},
		spreadSD: {5, 5 - sd, 5 + sd}, spreadSE: {5, 5 - se, 5 + se}, spreadNone: {5, math.NaN(), math.NaN()},
	} {
		middle, low, high := s.of([]float64{9, 2, 4})
		for i, got := range []float64{middle, low, high} {
			if !(math.Abs(got-want[i]) < 1e-8) && !(math.IsNaN(got) && math.IsNaN(want[i])) {
				t.Errorf("%s: %g %g %g, want %g", s, middle, low, high, want)
			}
		}
		if middle, low, high = s.of([]float64{7}); middle != 7 || !math.IsNaN(low) || !math.IsNaN(high) {
			t.Errorf("%s of one value: %g %g %g, want 7 without a band", s, middle, low, high)
		}
		if middle, low, high = s.of([]float64{7, 7}); middle != 7 || s != spreadNone && (low != 7 || high != 7) {
			t.Errorf("%s of equal values: %g %g %g", s, middle, low, high)
		}
	}
}

// Failed runs are in no mean unless there is nothing else, and then not in one of several.
func TestMiddlePointLeavesOutFailedRuns(t *testing.T) {
	runs := tables.NewTable(tables.Runs, "run", "objective", "lambda", "seed", "status", "tv")
	for _, row := range [][]string{
		{"a", "dpo", "1", "0", "done", "0.2"}, {"b", "dpo", "1", "1", "failed", "9"}, {"c", "dpo", "1", "2", "done", "0.4"},
		{"d", "dpo", "2", "0", "failed", "9"}, {"e", "dpo", "2", "1", "failed", "9"}, {"f", "dpo", "3", "0", "failed", "9"},
	} {
		runs.Append(row...)
	}
	src := NewSources(func(string) (tables.Source, error) { return tables.Memory{tables.Runs: runs}, nil })
	all := selectRows(src, tables.Runs, nil)
	points := collectPoints(all, "lambda", "tv", "lambda", spreadRange)
	if p := points[0]; math.Abs(p.y-0.3) > 1e-15 || p.n != 2 || p.low != 0.2 || p.high != 0.4 || !slices.Equal(p.failed, []string{"b"}) {
		t.Errorf("one failed of three: %+v", p)
	}
	if p := points[1]; !math.IsNaN(p.y) || p.x != 2 || p.n != 0 || p.why() != "failed" || p.failed != nil {
		t.Errorf("both failed: %+v", p)
	}
	if p := points[2]; p.y != 9 || p.n != 1 {
		t.Errorf("a failed run by itself: %+v", p)
	}
}

func TestBandNotes(t *testing.T) {
	panel := func(points ...point) *Panel { return &Panel{curves: []*curve{{points: points}}} }
	for name, c := range map[string]struct {
		panels []*Panel
		want   []string
	}{
		"single runs": {[]*Panel{panel(point{n: 1, spread: spreadCI})}, nil},
		"one size":    {[]*Panel{panel(point{n: 20, spread: spreadCI}), panel(point{n: 20, spread: spreadCI})}, []string{"Mean over seeds with its 95 % interval (Student t), n\u00a0=\u00a020."}},
		"sizes": {[]*Panel{panel(point{n: 20, spread: spreadQuartiles}, point{n: 18, spread: spreadQuartiles, failed: []string{"a", "b"}}), panel(point{n: 18, spread: spreadQuartiles, failed: []string{"a"}})},
			[]string{"Median over seeds with quartiles, n\u00a0=\u00a018\u00a0to\u00a020.", "2 failed runs left out."}},
		"two kinds": {[]*Panel{panel(point{n: 3, spread: spreadSD}, point{n: 3, spread: spreadNone, failed: []string{"a"}})},
			[]string{"Mean over seeds ± standard deviation, n\u00a0=\u00a03.", "Mean over seeds, n\u00a0=\u00a03.", "1 failed run left out."}},
	} {
		if got := bandNotes(c.panels); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// The band of a line that turns back would be torn: its points have bars in its place.
func TestBandOfLineThatTurnsBack(t *testing.T) {
	for name, c := range map[string]struct {
		xs          []float64
		areas, bars int
	}{"to the right": {[]float64{0, 1, 2}, 1, 0}, "to the left": {[]float64{2, 1, 0}, 1, 0}, "back": {[]float64{0, 2, 1}, 0, 3}, "one": {[]float64{1}, 0, 1}} {
		p, s := newPanel(""), newSketch()
		var points []point
		for _, x := range c.xs {
			points = append(points, point{x: x, y: 1, low: 0.5, high: 1.5})
		}
		line := p.addCurve("line", seriesStyle{color: blue, width: curveWidth}, points)
		setRanges([]*Panel{p})
		line.plotBand(draw.NewCanvas(s, 100, 100), p.Plot, points)
		areas, bars := 0, 0
		for _, m := range s.marks {
			switch m.kind {
			case fillMark:
				areas++
			case strokeMark:
				bars++
			}
		}
		if areas != c.areas || bars != c.bars {
			t.Errorf("%s: %d areas and %d bars, want %d and %d", name, areas, bars, c.areas, c.bars)
		}
	}
}

// A trace has no marks but where it leaves the axes, which the legend explains.
func TestTraceBeyondTheAxis(t *testing.T) {
	p, s := newPanel(""), newSketch()
	p.YLimits = []float64{1, 2}
	trace := p.addCurve("trace", seriesStyle{color: blue, width: curveWidth}, []point{{x: 0, y: 1.5}, {x: 1, y: 0}, {x: 2, y: 0}, {x: 3, y: 1.5}, {x: 4, y: 3}})
	trace.plain = true
	setRanges([]*Panel{p})
	trace.draw(draw.NewCanvas(s, 100, 100), p.Plot)
	hollow := 0
	for _, m := range s.marks {
		if m.kind == fillMark && m.pen.color == white {
			hollow++
		}
	}
	if explained := slices.ContainsFunc(p.legend, func(e legendEntry) bool { return e.label == "beyond the axis" }); hollow != 2 || !explained {
		t.Errorf("%d marks beyond the axis, explained: %t", hollow, explained)
	}
}

// A note on curves names its panels; one that several panels share is said once.
func TestNotesNamePanels(t *testing.T) {
	lost := func(letter string, n int) *Panel {
		p := &Panel{Letter: letter}
		c := &curve{panel: p, label: "DPO", points: slices.Repeat([]point{{x: math.NaN(), status: "diverged"}}, n)}
		p.curves = append(p.curves, c)
		p.noteOddPoints()
		return p
	}
	pg := &page{width: fullWidth, panels: []*Panel{lost("(a)", 1), lost("(b)", 2), lost("(c)", 1)}}
	pg.takeNotes()
	if want := []string{"Not drawn in (a, c): DPO (1 × diverged).", "Not drawn in (b): DPO (2 × diverged)."}; !slices.Equal(pg.notes, want) {
		t.Errorf("notes %q, want %q", pg.notes, want)
	}
}

func TestFillBreaksLongWords(t *testing.T) {
	if got, want := fill(utf8.RuneCountInString, []string{"ab", "αbcdefgh", "c"}, 5), []string{"ab", "αbcde", "fgh c"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

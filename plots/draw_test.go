package plots

import (
	"image"
	"image/color"
	"math"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/font/sfnt"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"pgregory.net/rapid"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
	"windtunnel/toy/objective"
	"windtunnel/toy/registry"
)

func TestParseSpans(t *testing.T) {
	for _, c := range []struct {
		line string
		want []span
	}{
		{"plain", []span{{"plain", false, 0}}},
		{"cost $5", []span{{"cost $5", false, 0}}},
		{"$λ$ = 1", []span{{"λ", true, 0}, {" = 1", false, 0}}},
		{"$π_{ref}$", []span{{"π", true, 0}, {"ref", false, -1}}},
		{"$10^{−5}$", []span{{"10", false, 0}, {"−5", false, 1}}},
		{"$π_θ(y_a)$", []span{{"π", true, 0}, {"θ", true, -1}, {"(", false, 0}, {"y", true, 0}, {"a", true, -1}, {")", false, 0}}},
		{"$x_$", []span{{"x", true, 0}, {"_", false, 0}}},
		{"$x^{2$", []span{{"x", true, 0}, {"2", false, 1}}},
		{"", nil},
	} {
		if got := parseSpans(c.line); !slices.Equal(got, c.want) {
			t.Errorf("%q: %v, want %v", c.line, got, c.want)
		}
	}
}

// No text makes the handler panic, and what is not markup is drawn.
func FuzzParseSpans(f *testing.F) {
	for _, seed := range []string{"$π_{ref}$", "a$b", "$^{$", "$__$", "${}_{}$"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		var drawn strings.Builder
		for _, s := range parseSpans(line) {
			drawn.WriteString(s.text)
		}
		if !strings.ContainsRune(line, '$') && drawn.String() != line {
			t.Errorf("%q is drawn as %q", line, drawn.String())
		}
		if handler.eachSpan(line, textStyle(8, 0, 0).Font, nil) < 0 {
			t.Errorf("%q has a negative width", line)
		}
	})
}

// The fonts have every character that labels are made of.
func TestGlyphs(t *testing.T) {
	var used strings.Builder
	used.WriteString("KL(π* ‖ π)−10e^y_abc0123456789.,×=>[]λαθδφ")
	used.WriteString(strings.ReplaceAll(columnFile, "\n", ""))
	for _, line := range referenceValue {
		used.WriteString(line.label)
	}
	for _, fnt := range []font.Font{textStyle(8, 0, 0).Font, span{italic: true}.font(textStyle(8, 0, 0).Font), bold(textStyle(8, 0, 0)).Font} {
		pieces(fnt, used.String(), func(piece font.Font, glyphs string) {
			var buf sfnt.Buffer
			for _, r := range glyphs {
				if index, err := fonts().Lookup(piece, 8).Face.GlyphIndex(&buf, r); err != nil || index == 0 {
					t.Errorf("%s has no %q", piece.Name(), r)
				}
			}
		})
	}
}

func labels(ticks []plot.Tick) string {
	var words []string
	for _, tick := range ticks {
		if !tick.IsMinor() {
			words = append(words, strings.Trim(tick.Label, "$"))
		}
	}
	return strings.Join(words, " ")
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		ticker   plot.Ticker
		low, top float64
		want     string
	}{
		{numberTicks{}, 0, 1, "0.0 0.2 0.4 0.6 0.8 1.0"},
		{numberTicks{}, -0.3, 0.1, "−0.3 −0.2 −0.1 0.0 0.1"},
		{numberTicks{}, -400, 11400, "0 2000 4000 6000 8000 10000"},
		{numberTicks{}, 0.1496, 0.1504, "0.1496 0.1498 0.1500 0.1502 0.1504"},
		{powerTicks{10}, 1e-5, 100, "10^{−4} 10^{−2} 10^{0} 10^{2}"},
		{powerTicks{10}, 0.5, 200, "10^{0} 10^{1} 10^{2}"},
		{powerTicks{10}, 0.2, 0.9, "0.2 0.4 0.6 0.8"},
		{powerTicks{math.E}, math.Exp(-5), math.Exp(5), "e^{−4} e^{−2} e^{0} e^{2} e^{4}"},
		{zeroLog{0.001, 1, false}, 0, 1, "0 10^{−3} 10^{−2} 10^{−1} 10^{0}"},
		{zeroLog{10, 1000, true}, 0, 1000, "10^{1} 10^{2} 10^{3} none"},
	} {
		if got := labels(c.ticker.Ticks(c.low, c.top)); got != c.want {
			t.Errorf("%#v over [%g, %g]: %s, want %s", c.ticker, c.low, c.top, got, c.want)
		}
	}
}

// Ticks of any axis are few, in order, on the axis, and after thinning their labels stand clear of one another.
func TestTicksProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Float64Range(-1e6, 1e6).Draw(t, "low")
		span := math.Pow(10, rapid.Float64Range(-5, 6).Draw(t, "log span"))
		length := vg.Length(rapid.Float64Range(70, 250).Draw(t, "length"))
		axis := newPlot().X
		axis.Min, axis.Max = low, low+span
		if rapid.Bool().Draw(t, "log") {
			axis.Min, axis.Max = span, span*math.Pow(10, rapid.Float64Range(0.5, 20).Draw(t, "decades"))
			axis.Scale, axis.Tick.Marker = plot.LogScale{}, powerTicks{10}
		}
		spaceLabels(&axis, length)
		end, labelled := math.Inf(-1), 0
		for _, tick := range axis.Tick.Marker.Ticks(axis.Min, axis.Max) {
			at := axis.Norm(tick.Value)
			if tick.IsMinor() || at < 0 || at > 1 {
				continue
			}
			labelled++
			half := float64(axis.Tick.Label.Width(tick.Label) / 2)
			if left := at*float64(length) - half; left < end {
				t.Fatalf("label %s starts at %g, the one before ends at %g", tick.Label, left, end)
			}
			end = at*float64(length) + half
		}
		if labelled < 1 || labelled > 12 {
			t.Fatalf("%d labels", labelled)
		}
	})
}

// An axis with a place for zero keeps the order of values and the zero apart from all of them.
func TestZeroLogProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		least := math.Pow(10, rapid.Float64Range(-8, 8).Draw(t, "least"))
		z := zeroLog{least, least * math.Pow(10, rapid.Float64Range(0, 12).Draw(t, "decades")), rapid.Bool().Draw(t, "no limit")}
		a := least * math.Pow(z.most/least, rapid.Float64Range(0, 1).Draw(t, "a"))
		at, zero := z.Normalize(0, 0, a), z.Normalize(0, 0, 0)
		if at < 0 || at > 1 || zero < 0 || zero > 1 {
			t.Fatalf("places %g and %g", at, zero)
		}
		if z.noLimit != (zero > at) || math.Abs(zero-at) < 0.1 {
			t.Fatalf("zero at %g, %g at %g", zero, a, at)
		}
		if z.Normalize(0, 0, z.most) < at || z.Normalize(0, 0, z.least) > at {
			t.Fatalf("%g at %g is out of order", a, at)
		}
	})
}

func TestCellLabel(t *testing.T) {
	for cell, want := range map[string]string{
		"1e-05": "$10^{−5}$", "0.01": "0.01", "100": "100", "1000": "$10^{3}$", "1": "1", "0": "0", "-2.5": "−2.5",
		"0.01831563888873418": "$e^{−4}$", "0.333333333333": "0.3333", "2.5e-07": "2.5·$10^{−7}$", "true": "true", "inf": "inf",
	} {
		if got := cellLabel(cell); got != want {
			t.Errorf("%s is written %s, want %s", cell, got, want)
		}
	}
}

// Every registered loss has a style of its own; two of one color differ in line and in marker. A label that a
// configuration made up gets a color that no loss of its experiment has, whatever the order of the table.
func TestLossLooks(t *testing.T) {
	names := objective.Kinds()
	for i, kind := range names {
		l, ok := lossStyles[kind.Name]
		if !ok {
			t.Errorf("%s has no style", kind.Name)
		}
		for _, other := range names[:i] {
			o := lossStyles[other.Name]
			if l.color == o.color && (slices.Equal(l.dashes, o.dashes) || l.glyph == o.glyph) {
				t.Errorf("%s and %s look alike", kind.Name, other.Name)
			}
		}
	}
	if len(lossStyles) != len(names) {
		t.Errorf("%d styles for %d losses", len(lossStyles), len(names))
	}
	others := registry.Table[objective.Params]{{Name: "new"}, {Name: "newer"}, {Name: "newest"}}
	styles, _ := readStyles(append(slices.Clone(names), others...))
	for i, kind := range others {
		for name, o := range styles {
			l := styles[kind.Name]
			if name != kind.Name && l.color == o.color && (slices.Equal(l.dashes, o.dashes) || l.glyph == o.glyph) {
				t.Errorf("%s, which styles.csv does not have, looks like %s", others[i].Name, name)
			}
		}
	}
	all := []string{"mine", "dpo", "kto", "hinge", "other"}
	if l := lossStyle("mine", all); l.color == green || l.color == teal || l.color == blue {
		t.Errorf("a made-up label has the color %v of a loss beside it", l.color)
	}
	if lossStyle("mine", all).color == lossStyle("other", all).color {
		t.Error("two made-up labels have one color")
	}
	if lossStyle("DPO", []string{"DPO", "GR-DPO"}).color != blue {
		t.Error("a loss in capitals has not its color")
	}
	reversed := slices.Clone(all)
	slices.Reverse(reversed)
	if lossStyle("mine", all).color != lossStyle("mine", reversed).color {
		t.Error("a made-up label changes its color with the order of the table")
	}
}

// In one experiment no two losses share a color as long as there are colors, and the losses of the paper keep theirs.
func TestLossColors(t *testing.T) {
	all := []string{"typo", "robust", "dpo-positive", "kto", "typo-8", "typo-mean", "dpo-smooth", "dpo", "ipo", "simpo", "cpo", "exo"}
	colors := map[color.RGBA]string{}
	for _, label := range all {
		l := lossStyle(label, all)
		if other, taken := colors[l.color]; taken {
			t.Errorf("%s and %s have one color", label, other)
		}
		colors[l.color] = label
	}
	for _, label := range []string{"dpo", "ipo", "typo"} {
		if lossStyle(label, all).color != lossStyles[label].color {
			t.Errorf("%s has another color in company", label)
		}
	}
}

// Green and teal, which few tell apart, do not stand together where another color is left.
func TestAlikeColors(t *testing.T) {
	for _, all := range [][]string{{"dpo", "kto", "ld-dpo"}, {"dpo", "ipo", "typo", "hinge", "kto", "cpo-simpo", "simpo"}} {
		var colors []color.RGBA
		for _, label := range all {
			colors = append(colors, lossStyle(label, all).color)
		}
		if slices.Contains(colors, green) && slices.Contains(colors, teal) {
			t.Errorf("%v have green and teal", all)
		}
	}
}

// Words of a configuration are written as readers say them.
func TestWordLabels(t *testing.T) {
	for _, c := range []struct{ column, cell, want string }{
		{"solver", "exact", "exact minimizers"}, {"solver", "train", "trained"}, {"class", "gru", "GRU"}, {"policy", "tabular", "tabular policy"},
		{"group", "good", "good prompts"}, {"group", "heldout-bad", "held-out bad prompts"}, {"setting", "even-imbalanced", "even imbalanced"},
		{"sampler", "reward x inverse", "reward × inverse"}, {"a_wins", "all but 1e-11", "all but $10^{−11}$"}, {"optimizer", "Adam 1e-3, all pairs", "Adam $10^{−3}$, all pairs"},
		{"class", "along (0, 1, -1)", "along (0, 1, −1)"}, {"pairs", "of pi_ref", "pairs of $π_{ref}$"}, {"error", "heavy-tailed error", "heavy-tailed error"},
		{"train.max_steps", "10", "step limit = 10"}, {"comparisons", "10,000 draws", "10,000 draws"},
	} {
		if got := valueLabel(c.column, c.cell); got != c.want {
			t.Errorf("%s %s is written %q, want %q", c.column, c.cell, got, c.want)
		}
	}
}

// Steps are in thousands on a linear axis, and as they are on a logarithmic one, whose powers of ten need no unit.
func TestStepLabels(t *testing.T) {
	steps := []float64{0, 1, 100, 20000}
	for scale, want := range map[string]string{linearScale: "Training steps [$10^3$]", logScale: "Training steps"} {
		axis := newPlot().X
		setScale(&axis, "step", scale, steps)
		if labelSteps(&axis, columnLabel("step"), steps); axis.Label.Text != want {
			t.Errorf("%s: %s", scale, axis.Label.Text)
		}
	}
}

// Losses have the names of their papers, also within labels that a configuration made up.
func TestLossNames(t *testing.T) {
	words := []string{"custom", "hinge", "reward", "sum"}
	for _, kind := range objective.Kinds() {
		if lossName(kind.Name) == kind.Name && !slices.Contains(words, kind.Name) {
			t.Errorf("%s has no printed name", kind.Name)
		}
	}
	for label, want := range map[string]string{"simpo": "SimPO", "chi-po": "$χ$PO", "typo-8": "TYPO-8", "typo-mean": "TYPO, mean", "f-dpo-alpha2": "$f$-DPO, $α$ = 2",
		"dpox": "dpox", "raise-one": "raise one", "IS-DPO": "IS-DPO", "": ""} {
		if got := lossName(label); got != want {
			t.Errorf("%s is printed %s, want %s", label, got, want)
		}
	}
}

// Points without a value stand above all data, in panels that share an axis in a strip of one height, below which ticks end.
func TestStrip(t *testing.T) {
	panels := []*Panel{newPanel("a"), newPanel("b")}
	for i, p := range panels {
		p.ShareY = "y"
		setLog(&p.Y, nil)
		p.addCurve("x", rampStyle(0, 2), []point{{x: 1, y: 0.1}, {x: 2, y: 10}})
		if i == 0 {
			p.addCurve("y", rampStyle(1, 2), []point{{x: 1, y: math.NaN(), status: "diverged"}, {x: 2, y: 0.2}})
		}
	}
	setRanges(panels)
	for _, p := range panels {
		if share := 1 - p.Y.Norm(p.top); math.Abs(share-stripRow) > 1e-9 || p.top < 10 || p.strip != 1 {
			t.Errorf("the strip of %d rows takes %g of the axis above %g", p.strip, share, p.top)
		}
		for _, tick := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
			if tick.Value > p.top {
				t.Errorf("a tick at %g stands in the strip", tick.Value)
			}
		}
	}
}

// An interval around a mean ends where the metric does.
func TestMetricRange(t *testing.T) {
	runs := tables.NewTable(tables.Runs, "run", "objective", "lambda", "seed", "status", "tv_star", "kl_star_pi", "margin")
	runs.Append("a", "dpo", "1", "0", "done", "0.6", "0.01", "-1")
	runs.Append("b", "dpo", "1", "1", "done", "1", "3", "1")
	all := selectRows(NewSources(func(string) (tables.Source, error) { return tables.Memory{tables.Runs: runs}, nil }), tables.Runs, nil)
	for column, want := range map[string][2]bool{"tv_star": {true, true}, "kl_star_pi": {true, false}, "margin": {false, false}} {
		points := collectPoints(all, "lambda", column, "lambda", spreadCI)
		if low, high := points[0].low == 0, points[0].high == 1; low != want[0] || high != want[1] {
			t.Errorf("the band of %s goes from %g to %g", column, points[0].low, points[0].high)
		}
	}
}

// Up to 256 colors an image keeps every pixel; beyond, none moves far.
func TestFewColors(t *testing.T) {
	for _, c := range []struct {
		name      string
		colors    int
		tolerance int
	}{{"few", 256, 0}, {"many", 4096, 40}} {
		img := image.NewRGBA(image.Rect(0, 0, 64, 64))
		for i := range 64 * 64 {
			k := i % c.colors
			img.SetRGBA(i%64, i/64, color.RGBA{uint8(k % 16 * 17), uint8(k / 16 % 16 * 17), uint8(k / 256 * 17), 255})
		}
		few := fewColors(img)
		if len(few.Palette) != 256 {
			t.Errorf("%s: %d colors", c.name, len(few.Palette))
		}
		worst := 0
		for i := range 64 * 64 {
			a := img.RGBAAt(i%64, i/64)
			b := few.At(i%64, i/64).(color.RGBA)
			if c.tolerance == 0 && a != b {
				t.Fatalf("%s: %v became %v", c.name, a, b)
			}
			worst = max(worst, int(a.R)-int(b.R))
		}
		if c.name == "many" && worst == 0 {
			t.Error("many: no color was rounded, so nothing is tested")
		}
	}
}

// Panels of a page are equally large, aligned, and clear of the legend, of one another and of the edges.
func TestLayoutProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 10).Draw(t, "panels")
		series := rapid.IntRange(1, 12).Draw(t, "series")
		shared := rapid.Bool().Draw(t, "shared y")
		panels := make([]*Panel, n)
		for i := range panels {
			p := newPanel("panel")
			p.X.Label.Text, p.Y.Label.Text = columnLabel("lambda"), columnLabel("kl_star_pi")
			if shared {
				p.ShareY = "y"
			}
			setLog(&p.X, nil)
			for k := range series {
				p.addCurve(strings.Repeat("s", k+1), rampStyle(k, series), []point{{x: 0.01, y: float64(i), low: 0, high: 1}, {x: 100, y: 2}})
			}
			panels[i] = p
		}
		pg := layOut(panels, themeOf(""))
		canvas := draw.NewCanvas(newSketch(), pg.width, pg.height)
		legendEnd := pg.height - pageMargin - pg.legend.height()
		first := vg.Rectangle{}
		for i, cell := range pg.cells(canvas) {
			area := panels[i].DataCanvas(cell).Rectangle
			if i == 0 {
				first = area
			}
			// gonum aligns for the overhang of end labels at its first guess of the width; what remains is under 0.4 mm.
			if math.Abs(float64(area.Size().X-first.Size().X)) > 1 || math.Abs(float64(area.Size().Y-first.Size().Y)) > 1 {
				t.Fatalf("panel %d is %v, the first %v", i, area.Size(), first.Size())
			}
			if area.Max.Y > legendEnd || area.Min.Y < pageMargin || area.Min.X < pageMargin || area.Max.X > pg.width {
				t.Fatalf("panel %d at %v leaves its room under %g", i, area, legendEnd)
			}
			if area.Size().X < minWidth*0.99 {
				t.Fatalf("panel %d is only %v wide", i, area.Size().X)
			}
		}
		for _, row := range pg.legend {
			if groupWidth(row) > pg.width {
				t.Fatalf("a row of the legend is %v wide, the page %v", groupWidth(row), pg.width)
			}
		}
	})
}

// Values from the rows themselves: what is averaged, in which order, and what has no value.
func TestCollectPoints(t *testing.T) {
	selected := func(rate string) *rows {
		runs := tables.NewTable(tables.Runs, "run", "objective", "lambda", "seed", "train.lr", "status", "tv")
		runs.Append("c", "dpo", "10", "0", "", "converged", "0.5")
		runs.Append("a", "dpo", "0.1", "0", "", "converged", "0.2")
		runs.Append("b", "dpo", "0.1", "1", rate, "converged", "0.4")
		runs.Append("d", "dpo", "1", "0", "", "diverged", "")
		runs.Append("e", "dpo", "1", "1", "", "converged", "0.3")
		src := NewSources(func(string) (tables.Source, error) { return tables.Memory{tables.Runs: runs}, nil })
		all := selectRows(src, tables.Runs, nil)
		return all
	}
	all := selected("")
	points := collectPoints(all, "lambda", "tv", "lambda", spreadRange)
	if len(points) != 3 || points[0].x != 0.1 || math.Abs(points[0].y-0.3) > 1e-15 || points[0].low != 0.2 || points[0].high != 0.4 || points[2].y != 0.5 {
		t.Errorf("points %+v", points)
	}
	if !math.IsNaN(points[1].y) || points[1].why() != "diverged" {
		t.Errorf("a setting with a diverged seed is %+v, want no value", points[1])
	}
	c := curve{points: points}
	if segments := c.segments(); len(segments) != 2 || len(segments[0]) != 1 {
		t.Errorf("the line is not broken at the diverged run: %+v", segments)
	}
	if err := try.Do(func() { collectPoints(selected("0.5"), "lambda", "tv", "lambda", spreadRange) }); err == nil || !strings.Contains(err.Error(), "train.lr is empty and 0.5") {
		t.Errorf("two learning rates in one point: %v", err)
	}
}

func TestModePolicy(t *testing.T) {
	for _, c := range []struct{ star, ref, want []float64 }{
		{[]float64{0.6, 0.3, 0.1}, []float64{0.4, 0.4, 0.2}, []float64{1, 0, 0}},
		{[]float64{0.4, 0.2, 0.4}, []float64{0.1, 0.6, 0.3}, []float64{0.25, 0, 0.75}},
	} {
		got := modePolicy(c.star, c.ref)
		if totalVariation(got, c.want) > 1e-15 {
			t.Errorf("mode of %v is %v, want %v", c.star, got, c.want)
		}
	}
}

// Distances between the reference and the BT-optimal policy: KL(pi_star to pi_ref) of the bad prompt as the published
// code prints it, the others by hand.
func TestReferenceLevel(t *testing.T) {
	runs := tables.NewTable(tables.Runs, "run", "objective", "lambda", "seed", "status")
	runs.Append("r", "dpo", "1", "0", "done")
	policies := tables.NewTable(tables.Policies, "run", "prompt", "response", "pi", "pi_ref", "pi_star")
	for _, row := range [][]string{
		{"r", "bad", "0", "", "0.4", "0.6"}, {"r", "bad", "1", "", "0.2", "0.2"}, {"r", "bad", "2", "", "0.4", "0.2"},
		{"r", "good", "0", "", "0.6", "0.6"}, {"r", "good", "1", "", "0.3", "0.3"}, {"r", "good", "2", "", "0.1", "0.1"},
	} {
		policies.Append(row...)
	}
	src := NewSources(func(string) (tables.Source, error) {
		return tables.Memory{tables.Runs: runs, tables.Policies: policies}, nil
	})
	all := selectRows(src, tables.Policies, nil)
	for _, c := range []struct {
		metric, prompt string
		want           float64
	}{
		{"kl_star_pi", "bad", 0.10464962875290948},
		{"kl_pi_star", "bad", 0.4*math.Log(0.4/0.6) + 0.4*math.Log(2)},
		{"tv_star", "bad", 0.2},
		{"kl_star_pi", "good", 0},
	} {
		got := referenceLevel(src, referenceValue[c.metric].of, promptGroup{c.prompt, []string{c.prompt}}, all)
		if math.Abs(got-c.want) > 1e-15 {
			t.Errorf("%s of the reference on the %s prompt is %g, want %g", c.metric, c.prompt, got, c.want)
		}
	}
}

func TestPromptGroups(t *testing.T) {
	table := tables.NewTable(tables.Prompts, "run", "prompt")
	for _, prompt := range []string{"good-1", "bad-1", "good-2", "x", "re-2x"} {
		table.Append("r", prompt)
	}
	r := &rows{table: table, runs: table, at: []int{0, 1, 2, 3, 4}, run: []int{0, 1, 2, 3, 4}}
	groups := r.promptGroups(nil)
	var got []string
	for _, g := range groups {
		got = append(got, g.name+"="+strings.Join(g.members, "+"))
	}
	if want := "good=good-1+good-2 bad=bad-1 x=x re-2x=re-2x"; strings.Join(got, " ") != want {
		t.Errorf("groups %v, want %s", got, want)
	}
	if groups = r.promptGroups([]string{"good-2"}); len(groups) != 1 || !slices.Equal(groups[0].members, []string{"good-2"}) {
		t.Errorf("good-2 alone gives %v", groups)
	}
}

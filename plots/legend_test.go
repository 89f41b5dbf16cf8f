package plots

import (
	"image/color"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/plot/vg"
	"pgregory.net/rapid"

	"windtunnel/toy/objective"
)

// Labels end a line apart, in the order of their lines, around the places that they had.
func TestSpaceApartProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		places := rapid.SliceOfN(rapid.Float64Range(0, 100), 1, 8).Draw(t, "places")
		slices.Sort(places)
		labels := make([]directLabel, len(places))
		sum := 0.0
		for i, y := range places {
			labels[i].y = vg.Length(y)
			sum += y
		}
		apart := true
		for i := 1; i < len(places); i++ {
			apart = apart && places[i]-places[i-1] >= directLine
		}
		for i, l := range spaceApart(labels) {
			sum -= float64(l.y)
			if i > 0 && l.y-spaceApart(labels)[i-1].y < directLine-1e-9 {
				t.Fatalf("labels %d and %d are at %v", i-1, i, spaceApart(labels))
			}
			if apart && math.Abs(float64(l.y)-places[i]) > 1e-9 {
				t.Fatalf("a label moved from %g to %v without need", places[i], l.y)
			}
		}
		if math.Abs(sum) > 1e-6 {
			t.Fatalf("the labels moved by %g in all", sum)
		}
	})
}

// Lines are labelled where their ends stand apart at the right, and have a legend else.
func TestDirectLabels(t *testing.T) {
	for _, c := range []struct {
		name   string
		ends   []point
		direct bool
	}{
		{"apart", []point{{x: 1, y: 0}, {x: 1, y: 1}}, true},
		{"a little apart", []point{{x: 1, y: 0}, {x: 1, y: 0.05}, {x: 1, y: 1}}, true},
		{"three at one place", []point{{x: 1, y: 0}, {x: 1, y: 0}, {x: 1, y: 0.01}, {x: 1, y: 1}}, false},
		{"one ends early", []point{{x: 0.5, y: 0}, {x: 1, y: 1}}, false},
		{"one has no value", []point{{x: 1, y: math.NaN()}, {x: 1, y: 1}}, false},
		{"one alone", []point{{x: 1, y: 1}}, false},
	} {
		p := newPanel("")
		for i, end := range c.ends {
			p.addCurve("line "+string(rune('a'+i)), rampStyle(i, len(c.ends)), []point{{x: 0, y: 0.5}, end})
		}
		pg := layOut([]*Panel{p}, themeOf(""))
		if got := len(pg.direct) == len(c.ends); got != c.direct || c.direct == (pg.legend.height() > 0) {
			t.Errorf("%s: %d labels at lines and a legend of %v", c.name, len(pg.direct), pg.legend.height())
		}
	}
}

// The axis keeps the order of values, its inverse undoes it, and its ticks are in order and on it.
func TestSymlogProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := symlog{math.Pow10(rapid.IntRange(-8, 4).Draw(t, "unit"))}
		a := rapid.Float64Range(-1e6, 1e6).Draw(t, "a")
		b := a + rapid.Float64Range(1e-3, 1e6).Draw(t, "distance")
		if back := s.from(s.of(a)); math.Abs(back-a) > 1e-9*math.Abs(a)+1e-12 {
			t.Fatalf("%g comes back as %g", a, back)
		}
		if s.of(a) >= s.of(b) {
			t.Fatalf("%g is not below %g", a, b)
		}
		if low, high := s.Normalize(a, b, a), s.Normalize(a, b, b); low != 0 || high != 1 {
			t.Fatalf("the ends stand at %g and %g", low, high)
		}
		last := math.Inf(-1)
		for _, tick := range s.Ticks(a, b) {
			if tick.Value <= last || tick.Value < a || tick.Value > b {
				t.Fatalf("ticks over [%g, %g]: %v", a, b, s.Ticks(a, b))
			}
			last = tick.Value
		}
	})
	axis := newPlot().Y
	setSymlog(&axis, []float64{-30, 0, 0.02, 4})
	if axis.Scale.(symlog).unit != 0.01 {
		t.Errorf("the linear part ends at %g, want 0.01", axis.Scale.(symlog).unit)
	}
	if got := labels(axis.Tick.Marker.Ticks(-40, 40)); got != "−$10^{1} −$10^{−1} 0 10^{−1} 10^{1}" {
		t.Errorf("ticks %s", got)
	}
}

// On both pages every loss stands out from the background: by 3 to 1 on a dark one, as WCAG 2.2 asks of graphics, and by
// 1.9 on paper, where line and marker carry what the lightest of the Okabe-Ito colors cannot.
func TestContrast(t *testing.T) {
	luminance := func(c color.Color) float64 { // WCAG 2.2, relative luminance
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		part := func(v uint8) float64 {
			s := float64(v) / 255
			if s <= 0.04045 {
				return s / 12.92
			}
			return math.Pow((s+0.055)/1.055, 2.4)
		}
		return 0.2126*part(n.R) + 0.7152*part(n.G) + 0.0722*part(n.B)
	}
	contrast := func(a, b color.Color) float64 {
		la, lb := luminance(a), luminance(b)
		return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
	}
	for _, kind := range objective.Kinds() {
		l := lossStyle(kind.Name, nil)
		if got := contrast(l.color, white); got < 1.9 {
			t.Errorf("%s stands out from paper by %.2f", kind.Name, got)
		}
		if got := contrast(inDark(l.color), inDark(white)); got < 3 {
			t.Errorf("%s stands out from a dark page by %.2f", kind.Name, got)
		}
	}
	if got := contrast(inDark(inkGray), inDark(white)); got < 4.5 {
		t.Errorf("gray text stands out from a dark page by %.2f", got)
	}
}

// Darker is lighter on a dark page, gray stays gray, and opacity stays.
func TestInDarkProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gray := rapid.Uint8().Draw(t, "gray")
		above := rapid.Uint8Range(gray, 255).Draw(t, "above")
		a := inDark(color.NRGBA{gray, gray, gray, 56}).(color.NRGBA)
		b := inDark(color.NRGBA{above, above, above, 255}).(color.NRGBA)
		if a.R != a.G || a.G != a.B || a.A != 56 || a.R < b.R {
			t.Fatalf("%d becomes %v and %d %v", gray, a, above, b)
		}
	})
}

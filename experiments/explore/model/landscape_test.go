package model

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// segments reads a path back.
func segments(t *testing.T, path string) (all [][4]float64) {
	t.Helper()
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "M"), "M") {
		var s [4]float64
		if _, err := fmt.Sscanf(strings.ReplaceAll(part, "L", " "), "%g %g %g %g", &s[0], &s[1], &s[2], &s[3]); err != nil {
			t.Fatalf("segment %q: %v", part, err)
		}
		all = append(all, s)
	}
	return all
}

// policyAt is the inverse of Corner.
func policyAt(x, y float64) []float64 {
	c := y * 2 / math.Sqrt(3)
	b := x - c/2
	return []float64{1 - b - c, b, c}
}

// Along the contours of KL(ref to pi), of which there is a formula, it has the contour's value, up to the grid's
// coarseness.
func TestContoursOfKL(t *testing.T) {
	ref := []float64{0.4, 0.4, 0.2}
	kl := func(pi []float64) float64 {
		sum := 0.0
		for i, r := range ref {
			sum += r * (math.Log(r) - math.Log(pi[i]))
		}
		return sum
	}
	s := with(Loss{Kind: "kl-ref-pi"})
	s.Ref = ref
	l := one(t, s).Landscape
	if len(l.Levels) != levelCount {
		t.Fatalf("%d levels, want %d", len(l.Levels), levelCount)
	}
	for i, contour := range l.Contours {
		all := segments(t, contour)
		if len(all) < 6 {
			t.Errorf("level %v has %d segments", l.Levels[i], len(all))
		}
		for _, s := range all {
			for end := range 2 {
				pi := policyAt(s[2*end]/drawingScale, s[2*end+1]/drawingScale)
				if min(pi[0], pi[1], pi[2]) < 0.05 {
					continue // where a triangle is too coarse for the logarithm
				}
				if got, want := kl(pi), float64(l.Levels[i]); math.Abs(got-want) > 0.01+0.05*want {
					t.Fatalf("the contour of level %v passes %v, where it is %v", want, pi, got)
				}
			}
		}
	}
}

// A function that is linear on the simplex has straight contours, exactly where they belong; one that is constant, or no
// number anywhere, has none.
func TestContoursOfLines(t *testing.T) {
	g := newGrid(func(logPi []float64) float64 { return math.Exp(logPi[2]) })
	for _, s := range segments(t, g.contour(0.25)) {
		want := 0.25 * math.Sqrt(3) / 2 * drawingScale
		if math.Abs(s[1]-want) > 0.051 || math.Abs(s[3]-want) > 0.051 {
			t.Fatalf("a segment from %v to %v, want both at %v", s[1], s[3], want)
		}
	}
	length := 0.0
	for _, s := range segments(t, g.contour(0.25)) {
		length += math.Hypot(s[2]-s[0], s[3]-s[1])
	}
	if want := (0.75 - 2*0.004) * drawingScale; math.Abs(length-want) > 3 {
		t.Errorf("the contour is %v long, want %v", length, want)
	}
	for _, v := range []float64{1, math.NaN(), math.Inf(1)} {
		if l := newGrid(func([]float64) float64 { return v }).contours(); len(l.Levels) != 0 {
			t.Errorf("the constant %v has contours at %v", v, l.Levels)
		}
	}
}

// The grid's rows have one vertex less each, and lie where figures draw them.
func TestGrid(t *testing.T) {
	for k, want := range [][2]float64{{0, 0}, {1, 0}, {0.5, math.Sqrt(0.75)}} {
		pi := make([]float64, responses)
		pi[k] = 1
		if x, y := corner(pi); math.Abs(x-want[0])+math.Abs(y-want[1]) > 1e-15 {
			t.Errorf("%v is at %v, %v", pi, x, y)
		}
	}
	values := 0
	g := newGrid(func(logPi []float64) float64 {
		values++
		switch {
		case values == 1:
			return math.NaN()
		case values%100 == 0:
			return math.Inf(1 - 2*(values/100%2))
		}
		x, y := corner([]float64{math.Exp(logPi[0]), math.Exp(logPi[1]), math.Exp(logPi[2])})
		return x + 10*y
	})
	if len(g.rows) != 41 || values != 41*42/2 || len(g.values) != values-1-values/100 || !slices.IsSorted(g.values) {
		t.Fatalf("%d rows, %d finite of %d values", len(g.rows), len(g.values), values)
	}
	for j, row := range g.rows {
		if len(row) != 41-j {
			t.Errorf("row %d has %d vertices", j, len(row))
		}
		for i, v := range row {
			if i > 0 && (v.y != row[0].y || v.x <= row[i-1].x) || j > 0 && v.y <= g.rows[j-1][0].y {
				t.Errorf("vertex %d of row %d is at %v, %v", i, j, v.x, v.y)
			}
			if want := v.x + 10*v.y; !math.IsNaN(v.value) && !math.IsInf(v.value, 0) && math.Abs(v.value-want) > 1e-12 {
				t.Errorf("vertex %d of row %d has %v, want %v", i, j, v.value, want)
			}
		}
	}
}

// A share of ((i + 1.5)/15.5)^2 of the values lies below level i, which is told above the lowest.
func TestLevels(t *testing.T) {
	g := newGrid(func(logPi []float64) float64 { return 5 + math.Exp(logPi[1]) + math.Sqrt2*math.Exp(logPi[2]) })
	l := g.contours()
	if len(l.Levels) != 14 || len(l.Contours) != 14 {
		t.Fatalf("%d levels, %d contours", len(l.Levels), len(l.Contours))
	}
	for i, level := range l.Levels {
		below, _ := slices.BinarySearch(g.values, float64(level)+g.values[0])
		if want := math.Pow((float64(i)+1.5)/15.5, 2) * float64(len(g.values)); math.Abs(float64(below)-want) > 1 {
			t.Errorf("%d values are below level %d, want %v", below, i, want)
		}
	}
	for _, c := range []struct {
		about, spread float64
		want          int
	}{{-1, 1e-13, 0}, {-1, 1e-11, levelCount}, {100, 3e-11, 0}, {0.01, 1e-13, levelCount}, {0, 0, 0}, {0, 1e-300, levelCount}} {
		if got := newGrid(func(logPi []float64) float64 { return c.about + c.spread*math.Exp(logPi[0]) }).contours(); len(got.Levels) != c.want {
			t.Errorf("values from %v that differ by %v have %d levels", c.about, c.spread, len(got.Levels))
		}
	}
}

// A level cuts the vertex that is on its own side off the two others, at shares of the edges by the values; towards an infinite value
// it keeps to the finite vertex. A vertex at the level is not below it.
func TestCut(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		values [3]float64
		want   string
	}{
		{[3]float64{0, 4, 2}, ""},
		{[3]float64{-1, 3, 1}, "M250.0 0.0L0.0 500.0"},
		{[3]float64{3, -1, 3}, "M750.0 250.0L750.0 0.0"},
		{[3]float64{3, 3, -1}, "M0.0 750.0L250.0 750.0"},
		{[3]float64{1, -3, -1}, "M250.0 0.0L0.0 500.0"},
		{[3]float64{-3, 1, -3}, "M750.0 250.0L750.0 0.0"},
		{[3]float64{-3, -3, 1}, "M0.0 750.0L250.0 750.0"},
		{[3]float64{-1, inf, 1}, "M0.0 0.0L0.0 500.0"},
		{[3]float64{inf, -1, -1}, "M1000.0 0.0L0.0 1000.0"},
		{[3]float64{inf, -1, inf}, "M1000.0 0.0L1000.0 0.0"},
		{[3]float64{inf, inf, -1}, "M0.0 1000.0L0.0 1000.0"},
		{[3]float64{-1, 0, 1}, "M1000.0 0.0L0.0 500.0"},
		{[3]float64{-1, 1, 0}, "M500.0 0.0L0.0 1000.0"},
		{[3]float64{-1, inf, -inf}, ""},
		{[3]float64{1, 2, 3}, ""},
		{[3]float64{-1, -2, -3}, ""},
		{[3]float64{0, 1, 1}, ""},
		{[3]float64{math.NaN(), -1, 1}, ""},
	} {
		vertices := [3]vertex{{0, 0, c.values[0]}, {1, 0, c.values[1]}, {0, 1, c.values[2]}}
		if got := string(cut([]byte("before "), 0, &vertices[0], &vertices[1], &vertices[2])); got != "before "+c.want {
			t.Errorf("%v: %s, want %s", c.values, got, c.want)
		}
	}
}

// The lowest value on the grid is next to the minimizer.
func TestLowestIsMinimizer(t *testing.T) {
	o := one(t, with(Loss{Kind: "typo"}))
	x, y := corner([]float64{float64(o.Policy[0]), float64(o.Policy[1]), float64(o.Policy[2])})
	left, right, low, high := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, s := range segments(t, o.Landscape.Contours[0]) {
		left, right = min(left, s[0], s[2]), max(right, s[0], s[2])
		low, high = min(low, s[1], s[3]), max(high, s[1], s[3])
	}
	if x *= drawingScale; x < left || x > right || right-left > 150 {
		t.Errorf("the minimizer is at x = %v, the innermost contour from %v to %v", x, left, right)
	}
	if y *= drawingScale; y < low || y > high || high-low > 150 {
		t.Errorf("the minimizer is at y = %v, the innermost contour from %v to %v", y, low, high)
	}
}

package model

import (
	"fmt"
	"math"
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

package plots

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/plot/vg"
	"pgregory.net/rapid"
)

// R 4 says bw.nrd0(1:10) = 1.719 and bw.nrd0(c(0, 1, 1, 1, 1, 1, 2)) = 0.352, by the standard deviation alone.
func TestBandwidth(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0.9 * math.Sqrt(82.5/9) * math.Pow(10, -0.2)},
		{[]float64{0, 1, 1, 1, 1, 1, 2}, 0.9 * math.Sqrt(2.0/6) * math.Pow(7, -0.2)},
		{[]float64{3, 3, 3}, 0},
	} {
		if got := bandwidth(c.values); math.Abs(got-c.want) > 1e-14 {
			t.Errorf("bandwidth of %v is %v, want %v", c.values, got, c.want)
		}
	}
}

// A density of a symmetric sample is symmetric and highest at 1; of one value there is none.
func TestDensity(t *testing.T) {
	points := density([]float64{-2, -1, 0, 1, 2})
	for i, q := range points {
		other := points[len(points)-1-i]
		if math.Abs(q.x+other.x) > 1e-12 || math.Abs(q.y-other.y) > 1e-12 || q.y <= 0 || q.y > 1 {
			t.Errorf("point %d is %+v, its mirror image %+v", i, q, other)
		}
	}
	if points[0].x != -2 || points[len(points)/2].y != 1 {
		t.Errorf("the density begins at %v and is %v in the middle", points[0].x, points[len(points)/2].y)
	}
	if density([]float64{1, 1, 1}) != nil || density([]float64{1, 2}) != nil {
		t.Error("there is a density of one value or of two")
	}
}

// Dots keep to their row and, where they leave the line, hide none to their left.
func TestStackProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) vg.Length { return vg.Length(rapid.Float64Range(0, 60).Draw(t, "at")) }), 1, 60).Draw(t, "places")
		slices.Sort(at)
		const size, half = 2.5, 6.0
		offsets := stack(at, size, half)
		for i, offset := range offsets {
			if math.Abs(float64(offset)) > half {
				t.Fatalf("dot %d is %v off its row of %v", i, offset, half)
			}
			if offset != 0 && !free(at[:i], offsets[:i], at[i], offset, size) {
				t.Fatalf("dot %d hides another", i)
			}
		}
		if !slices.Equal(offsets, stack(at, size, half)) {
			t.Fatal("the dots stand elsewhere the second time")
		}
	})
}

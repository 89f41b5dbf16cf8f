package plots

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	_ "windtunnel/toy/fixedseed"
)

// bowl is a lossGrid of the squared distance in the triangle to a center.
func bowl(side int, x, y float64) *lossGrid {
	t := &lossGrid{side: side, at: map[[2]int]vertex{}}
	for j := range side + 1 {
		for i := range side + 1 - j {
			px, py := corner(float64(i)/float64(side), float64(j)/float64(side))
			v := vertex{px, py, math.Pow(px-x, 2) + math.Pow(py-y, 2)}
			t.at[[2]int{i, j}] = v
			t.values = append(t.values, v.value)
		}
	}
	return t
}

// area is that inside closed outlines, counterclockwise ones positive (the shoelace formula).
func area(loops [][][2]float64) float64 {
	sum := 0.0
	for _, loop := range loops {
		for i, a := range loop {
			b := loop[(i+1)%len(loop)]
			sum += (a[0]*b[1] - b[0]*a[1]) / 2
		}
	}
	return sum
}

// Below a level of the squared distance to a point lies a disc.
func TestBelowDisc(t *testing.T) {
	x, y := corner(0.3, 0.3)
	ground := bowl(100, x, y)
	for _, radius := range []float64{0.05, 0.1, 0.2} {
		loops := ground.below(radius * radius)
		if want := math.Pi * radius * radius; len(loops) != 1 || math.Abs(area(loops)-want) > 0.02*want {
			t.Errorf("radius %v: %d outlines around %v, want one around %v", radius, len(loops), area(loops), want)
		}
	}
	if loops := ground.below(-1); loops != nil {
		t.Errorf("%d outlines below the lowest value", len(loops))
	}
	if got := area(ground.below(10)); math.Abs(got-triangleTop/2) > 1e-12 {
		t.Errorf("the whole simplex has the area %v, want %v", got, triangleTop/2)
	}
}

// What is below a level and what is above it, as what is below the turned level of the turned function, make up the
// triangle, whatever the values, with holes counted off.
func TestBelowComplement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		side := rapid.IntRange(1, 6).Draw(t, "side")
		up, down := bowl(side, 0, 0), bowl(side, 0, 0)
		for j := range side + 1 {
			for i := range side + 1 - j {
				v := up.at[[2]int{i, j}]
				v.value = rapid.Float64Range(-1, 1).Draw(t, "value") + 1e-3
				up.at[[2]int{i, j}] = v
				v.value = -v.value
				down.at[[2]int{i, j}] = v
			}
		}
		if total := area(up.below(0)) + area(down.below(0)); math.Abs(total-triangleTop/2) > 1e-9 {
			t.Fatalf("both sides of a level have the area %v, the triangle %v", total, triangleTop/2)
		}
	})
}

// A loss that is infinite on an edge has contours inside; a flat one has none.
func TestOddTerrains(t *testing.T) {
	ground := bowl(10, 0.5, 0.3)
	for i := range 11 {
		v := ground.at[[2]int{i, 0}]
		v.value = math.Inf(1)
		ground.at[[2]int{i, 0}] = v
	}
	for _, loop := range ground.below(0.2) {
		for _, q := range loop {
			if math.IsNaN(q[0]) || math.IsNaN(q[1]) || q[1] <= 0 {
				t.Fatalf("a contour goes through %v", q)
			}
		}
	}
	flat := &lossGrid{side: 1, values: []float64{0.5, 0.5, 0.5}}
	if flat.levels() != nil {
		t.Errorf("a flat loss has the levels %v", flat.levels())
	}
}

package plots

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// lossGrid is a function on a triangular grid over the simplex of three responses: vertex (i, j) is i steps from the edge
// opposite response 1 and j steps from the one opposite response 2.
type lossGrid struct {
	side   int // steps along an edge
	at     map[[2]int]vertex
	values []float64 // all finite values, ascending
}

// vertex is a point of the grid: its place in the triangle and its value.
type vertex struct{ x, y, value float64 }

// contourLevels is how many levels a loss is cut at.
const contourLevels = 12

// levels are values such that the lowest encloses a small part of the simplex and each higher one a larger step more: level
// k of n has the share (k/n)^2 of it below. Level sets of losses are then told apart in the valley, where policies end.
func (t *lossGrid) levels() []float64 {
	var levels []float64
	for k := 1; k < contourLevels; k++ {
		share := float64(k*k) / (contourLevels * contourLevels)
		v := t.values[min(len(t.values)-1, int(share*float64(len(t.values))))]
		if len(levels) == 0 || v > levels[len(levels)-1] {
			levels = append(levels, v)
		}
	}
	if len(levels) > 0 && levels[len(levels)-1]-t.values[0] <= 1e-12*math.Abs(t.values[0]) {
		return nil // flat up to rounding
	}
	return levels
}

// knot is a point of an outline: a vertex, or where a level crosses the edge between two of them. Its key is exact, so
// that the outlines of neighbouring triangles meet.
type knot [2][2]int

// below returns the outlines of the region whose value is less than a level, each closed, with the region on its left.
// Within a triangle the function is linear.
func (t *lossGrid) below(level float64) [][][2]float64 {
	next := map[knot][]knot{}
	places := map[knot][2]float64{}
	add := func(a, b knot) {
		if i := slices.Index(next[b], a); i >= 0 { // an edge that two triangles share is inside
			next[b] = slices.Delete(next[b], i, i+1)
			return
		}
		next[a] = append(next[a], b)
	}
	for j := range t.side {
		for i := range t.side - j {
			t.clip([3][2]int{{i, j}, {i + 1, j}, {i, j + 1}}, level, places, add)
			if i+j+2 <= t.side {
				t.clip([3][2]int{{i + 1, j}, {i + 1, j + 1}, {i, j + 1}}, level, places, add)
			}
		}
	}
	return outlines(next, places)
}

// clip adds the edges of the part of a triangle that lies below a level, counterclockwise.
func (t *lossGrid) clip(corners [3][2]int, level float64, places map[knot][2]float64, add func(a, b knot)) {
	var around []knot
	for k, from := range corners {
		to := corners[(k+1)%3]
		a, b := t.at[from], t.at[to]
		if a.value < level {
			corner := knot{from, from}
			places[corner] = [2]float64{a.x, a.y}
			around = append(around, corner)
		}
		if (a.value < level) != (b.value < level) {
			crossing := knot{from, to}
			if slices.Compare(from[:], to[:]) > 0 {
				crossing = knot{to, from}
			}
			part := crossingAt(level, a.value, b.value)
			places[crossing] = [2]float64{a.x + part*(b.x-a.x), a.y + part*(b.y-a.y)}
			around = append(around, crossing)
		}
	}
	for k := range around {
		add(around[k], around[(k+1)%len(around)])
	}
}

// crossingAt is the part of the way from a to b at which a level is met. Beside an infinite value it is at the other.
func crossingAt(level, a, b float64) float64 {
	switch {
	case !finite(b):
		return 0
	case !finite(a):
		return 1
	}
	return (level - a) / (b - a)
}

// outlines follows edges around until none is left, from the smallest knot on.
func outlines(next map[knot][]knot, places map[knot][2]float64) [][][2]float64 {
	starts := slices.SortedFunc(maps.Keys(next), func(a, b knot) int { return cmp.Or(slices.Compare(a[0][:], b[0][:]), slices.Compare(a[1][:], b[1][:])) })
	var all [][][2]float64
	for _, start := range starts {
		for len(next[start]) > 0 {
			var loop [][2]float64
			for at := start; len(next[at]) > 0; {
				loop = append(loop, places[at])
				onwards := next[at][0]
				next[at] = next[at][1:]
				at = onwards
			}
			all = append(all, loop)
		}
	}
	return all
}

// Plot implements plot.Plotter: the higher the darker, with a line at each level. The simplex is as dark as its highest
// values where nothing is drawn over it.
func (t *lossGrid) Plot(c draw.Canvas, p *plot.Plot) {
	at := func(x, y float64) vg.Point { return spot(&c, p, x, y) }
	levels := t.levels()
	if levels == nil {
		return
	}
	var triangle vg.Path
	triangle.Move(at(0, 0))
	triangle.Line(at(1, 0))
	triangle.Line(at(corner(0, 1)))
	triangle.Close()
	c.SetColor(levelColor(1))
	c.Fill(triangle)
	for k, level := range slices.Backward(levels) {
		var region vg.Path
		for _, loop := range t.below(level) {
			for i, q := range loop {
				if i == 0 {
					region.Move(at(q[0], q[1]))
				} else {
					region.Line(at(q[0], q[1]))
				}
			}
			region.Close()
		}
		c.SetColor(levelColor(float64(k) / float64(len(levels))))
		c.Fill(region)
		c.SetLineStyle(draw.LineStyle{Color: mix(levelColor(float64(k+1)/float64(len(levels))), inkGray, 0.3), Width: 0.35})
		c.Stroke(region)
	}
}

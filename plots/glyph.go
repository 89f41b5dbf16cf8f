package plots

import (
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// polygonGlyph is a filled marker with a thin white edge that keeps crossing lines apart: a regular polygon, a star, or
// with no corners a circle. gonum has circles, squares and triangles only.
type polygonGlyph struct {
	corners int
	turn    float64 // from a corner on top, in full turns
	inner   float64 // of a star: radius of its inner corners; 0 for a polygon
	hollow  bool    // white inside, for a value that lies beyond the axis
}

// DrawGlyph draws the marker at pt.
func (g polygonGlyph) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, pt vg.Point) {
	path := g.path(sty.Radius, pt)
	c.SetLineStyle(draw.LineStyle{Color: white, Width: 0.8})
	fill := sty.Color
	if g.hollow {
		c.SetLineStyle(draw.LineStyle{Color: sty.Color, Width: 0.8})
		fill = white
	} else {
		c.Stroke(path)
	}
	c.SetColor(fill)
	c.Fill(path)
	if g.hollow {
		c.SetColor(sty.Color)
		c.Stroke(path)
	}
}

func (g polygonGlyph) path(radius vg.Length, pt vg.Point) vg.Path {
	var path vg.Path
	if g.corners == 0 {
		path.Move(vg.Point{X: pt.X + radius, Y: pt.Y})
		path.Arc(pt, radius, 0, 2*math.Pi)
		path.Close()
		return path
	}
	n, step := g.corners, 1
	if g.inner > 0 {
		n, step = 2*g.corners, 2
	}
	// Fewer corners cover less area at the same radius; the factors make markers look equally large.
	reach := radius * vg.Length(map[int]float64{3: 1.3, 4: 1.2, 5: 1.1}[g.corners])
	if g.inner > 0 {
		reach *= 1.35
	}
	for i := range n {
		r := reach
		if i%step == 1 {
			r *= vg.Length(g.inner)
		}
		sin, cos := math.Sincos(2 * math.Pi * (float64(i)/float64(n) + g.turn + 0.25))
		corner := vg.Point{X: pt.X + r*vg.Length(cos), Y: pt.Y + r*vg.Length(sin)}
		if i == 0 {
			path.Move(corner)
		} else {
			path.Line(corner)
		}
	}
	path.Close()
	return path
}

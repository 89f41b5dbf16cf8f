package plots

import (
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// cell is a square of a table in colors, around a place on both axes.
type cell struct {
	x, y, half float64
	fill       color.Color
	text, note string // the note, if there is one, below the text
	says       string // to a reader who points at it
	marked     bool   // in a corner
}

// cells draws the cells of a panel, each less a gap along its edges.
type cells struct {
	list           []cell
	gap            vg.Length
	size, noteSize vg.Length
	lead           vg.Length // distance of text and note, in parts of their sizes
}

func (g *cells) Plot(c draw.Canvas, p *plot.Plot) {
	edge := vg.Point{X: g.gap, Y: g.gap}
	text, note := textStyle(g.size, draw.XCenter, draw.YCenter), textStyle(g.noteSize, draw.XCenter, draw.YCenter)
	for _, one := range g.list {
		a, b := spot(&c, p, one.x-one.half, one.y-one.half), spot(&c, p, one.x+one.half, one.y+one.half)
		low, high := vg.Point{X: a.X, Y: min(a.Y, b.Y)}, vg.Point{X: b.X, Y: max(a.Y, b.Y)}
		c.SetColor(one.fill)
		c.Fill(vg.Rectangle{Min: low.Add(edge), Max: high.Sub(edge)}.Path())
		at := spot(&c, p, one.x, one.y)
		hover(c.Canvas, at, one.says)
		at.Y += text.FontExtents().Descent / 2
		below := at.Sub(vg.Point{Y: g.lead * g.size / 2})
		if one.note != "" {
			at.Y += g.lead * g.noteSize / 2
		}
		c.FillText(text, at, one.text)
		c.FillText(note, below, one.note)
		if one.marked {
			drawCorner(&c, high.Sub(edge))
		}
	}
}

// drawCorner marks the upper right corner of a cell.
func drawCorner(c *draw.Canvas, at vg.Point) {
	c.FillPolygon(inkGray, []vg.Point{at, at.Sub(vg.Point{X: 3}), at.Sub(vg.Point{Y: 3})})
}

// nameRows gives a panel named rows from the top down.
func (p *Panel) nameRows(cells []string, name func(string) string) {
	nominal(&p.Y, cells, name)
	p.Y.Scale = plot.InvertedScale{Normalizer: plot.LinearScale{}}
}

// nominal gives an axis a place for each name, the first at 0.
func nominal(axis *plot.Axis, cells []string, name func(string) string) {
	ticks := make(plot.ConstantTicks, len(cells))
	for i, cell := range cells {
		ticks[i] = plot.Tick{Value: float64(i), Label: name(cell)}
	}
	axis.Min, axis.Max = -0.5, float64(len(cells))-0.5
	axis.Tick.Marker = ticks
	axis.Tick.Length = 0
}

// compact writes a number in at most five characters, with so many digits where that is exact enough.
func compact(v float64, digits int) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 0):
		return minusSign(strings.TrimSuffix(strconv.FormatFloat(v, 'g', -1, 64)[:1], "+")) + "∞"
	case a != 0 && a < math.Pow10(-digits) || a >= 1e5:
		return minusSign(strings.NewReplacer("e-0", "e-", "e+0", "e", "e+", "e").Replace(strconv.FormatFloat(v, 'e', 0, 64)))
	case a >= 100 || v == math.Trunc(v):
		return minusSign(strconv.FormatFloat(v, 'f', 0, 64))
	case a >= 1:
		digits -= 1 + int(math.Log10(a))
	}
	return minusSign(strconv.FormatFloat(v, 'f', digits, 64))
}

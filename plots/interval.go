package plots

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// interval is a value with an interval on one of the rows of a panel, drawn along x.
type interval struct {
	series       string // label, as in a legend
	name         string // of the row
	more         string // what else there is to say of it
	row          int
	x, low, high float64 // low and high NaN where there is no interval
	style        seriesStyle
	hollow       bool
	values       []float64 // that it sums up, ascending; nil where they are not drawn
}

// intervals draws horizontal intervals, one a row.
type intervals []interval

// DataRange implements plot.DataRanger; the rows have set the range of y.
func (list intervals) DataRange() (xmin, xmax, ymin, ymax float64) {
	xmin, xmax, ymin, ymax = math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, v := range list {
		for _, x := range []float64{v.x, v.low, v.high} {
			if finite(x) {
				xmin, xmax = min(xmin, x), max(xmax, x)
			}
		}
	}
	return xmin, xmax, ymin, ymax
}

func (list intervals) Plot(c draw.Canvas, p *plot.Plot) {
	for _, v := range list {
		if !finite(v.x) {
			continue
		}
		inSeries(c.Canvas, v.series, func() { v.draw(c, p) })
	}
}

func (v *interval) draw(c draw.Canvas, p *plot.Plot) {
	y := c.Y(p.Y.Norm(float64(v.row)))
	if finite(v.low) && finite(v.high) {
		drawWhiskers(c, v.style, c.X(p.X.Norm(v.low)), c.X(p.X.Norm(v.high)), y)
	}
	mark := v.style.mark()
	if v.hollow {
		mark.Shape = v.style.glyph.opened()
	}
	at := vg.Point{X: c.X(p.X.Norm(v.x)), Y: y}
	c.DrawGlyphNoClip(mark, at)
	hover(c.Canvas, at, v.tooltip())
}

// tooltip describes an interval to a reader who points at it.
func (v *interval) tooltip() string {
	text := plainText(v.name) + ": " + shortNumber(v.x)
	if finite(v.low) && finite(v.high) {
		text += " [" + shortNumber(v.low) + ", " + shortNumber(v.high) + "]"
	}
	if v.more != "" {
		text += ", " + plainText(v.more)
	}
	return text
}

// datum is the interval in the figure's table.
func (v *interval) datum() datum {
	return datum{Series: v.series, X: csvNumber(v.x), Y: plainText(v.name), Low: csvNumber(v.low), High: csvNumber(v.high)}
}

// drawWhiskers draws a bar with short ends.
func drawWhiskers(c draw.Canvas, l seriesStyle, from, to, y vg.Length) {
	sty := draw.LineStyle{Color: l.color, Width: curveWidth}
	c.StrokeLine2(sty, from, y, to, y)
	for _, x := range []vg.Length{from, to} {
		c.StrokeLine2(sty, x, y-markSize, x, y+markSize)
	}
}

// markKey explains a marker in the legend.
type markKey struct {
	shape  polygonGlyph
	hollow bool
	bar    bool // with an interval
}

func (m markKey) Thumbnail(c *draw.Canvas) {
	l := seriesStyle{color: inkGray, width: curveWidth, glyph: m.shape}
	l.glyph.hollow = m.hollow
	if m.bar {
		drawWhiskers(*c, l, c.Min.X+1, c.Max.X-1, c.Center().Y)
	}
	c.DrawGlyphNoClip(l.mark(), c.Center())
}

// rowHeight is the height of a row of a panel with names on its y axis, in points.
const rowHeight = 10

// rowed gives a panel named rows of a height from the top down.
func (p *Panel) rowed(names []string, height vg.Length) {
	p.nameRows(names, func(name string) string { return name })
	p.Height = max(minRowed, vg.Length(len(names))*height)
}

// minRowed is the least height of a panel with rows.
const minRowed = 24

// varying returns the columns in which rows differ.
func (r *rows) varying(columns []string) []string {
	return slices.DeleteFunc(slices.Clone(columns), func(column string) bool { return len(r.values(column)) < 2 })
}

// settingOf writes the cells of one row in some columns, as λ = 0.1, n = 10.
func (r *rows) settingOf(i int, columns []string) string {
	parts := make([]string, len(columns))
	for k, column := range columns {
		parts[k] = valueLabel(column, r.text(i, column))
	}
	return strings.Join(parts, ", ")
}

// fromTo writes two whole numbers as a range, one where they are the same.
func fromTo(least, most int) string {
	if least == most {
		return fmt.Sprint(least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

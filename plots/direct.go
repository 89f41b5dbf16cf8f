package plots

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Labels at the ends of lines in place of a legend. They need a page with one panel, as lines of several panels share a
// legend, and ends that stand apart.
const (
	maxDirect  = 6                 // lines with labels; more are looked up faster in a legend
	directGap  = 3.5               // pt between the end of a line and its label
	directLine = 1.02 * legendSize // pt between two labels
	directMove = 0.75 * legendSize // pt that a label may stand above or below its line's end
	directEnd  = 0.8               // part of the width of the panel that every line must reach
)

// directLabel is the name of a line at its end.
type directLabel struct {
	curve *curve
	y     vg.Length // from the lower edge of the data area
}

// labelLines replaces the legend's series by labels at the ends of lines, where they fit.
func (pg *page) labelLines() {
	if len(pg.panels) != 1 || pg.panels[0].free {
		return
	}
	p := pg.panels[0]
	if slices.ContainsFunc(p.curves, func(c *curve) bool { return c.part != "" }) {
		return
	}
	curves := slices.DeleteFunc(slices.Clone(p.curves), func(c *curve) bool { return c.label == "" })
	if len(curves) < 2 || len(curves) > maxDirect {
		return
	}
	with := *pg
	sty := textStyle(legendSize, draw.XLeft, draw.YBottom)
	for _, c := range curves {
		with.margin = max(with.margin, sty.Width(c.label)+directGap)
	}
	if with.margin > pg.width/4 {
		return
	}
	entries := p.legend
	p.legend = slices.DeleteFunc(slices.Clone(entries), func(e entry) bool { return e.rank == seriesRank })
	with.legend = newLegend(pg.panels, pg.width-2*pageMargin)
	with.fitHeight()
	if with.direct = placeLabels(p, curves, with.dataSize()); with.direct == nil {
		p.legend = entries
		pg.fitHeight()
		return
	}
	*pg = with
}

// dataSize is the size of the data area of the first panel.
func (pg *page) dataSize() vg.Point {
	return pg.panels[0].DataCanvas(pg.cells(draw.NewCanvas(newSketch(), pg.width, pg.height))[0]).Size()
}

// placeLabels moves the labels of lines apart, in the order of the lines' ends; nil if some line ends elsewhere than at
// the right, or some label would stand too far from its line.
func placeLabels(p *Panel, curves []*curve, size vg.Point) []directLabel {
	labels := make([]directLabel, len(curves))
	ends := map[*curve]vg.Length{}
	for i, c := range curves {
		x, y, ok := c.end()
		if !ok || p.X.Norm(x) < directEnd || !(y >= p.Y.Min) {
			return nil
		}
		ends[c] = vg.Length(p.Y.Norm(y)) * size.Y
		labels[i] = directLabel{c, ends[c]}
	}
	slices.SortStableFunc(labels, func(a, b directLabel) int { return cmp.Compare(a.y, b.y) })
	spread := spaceApart(labels)
	for _, l := range spread {
		if vg.Length(math.Abs(float64(l.y-ends[l.curve]))) > directMove || l.y > size.Y+directLine/2 || l.y < 0 {
			return nil
		}
	}
	return spread
}

// spaceApart moves labels, which are in ascending order, by the least squares that leave them a line apart: neighbours
// that are too close stand around the mean of their places (isotonic regression by pooling, Ayer et al. 1955).
func spaceApart(labels []directLabel) []directLabel {
	type block struct{ mean, n vg.Length }
	var blocks []block
	for i, l := range labels {
		blocks = append(blocks, block{l.y - vg.Length(i)*directLine, 1})
		for k := len(blocks) - 1; k > 0 && blocks[k-1].mean > blocks[k].mean; k-- {
			a, b := blocks[k-1], blocks[k]
			blocks = append(blocks[:k-1], block{(a.mean*a.n + b.mean*b.n) / (a.n + b.n), a.n + b.n})
		}
	}
	spread := slices.Clone(labels)
	i := 0
	for _, b := range blocks {
		for range int(b.n) {
			spread[i].y = b.mean + vg.Length(i)*directLine
			i++
		}
	}
	return spread
}

// end is the rightmost point of a curve, if it has a value and the curve does not turn back.
func (c *curve) end() (x, y float64, ok bool) {
	x = math.Inf(-1)
	for _, q := range c.points {
		if !finite(q.x) || q.x < x {
			return 0, 0, false
		}
		x, y = q.x, q.y
	}
	return x, y, finite(x) && finite(y)
}

// drawLineLabels sets the labels beside the data area, in a dark shade of their line's color.
func (pg *page) drawLineLabels(c draw.Canvas, area vg.Rectangle) {
	for _, l := range pg.direct {
		sty := textStyle(legendSize, draw.XLeft, draw.YCenter)
		sty.Color = mix(l.curve.look.color, black, 0.3)
		at := vg.Point{X: area.Max.X + directGap, Y: area.Min.Y + l.y + sty.FontExtents().Descent/2}
		grouped(c.Canvas, keyMark, l.curve.label, func() { c.FillText(sty, at, l.curve.label) })
	}
}

package plots

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Distances in a legend in points.
const (
	thumbWidth = 17
	markWidth  = 8
	thumbGap   = 3
	entryGap   = 10
	legendLine = 1.35 * legendSize
	legendGap  = 3 // below the legend
)

// legend is the shared legend of a figure: rows of entries, centred above all panels. Entries that belong to some panels only
// follow the letters of those, which are an entry without a thumbnail.
type legend [][]legendEntry

// newLegend joins the legends of the panels and breaks them into rows that fit, preferably between groups.
func newLegend(panels []*Panel, width vg.Length) (rows legend) {
	used := width + 1 // so that the first begins a row
	for _, group := range legendGroups(panels) {
		if all := groupWidth(group); used+all > width && all <= width {
			used = width + 1
		}
		for i, e := range group {
			need := e.width()
			if e.thumb == nil { // letters never end a row
				need += entryGap + group[i+1].width()
			}
			if used+need > width {
				rows, used = append(rows, nil), 0
			}
			last := len(rows) - 1
			rows[last] = append(rows[last], e)
			used += e.width() + entryGap
		}
	}
	return rows
}

func groupWidth(group []legendEntry) vg.Length {
	total := vg.Length(-entryGap)
	for _, e := range group {
		total += e.width() + entryGap
	}
	return total
}

// legendGroups puts together the entries that belong to the same panels, in order of appearance.
func legendGroups(panels []*Panel) [][]legendEntry {
	var keys []string                   // of entries, in order
	entries := map[string]legendEntry{} // by key
	owners := map[string]string{}       // letters of the panels, by key of the entry
	for _, p := range panels {
		for _, e := range p.legend {
			if _, ok := entries[e.key]; !ok {
				keys = append(keys, e.key)
				entries[e.key] = e
			}
			owners[e.key] += p.Letter
		}
	}
	slices.SortStableFunc(keys, func(a, b string) int { return entries[a].rank - entries[b].rank })
	var groups [][]legendEntry
	var order []string
	for _, key := range keys {
		g := slices.Index(order, owners[key])
		if g < 0 {
			g = len(order)
			order = append(order, owners[key])
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], entries[key])
	}
	if len(groups) < 2 {
		return groups
	}
	for g, letters := range order {
		groups[g] = append([]legendEntry{{label: strings.ReplaceAll(letters, ")(", ", ")}}, groups[g]...)
	}
	slices.SortStableFunc(groups, func(a, b []legendEntry) int { // by the first panel, those of more panels before
		first := func(g []legendEntry) string { return strings.TrimRight(strings.Split(g[0].label, ",")[0], ")") }
		return cmp.Or(cmp.Compare(len(first(a)), len(first(b))), cmp.Compare(first(a), first(b)), cmp.Compare(len(b[0].label), len(a[0].label)))
	})
	return groups
}

func (e legendEntry) width() vg.Length {
	sty := textStyle(legendSize, draw.XLeft, draw.YBottom)
	if e.thumb == nil {
		return bold(sty).Width(e.label)
	}
	return e.thumbWidth() + thumbGap + sty.Width(e.label)
}

// thumbWidth is less for a single mark than for a line.
func (e legendEntry) thumbWidth() vg.Length {
	switch e.thumb.(type) {
	case pointKey, landmark:
		return markWidth
	}
	return thumbWidth
}

func (l legend) height() vg.Length {
	if len(l) == 0 {
		return 0
	}
	return legendLine*vg.Length(len(l)) + legendGap
}

// draw sets the rows at the top of the canvas.
func (l legend) draw(c draw.Canvas) {
	sty := textStyle(legendSize, draw.XLeft, draw.YBottom)
	y := c.Max.Y - pageMargin
	for _, row := range l {
		y -= legendLine
		x := c.Min.X + (c.Max.X-c.Min.X-groupWidth(row))/2
		for _, e := range row {
			at := vg.Point{X: x, Y: y}
			if e.thumb == nil {
				c.FillText(bold(sty), at.Add(vg.Point{Y: legendBase}), e.label)
			} else {
				grouped(c.Canvas, keyMark, e.label, func() {
					far := at.Add(vg.Point{X: e.thumbWidth(), Y: legendLine})
					e.thumb.Thumbnail(&draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: at, Max: far}})
					c.FillText(sty, at.Add(vg.Point{X: e.thumbWidth() + thumbGap, Y: legendBase}), e.label)
				})
			}
			x += e.width() + entryGap
		}
	}
}

// legendBase is how far above the lower edge of its row a label stands.
const legendBase = 0.3 * legendSize

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
	p.legend = slices.DeleteFunc(slices.Clone(entries), func(e legendEntry) bool { return e.rank == seriesRank })
	with.legend = newLegend(pg.panels, pg.width-2*pageMargin)
	with.fitHeight()
	cell := with.cells(draw.NewCanvas(newSketch(), with.width, with.height))[0]
	if with.direct = placeLabels(p, curves, p.DataCanvas(cell).Size()); with.direct == nil {
		p.legend = entries
		pg.fitHeight()
		return
	}
	*pg = with
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
		sty.Color = mix(l.curve.style.color, black, 0.3)
		at := vg.Point{X: area.Max.X + directGap, Y: area.Min.Y + l.y + sty.FontExtents().Descent/2}
		grouped(c.Canvas, keyMark, l.curve.label, func() { c.FillText(sty, at, l.curve.label) })
	}
}

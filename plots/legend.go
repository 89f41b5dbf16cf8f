package plots

import (
	"slices"
	"strings"

	"gonum.org/v1/plot/text"
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

// legend is the shared legend of a figure: rows of entries, centred above all panels. Entries that belong to some
// panels only follow the letters of those.
type legend struct {
	rows  [][]entry // an entry without a thumbnail is the letters of the panels that the next ones belong to
	width vg.Length
}

// newLegend joins the legends of the panels and breaks them into rows that fit, preferably between groups.
func newLegend(panels []*Panel, width vg.Length) legend {
	l := legend{width: width}
	var row []entry
	used := vg.Length(0)
	end := func() {
		if len(row) > 0 {
			l.rows = append(l.rows, row)
		}
		row, used = nil, 0
	}
	for _, group := range legendGroups(panels) {
		if all := groupWidth(group); used+all > width && all <= width {
			end()
		}
		for i, e := range group {
			need := e.width()
			if e.thumb == nil { // letters never end a row
				need += entryGap + group[i+1].width()
			}
			if used+need > width {
				end()
			}
			row = append(row, e)
			used += e.width() + entryGap
		}
	}
	end()
	return l
}

func groupWidth(group []entry) vg.Length {
	total := vg.Length(-entryGap)
	for _, e := range group {
		total += e.width() + entryGap
	}
	return total
}

// legendGroups puts together the entries that belong to the same panels, in order of appearance.
func legendGroups(panels []*Panel) [][]entry {
	var keys []string             // of entries, in order
	entries := map[string]entry{} // by key
	owners := map[string]string{} // letters of the panels, by key of the entry
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
	var groups [][]entry
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
		label := strings.ReplaceAll(letters, ")(", ", ")
		groups[g] = append([]entry{{label: label}}, groups[g]...)
	}
	return groups
}

func (e entry) width() vg.Length {
	sty := textStyle(legendSize, draw.XLeft, draw.YBottom)
	if e.thumb == nil {
		return bold(sty).Width(e.label)
	}
	return e.thumbWidth() + thumbGap + sty.Width(e.label)
}

// thumbWidth is less for a single mark than for a line.
func (e entry) thumbWidth() vg.Length {
	switch e.thumb.(type) {
	case crossEntry, edgeEntry, landmark:
		return markWidth
	}
	return thumbWidth
}

func (l legend) height() vg.Length {
	if len(l.rows) == 0 {
		return 0
	}
	return legendLine*vg.Length(len(l.rows)) + legendGap
}

// draw sets the rows at the top of the canvas.
func (l legend) draw(c draw.Canvas) {
	sty := textStyle(legendSize, draw.XLeft, draw.YBottom)
	y := c.Max.Y - pageMargin
	for _, row := range l.rows {
		y -= legendLine
		x := c.Min.X + (c.Max.X-c.Min.X-groupWidth(row))/2
		for _, e := range row {
			at := vg.Point{X: x, Y: y}
			if e.thumb == nil {
				c.FillText(bold(sty), at.Add(vg.Point{Y: legendBase}), e.label)
			} else {
				grouped(c.Canvas, keyMark, e.label, func() { e.draw(c, sty, at) })
			}
			x += e.width() + entryGap
		}
	}
}

// legendBase is how far above the lower edge of its row a label stands.
const legendBase = 0.3 * legendSize

// draw sets an entry with its thumbnail from the lower left corner on.
func (e entry) draw(c draw.Canvas, sty text.Style, at vg.Point) {
	far := at.Add(vg.Point{X: e.thumbWidth(), Y: legendLine})
	e.thumb.Thumbnail(&draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: at, Max: far}})
	c.FillText(sty, at.Add(vg.Point{X: e.thumbWidth() + thumbGap, Y: legendBase}), e.label)
}

package plots

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Panel is one pair of axes of a figure with what is drawn in it. Legends, titles and letters are drawn by the page, so
// that they stay outside the data.
type Panel struct {
	*plot.Plot
	Title  string    // above the panel; may hold $mathematics$
	Letter string    // such as (a), in bold before the title
	ShareX string    // panels with the same non-empty text have the same range of x
	ShareY string    // panels with the same non-empty text have the same range of y; neighbours label it once
	Aspect float64   // height of the data area to its width; 0 for the theme's
	Height vg.Length // height of the data area; 0 to follow Aspect
	Notes  []string  // below the figure

	XLimits, YLimits []float64 // ends of the axes, the lower one first; nil to follow the data

	fit func(width vg.Length) vg.Length // sets the ranges for a data area of that width and returns its height; nil for Height or Aspect

	own    []panelNote // below the figure, with the panel's letter
	curves []*curve
	legend []legendEntry
	ranges intervals // drawn along x, for what reads a panel
	levels []level   // dashed lines across the panel
	free   bool      // the ranges are left as they are
	floorX bool      // x is a metric, so rounding noise must not stretch its logarithmic axis either
	wide   bool      // a single panel that needs the width of the page
	strip  int       // rows above the data, for points without a value, a row a curve
	top    float64   // of the data on the y axis, below that strip

	xLabel, yLabel string                // drawn by the page, see takeLabels
	yTicks         plot.Ticker           // with all labels, see shareLabels
	names          struct{ x, y string } // of the axes, without typesetting
	data           []datum               // drawn beside the curves
}

// legendEntry is one line of a legend. Entries of several panels with the same key are one.
type legendEntry struct {
	rank       int // series come first, then what they are compared with, then marks to be explained
	key, label string
	thumb      plot.Thumbnailer
}

// thumbnail draws what stands before an entry of a legend.
type thumbnail func(c *draw.Canvas)

func (t thumbnail) Thumbnail(c *draw.Canvas) { t(c) }

// Ranks of entries.
const (
	seriesRank = iota
	referenceRank
	markRank
)

// newPanel returns an empty panel with light lines at the labelled values of y.
func newPanel(title string) *Panel {
	p := barePanel(title)
	grid := plotter.NewGrid()
	grid.Vertical.Color = nil
	grid.Horizontal = draw.LineStyle{Color: gridGray, Width: axisWidth}
	p.Add(grid, painter(p.drawStrip), painter(spines))
	return p
}

// painter draws on the data area of a panel.
type painter func(c draw.Canvas, p *plot.Plot)

func (paint painter) Plot(c draw.Canvas, p *plot.Plot) { paint(c, p) }

// spines are the lines of both axes, joined in their corner.
func spines(c draw.Canvas, _ *plot.Plot) {
	c.StrokeLines(spineStyle(), []vg.Point{{X: c.Min.X, Y: c.Max.Y}, c.Min, {X: c.Max.X, Y: c.Min.Y}})
}

// stripRow is the share of the y axis that a row of the strip takes, and stripMost that of all of them.
const stripRow, stripMost = 0.06, 0.3

// drawStrip sets the strip apart from the data.
func (p *Panel) drawStrip(c draw.Canvas, _ *plot.Plot) {
	if p.strip == 0 {
		return
	}
	y := c.Y(p.Y.Norm(p.top))
	c.SetColor(rgb(0xF2F2F2))
	c.Fill(vg.Rectangle{Min: vg.Point{X: c.Min.X, Y: y}, Max: c.Max}.Path())
	c.StrokeLine2(draw.LineStyle{Color: inkGray, Width: axisWidth}, c.Min.X, y, c.Max.X, y)
}

// inStrip is the height at which a curve's points without a value stand.
func (p *Panel) inStrip(c draw.Canvas, of *curve) vg.Length {
	row := 0
	for _, other := range p.curves[:of.slot] {
		if other.hasLost() {
			row++
		}
	}
	low := c.Y(p.Y.Norm(p.top))
	return c.Max.Y - (c.Max.Y-low)*(vg.Length(row)+0.5)/vg.Length(p.strip)
}

// makeStrips makes room for strips where some point has no value, the same in panels that share an axis.
func makeStrips(panels []*Panel) {
	shared := map[string]int{}
	for _, p := range panels {
		for _, c := range p.curves {
			if !p.free && c.hasLost() {
				p.strip++
			}
		}
		shared[p.ShareY] = max(shared[p.ShareY], p.strip)
	}
	for _, p := range panels {
		p.top = p.Y.Max
		if p.ShareY != "" {
			p.strip = shared[p.ShareY]
		}
		if p.strip > 0 {
			share := min(stripMost, float64(p.strip)*stripRow)
			all := p.Y.Tick.Marker
			p.Y.Tick.Marker = plot.TickerFunc(func(lo, _ float64) []plot.Tick { return all.Ticks(lo, p.top) }) // none above the data
			pad(&p.Y, 0, share/(1-share))
		}
	}
}

func spineStyle() draw.LineStyle { return draw.LineStyle{Color: black, Width: axisWidth} }

// barePanel returns an empty panel without axis lines.
func barePanel(title string) *Panel { return &Panel{Plot: newPlot(), Title: title} }

// addCurve adds a curve with its entry in the legend; an empty label gives none.
func (p *Panel) addCurve(label string, l seriesStyle, points []point) *curve {
	c := &curve{panel: p, label: label, points: points, style: l, slot: len(p.curves)}
	if _, c.broken = p.X.Scale.(zeroLog); c.broken && len(p.curves) == 0 {
		p.Add(painter(axisBreak))
	}
	if len(p.curves) == 0 {
		p.Add(painter(p.drawBands))
	}
	p.curves = append(p.curves, c)
	p.Add(c)
	if label != "" {
		p.addEntry(seriesRank, label, l, c)
	}
	return c
}

// addLines adds a curve for each line, of the columns x and y in the order of a third; set says how they are drawn.
func (p *Panel) addLines(lines []subset, x, y, order string, s spread, set func(*curve)) {
	for _, line := range lines {
		points := collectPoints(line.rows, x, y, order, s)
		set(p.addCurve(line.label, line.style, points))
	}
}

func (p *Panel) addEntry(rank int, label string, style any, thumb plot.Thumbnailer) {
	key := label + fmt.Sprint(style)
	if !slices.ContainsFunc(p.legend, func(e legendEntry) bool { return e.key == key }) {
		p.legend = append(p.legend, legendEntry{rank, key, label, thumb})
	}
}

// rule is a straight line across a panel at one value of an axis: of y, or of x where it is upright.
type rule struct {
	value   float64
	style   draw.LineStyle
	upright bool
}

var levelStyle = draw.LineStyle{Color: inkGray, Width: 0.9, Dashes: reference}

func (l rule) Plot(c draw.Canvas, p *plot.Plot) {
	if x := c.X(p.X.Norm(l.value)); l.upright && c.ContainsX(x) {
		c.StrokeLine2(l.style, x, c.Min.Y, x, c.Max.Y)
	}
	if y := c.Y(p.Y.Norm(l.value)); !l.upright && c.ContainsY(y) {
		c.StrokeLine2(l.style, c.Min.X, y, c.Max.X, y)
	}
}

// DataRange implements plot.DataRanger; a rule has a place on one axis alone.
func (l rule) DataRange() (xmin, xmax, ymin, ymax float64) {
	if l.upright {
		return l.value, l.value, math.Inf(1), math.Inf(-1)
	}
	return math.Inf(1), math.Inf(-1), l.value, l.value
}

func (l rule) Thumbnail(c *draw.Canvas) {
	c.StrokeLine2(l.style, c.Min.X, c.Center().Y, c.Max.X, c.Center().Y)
}

// level is a labelled value of y.
type level struct {
	label string
	value float64
}

// addLevel adds a labelled dashed line. A logarithmic axis has no place for zero.
func (p *Panel) addLevel(label string, value float64) {
	if !finite(value) || isLog(&p.Y) && value <= 0 {
		return
	}
	p.Add(rule{value: value, style: levelStyle})
	p.levels = append(p.levels, level{label, value})
	p.addEntry(referenceRank, label, "level", rule{style: levelStyle})
}

// pointKey is a single mark before an entry of a legend, which takes less room than a line.
type pointKey struct{ thumbnail }

// explainOddPoints adds what the legend and the notes must say of points without a place. It needs the final ranges.
func (p *Panel) explainOddPoints() {
	var statuses []string
	for _, c := range p.curves {
		for _, q := range c.points {
			switch {
			case !finite(q.x):
			case !finite(q.y):
				statuses = append(statuses, q.why())
			case p.beyond(q):
				p.addEntry(markRank, "beyond the axis", "edge", pointKey{markKey{shape: circle, hollow: true}.Thumbnail})
			case q.unsettled:
				p.addEntry(markRank, "not settled", "unsettled", pointKey{markKey{shape: circle, hollow: true}.Thumbnail})
			}
		}
	}
	if len(statuses) > 0 {
		slices.Sort(statuses)
		p.addEntry(markRank, strings.Join(slices.Compact(statuses), " or "), "cross",
			pointKey{func(c *draw.Canvas) { drawCross(c, seriesStyle{color: inkGray}, c.Center()) }})
	}
	p.noteOddPoints()
}

// noteOddPoints tells of the points that have no place on the x axis, and of those whose policies are others than the one
// minimizer.
func (p *Panel) noteOddPoints() {
	var missing, others []string
	for _, c := range p.curves {
		if n, why := c.lost(func(q point) bool { return !finite(q.x) }); n > 0 {
			missing = append(missing, fmt.Sprintf("%s (%d × %s)", c.label, n, why))
		}
		count := map[string]int{}
		for _, q := range c.points {
			if q.qualified != "" && finite(q.y) {
				count[q.qualified]++
			}
		}
		for _, status := range slices.Sorted(maps.Keys(count)) {
			others = append(others, fmt.Sprintf("%s (%d × %s)", c.label, count[status], status))
		}
	}
	if missing != nil {
		p.own = append(p.own, panelNote{"Not drawn", strings.Join(missing, ", ")})
	}
	if others != nil {
		p.own = append(p.own, panelNote{"Not the one minimizer", strings.Join(others, ", ")})
	}
}

// panelNote is a note on some curves of a panel.
type panelNote struct{ head, list string }

// in is the note with the letters of its panels, if they have any.
func (n panelNote) in(letters string) string {
	if letters != "" {
		letters = " in " + strings.ReplaceAll(letters, ")(", ", ")
	}
	return n.head + letters + ": " + n.list + "."
}

// setRanges gives all panels their final ranges: shared where they share, bounded below on logarithmic axes, padded.
func setRanges(panels []*Panel) {
	shareRange(panels, func(p *Panel) (*plot.Axis, string) { return &p.X, p.ShareX })
	shareRange(panels, func(p *Panel) (*plot.Axis, string) { return &p.Y, p.ShareY })
	for _, p := range panels {
		if !p.free {
			makeDrawable(&p.X, 0.035, p.floorX)
			makeDrawable(&p.Y, 0.05, true)
		}
		if p.XLimits != nil {
			p.X.Min, p.X.Max = p.XLimits[0], p.XLimits[1]
		}
		if p.YLimits != nil {
			p.Y.Min, p.Y.Max = p.YLimits[0], p.YLimits[1]
		}
	}
	makeStrips(panels)
	for _, p := range panels {
		p.explainOddPoints()
	}
}

// shareRange gives the axes of one key, other than "", the range of all of them.
func shareRange(panels []*Panel, axisOf func(*Panel) (axis *plot.Axis, key string)) {
	low, high := map[string]float64{}, map[string]float64{}
	for _, p := range panels {
		axis, key := axisOf(p)
		if _, known := low[key]; !known {
			low[key], high[key] = math.Inf(1), math.Inf(-1)
		}
		low[key], high[key] = min(low[key], axis.Min), max(high[key], axis.Max)
	}
	for _, p := range panels {
		if axis, key := axisOf(p); key != "" {
			axis.Min, axis.Max = low[key], high[key]
		}
	}
}

// makeDrawable makes the range of an axis drawable.
func makeDrawable(axis *plot.Axis, share float64, floor bool) {
	log := isLog(axis)
	if finer := 1e-12 * max(math.Abs(axis.Min), math.Abs(axis.Max)); axis.Max > axis.Min && axis.Max-axis.Min < finer {
		axis.Max = axis.Min // apart by rounding, which has no ticks
	}
	switch {
	case axis.Min > axis.Max && log:
		axis.Min, axis.Max = 0.1, 1
	case axis.Min > axis.Max:
		axis.Min, axis.Max = 0, 1
	case axis.Min == axis.Max && log:
		axis.Min, axis.Max = axis.Min/2, axis.Max*2
	case axis.Min == axis.Max:
		axis.Min, axis.Max = axis.Min-0.5, axis.Max+0.5
	}
	if log && floor {
		axis.Min = max(axis.Min, axis.Max/math.Pow10(logDecades))
	}
	pad(axis, share, share)
}

// name is what a panel is called where it is not drawn.
func (p *Panel) name() string { return strings.TrimSpace(p.Letter + " " + plainText(p.Title)) }

package plots

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
)

// point is one place of a curve: the middle of the runs and prompts that share it, and the ends of the band around it.
type point struct {
	x, y      float64 // NaN or infinite where some run has no finite value
	low, high float64 // NaN where there is no band
	spread    spread
	n         int      // values that the point stands for
	failed    []string // runs that broke beside others that did not, and are left out
	status    string   // of the first run without a finite value
	qualified string   // status of a run whose policy is another than the one minimizer
	unsettled bool     // some run's training had not come to rest
}

// collectPoints makes the points of one curve from rows. The rows of one setting that differ in the seed alone, or in the
// prompt where rows of several are given, make one point. Points are ordered by the column order. Two settings at the same
// place are an error: nothing is averaged over a setting that nobody grouped by.
func collectPoints(r *rows, x, y, order string, s spread) []point {
	keys := r.coordinates()
	for _, column := range []string{"step", "response", "split", "group"} {
		if r.table.Has(column) {
			keys = append(keys, column)
		}
	}
	groups := r.split(keys...)
	slices.SortStableFunc(groups, func(a, b *rows) int { return cmp.Compare(a.float(0, order), b.float(0, order)) })
	points := make([]point, len(groups))
	for g, group := range groups {
		for _, one := range group.split("seed", "prompt") {
			if one.len() > 1 {
				try.Fail("rows of the runs %s and %s are of one setting and seed: no column of %s tells them apart",
					one.text(0, "run"), one.text(1, "run"), r.table.Name)
			}
		}
		if g > 0 && cmp.Compare(groups[g-1].float(0, order), group.float(0, order)) == 0 {
			ambiguous(groups[g-1], group, keys, order)
		}
		points[g] = middlePoint(group, x, y, s)
	}
	return points
}

// ambiguous fails, and names the column in which rows at one place of a curve differ.
func ambiguous(a, b *rows, keys []string, order string) {
	for _, column := range keys {
		if va, vb := a.text(0, column), b.text(0, column); va != vb {
			try.Fail("one curve has two values at %s = %s: %s is %s and %s; select one with `where: {%s: ...}` or draw a curve or panel for each",
				order, a.text(0, order), column, cmp.Or(va, "empty"), cmp.Or(vb, "empty"), column)
		}
	}
	try.Fail("one curve has two values at %s = %s", order, a.text(0, order))
}

// middlePoint makes one point of rows. Runs that failed are left out where others did not. A row without a value leaves
// the point without one, as do several runs that all failed.
func middlePoint(r *rows, x, y string, s spread) point {
	p := point{spread: s}
	failures := r.with("status", tables.Failed)
	if failures.len() < r.len() {
		p.failed = failures.values("run")
		all := r
		r = all.filter(func(i int) bool { return all.text(i, "status") != tables.Failed })
	}
	xs, ys := r.column(x), r.column(y)
	for i := range r.at {
		status := r.text(i, "status")
		if tables.Qualified(status) && !r.table.Has("step") { // it is of the end
			p.qualified = status
		}
		p.unsettled = p.unsettled || !r.settled(i)
		if (!finite(xs[i]) || !finite(ys[i]) || status == tables.Failed) && p.status == "" {
			p.status = status
		}
	}
	p.x, _, _ = s.of(xs)
	p.y, p.low, p.high = s.of(ys)
	p.n = r.len()
	low, high := metricRange(y)
	p.low, p.high = max(p.low, low), min(p.high, high)
	if below, above := intervalColumns(y); p.n == 1 && s != spreadNone && r.table.Has(below, above) {
		p.low, p.high = r.float(0, below), r.float(0, above)
	}
	if slices.ContainsFunc(xs, math.IsNaN) {
		p.x = math.NaN()
	}
	allFailed := p.n > 1 && r.text(0, "status") == tables.Failed
	if allFailed || slices.ContainsFunc(ys, math.IsNaN) {
		p.y, p.low, p.high, p.n = math.NaN(), math.NaN(), math.NaN(), 0
	}
	return p
}

// metricRange is where the values of a column can be, which an interval around a mean does not know of.
func metricRange(column string) (low, high float64) {
	word, _, _ := strings.Cut(column, "_")
	switch {
	case slices.Contains([]string{"tv", "variation", "pi", "accuracy"}, word), slices.Contains([]string{"mode_mass", "win_rate", "reward_accuracy"}, column):
		return 0, 1
	case slices.Contains([]string{"kl", "js", "entropy"}, word), column == "grad_norm":
		return 0, math.Inf(1)
	}
	return math.Inf(-1), math.Inf(1)
}

// why says what a point without a finite value stands for. A run that ended well can still lack one, where a metric
// does not apply.
func (p point) why() string {
	switch {
	case math.IsInf(p.x, 0) || math.IsInf(p.y, 0):
		return "infinite"
	case tables.Arrived(p.status):
		return "no value"
	}
	return p.status
}

// lost counts the points of a curve that are gone, and says why the last of them is.
func (c *curve) lost(gone func(point) bool) (n int, why string) {
	for _, q := range c.points {
		if gone(q) {
			n, why = n+1, q.why()
		}
	}
	return n, why
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// curve draws points in order: a line and markers; its band is drawn by [bands]. Points without a finite y are crosses at
// the strip above the data, points below the axis hollow markers at the lower one; neither is ever drawn as if it were a value.
type curve struct {
	panel    *Panel
	label    string
	part     string // of what the label names, where that has several curves: chosen, rejected
	points   []point
	style    seriesStyle
	slot     int                // position among the curves of a panel, so that crosses of two curves do not hide one another
	plain    bool               // no markers, as for long traces
	grow     bool               // every point is marked, larger along the curve
	lastOnly bool               // the end alone is marked
	apart    bool               // no line joins the points
	bars     bool               // the spread of each point is a bar, as where x is no setting
	describe func(point) string // says what a point is, where the axes do not
	broken   bool               // the x axis has a break right of 0, which no line crosses
}

// At most about this many markers a curve; the curves of a panel mark different points.
const maxMarks = 14

// Markers that grow along a curve do so between these sizes.
const smallMark, largeMark = 0.55, 1.5

// DataRange implements plot.DataRanger over the points that can be drawn.
func (c *curve) DataRange() (xmin, xmax, ymin, ymax float64) {
	xmin, ymin = math.Inf(1), math.Inf(1)
	xmax, ymax = math.Inf(-1), math.Inf(-1)
	logX, logY := isLog(&c.panel.X), isLog(&c.panel.Y)
	for _, p := range c.points {
		if !finite(p.x) {
			continue
		}
		if p.x > 0 || !logX {
			xmin, xmax = min(xmin, p.x), max(xmax, p.x)
		}
		for _, y := range []float64{p.y, p.low, p.high} {
			if finite(p.y) && finite(y) && (y > 0 || !logY) {
				ymin, ymax = min(ymin, y), max(ymax, y)
			}
		}
	}
	return xmin, xmax, ymin, ymax
}

// beyond says whether a point lies outside the axes, as zero does below a logarithmic one.
func (p *Panel) beyond(q point) bool {
	return q.x < p.X.Min || q.y < p.Y.Min || q.x > p.X.Max || q.y > p.top
}

// hasLost says whether some point has a place on the x axis and no value.
func (c *curve) hasLost() bool {
	return slices.ContainsFunc(c.points, func(q point) bool { return finite(q.x) && !finite(q.y) })
}

// edgeInset keeps the marks of what lies beyond the axes inside them, clear of the labels.
const edgeInset = 1.5 * markSize

// place is where x, y is drawn: what lies beyond the axes, along their edge.
func place(c *draw.Canvas, p *plot.Plot, x, y float64) vg.Point {
	return vg.Point{X: placeOn(&p.X, x, c.Min.X, c.Max.X, c.X), Y: placeOn(&p.Y, y, c.Min.Y, c.Max.Y, c.Y)}
}

// spot is where x, y is drawn, wherever the axes end.
func spot(c *draw.Canvas, p *plot.Plot, x, y float64) vg.Point {
	return vg.Point{X: c.X(p.X.Norm(x)), Y: c.Y(p.Y.Norm(y))}
}

func placeOn(axis *plot.Axis, v float64, low, high vg.Length, at func(float64) vg.Length) vg.Length {
	switch {
	case v > axis.Max:
		return high - edgeInset
	case v >= axis.Min:
		return at(axis.Norm(v))
	}
	return low + edgeInset
}

func (c *curve) Plot(canvas draw.Canvas, p *plot.Plot) {
	inSeries(canvas.Canvas, c.series(), func() { c.draw(canvas, p) })
}

func (c *curve) draw(canvas draw.Canvas, p *plot.Plot) {
	for _, run := range c.segments() {
		if c.apart {
			break
		}
		line := make([]vg.Point, len(run))
		for i, q := range run {
			line[i] = place(&canvas, p, q.x, min(q.y, c.panel.top))
		}
		canvas.StrokeLines(c.style.line(), canvas.ClipLinesXY(line)...)
	}
	outside := false // the point before lies beyond the axes
	for i, q := range c.points {
		beyond := finite(q.y) && c.panel.beyond(q)
		leaves := beyond && !outside
		outside = beyond
		switch {
		case !finite(q.x):
			continue
		case !finite(q.y):
			at := place(&canvas, p, q.x, 0)
			at.Y = c.panel.inStrip(canvas, c)
			drawCross(&canvas, c.style, at)
			hover(canvas.Canvas, at, c.tooltip(q))
			continue
		case c.marked(i), c.plain && (leaves || c.broken && q.x == 0): // which no line shows
			canvas.DrawGlyphNoClip(c.mark(i, q.unsettled || beyond), place(&canvas, p, q.x, min(q.y, c.panel.top)))
		}
		hover(canvas.Canvas, place(&canvas, p, q.x, min(q.y, c.panel.top)), c.tooltip(q))
	}
}

// series is the label of the legend's entry that the curve belongs to.
func (c *curve) series() string { return cmp.Or(c.label, c.part) }

// name tells the curve from all others of its panel.
func (c *curve) name() string {
	if c.label != "" && c.part != "" {
		return plainText(c.label) + ", " + c.part
	}
	return plainText(c.series())
}

// tooltip describes a point to a reader who points at it: "dpo: λ = 0.1, TV = 0.23 [0.2, 0.25], n = 10".
func (c *curve) tooltip(q point) string {
	text := valued(c.panel.names.x, q.x) + ", "
	switch {
	case c.describe != nil:
		text = c.describe(q)
	case finite(q.y):
		text += valued(c.panel.names.y, q.y)
	default:
		text += "no value: " + q.why()
	}
	if name := c.name(); name != "" {
		text = name + ": " + text
	}
	if finite(q.y) && q.banded() && q.high > q.low {
		text += " [" + shortNumber(q.low) + ", " + shortNumber(q.high) + "]"
	}
	if q.n > 1 {
		text += fmt.Sprintf(", n = %d", q.n)
	}
	return text
}

// valued writes the value of an axis with its name and unit.
func valued(name string, v float64) string {
	name, unit, _ := strings.Cut(name, " [")
	if unit != "" {
		unit = " " + strings.Replace(unit, "]", "", 1)
	}
	return strings.TrimSpace(name+" = "+shortNumber(v)) + unit
}

func shortNumber(v float64) string { return minusSign(strconv.FormatFloat(v, 'g', 4, 64)) }

// marked says whether point i has a marker.
func (c *curve) marked(i int) bool {
	switch {
	case c.plain:
		return false
	case c.lastOnly:
		return i == len(c.points)-1
	case c.grow:
		return true
	}
	every := (len(c.points) + maxMarks - 1) / maxMarks
	return (i+c.slot)%every == 0
}

// mark is the marker of point i, hollow if the point lies beyond the axes or its runs had not settled.
func (c *curve) mark(i int, hollow bool) draw.GlyphStyle {
	mark := c.style.mark()
	if c.grow && len(c.points) > 1 {
		mark.Radius *= vg.Length(smallMark + (largeMark-smallMark)*float64(i)/float64(len(c.points)-1))
	}
	if hollow {
		mark.Shape = c.style.glyph.opened()
	}
	return mark
}

// segments are the stretches of a curve that a line may connect.
func (c *curve) segments() [][]point {
	var all [][]point
	joined := false
	for _, p := range c.points {
		if !finite(p.x) || !finite(p.y) {
			joined = false
			continue
		}
		if !joined {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], p)
		joined = !c.broken || p.x != 0
	}
	return all
}

func drawCross(canvas *draw.Canvas, l seriesStyle, at vg.Point) {
	const r = 1.1 * markSize
	sty := draw.LineStyle{Color: l.color, Width: 1.1}
	canvas.StrokeLine2(sty, at.X-r, at.Y-r, at.X+r, at.Y+r)
	canvas.StrokeLine2(sty, at.X-r, at.Y+r, at.X+r, at.Y-r)
}

// Thumbnail implements plot.Thumbnailer: the line with its marker.
func (c *curve) Thumbnail(canvas *draw.Canvas) {
	y := canvas.Center().Y
	if !c.apart {
		canvas.StrokeLine2(c.style.line(), canvas.Min.X, y, canvas.Max.X, y)
	}
	if !c.plain {
		canvas.DrawGlyphNoClip(c.style.mark(), vg.Point{X: canvas.Center().X, Y: y})
	}
}

// explainGrowth says in the legend that marks grow along a column.
func (p *Panel) explainGrowth(column string) {
	p.addEntry(markRank, "larger mark: larger "+symbolOf(column), "grow", thumbnail(func(c *draw.Canvas) {
		for i, size := range []vg.Length{smallMark, 1, largeMark} {
			at := vg.Point{X: c.Min.X + (0.2+0.28*vg.Length(i))*thumbWidth, Y: c.Center().Y}
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: inkGray, Radius: size * markSize, Shape: circle}, at)
		}
	}))
}

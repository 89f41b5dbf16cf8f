package plots

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"windtunnel/metrics/inference"
	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
	"windtunnel/toy/registry"
)

// Strip draws every run's value of a metric: a row a loss, a dot a run, with the middle of the runs and an interval. Dots
// that would hide one another are stacked, so their places say nothing but the value and are the same each time.
type Strip struct {
	Metric string       `yaml:"metric" required:"true" doc:"measured column of runs"`
	By     string       `yaml:"by" doc:"column whose values make the rows"`
	Split  string       `yaml:"panels,omitempty" doc:"column whose values make the panels"`
	Where  tables.Where `yaml:"where" doc:"selects the runs: usually one lambda"`
	Scale  string       `yaml:"scale" oneof:"linear,log" doc:"scale of the metric"`
	Shape  string       `yaml:"shape" oneof:"strip,violin" doc:"strip shows the dots alone; violin also the density that a Gaussian kernel of Silverman's bandwidth makes of them"`
	Band   string       `yaml:"band" oneof:"quartiles,ci95,range,none" doc:"the interval: quartiles around the median, ci95 the 95 % Student-t interval around the mean, range around the median"`
	Title  string       `yaml:"title,omitempty" doc:"title of the panel where there is one"`
}

const violinShape = "violin"

func (f *Strip) Refs() tables.Refs {
	return tables.Refs{}.Where("where", tables.Runs, f.Where).Column("metric", tables.Runs, f.Metric).Column("by", tables.Runs, f.By).
		Column("panels", tables.Runs, f.Split)
}

func (f *Strip) Check() []registry.Problem {
	return registry.If(f.Shape == violinShape && f.Scale == logScale, "shape", "is violin, whose density is over a linear scale", "violin with `scale: linear`, or strip")
}

func (f *Strip) panels(src Sources) []*Panel {
	all := selectNamed(src, tables.Runs, f.Where, f.Refs())
	return all.panelsBy(f.Split, f.Title, func(of subset) *Panel { return f.panel(of, all) })
}

// panel draws the rows that all panels have, empty where this one has no run of them.
func (f *Strip) panel(of subset, all *rows) *Panel {
	lines := all.linesBy(f.By)
	if len(lines) > mostRows {
		try.Fail("by: %s has %d values, more than the %d rows that fit on a page", f.By, len(lines), mostRows)
	}
	p := barePanel(of.label)
	p.Add(painter(spines))
	if f.Split != "" {
		p.ShareY = f.By
	}
	names := make([]string, len(lines))
	for row, line := range lines {
		names[row] = line.label
	}
	p.rowed(names, stripHeight)
	p.X.Label.Text = columnLabel(f.Metric)
	scaleMetric(&p.X, f.Scale, nil)
	for row, line := range lines {
		mine := of.rows.with(f.By, line.cell)
		for _, column := range mine.varying(mine.coordinates()) { // which makes no sample of anything
			values := mine.values(column)
			try.Fail("one row has runs of two settings: %s is %s and %s; select one with `where: {%s: ...}` or draw a row or panel for each",
				column, cmp.Or(values[0], "empty"), cmp.Or(values[1], "empty"), column)
		}
		f.add(p, row, names[row], mine, line.style)
	}
	f.explain(p)
	return p
}

// stripHeight is the height of a row in points.
const stripHeight = 17

// add adds the runs of one row.
func (f *Strip) add(p *Panel, row int, name string, r *rows, l seriesStyle) {
	var values []float64
	lost := 0
	for i := range r.at {
		v := r.float(i, f.Metric)
		if !finite(v) || r.text(i, "status") == tables.Failed || f.Scale == logScale && v <= 0 {
			lost++
			continue
		}
		values = append(values, v)
	}
	if lost > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("Not drawn: %s (%d of %d runs without a place on the axis).", name, lost, r.len()))
	}
	if len(values) == 0 {
		return
	}
	slices.Sort(values)
	middle, low, high := spread(f.Band).of(values)
	if f.Band == string(spreadRange) {
		middle = inference.Describe(values).Median
	}
	s := &swarm{metric: columnLabel(f.Metric),
		interval: interval{series: name, name: stripWords[f.Band], row: row, x: middle, low: low, high: high, style: l, values: values}}
	if f.Shape == violinShape {
		s.density = density(values)
	}
	p.ranges = append(p.ranges, s.interval)
	for _, v := range values {
		p.addData(datum{Series: name, X: csvNumber(v), Y: "run"})
	}
	p.addData(s.datum())
	p.Add(s)
}

// stripWords say what middle and interval are.
var stripWords = map[string]string{string(spreadQuartiles): "median, quartiles", string(spreadCI): "mean, 95 % interval",
	string(spreadRange): "median, range", string(spreadNone): "mean"}

// explain says what dots and bars are.
func (f *Strip) explain(p *Panel) {
	p.addEntry(seriesRank, "one run", "run", markKey{shape: circle})
	p.addEntry(seriesRank, stripWords[f.Band], "middle", thumbnail(func(c *draw.Canvas) {
		at := c.Center()
		if f.Band != string(spreadNone) {
			c.StrokeLine2(draw.LineStyle{Color: translucent(black), Width: 3.2 * dotSize}, c.Min.X+1, at.Y, c.Max.X-1, at.Y)
		}
		c.StrokeLine2(draw.LineStyle{Color: black, Width: 1.3 * curveWidth}, at.X, at.Y-3, at.X, at.Y+3)
	}))
	if f.Shape == violinShape {
		p.Notes = append(p.Notes, "Outlines: kernel density of the runs, each as high as its row.")
	}
}

// swarm is the runs of one row: the values of an interval.
type swarm struct {
	interval
	metric  string
	density []point // x and a height in [0, 1]; nil for none
}

func (s *swarm) DataRange() (xmin, xmax, ymin, ymax float64) {
	xmin, xmax, ymin, ymax = intervals{s.interval}.DataRange()
	return min(xmin, s.values[0]), max(xmax, s.values[len(s.values)-1]), ymin, ymax
}

// Sizes of a swarm in points.
const (
	dotSize   = 1.25 // radius
	swarmHalf = 0.36 // of a row, that dots and outlines take on each side
)

// Plot implements plot.Plotter: the outline, then the dots, then the interval below them and the middle on top.
func (s *swarm) Plot(c draw.Canvas, p *plot.Plot) {
	inSeries(c.Canvas, s.series, func() { s.draw(c, p) })
}

func (s *swarm) draw(c draw.Canvas, p *plot.Plot) {
	y := c.Y(p.Y.Norm(float64(s.row)))
	half := swarmHalf * (c.Y(p.Y.Norm(float64(s.row)-0.5)) - c.Y(p.Y.Norm(float64(s.row)+0.5)))
	if s.density != nil {
		var outline []vg.Point
		for _, q := range s.density {
			outline = append(outline, vg.Point{X: c.X(p.X.Norm(q.x)), Y: y + half*vg.Length(q.y)})
		}
		for _, q := range slices.Backward(s.density) {
			outline = append(outline, vg.Point{X: c.X(p.X.Norm(q.x)), Y: y - half*vg.Length(q.y)})
		}
		c.FillPolygon(translucent(s.style.color), c.ClipPolygonXY(outline))
	}
	if finite(s.low) && finite(s.high) {
		c.StrokeLine2(draw.LineStyle{Color: translucent(s.style.color), Width: 3.2 * dotSize}, c.X(p.X.Norm(s.low)), y, c.X(p.X.Norm(s.high)), y)
	}
	c.SetColor(s.style.color)
	at := make([]vg.Length, len(s.values))
	for i, v := range s.values {
		at[i] = c.X(p.X.Norm(v))
	}
	for i, offset := range stack(at, 2*dotSize, half) {
		dot := vg.Point{X: at[i], Y: y + offset}
		c.Fill(polygonGlyph{}.path(dotSize, dot))
		hover(c.Canvas, dot, plainText(s.series)+": "+valued(plainText(s.metric), s.values[i]))
	}
	if x := c.X(p.X.Norm(s.x)); c.ContainsX(x) {
		c.StrokeLine2(draw.LineStyle{Color: black, Width: 1.3 * curveWidth}, x, y-0.7*half, x, y+0.7*half)
		hover(c.Canvas, vg.Point{X: x, Y: y}, s.tooltip())
	}
}

// stack returns how far above or below their line dots of a size must stand so as not to hide one another, in the order
// of at, which ascends: each as near to the line as those placed before leave room, above before below. Where there is no
// room within half it stands on the line.
func stack(at []vg.Length, size, half vg.Length) []vg.Length {
	offsets := make([]vg.Length, len(at))
	for i := range at {
		for step := 0; ; step++ {
			offset := vg.Length((step+1)/2) * size / 2
			if step%2 == 0 {
				offset = -offset
			}
			if offset > half {
				break // in the middle, over others
			}
			if free(at[:i], offsets[:i], at[i], offset, size) {
				offsets[i] = offset
				break
			}
		}
	}
	return offsets
}

// free says whether a dot at (x, offset) hides none of the dots before it, which stand further left.
func free(at, offsets []vg.Length, x, offset, size vg.Length) bool {
	for i := len(at) - 1; i >= 0 && x-at[i] < size; i-- {
		if math.Hypot(float64(x-at[i]), float64(offset-offsets[i])) < 0.98*float64(size) {
			return false
		}
	}
	return true
}

// densityPoints is how many points a density has.
const densityPoints = 81

// density is the Gaussian kernel density of an ascending sample between its least and its greatest value, 1 at its
// highest. It is nil where there are fewer than three values or all are the same.
func density(values []float64) []point {
	width := bandwidth(values)
	if len(values) < 3 || !(width > 0) {
		return nil
	}
	kernel := distuv.Normal{Sigma: width}
	low, high := values[0], values[len(values)-1]
	points, most := make([]point, densityPoints), 0.0
	for i := range points {
		points[i].x = low + (high-low)*float64(i)/(densityPoints-1)
		for _, v := range values {
			points[i].y += kernel.Prob(points[i].x - v)
		}
		most = max(most, points[i].y)
	}
	for i := range points {
		points[i].y /= most
	}
	return points
}

// bandwidth is that of Silverman 1986, equation 3.31, of an ascending sample. Where the quartiles coincide the standard
// deviation counts alone, as in R's bw.nrd0.
func bandwidth(values []float64) float64 {
	spread := stat.StdDev(values, nil)
	if quartiles := inference.Quantile(values, 0.75) - inference.Quantile(values, 0.25); quartiles > 0 {
		spread = min(spread, quartiles/1.34)
	}
	return 0.9 * spread * math.Pow(float64(len(values)), -0.2)
}

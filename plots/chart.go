package plots

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// Chart is what a panel shows, as data with final axes, for those who draw it in another way than a page. Text is plain,
// without $mathematics$.
type Chart struct {
	Title     string
	X, Y      Axis
	Rows      []string // names of rows from the top down, which take the place of Y
	Triangle  bool     // X and Y are places in the probability simplex of three responses
	Series    []Series
	Intervals []Interval // of Rows
	Levels    []Level    // of Y
	Marks     []Mark     // of a Triangle
	Notes     []string
}

// Axis is an axis whose range is final.
type Axis struct {
	Label string
	Ticks []Tick
	place func(v float64) float64
}

// Tick is a labelled place of an axis; one without a label is a small one.
type Tick struct {
	Value float64
	Label string
}

// Place returns where a value stands on the axis: 0 at its beginning, 1 at its end.
func (a Axis) Place(v float64) float64 { return a.place(v) }

// Series is one curve. A coordinate that a point lacks, such as that of a run that diverged, is NaN; Low and High are
// NaN where there is no band.
type Series struct {
	Label     string
	Color     color.RGBA
	X, Y      []float64
	Low, High []float64
	Trace     bool // the points are those of a line, not each a mark
}

// Interval is a value with an interval on a row; Low and High are NaN where there is none.
type Interval struct {
	Label        string
	Color        color.RGBA
	Row          int
	X, Low, High float64
	Hollow       bool      // what it shows does not stand
	Values       []float64 // runs that it sums up, where they are drawn
}

// Level is a dashed line across a panel at one value of y.
type Level struct {
	Label string
	Value float64
}

// Mark is a labelled policy that a simplex is read by.
type Mark struct {
	Label string
	X, Y  float64
}

// ErrNoChart is the error of Charts for a figure that is a table in colors, not points on axes.
var ErrNoChart = errors.New("it has no points on axes, only cells")

// Charts returns the panels of a figure, without its version over KL, and how many were left out because they have no points on
// axes. The errors are those of [Draw], and ErrNoChart where no panel is left.
func Charts(fig Figure, src Sources) (charts []Chart, left int, err error) {
	panels, err := fig.Params.Panels(src.From(fig.From))
	if err != nil {
		return nil, 0, fmt.Errorf("figure %s: %w", fig.Name, err)
	}
	setRanges(panels)
	for _, p := range panels {
		if len(p.curves)+len(p.ranges) == 0 {
			left++
			continue
		}
		charts = append(charts, p.chart())
	}
	if len(charts) == 0 {
		return nil, left, fmt.Errorf("figure %s: %w", fig.Name, ErrNoChart)
	}
	return charts, left, nil
}

func (p *Panel) chart() Chart {
	c := Chart{Title: p.name(), X: axisOf(&p.X), Y: axisOf(&p.Y), Levels: p.levels}
	for _, note := range p.Notes {
		c.Notes = append(c.Notes, plainText(note))
	}
	for _, curve := range p.curves {
		c.Series = append(c.Series, curve.chartSeries())
		c.Notes = append(c.Notes, curve.lost()...)
	}
	for _, v := range p.ranges {
		c.Intervals = append(c.Intervals, Interval{Label: plainText(v.series), Color: v.style.color, Row: v.row, X: v.x, Low: v.low,
			High: v.high, Hollow: v.hollow, Values: v.values})
	}
	if len(p.ranges) > 0 {
		for _, tick := range c.Y.Ticks {
			c.Rows = append(c.Rows, tick.Label)
		}
	}
	if len(c.X.Ticks)+len(c.Y.Ticks) == 0 && len(p.curves) > 0 {
		c.Triangle = true
		for _, d := range p.data {
			x, errX := strconv.ParseFloat(d.X, 64)
			y, errY := strconv.ParseFloat(d.Y, 64)
			if errX == nil && errY == nil {
				c.Marks = append(c.Marks, Mark{plainText(d.Series), x, y})
			}
		}
	}
	return c
}

// axisOf is a copy of an axis.
func axisOf(a *plot.Axis) Axis {
	axis := *a
	out := Axis{Label: plainText(a.Label.Text), place: axis.Norm}
	for _, tick := range a.Tick.Marker.Ticks(a.Min, a.Max) {
		if tick.Value >= a.Min && tick.Value <= a.Max {
			out.Ticks = append(out.Ticks, Tick{tick.Value, plainText(tick.Label)})
		}
	}
	return out
}

// lost tells of the points that have a place on the x axis and no value.
func (c *curve) lost() []string {
	n, why := 0, ""
	for _, q := range c.points {
		if finite(q.x) && !finite(q.y) {
			n, why = n+1, q.why()
		}
	}
	if n == 0 {
		return nil
	}
	return []string{fmt.Sprintf("No value: %s (%d × %s).", plainText(c.label), n, why)}
}

// chartSeries is a copy of a curve's points.
func (c *curve) chartSeries() Series {
	s := Series{Label: plainText(c.label), Color: c.style.color, Trace: c.plain}
	for _, q := range c.points {
		x, y := q.x, q.y
		if !finite(x) || !finite(y) || c.logX && x <= 0 || c.logY && y <= 0 {
			x, y = math.NaN(), math.NaN()
		}
		s.X, s.Y = append(s.X, x), append(s.Y, y)
		s.Low, s.High = append(s.Low, q.low), append(s.High, q.high)
	}
	return s
}

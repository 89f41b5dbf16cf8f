package plots

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"windtunnel/metrics/inference"
)

// spread names what the band around a curve shows of the runs that a point stands for.
type spread string

// The spreads.
const (
	spreadCI        spread = "ci95"      // 95 % Student-t interval of the mean
	spreadQuartiles spread = "quartiles" // of the runs, around their median
	spreadRange     spread = "range"     // smallest to largest
	spreadSD        spread = "sd"        // mean -+ standard deviation of the runs
	spreadSE        spread = "se"        // mean -+ standard error of the mean
	spreadNone      spread = "none"      // no band
	spreadDeciles   spread = "deciles"   // first to last, around the median

	// Around the median, where a configuration asks for it.
	spreadMedianRange spread = "median-range"
	spreadMedian      spread = "median"
)

// Middles of a sample, as configurations write them beside auto.
const (
	meanMiddle   = "mean"
	medianMiddle = "median"
)

// around returns the spread around a middle; ok is false where the two do not go together.
func (s spread) around(middle string) (_ spread, ok bool) {
	quantiles := s == spreadQuartiles || s == spreadDeciles
	switch middle {
	case meanMiddle:
		return s, !quantiles
	case medianMiddle:
		switch s {
		case spreadRange:
			return spreadMedianRange, true
		case spreadNone:
			return spreadMedian, true
		}
		return s, quantiles
	}
	return s, true
}

// words say what line and band are.
func (s spread) words() string {
	switch s {
	case spreadCI:
		return "Mean over seeds with its 95 % interval (Student t)"
	case spreadQuartiles:
		return "Median over seeds with quartiles"
	case spreadDeciles:
		return "Median over seeds with first and last decile"
	case spreadMedianRange:
		return "Median over seeds with range"
	case spreadMedian:
		return "Median over seeds"
	case spreadSD:
		return "Mean over seeds ± standard deviation"
	case spreadSE:
		return "Mean over seeds ± standard error"
	case spreadNone:
		return "Mean over seeds"
	}
	return "Mean and range over seeds and over the prompts of a group"
}

// of returns the middle of a sample and the ends of its band, NaN where there are none, as below two values.
func (s spread) of(sample []float64) (middle, low, high float64) {
	d := inference.Describe(sample)
	middle, low, high = d.Mean, math.NaN(), math.NaN()
	if s == spreadQuartiles || s == spreadDeciles || s == spreadMedianRange || s == spreadMedian {
		middle = d.Median
	}
	if d.N < 2 {
		return middle, low, high
	}
	switch s {
	case spreadCI:
		interval := d.MeanInterval()
		low, high = interval.Low, interval.High
	case spreadQuartiles:
		low, high = d.Q25, d.Q75
	case spreadSD:
		low, high = d.Mean-d.SD, d.Mean+d.SD
	case spreadSE:
		low, high = d.Mean-d.SE, d.Mean+d.SE
	case spreadDeciles:
		sorted := slices.Sorted(slices.Values(sample))
		low, high = inference.Quantile(sorted, 0.1), inference.Quantile(sorted, 0.9)
	case spreadRange, spreadMedianRange:
		low, high = d.Min, d.Max
	}
	return middle, low, high
}

// drawBands draws the bands of all curves below every line. They are translucent, so that none hides another.
func (p *Panel) drawBands(canvas draw.Canvas, _ *plot.Plot) {
	for _, c := range p.curves {
		inSeries(canvas.Canvas, c.series(), func() {
			for _, run := range c.segments() {
				c.plotBand(canvas, p.Plot, run)
			}
		})
	}
}

// plotBand fills between the ends of neighbouring points, if the band has a width anywhere. A lone point, which has nothing
// to fill, gets a bar.
func (c *curve) plotBand(canvas draw.Canvas, p *plot.Plot, run []point) {
	if !slices.ContainsFunc(c.points, func(q point) bool { return finite(q.y) && q.banded() && q.high > q.low }) {
		return
	}
	for start := 0; start < len(run); {
		end := start
		for end < len(run) && run[end].banded() {
			end++
		}
		switch stretch := run[start:end]; {
		case len(stretch) == 1:
			q := stretch[0]
			bar := []vg.Point{place(&canvas, p, q.x, q.low), place(&canvas, p, q.x, q.high)}
			canvas.StrokeLines(draw.LineStyle{Color: translucent(c.style.color), Width: 2 * markSize}, canvas.ClipLinesXY(bar)...)
		case len(stretch) > 1:
			canvas.FillPolygon(translucent(c.style.color), canvas.ClipPolygonXY(outline(&canvas, p, stretch)))
		}
		start = end + 1
	}
}

// outline goes along the upper ends and back along the lower ones.
func outline(canvas *draw.Canvas, p *plot.Plot, stretch []point) []vg.Point {
	var around []vg.Point
	for _, q := range stretch {
		around = append(around, place(canvas, p, q.x, q.high))
	}
	for _, q := range slices.Backward(stretch) {
		around = append(around, place(canvas, p, q.x, q.low))
	}
	return around
}

// banded says whether the point has ends of a band.
func (p point) banded() bool { return finite(p.low) && finite(p.high) }

// bandNotes say what lines and bands of a page are, of how many runs, and which runs are left out.
func bandNotes(panels []*Panel) []string {
	least, most := map[spread]int{}, map[spread]int{}
	var order []spread
	left := map[string]bool{}
	for _, p := range panels {
		for _, c := range p.curves {
			for _, q := range c.points {
				for _, run := range q.failed {
					left[run] = true
				}
				if q.n < 2 {
					continue
				}
				if most[q.spread] == 0 {
					order = append(order, q.spread)
					least[q.spread] = q.n
				}
				least[q.spread], most[q.spread] = min(least[q.spread], q.n), max(most[q.spread], q.n)
			}
		}
	}
	var notes []string
	for _, s := range order {
		size := strings.ReplaceAll(fromTo(least[s], most[s]), " ", "\u00a0")
		notes = append(notes, fmt.Sprintf("%s, n\u00a0=\u00a0%s.", s.words(), size))
	}
	switch len(left) {
	case 0:
	case 1:
		notes = append(notes, "1 failed run left out.")
	default:
		notes = append(notes, fmt.Sprintf("%d failed runs left out.", len(left)))
	}
	return notes
}

// fill sets words in lines of at most a width, where they allow.
func fill[T cmp.Ordered](width func(string) T, words []string, most T) []string {
	var lines []string
	for _, word := range words {
		last := len(lines) - 1
		if last >= 0 && width(lines[last]+" "+word) <= most {
			lines[last] += " " + word
			continue
		}
		lines = append(lines, word)
	}
	return lines
}

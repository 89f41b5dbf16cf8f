package plots

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
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
	spreadCI        spread = "ci95"
	spreadQuartiles spread = "quartiles"
	spreadRange     spread = "range"
	spreadSD        spread = "sd"
	spreadSE        spread = "se"
	spreadNone      spread = "none"
)

// spreadWords say what line and band are.
var spreadWords = map[spread]string{
	spreadCI:        "Mean over seeds with its 95 % interval (Student t)",
	spreadQuartiles: "Median over seeds with quartiles",
	spreadRange:     "Mean and range over seeds and over the prompts of a group",
	spreadSD:        "Mean over seeds ± standard deviation",
	spreadSE:        "Mean over seeds ± standard error",
	spreadNone:      "Mean over seeds",
}

// of returns the middle of a sample and the ends of its band, NaN where there are none, as below two values.
func (s spread) of(sample []float64) (middle, low, high float64) {
	d := inference.Describe(sample)
	middle, low, high = d.Mean, math.NaN(), math.NaN()
	if s == spreadQuartiles {
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
	case spreadRange:
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
// to fill, gets a bar, and so do the points of a line that turns back, whose band would be torn; of more bars than
// have marks those that would touch are left out.
func (c *curve) plotBand(canvas draw.Canvas, p *plot.Plot, run []point) {
	if !slices.ContainsFunc(c.points, func(q point) bool { return finite(q.y) && q.banded() && q.high > q.low }) {
		return
	}
	for start := 0; start < len(run); {
		end := start
		for end < len(run) && run[end].banded() {
			end++
		}
		stretch := run[start:end]
		toRight := func(a, b point) int { return cmp.Compare(a.x, b.x) }
		toLeft := func(a, b point) int { return cmp.Compare(b.x, a.x) }
		if len(stretch) > 1 && !c.bars && (slices.IsSortedFunc(stretch, toRight) || slices.IsSortedFunc(stretch, toLeft)) {
			canvas.FillPolygon(amongOthers(c.style.color, len(c.panel.curves)), canvas.ClipPolygonXY(outline(&canvas, p, stretch)))
			stretch = nil
		}
		const width = 2 * markSize
		last := vg.Length(math.Inf(-1))
		for i, q := range stretch {
			bar := []vg.Point{place(&canvas, p, q.x, q.low), place(&canvas, p, q.x, q.high)}
			if touches := math.Abs(float64(bar[0].X-last)) < width; touches && len(stretch) > maxMarks && i < len(stretch)-1 {
				continue
			}
			last = bar[0].X
			canvas.StrokeLines(draw.LineStyle{Color: translucent(c.style.color), Width: width}, canvas.ClipLinesXY(bar)...)
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
		notes = append(notes, fmt.Sprintf("%s, n\u00a0=\u00a0%s.", spreadWords[s], size))
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

// fill sets words in lines of at most a width; a word that is longer, such as a formula, goes on in the next line.
func fill[T cmp.Ordered](width func(string) T, words []string, most T) []string {
	var lines []string
	for i := 0; i < len(words); i++ {
		word := words[i]
		if runes := []rune(word); width(word) > most && !strings.Contains(word, "$") {
			fits := sort.Search(len(runes), func(n int) bool { return width(string(runes[:n+1])) > most })
			word = string(runes[:max(1, fits)])
			words = slices.Insert(slices.Clone(words), i+1, string(runes[max(1, fits):]))
		}
		last := len(lines) - 1
		if last >= 0 && width(lines[last]+" "+word) <= most {
			lines[last] += " " + word
			continue
		}
		lines = append(lines, word)
	}
	return lines
}

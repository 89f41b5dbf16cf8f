package plots

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"

	"windtunnel/metrics/tables"
)

// Loss draws one loss by itself: over the margin, with its derivatives, and over the log-probabilities of both responses.
// It reads the tables of `experiments loss KIND --plot`, not those of a run.
type Loss struct {
	Title string `yaml:"title,omitempty" doc:"title of the first panel"`
}

// Tables that a Loss is drawn from.
const (
	LossCurveTable = "loss_curve" // margin, loss, by_chosen, by_rejected
	LossMapTable   = "loss_map"   // chosen, rejected, loss, by_chosen, by_rejected, on a regular grid
)

// Refs implements Params: no name is given.
func (f *Loss) Refs() tables.Refs { return tables.Refs{} }

func (f *Loss) panels(src Sources) []*Panel {
	curve := loadTable(src, LossCurveTable, "margin", "loss", "by_chosen", "by_rejected")
	cells := loadTable(src, LossMapTable, "chosen", "rejected", "loss", "by_chosen", "by_rejected")
	title, settings, long := strings.Cut(f.Title, ", ")
	value, slope := newPanel(title), newPanel("gradient")
	if long {
		value.Notes = []string{"With " + settings + "."}
	}
	value.X.Label.Text, value.Y.Label.Text = "margin [nats]", "loss [nats]"
	slope.X.Label.Text, slope.Y.Label.Text = "margin [nats]", "derivative"
	value.addCurve("loss", seriesStyle{color: black, width: curveWidth}, lossPoints(curve, "loss")).plain = true
	slope.addCurve("by log $π_θ$(chosen)", seriesStyle{color: blue, width: curveWidth}, lossPoints(curve, "by_chosen")).plain = true
	slope.addCurve("by log $π_θ$(rejected)", seriesStyle{color: vermillion, dashes: dashed, width: curveWidth},
		lossPoints(curve, "by_rejected")).plain = true
	panels := []*Panel{value, slope}
	for _, p := range []struct{ column, title string }{
		{"loss", "loss"}, {"by_chosen", "derivative by chosen"}, {"by_rejected", "derivative by rejected"}} {
		panels = append(panels, lossMap(cells, p.column, p.title))
	}
	return panels
}

// lossPoints returns a column over the margin.
func lossPoints(t *tables.Table, column string) []point {
	points := make([]point, t.Len())
	for i := range t.Len() {
		y := t.Float(i, column)
		points[i] = point{x: t.Float(i, "margin"), y: y, low: y, high: y}
	}
	return points
}

// lossMap returns a panel of cells colored and labelled by a column.
func lossMap(t *tables.Table, column, title string) *Panel {
	p := barePanel(title)
	p.free, p.Aspect, p.Height = true, 1, 52*vg.Millimeter
	grid := &cells{size: 0.9 * gridText}
	xs, ys, most := make([]float64, t.Len()), make([]float64, t.Len()), 0.0
	for i := range t.Len() {
		xs[i], ys[i] = t.Float(i, "chosen"), t.Float(i, "rejected")
		if v := math.Abs(t.Float(i, column)); finite(v) {
			most = max(most, v)
		}
	}
	columns := slices.Compact(slices.Sorted(slices.Values(xs))) // at even distances
	half := (slices.Max(xs) - slices.Min(xs)) / float64(len(columns)-1) / 2
	for i := range t.Len() {
		v := t.Float(i, column)
		grid.list = append(grid.list, cell{xs[i], ys[i], half, shade(v, most), compact(v, 2), "",
			fmt.Sprintf("chosen %s, rejected %s: %s", shortNumber(xs[i]), shortNumber(ys[i]), shortNumber(v)), false})
		p.addData(datum{Series: title, X: csvNumber(xs[i]), Y: csvNumber(ys[i]), Value: csvNumber(v)})
	}
	p.X.Label.Text, p.Y.Label.Text = "log $π_θ$(chosen) [nats]", "log $π_θ$(rejected) [nats]"
	p.X.Min, p.X.Max = slices.Min(xs)-half, slices.Max(xs)+half
	p.Y.Min, p.Y.Max = slices.Min(ys)-half, slices.Max(ys)+half
	p.Add(grid)
	return p
}

// shade is the color of a value on a scale that ends at most.
func shade(v, most float64) color.RGBA {
	hue := blue
	if v < 0 {
		hue = vermillion
	}
	switch {
	case math.IsNaN(v) || most == 0:
		return white
	case math.IsInf(v, 0):
		return mix(white, hue, 0.5)
	}
	return mix(white, hue, 0.5*math.Abs(v)/most)
}

package plots

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"windtunnel/metrics/tables"
	"windtunnel/toy/registry"
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

func lossKind() registry.Kind[Params] {
	return registry.Kind[Params]{
		Name:    "loss",
		Summary: "one loss and its gradient over the margin and over (chosen, rejected), for `experiments loss KIND --plot`",
		Source:  "this project",
		New:     func() Params { return &Loss{} },
	}
}

// Refs implements Params: no name is given.
func (f *Loss) Refs() tables.Refs { return tables.Refs{} }

// Panels implements Params.
func (f *Loss) Panels(src Sources) ([]*Panel, error) {
	curve, err := lossTable(src, LossCurveTable, "margin", "loss", "by_chosen", "by_rejected")
	if err != nil {
		return nil, err
	}
	cells, err := lossTable(src, LossMapTable, "chosen", "rejected", "loss", "by_chosen", "by_rejected")
	if err != nil {
		return nil, err
	}
	value, slope := newPanel(f.Title), newPanel("gradient")
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
	return panels, nil
}

// lossTable returns a table that has rows and the columns.
func lossTable(src Sources, name string, columns ...string) (*tables.Table, error) {
	t, err := src.Table(name)
	if err != nil {
		return nil, err
	}
	if !t.Has(columns...) || t.Len() == 0 {
		return nil, fmt.Errorf("table %s: want rows with the columns %q", name, columns)
	}
	return t, t.Load(columns...)
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
	m := &shadedGrid{}
	for i := range t.Len() {
		m.x, m.y = append(m.x, t.Float(i, "chosen")), append(m.y, t.Float(i, "rejected"))
		m.value = append(m.value, t.Float(i, column))
		p.addData(datum{Series: title, X: csvNumber(t.Float(i, "chosen")), Y: csvNumber(t.Float(i, "rejected")), Value: csvNumber(t.Float(i, column))})
	}
	m.side = spacing(m.x)
	p.X.Label.Text, p.Y.Label.Text = "log $π_θ$(chosen) [nats]", "log $π_θ$(rejected) [nats]"
	p.X.Min, p.X.Max = slices.Min(m.x)-m.side/2, slices.Max(m.x)+m.side/2
	p.Y.Min, p.Y.Max = slices.Min(m.y)-m.side/2, slices.Max(m.y)+m.side/2
	p.Add(m)
	return p
}

// spacing is the smallest distance between different values, 1 if there is one alone.
func spacing(values []float64) float64 {
	sorted := slices.Compact(slices.Sorted(slices.Values(values)))
	least := math.Inf(1)
	for i := 1; i < len(sorted); i++ {
		least = min(least, sorted[i]-sorted[i-1])
	}
	if math.IsInf(least, 1) {
		return 1
	}
	return least
}

// shadedGrid draws square cells with their numbers, blue where positive and vermillion where negative, darker where
// larger.
type shadedGrid struct {
	x, y, value []float64 // middles of the cells
	side        float64
}

// Plot implements plot.Plotter.
func (g *shadedGrid) Plot(c draw.Canvas, p *plot.Plot) {
	most := 0.0
	for _, v := range g.value {
		if finite(v) {
			most = max(most, math.Abs(v))
		}
	}
	number := textStyle(0.9*gridText, draw.XCenter, draw.YCenter)
	for i, v := range g.value {
		half := g.side / 2
		c.SetColor(shade(v, most))
		c.Fill(vg.Rectangle{Min: spot(&c, p, g.x[i]-half, g.y[i]-half), Max: spot(&c, p, g.x[i]+half, g.y[i]+half)}.Path())
		at := spot(&c, p, g.x[i], g.y[i])
		at.Y += number.FontExtents().Descent / 2
		c.FillText(number, at, minusSign(twoDigits(v)))
		hover(c.Canvas, at, fmt.Sprintf("chosen %s, rejected %s: %s", shortNumber(g.x[i]), shortNumber(g.y[i]), shortNumber(v)))
	}
}

// twoDigits writes a number in few characters.
func twoDigits(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 1):
		return "∞"
	case math.IsInf(v, -1):
		return "-∞"
	}
	if a := math.Abs(v); a >= 1e-2 && a < 1e4 || v == 0 {
		decimals := 1 - int(math.Floor(math.Log10(max(a, 1e-2))))
		return strconv.FormatFloat(v, 'f', max(0, min(2, decimals)), 64)
	}
	return oneDigit(v)
}

// oneDigit writes a number with one digit and an exponent: 3e-5.
func oneDigit(v float64) string {
	return strings.NewReplacer("e-0", "e-", "e+0", "e", "e+", "e").Replace(strconv.FormatFloat(v, 'e', 0, 64))
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

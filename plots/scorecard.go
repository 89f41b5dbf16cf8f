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

// Scorecard draws the table scorecard as a heat map: a row a loss, a column a test, each cell with its number and the
// color of its verdict.
type Scorecard struct {
	Losses []string `yaml:"losses" doc:"only these rows, in this order; none means all"`
	Title  string   `yaml:"title,omitempty" doc:"title of the panel"`
}

func scorecardKind() registry.Kind[Params] {
	return registry.Kind[Params]{
		Name:    "scorecard",
		Summary: "every loss through every test: numbers on the color of the verdict, from the table scorecard",
		Source:  "this project",
		New:     func() Params { return &Scorecard{} },
	}
}

// ScorecardTable is the table that a scorecard is drawn from: loss, test, value, bound, verdict and, where they are there,
// measured and of.
const ScorecardTable = "scorecard"

// verdictFill colors the cells: light blue, light vermillion and gray, told apart in print and by color-blind readers.
var verdictFill = map[string]color.RGBA{"pass": rgb(0xCFE6F5), "fail": rgb(0xF0B78F), "none": rgb(0xF2F2F2)}

// Sizes of the heat map in points.
const (
	gridCell = 10  // height of a row
	gridText = 5   // numbers
	gridHead = 5.5 // names of tests
	gridNote = 3   // how many environments were measured
)

// Refs implements Params: no name is given.
func (f *Scorecard) Refs() tables.Refs { return tables.Refs{} }

// Panels implements Params.
func (f *Scorecard) Panels(src Sources) ([]*Panel, error) {
	t, err := src.Table(ScorecardTable)
	if err != nil {
		return nil, err
	}
	for _, column := range []string{"loss", "test", "value", "verdict"} {
		if t.Column(column) < 0 {
			return nil, fmt.Errorf("table %s has no column %s", t.Name, column)
		}
	}
	if err := t.Load(t.Header...); err != nil {
		return nil, err
	}
	losses, tests := t.Distinct("loss"), t.Distinct("test")
	if len(f.Losses) > 0 {
		for _, name := range f.Losses {
			if !slices.Contains(losses, name) {
				return nil, fmt.Errorf("no loss %q; there are %s", name, strings.Join(losses, ", "))
			}
		}
		losses = f.Losses
	}
	if len(losses) == 0 {
		return nil, fmt.Errorf("table %s is empty", t.Name)
	}
	p := barePanel(f.Title)
	p.free, p.wide = true, true
	grid := &heatMap{tests: tests, losses: losses, cells: map[[2]string]heatCell{}}
	for row := range t.Len() {
		at := [2]string{t.Text(row, "loss"), t.Text(row, "test")}
		grid.cells[at] = heatCell{t.Text(row, "verdict"), t.Float(row, "value"), MeasuredShare(t, row)}
	}
	grid.head = math.Ceil(grid.headHeight() / gridCell)
	p.Height = vg.Length(float64(len(losses))+grid.head) * gridCell
	p.X.Min, p.X.Max, p.X.Tick.Marker = -0.5, float64(len(tests))-0.5, plot.ConstantTicks(nil)
	p.nameRows(losses, lossName)
	p.Y.Min -= grid.head
	p.Add(grid)
	for _, loss := range losses {
		for _, test := range tests {
			if cell, known := grid.cells[[2]string{loss, test}]; known {
				p.addData(datum{Series: cell.verdict, X: test, Y: loss, Value: csvNumber(cell.value)})
			}
		}
	}
	for _, v := range []struct{ verdict, label string }{
		{"pass", "within the bound"}, {"fail", "beyond the bound"}, {"none", "does not apply, or not decided; n of m: environments in which the solver arrived"}} {
		p.addEntry(seriesRank, v.label, v.verdict, swatches(verdictFill[v.verdict]))
	}
	return []*Panel{p}, nil
}

// MeasuredShare says in how many environments a cell of the table scorecard was measured, as "97 of 102"; "" where in all.
func MeasuredShare(t *tables.Table, row int) string {
	if measured, of := t.Text(row, "measured"), t.Text(row, "of"); measured != of {
		return measured + " of " + of
	}
	return ""
}

// heatCell is one loss in one test.
type heatCell struct {
	verdict string
	value   float64
	share   string // "97 of 102" where environments are left out
}

// heatMap draws the cells, and the names of the tests above them.
type heatMap struct {
	tests, losses []string
	cells         map[[2]string]heatCell
	head          float64 // rows that the names take
}

// headHeight is the length of the longest name in points.
func (h *heatMap) headHeight() float64 {
	longest := vg.Length(0)
	sty := textStyle(gridHead, draw.XLeft, draw.YCenter)
	for _, name := range h.tests {
		longest = max(longest, sty.Width(name))
	}
	return float64(longest) + 4
}

// Plot implements plot.Plotter.
func (h *heatMap) Plot(c draw.Canvas, p *plot.Plot) {
	head := textStyle(gridHead, draw.XLeft, draw.YCenter)
	head.Rotation = math.Pi / 2
	number, note := textStyle(gridText, draw.XCenter, draw.YCenter), textStyle(gridNote, draw.XCenter, draw.YCenter)
	for column, test := range h.tests {
		c.FillText(head, spot(&c, p, float64(column), -0.5).Add(vg.Point{Y: 2}), test)
		for row, loss := range h.losses {
			cell := h.cells[[2]string{loss, test}]
			fill, known := verdictFill[cell.verdict]
			if !known {
				continue
			}
			const gap = 0.4
			at := fillCell(&c, p, fill, column, row, gap)
			at.Y += number.FontExtents().Descent / 2
			text := minusSign(compact(cell.value))
			if cell.share != "" {
				c.FillText(note, at.Add(vg.Point{Y: -gridText / 2}), cell.share)
				at.Y += gridNote / 2
			}
			c.FillText(number, at, text)
			if cell.share != "" {
				text += ", " + cell.share
			}
			hover(c.Canvas, at, fmt.Sprintf("%s, %s: %s (%s)", plainText(lossName(loss)), test, text, cell.verdict))
		}
	}
}

// compact writes a number in at most five characters.
func compact(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 0):
		return strings.TrimSuffix(strconv.FormatFloat(v, 'g', -1, 64)[:1], "+") + "∞"
	case a != 0 && a < 1e-3 || a >= 1e5:
		return oneDigit(v)
	case a >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v == math.Trunc(v):
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}

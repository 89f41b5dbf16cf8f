package plots

import (
	"fmt"
	"image/color"
	"math"
	"slices"
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
	t, err := loadTable(src, ScorecardTable, "loss", "test", "value", "verdict")
	if err != nil {
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
	p := barePanel(f.Title)
	p.free, p.wide = true, true
	head := math.Ceil(heads(tests).height() / gridCell)
	p.Height = vg.Length(float64(len(losses))+head) * gridCell
	p.X.Min, p.X.Max, p.X.Tick.Marker = -0.5, float64(len(tests))-0.5, plot.ConstantTicks(nil)
	p.nameRows(losses, lossName)
	p.Y.Min -= head
	grid := &cells{gap: 0.4, size: gridText, noteSize: gridNote, lead: 1}
	p.Add(painter(heads(tests).draw), grid)
	rows := map[[2]string]int{}
	for row := range t.Len() {
		rows[[2]string{t.Text(row, "loss"), t.Text(row, "test")}] = row
	}
	for y, loss := range losses {
		for x, test := range tests {
			row, known := rows[[2]string{loss, test}]
			if !known {
				continue
			}
			verdict, value, share := t.Text(row, "verdict"), t.Float(row, "value"), MeasuredShare(t, row)
			text := compact(value, 3)
			grid.list = append(grid.list, cell{float64(x), float64(y), 0.5, verdictFill[verdict], text, share,
				fmt.Sprintf("%s, %s: %s (%s)", plainText(lossName(loss)), test, strings.TrimSuffix(text+", "+share, ", "), verdict)})
			p.addData(datum{Series: verdict, X: test, Y: loss, Value: csvNumber(value)})
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

// heads draws the names of columns above the cells.
type heads []string

// height is the length of the longest name in points.
func (h heads) height() float64 {
	longest := vg.Length(0)
	sty := textStyle(gridHead, draw.XLeft, draw.YCenter)
	for _, name := range h {
		longest = max(longest, sty.Width(name))
	}
	return float64(longest) + 4
}

func (h heads) draw(c draw.Canvas, p *plot.Plot) {
	head := textStyle(gridHead, draw.XLeft, draw.YCenter)
	head.Rotation = math.Pi / 2
	for column, test := range h {
		c.FillText(head, spot(&c, p, float64(column), -0.5).Add(vg.Point{Y: 2}), test)
	}
}

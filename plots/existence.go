package plots

import (
	"fmt"
	"image/color"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"windtunnel/metrics/tables"
	"windtunnel/toy/exact"
	"windtunnel/toy/registry"
	"windtunnel/toy/train"
)

// Existence draws for which loss and lambda a minimizer exists: a row a loss, a column a lambda, each cell with the
// status of its run in words and color, and the mass that a finite policy gives to one response.
type Existence struct {
	Where    tables.Where `yaml:"where" doc:"selects the runs, at most one for each loss and lambda"`
	Prompt   string       `yaml:"prompt,omitempty" doc:"prompt to draw; needed where there are several"`
	Response int          `yaml:"response" range:"[0,inf)" doc:"index of the response whose mass is written: the one that never loses"`
	Title    string       `yaml:"title,omitempty" doc:"title of the panel"`
}

func existenceKind() registry.Kind[Params] {
	return registry.Kind[Params]{
		Name:    "existence",
		Summary: "status of each loss at each lambda as a labelled cell: where a minimizer exists",
		Source:  "this project",
		New:     func() Params { return &Existence{} },
	}
}

// Refs implements Params.
func (f *Existence) Refs() tables.Refs {
	return tables.Refs{}.Where("where", tables.Policies, f.Where).Prompt("prompt", f.Prompt)
}

// statusFill colors the cells; the words in them say the same.
var statusFill = map[train.Status]color.RGBA{
	train.Converged:  rgb(0xCFE6F5), // light blue
	train.Done:       rgb(0xCFE6F5),
	exact.NotUnique:  rgb(0xFBEFC2), // light yellow
	exact.Boundary:   rgb(0xF3DDEA), // light purple
	exact.Local:      rgb(0xD9EAD3), // light green
	exact.Stationary: rgb(0xE6E6E6), // light grey
	train.Diverged:   rgb(0xF0B78F), // light vermillion
}

// Panels implements Params.
func (f *Existence) Panels(src Sources) ([]*Panel, error) {
	all, err := selectPrompt(src, tables.Policies, f.Where, f.Prompt, "pi")
	if err != nil {
		return nil, err
	}
	response := strconv.Itoa(f.Response)
	mine := all.with("response", response)
	if mine.len() == 0 {
		return nil, fmt.Errorf("no response %d; the rows have %d responses, counted from 0", f.Response, len(all.values("response")))
	}
	objectives, lambdas := mine.values("objective"), mine.values("lambda")
	p := barePanel(f.Title)
	p.Notes = []string{"Numbers: $π_θ(" + responseName(f.Response) + ")$ of the final policy, where there is one."}
	p.free = true
	p.wide = len(lambdas) > maxNarrowCells
	p.Height = vg.Length(len(objectives)) * cellHeight
	p.X.Label.Text = columnLabel("lambda")
	nominal(&p.X, lambdas, sweepLabels(lambdas))
	p.nameRows(objectives, lossName)
	for row, objective := range objectives {
		for column, lambda := range lambdas {
			cell := mine.with("objective", objective).with("lambda", lambda)
			switch cell.len() {
			case 0:
			case 1:
				p.Add(statusCell{column, row, cell.text(0, "status"), massLabel(cell.float(0, "pi"))})
				p.addData(datum{Series: cell.text(0, "status"), X: lambda, Y: objective, Value: csvNumber(cell.float(0, "pi"))})
			default:
				return nil, ambiguous(cell, 0, 1, append(cell.coordinates(), "seed"), "lambda")
			}
		}
	}
	return []*Panel{p}, nil
}

const (
	cellHeight     = 21 // pt
	maxNarrowCells = 6  // that fit side by side in a column of text
)

// nameRows gives a panel named rows from the top down.
func (p *Panel) nameRows(cells []string, name func(string) string) {
	nominal(&p.Y, cells, name)
	p.Y.Scale = plot.InvertedScale{Normalizer: plot.LinearScale{}}
}

// nominal gives an axis a place for each name, the first at 0.
func nominal(axis *plot.Axis, cells []string, name func(string) string) {
	ticks := make(plot.ConstantTicks, len(cells))
	for i, cell := range cells {
		ticks[i] = plot.Tick{Value: float64(i), Label: name(cell)}
	}
	axis.Min, axis.Max = -0.5, float64(len(cells))-0.5
	axis.Tick.Marker = ticks
	axis.Tick.Length = 0
}

// fillCell fills the cell of a column and row but for a gap along its edges, and returns its middle. Rows count downwards.
func fillCell(c *draw.Canvas, p *plot.Plot, fill color.Color, column, row int, gap vg.Length) vg.Point {
	x, y := float64(column), float64(row)
	edge := vg.Point{X: gap, Y: gap}
	c.SetColor(fill)
	c.Fill(vg.Rectangle{Min: spot(c, p, x-0.5, y+0.5).Add(edge), Max: spot(c, p, x+0.5, y-0.5).Sub(edge)}.Path())
	return spot(c, p, x, y)
}

// massLabel writes a probability so that nothing short of 1 reads as 1; a run without a policy has none.
func massLabel(pi float64) string {
	switch {
	case !finite(pi):
		return ""
	case pi > 0.999 && pi < 1:
		return "> 0.999"
	}
	return strconv.FormatFloat(pi, 'f', 3, 64)
}

// statusCell is one cell of the table that an existence figure is.
type statusCell struct {
	column, row  int
	status, mass string
}

// Plot implements plot.Plotter.
func (s statusCell) Plot(c draw.Canvas, p *plot.Plot) {
	const gap = 1
	fill, ok := statusFill[train.Status(s.status)]
	if !ok {
		fill = gridGray
	}
	middle := fillCell(&c, p, fill, s.column, s.row, gap)
	lines := []string{s.status}
	if s.mass != "" {
		lines = append(lines, s.mass)
	}
	hover(c.Canvas, middle, strings.Join(lines, ", "))
	sty := textStyle(tickSize, draw.XCenter, draw.YCenter)
	for i, line := range lines {
		offset := (float64(len(lines)-1)/2 - float64(i)) * 1.15
		at := vg.Point{X: middle.X, Y: middle.Y + vg.Length(offset)*tickSize + sty.FontExtents().Descent/2}
		c.FillText(sty, at, line)
	}
}

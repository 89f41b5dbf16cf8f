package plots

import (
	"image/color"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
	"windtunnel/toy/exact"
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
	train.Cycle:      rgb(0xDCD6F0), // light violet
	train.Collapse:   rgb(0xF5D5C5), // light orange
	train.Diverged:   rgb(0xF0B78F), // light vermillion
}

func (f *Existence) panels(src Sources) []*Panel {
	all := selectPrompt(src, tables.Policies, f.Where, f.Prompt, "pi")
	responses := all.values("response")
	if all = all.with("response", strconv.Itoa(f.Response)); all.len() == 0 {
		try.Fail("no response %d; the rows have %d responses, counted from 0", f.Response, len(responses))
	}
	objectives, lambdas := all.values("objective"), all.values("lambda")
	p := barePanel(f.Title)
	p.Notes = []string{"Numbers: $π_θ(" + responseName(f.Response) + ")$ of the final policy, where there is one."}
	p.free = true
	p.wide = len(lambdas) > maxNarrowCells
	p.Height = vg.Length(len(objectives)) * cellHeight
	p.X.Label.Text = columnLabel("lambda")
	nominal(&p.X, lambdas, sweepLabels(lambdas))
	p.nameRows(objectives, lossName)
	grid := &cells{gap: 1, size: tickSize, noteSize: tickSize, lead: 1.15}
	p.Add(grid)
	for row, objective := range objectives {
		for column, lambda := range lambdas {
			mine := all.with("objective", objective).with("lambda", lambda)
			switch mine.len() {
			case 0:
			case 1:
				status, mass := mine.text(0, "status"), massLabel(mine.float(0, "pi"))
				fill, ok := statusFill[train.Status(status)]
				if !ok {
					fill = gridGray
				}
				grid.list = append(grid.list, cell{float64(column), float64(row), 0.5, fill, status, mass, strings.TrimSuffix(status+", "+mass, ", "), false})
				p.addData(datum{Series: status, X: lambda, Y: objective, Value: csvNumber(mine.float(0, "pi"))})
			default:
				ambiguous(mine, mine.filter(func(i int) bool { return i > 0 }), append(mine.coordinates(), "seed"), "lambda")
			}
		}
	}
	return []*Panel{p}
}

const (
	cellHeight     = 21 // pt
	maxNarrowCells = 6  // that fit side by side in a column of text
)

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

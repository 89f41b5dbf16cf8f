package spec

import (
	"cmp"
	"math"
	"slices"

	"windtunnel/experiments/record"
	"windtunnel/plots"
)

// themed gives the figures that name no theme the one of their config.
func themed(figures []plots.Figure, theme string) []plots.Figure {
	figures = slices.Clone(figures)
	for i := range figures {
		figures[i].Theme = cmp.Or(figures[i].Theme, theme)
	}
	return figures
}

// overviewName names the figure of a config that asks for none.
const overviewName = "overview"

// overviewMetrics are what that figure is of: the first that the runs have.
var overviewMetrics = []string{"tv_star", "reward", "loss"}

// mostPanels is how many values a column may have that makes the panels of that figure.
const mostPanels = 5

// defaultFigures are what a config draws that does not say: a metric over the first number that is swept, lambda before
// all others, or over training where none is. The first other column that varies makes the panels; of the rest the figure
// takes the first value.
func defaultFigures(exp *Experiment, plan *Plan) []plots.Figure {
	kind, _ := plots.Kinds().Find("lines")
	lines := kind.New().(*plots.Lines)
	varying := plan.varying()
	x := slices.IndexFunc(varying, plan.numbers)
	switch {
	case x >= 0:
		lines.X = varying[x]
		varying = slices.Delete(varying, x, x+1)
	case exp.Solver == SolverTrain && !slices.Contains(varying, "solver"):
		lines.Table, lines.X = record.Traces, "step"
	default:
		return nil
	}
	y := slices.IndexFunc(overviewMetrics, func(m string) bool { return slices.Contains(plan.Columns(lines.Table), m) })
	if y < 0 {
		return nil
	}
	lines.Y, lines.Where = overviewMetrics[y], record.Where{}
	for _, column := range varying {
		values := plan.distinct(column)
		if lines.Split == "" && len(values) <= mostPanels {
			lines.Split = column
			continue
		}
		lines.Where[column] = values[:1]
	}
	if !plan.answers(lines.Where) {
		return nil
	}
	return []plots.Figure{{Name: overviewName, Params: lines}}
}

// varying lists the columns, lambda first, of which some objective has several values. Seeds are not among them.
func (p *Plan) varying() []string {
	var columns []string
	for _, column := range append([]string{"lambda"}, p.Swept...) {
		first := map[string]string{}
		varies := false
		p.each([]string{"objective", column}, func(row []string) bool {
			if before, known := first[row[0]]; known && before != row[1] {
				varies = true
			} else {
				first[row[0]] = row[1]
			}
			return !varies
		})
		if varies {
			columns = append(columns, column)
		}
	}
	return columns
}

// numbers says whether all values of a column are numbers, where there are any.
func (p *Plan) numbers(column string) bool {
	return !slices.ContainsFunc(p.distinct(column), func(cell string) bool {
		return cell != "" && math.IsNaN(record.ParseFloat(cell))
	})
}

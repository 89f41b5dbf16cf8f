package spec

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/tables"
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
		lines.Table, lines.X = tables.Traces, "step"
	default:
		return nil
	}
	metrics := plan.overviewMetrics(lines.Table)
	y := slices.IndexFunc(metrics, func(m string) bool { return slices.Contains(plan.Columns(lines.Table), m) })
	if y < 0 {
		return nil
	}
	lines.Y, lines.Where = metrics[y], tables.Where{}
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

// overviewMetrics are what that figure is of, the first that the table has. Of a language model traces tell of pairs, and
// runs of what it writes, if that has a reward.
func (p *Plan) overviewMetrics(table string) []string {
	switch {
	case !p.traits.language:
		return []string{"tv_star", "reward", "loss"}
	case table == tables.Traces:
		return []string{"margin"}
	case p.traits.written:
		return []string{"reward"}
	case p.traits.evaluated:
		return []string{"margin"}
	}
	return []string{"loss"}
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
		return cell != "" && math.IsNaN(tables.ParseFloat(cell))
	})
}

// Figure reads a figure that is asked for beside the config, in YAML as under figures, and checks that the tables of the
// config's experiment hold what it names. The error is a decode.Errors whose mistakes have keys but no lines; that of a suite,
// which has no tables of its own, says so.
func (c *Config) Figure(text string) (plots.Figure, error) {
	var fig plots.Figure
	if c.Plan == nil {
		return fig, decode.Errors{{Wrong: c.Path + " has no runs of its own", Allowed: "the results of an experiment"}}
	}
	const name = "plot"
	l := &loader{Decoder: decode.Decoder{File: name, Tables: Tables()}, path: name}
	root, err := decode.Parse(name, []byte(text))
	if err != nil {
		return fig, unplaced(err)
	}
	l.root = root
	if err := l.Decode(root, "", &fig); err != nil {
		return fig, unplaced(err)
	}
	l.reviewPart("", fig.From, fig.Params, map[string]*Plan{"": c.Plan})
	return fig, unplaced(decode.Join(l.errs...))
}

// unplaced drops the places of mistakes in a text that nobody has seen.
func unplaced(err error) error {
	var mistakes decode.Errors
	if !errors.As(err, &mistakes) {
		return err
	}
	for i := range mistakes {
		mistakes[i].Line, mistakes[i].Column = 0, 0
	}
	return mistakes
}

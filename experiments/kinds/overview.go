package kinds

import (
	"math"
	"slices"

	"windtunnel/experiments/spec"
	"windtunnel/metrics/tables"
	"windtunnel/plots"
	"windtunnel/toy/setup"
)

// overviewName names the figure of a config that asks for none.
const overviewName = "overview"

// mostPanels is how many values a column may have that makes the panels of that figure.
const mostPanels = 5

// overview is what a config draws that does not say: a metric over the first number that is swept, lambda before
// all others, or over training where none is. The first other column that varies makes the panels; of the rest the figure
// takes the first value.
func overview(exp *spec.Experiment, plan *spec.Plan) []spec.Figure {
	kind, _ := plots.Kinds().Find("lines")
	lines := kind.New().(*plots.Lines)
	varying := varying(plan)
	x := slices.IndexFunc(varying, func(column string) bool { return numbers(plan, column) })
	switch {
	case x >= 0:
		lines.X = varying[x]
		varying = slices.Delete(varying, x, x+1)
	case exp.Solver == setup.SolverTrain && !slices.Contains(varying, "solver"):
		lines.Table, lines.X = tables.Traces, "step"
	default:
		return nil
	}
	metrics := overviewMetrics(plan, lines.Table)
	y := slices.IndexFunc(metrics, func(m string) bool { return slices.Contains(plan.Columns(lines.Table), m) })
	if y < 0 {
		return nil
	}
	lines.Y, lines.Where = metrics[y], tables.Where{}
	for _, column := range varying {
		values := plan.Values(column)
		if lines.Split == "" && len(values) <= mostPanels {
			lines.Split = column
			continue
		}
		lines.Where[column] = values[:1]
	}
	if !plan.Answers(lines.Where) {
		return nil
	}
	return []spec.Figure{{Name: overviewName, Params: lines}}
}

// overviewMetrics are what that figure is of, the first that the table has. Of a language model traces tell of pairs, and
// runs of what it writes, if that has a reward.
func overviewMetrics(plan *spec.Plan, table string) []string {
	has := func(table string) bool { return slices.Contains(plan.Tables(), table) }
	switch {
	case !plan.Language():
		if !plan.HasStar() {
			return []string{"nash_gap", "loss"}
		}
		return []string{"tv_star", "reward", "loss"}
	case table == tables.Traces:
		return []string{"margin"}
	case has(tables.Prompts): // they have a reward
		return []string{"reward"}
	case has(tables.Evaluations):
		return []string{"margin"}
	}
	return []string{"loss"}
}

// varying lists the columns, lambda first, of which some objective has several values. Seeds are not among them.
func varying(plan *spec.Plan) []string {
	var columns []string
	for _, column := range append([]string{"lambda"}, plan.Swept...) {
		first := map[string]string{}
		varies := false
		for row := range plan.Rows("objective", column) {
			before, known := first[row[0]]
			varies = varies || known && before != row[1]
			first[row[0]] = row[1]
		}
		if varies {
			columns = append(columns, column)
		}
	}
	return columns
}

// numbers says whether all values of a column are numbers, where there are any.
func numbers(plan *spec.Plan, column string) bool {
	return !slices.ContainsFunc(plan.Values(column), func(cell string) bool {
		return cell != "" && math.IsNaN(tables.ParseFloat(cell))
	})
}

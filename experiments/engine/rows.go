package engine

import (
	"math"
	"slices"
	"strconv"

	"windtunnel/experiments/record"
	"windtunnel/experiments/spec"
	"windtunnel/metrics"
	"windtunnel/toy/train"
)

// allMetrics is metrics.All, looked up once.
var allMetrics = metrics.All()

// noMeasures is how many measured columns stay empty in the row of a run without a final policy.
var noMeasures = len(spec.Metrics())

// tableNames are the tables that a run contributes to, in a fixed order.
var tableNames = []string{record.Runs, record.Policies, record.Prompts, record.Traces, record.Trajectories}

// Tables lists the tables that runs contribute to.
func Tables() []string { return slices.Clone(tableNames) }

// rows returns what a finished run adds to each table, in the order of tableNames, without the cells that depend on the
// plan: those of run.Cells in the table runs, the run's name in the others.
func (l *lab) rows(out *outcome) [][][]string {
	return [][][]string{{l.runRow(out)}, l.policyRows(out), l.promptRows(out), out.trace, out.trajectory}
}

func (l *lab) runRow(out *outcome) []string {
	row := []string{out.status, strconv.Itoa(out.steps), out.reason}
	if !out.final {
		return append(row, make([]string, noMeasures)...)
	}
	return l.appendMeasured(row, out.loss, out.gradNorm)
}

// appendMeasured appends the training columns and the mean of every metric over the prompts.
func (l *lab) appendMeasured(row []string, loss, gradNorm float64) []string {
	dataLoss := loss
	if l.run.Solver != spec.SolverExact {
		dataLoss = l.problem.Loss(l.whole)
	}
	for _, v := range []float64{loss, dataLoss, gradNorm} {
		row = append(row, record.FormatFloat(v))
	}
	for i := range allMetrics {
		row = append(row, record.FormatFloat(metrics.Mean(allMetrics[i], l.views)))
	}
	return row
}

func (l *lab) traceRow(r train.Record) []string {
	row := make([]string, 0, 1+noMeasures)
	return l.appendMeasured(append(row, strconv.Itoa(r.Step)), r.Loss, r.GradNorm)
}

func (l *lab) appendTrajectory(rows [][]string, step int) [][]string {
	at := strconv.Itoa(step)
	for p, v := range l.views {
		for k, pi := range v.Pi {
			rows = append(rows, []string{at, l.env.Prompts[p].Name, strconv.Itoa(k), record.FormatFloat(pi)})
		}
	}
	return rows
}

// policyRows gives the final policies; pi is empty where there is none.
func (l *lab) policyRows(out *outcome) [][]string {
	var rows [][]string
	for p, v := range l.views {
		prompt := &l.env.Prompts[p]
		for k := range v.Pi {
			pi := v.Pi[k]
			if !out.final {
				pi = math.NaN()
			}
			rows = append(rows, []string{prompt.Name, strconv.Itoa(k), record.FormatFloat(pi),
				record.FormatFloat(prompt.PiRef[k]), record.FormatFloat(prompt.PiStar[k])})
		}
	}
	return rows
}

// promptRows gives the final metrics prompt by prompt.
func (l *lab) promptRows(out *outcome) [][]string {
	var rows [][]string
	for p, v := range l.views {
		row := []string{l.env.Prompts[p].Name}
		for i := range allMetrics {
			value := math.NaN()
			if out.final {
				value = allMetrics[i].Value(v)
			}
			row = append(row, record.FormatFloat(value))
		}
		rows = append(rows, row)
	}
	return rows
}

package engine

import (
	"math"

	"windtunnel/experiments/spec"
	"windtunnel/metrics"
)

// allMetrics is metrics.All, looked up once.
var allMetrics = metrics.All()

// noMeasures is how many measured columns stay empty in the row of a run without a final policy.
var noMeasures = len(spec.Metrics())

// The tables that a run may contribute to, as indices of tableNames.
const (
	runsTable = iota
	policiesTable
	promptsTable
	groupsTable
	tracesTable
	trajectoriesTable
	evaluationsTable
	samplesTable
	tableCount
)

// tableNames are the tables that a run may contribute to, in a fixed order. A plan has some of them.
var tableNames = spec.AllTables()

// rows returns what a finished run adds to each table, in the order of tableNames, without the cells that depend on the
// plan: those of run.Cells in the table runs, the run's name in the others.
func (l *lab) rows(out *outcome) [][]byte {
	return [][]byte{l.runRow(out), l.policyRows(out), l.promptRows(out), l.groupRows(out), out.trace, out.trajectory,
		nil, nil}
}

func (l *lab) runRow(out *outcome) []byte {
	s := l.sheet(runsTable)
	s.text(out.status)
	s.integer(out.steps)
	s.text(out.reason)
	if out.final {
		s.cells(&l.measured)
	} else {
		s.empty(noMeasures)
		if l.run.Online() != nil {
			s.empty(1)
		}
	}
	s.end()
	return s.body
}

// measure fills the desk's measured cells: the training columns and the mean of every metric over the training prompts.
func (l *lab) measure(loss, gradNorm float64) {
	dataLoss := loss
	if l.run.Trained() {
		dataLoss = l.problem.Loss(l.whole)
	}
	s := &l.measured
	s.reset(&l.known)
	s.number(loss)
	s.number(dataLoss)
	s.number(gradNorm)
	for i := range allMetrics {
		s.number(metrics.Mean(allMetrics[i], l.training))
	}
	if l.run.Online() != nil {
		s.number(metrics.Mean(metrics.ProxyReward, l.training))
	}
}

func (l *lab) traceRow(s *sheet, step int) {
	s.integer(step)
	s.cells(&l.measured)
	s.end()
}

func (l *lab) trajectoryRows(s *sheet, step int) {
	if !l.listed() {
		return
	}
	for p, v := range l.views {
		for k, pi := range v.Pi {
			s.integer(step)
			s.text(l.env.Prompts[p].Name)
			s.integer(k)
			s.number(pi)
			s.end()
		}
	}
}

// listed says whether policies are listed response by response. A run that failed early has no environment.
func (l *lab) listed() bool { return len(l.views) > 0 && l.env.Responses() <= spec.MostListed }

// policyRows gives the final policies; pi is empty where there is none.
func (l *lab) policyRows(out *outcome) []byte {
	s := l.sheet(policiesTable)
	if !l.listed() {
		return s.body
	}
	for p, v := range l.views {
		prompt := &l.env.Prompts[p]
		for k, pi := range v.Pi {
			if !out.final {
				pi = math.NaN()
			}
			s.text(prompt.Name)
			s.integer(k)
			s.number(pi)
			s.number(prompt.PiRef[k])
			s.number(prompt.PiStar[k])
			s.end()
		}
	}
	return s.body
}

// promptRows gives the final metrics prompt by prompt.
func (l *lab) promptRows(out *outcome) []byte {
	s := l.sheet(promptsTable)
	for p, v := range l.views {
		s.text(l.env.Prompts[p].Name)
		for i := range allMetrics {
			s.number(final(out, &allMetrics[i], v))
		}
		if l.run.Online() != nil {
			s.number(final(out, &metrics.ProxyReward, v))
		}
		s.end()
	}
	return s.body
}

// groupRows gives the means of the final metrics over the prompts of each group.
func (l *lab) groupRows(out *outcome) []byte {
	s := l.sheet(groupsTable)
	for i := range l.groups {
		g := &l.groups[i]
		s.text(g.name)
		s.integer(len(g.views))
		for i := range allMetrics {
			value := math.NaN()
			if out.final {
				value = metrics.Mean(allMetrics[i], g.views)
			}
			s.number(value)
		}
		s.end()
	}
	return s.body
}

// final is a metric of a final policy, NaN where there is none.
func final(out *outcome, m *metrics.Metric, v *metrics.View) float64 {
	if !out.final {
		return math.NaN()
	}
	return m.Value(v)
}

// padded are the tables whose rows end with a cell that only runs with online preferences have.
var padded = [tableCount]bool{runsTable: true, promptsTable: true, tracesTable: true}

// widen appends rows in CSV to a buffer, each with an empty cell more.
func widen(buf, rows []byte) []byte {
	quoted := false
	for _, b := range rows {
		switch {
		case b == '"':
			quoted = !quoted
		case b == '\n' && !quoted:
			buf = append(buf, ',')
		}
		buf = append(buf, b)
	}
	return buf
}

package summaries

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"windtunnel/metrics/inference"
	"windtunnel/metrics/tables"
)

// Summarize emits a row for every metric and group, metric by metric, with the columns of SummarySchema. It returns
// emit's error, or one that names a cell that is no number, or a value of a rate other than 0 and 1.
func (g *Groups) Summarize(emit func(cells []string) error) error {
	return g.each(func(metric string, values []float64) error {
		method, err := g.method(metric, values)
		if err != nil {
			return err
		}
		for i := range g.groups {
			if err := emit(g.summaryRow(metric, method, &g.groups[i], values)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (g *Groups) summaryRow(metric, method string, at *group, values []float64) []string {
	sample, broken := make([]float64, len(at.runs)), 0
	for i, run := range at.runs {
		sample[i] = values[run.row]
		if g.broken[run.row] {
			broken++
		}
	}
	d := inference.Describe(sample)
	interval := g.interval(method, d, sample)
	if interval.Warning != "" {
		g.warnings.add("summary: "+interval.Warning, g.describe(at, g.by)+", "+metric)
	}
	cells := append(slices.Clone(at.cells), metric, strconv.Itoa(d.N), strconv.Itoa(broken), strconv.Itoa(d.Missing-broken), strconv.Itoa(d.Infinite))
	cells = appendNumbers(cells, d.Mean, d.SD, d.SE, d.Min, d.Q25, d.Median, d.Q75, d.Max, interval.Low, interval.High)
	return append(cells, interval.Method)
}

func appendNumbers(cells []string, values ...float64) []string {
	for _, v := range values {
		cells = append(cells, tables.FormatFloat(v))
	}
	return cells
}

// interval returns the interval of one sample.
func (g *Groups) interval(method string, d inference.Description, sample []float64) inference.Interval {
	switch method {
	case wilson:
		successes := 0
		for _, v := range sample {
			if v == 1 {
				successes++
			}
		}
		return inference.WilsonInterval(successes, d.N)
	case bca:
		return inference.Bootstrap{Resamples: g.settings.Resamples}.BCa(sample)
	}
	return d.MeanInterval()
}

// method returns the method for a metric: wilson for rates, else what the settings name.
func (g *Groups) method(metric string, values []float64) (string, error) {
	zeros, ones, other := false, false, -1
	for row, v := range values {
		switch {
		case v == 0:
			zeros = true
		case v == 1:
			ones = true
		case !math.IsNaN(v) && other < 0:
			other = row
		}
	}
	listed := slices.Contains(g.settings.Rates, metric)
	switch {
	case (listed || g.settings.Interval == wilson) && other >= 0:
		return "", fmt.Errorf("table %s: %s of run %s is %g; a rate is 0 or 1 in every run", g.runs.Name, metric,
			g.runs.Text(other, "run"), values[other])
	case listed || g.settings.Interval == wilson || g.settings.Interval == auto && zeros && ones && other < 0:
		return wilson, nil
	case g.settings.Interval == auto:
		return studentT, nil
	}
	return g.settings.Interval, nil
}

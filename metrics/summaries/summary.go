package summaries

import (
	"math"
	"slices"
	"strconv"

	"windtunnel/metrics/inference"
	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
)

// Summarize emits a row for every metric and group, metric by metric, with the columns of SummarySchema. It returns
// emit's error, or one that names a cell that is no number, or a value of a rate other than 0 and 1.
func (g *Groups) Summarize(emit func(cells []string) error) error {
	return try.Do(func() {
		g.each(func(metric string, values []float64) {
			method := g.method(metric, values)
			for i := range g.groups {
				try.Check(emit(g.summaryRow(metric, method, &g.groups[i], values)))
			}
		})
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
func (g *Groups) method(metric string, values []float64) string {
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
		try.Fail("table %s: %s of run %s is %g; a rate is 0 or 1 in every run", g.runs.Name, metric,
			g.runs.Text(other, "run"), values[other])
	case listed || g.settings.Interval == wilson || g.settings.Interval == auto && zeros && ones && other < 0:
		return wilson
	case g.settings.Interval == auto:
		return studentT
	}
	return g.settings.Interval
}

// summaryColumns follow the columns of the group.
var summaryColumns = tables.Schema{
	{Name: "metric", Doc: "Measured column of runs."},
	{Name: "n", Type: tables.Integer, Doc: "Runs with a value."},
	{Name: "failed", Type: tables.Integer, Doc: "Runs that failed, which are in none of the numbers."},
	{Name: "missing", Type: tables.Integer, Doc: "Runs without a value that did not fail."},
	{Name: "infinite", Type: tables.Integer, Doc: "Those of n whose value is infinite."},
	{Name: "mean", Type: tables.Number, Doc: "Mean of the values."},
	{Name: "sd", Type: tables.Number, Doc: "Standard deviation, with n-1 in the denominator."},
	{Name: "se", Type: tables.Number, Doc: "Standard error of the mean, sd/sqrt(n)."},
	{Name: "min", Type: tables.Number, Doc: "Least value."},
	{Name: "q25", Type: tables.Number, Doc: "First quartile, interpolated as in R and numpy (type 7)."},
	{Name: "median", Type: tables.Number, Doc: "Median."},
	{Name: "q75", Type: tables.Number, Doc: "Third quartile, interpolated as in R and numpy (type 7)."},
	{Name: "max", Type: tables.Number, Doc: "Greatest value."},
	{Name: "mean_ci95_low", Type: tables.Number, Doc: "Lower end of the interval that column interval names."},
	{Name: "mean_ci95_high", Type: tables.Number, Doc: "Upper end of the interval that column interval names."},
	{Name: "interval", Doc: "Method and level of the interval of the mean."},
}

// pairedColumns follow the columns of the group less the compared one.
var pairedColumns = tables.Schema{
	{Name: "metric", Doc: "Measured column of runs."},
	{Name: "left", Doc: "Value of the compared column whose mean comes first in the difference."},
	{Name: "right", Doc: "Value of the compared column whose mean is subtracted."},
	{Name: "n", Type: tables.Integer, Doc: "Pairs of runs that agree in everything else, the seed above all."},
	{Name: "unmatched", Type: tables.Integer, Doc: "Values without a counterpart."},
	{Name: "mean_difference", Type: tables.Number, Doc: "Mean of left less right."},
	{Name: "sd_difference", Type: tables.Number, Doc: "Standard deviation of the differences."},
	{Name: "difference_ci95_low", Type: tables.Number, Doc: "Lower end of the interval that column interval names."},
	{Name: "difference_ci95_high", Type: tables.Number, Doc: "Upper end of the interval that column interval names."},
	{Name: "interval", Doc: "Method and level of the interval of the mean difference."},
	{Name: "cohen_dz", Type: tables.Number, Doc: "Effect size: the mean difference in standard deviations of the differences."},
	{Name: "hedges_gz", Type: tables.Number, Doc: "cohen_dz corrected for its bias in small samples."},
	{Name: "t", Type: tables.Number, Doc: "Statistic of the paired t test."},
	{Name: "p", Type: tables.Number, Doc: "Two-sided p value of the paired t test."},
	{Name: "p_holm", Type: tables.Number, Doc: "p corrected by Holm's method over all comparisons of the metric in the table."},
	{Name: "p_wilcoxon", Type: tables.Number, Doc: "Two-sided p value of Wilcoxon's signed-rank test, uncorrected."},
	{Name: "tests", Type: tables.Integer, Doc: "Comparisons that p_holm corrects for."},
	{Name: "left_is", Doc: "What p_holm < 0.05 shows of left: lower, higher or unclear; equal where every pair is."},
}

// SummarySchema describes the rows that Summarize emits, given the columns of runs.
func (g *Groups) SummarySchema(runs tables.Schema) tables.Schema {
	return append(describe(g.by, runs), summaryColumns...)
}

// PairedSchema describes the rows that Compare emits, given the columns of runs.
func (g *Groups) PairedSchema(runs tables.Schema) tables.Schema {
	return append(describe(g.without(g.by), runs), pairedColumns...)
}

// describe returns the columns of these names; one that is not described is text. A setting that is called like a column
// of the tables to be made, as n of best-of-n, is a parameter of the objective and gets its long name, objective.n.
func describe(names []string, described tables.Schema) tables.Schema {
	schema := make(tables.Schema, len(names))
	for i, name := range names {
		schema[i], _ = described.Find(name)
		schema[i].Name = name
		if slices.Contains(summaryColumns.Names(), name) || slices.Contains(pairedColumns.Names(), name) {
			schema[i].Name = "objective." + name
		}
	}
	return schema
}

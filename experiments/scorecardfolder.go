package main

import (
	"fmt"
	"io"
	"math"

	"windtunnel/experiments/results"
	"windtunnel/experiments/scorecard"
	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

// checkScorecard holds the verdicts of a scorecard's table against its values and bounds, prints those that disagree and a
// count, and says whether all agree.
func checkScorecard(folder *results.Folder, quiet bool, stdout io.Writer) (bool, error) {
	t, err := folder.Tables.Table(plots.ScorecardTable)
	if err != nil {
		return false, inputError{err}
	}
	for _, column := range []string{"loss", "test", "value", "bound", "verdict"} {
		if t.Column(column) < 0 {
			return false, inputError{fmt.Errorf("%s: %s.csv has no column %s", folder.Dir, scorecardName, column)}
		}
	}
	count, agree := map[scorecard.Verdict]int{}, 0
	for row := range t.Len() {
		given := scorecard.Verdict(t.Text(row, "verdict"))
		value, bound := t.Float(row, "value"), t.Float(row, "bound")
		want := scorecard.VerdictOf(value, bound)
		if math.IsNaN(value) {
			want = scorecard.None
		}
		count[want]++
		if given == want {
			agree++
			continue
		}
		fmt.Fprintf(stdout, "%s: %s of %s is %q, but the value %s with the bound %s is %q\n", folder.Dir, t.Text(row, "test"), t.Text(row, "loss"),
			given, tables.FormatFloat(value), tables.FormatFloat(bound), want)
	}
	if !quiet || agree < t.Len() {
		fmt.Fprintf(stdout, "%s: %d of %d verdicts follow from value and bound (%d pass, %d fail, %d none)\n", folder.Dir, agree, t.Len(),
			count[scorecard.Pass], count[scorecard.Fail], count[scorecard.None])
	}
	return agree == t.Len(), nil
}

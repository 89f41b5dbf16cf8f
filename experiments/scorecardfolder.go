package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"windtunnel/experiments/scorecard"
	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

// scorecardSources reads the table of a scorecard's results folder.
func scorecardSources(dir string) (plots.Sources, error) {
	path := filepath.Join(dir, scorecardName+".csv")
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return plots.Sources{}, fmt.Errorf("%s: not a results folder of a scorecard: it has no %s", dir, filepath.Base(path))
	}
	if err != nil {
		return plots.Sources{}, err
	}
	defer file.Close()
	table, err := tables.ReadCSV(path, file)
	if err != nil {
		return plots.Sources{}, err
	}
	table.Name = plots.ScorecardTable
	return plots.NewSources(func(string) (tables.Source, error) { return tables.Memory{table.Name: table}, nil }), nil
}

// checkScorecard holds the verdicts of a scorecard's table against its values and bounds, prints those that disagree and a
// count, and says whether all agree.
func checkScorecard(res results, quiet bool, stdout io.Writer) (bool, error) {
	t, err := res.src.Table(plots.ScorecardTable)
	if err != nil {
		return false, inputError{err}
	}
	for _, column := range []string{"loss", "test", "value", "bound", "verdict"} {
		if t.Column(column) < 0 {
			return false, inputError{fmt.Errorf("%s: %s.csv has no column %s", res.dir, scorecardName, column)}
		}
	}
	count, agree := map[scorecard.Verdict]int{}, 0
	for row := range t.Len() {
		given := scorecard.Verdict(t.Text(row, "verdict"))
		value, bound := t.Float(row, "value"), t.Float(row, "bound")
		want := scorecard.Judge(value, bound)
		if math.IsNaN(value) {
			want = scorecard.None
		}
		count[want]++
		if given == want {
			agree++
			continue
		}
		fmt.Fprintf(stdout, "%s: %s of %s is %q, but the value %s with the bound %s is %q\n", res.dir, t.Text(row, "test"), t.Text(row, "loss"),
			given, tables.FormatFloat(value), tables.FormatFloat(bound), want)
	}
	if !quiet || agree < t.Len() {
		fmt.Fprintf(stdout, "%s: %d of %d verdicts follow from value and bound (%d pass, %d fail, %d none)\n", res.dir, agree, t.Len(),
			count[scorecard.Pass], count[scorecard.Fail], count[scorecard.None])
	}
	return agree == t.Len(), nil
}

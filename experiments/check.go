package main

import (
	"fmt"
	"io"
	"math"

	"github.com/spf13/cobra"

	"windtunnel/experiments/results"
	"windtunnel/experiments/results/publish"
	"windtunnel/experiments/scorecard"
	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

func newCheck(stdout io.Writer) *cobra.Command {
	quiet := false
	cmd := &cobra.Command{
		Use:   "check RESULTS...",
		Short: "Evaluate the claims of results folders again, from their tables",
		Long: "Evaluates the claims in each folder's config.yaml against its tables and prints the verdicts; of a\n" +
			"scorecard, whether every verdict is what its value and bound say. Nothing is written. The exit status is 1 if a verdict is not the expected one,\n" +
			"or if a table is not as it was made.",
		Example: `  experiments check results/preservation
  experiments check results/* --quiet`,
		Args: needArgs("a results folder"),
		RunE: func(_ *cobra.Command, args []string) error { return check(args, quiet, stdout) },
	}
	cmd.Flags().BoolVar(&quiet, "quiet", false, "print only verdicts that are not the expected ones")
	return cmd
}

// check prints the verdicts on each folder.
func check(dirs []string, quiet bool, stdout io.Writer) error {
	all, err := openResults(dirs)
	if err != nil {
		return err
	}
	well := !warnChanged(stdout, all)
	for _, folder := range all {
		if folder.Scorecard {
			holds, err := checkScorecard(folder, quiet, stdout)
			if err != nil {
				return err
			}
			well = well && holds
			continue
		}
		verdicts := folder.Check()
		asExpected := results.CountWell(verdicts)
		if !quiet || asExpected < len(verdicts) {
			fmt.Fprintf(stdout, "%s: %d of %d claims came out as the config says\n", folder.Dir, asExpected, len(verdicts))
		}
		printVerdicts(stdout, verdicts, quiet)
		well = well && asExpected == len(verdicts)
	}
	return verdict(well)
}

// warnChanged names what has been changed in folders since they were made, and says whether anything has.
func warnChanged(w io.Writer, folders []*results.Folder) bool {
	found := false
	for _, f := range folders {
		for _, name := range publish.Changed(f.Dir) {
			fmt.Fprintf(w, "%s: warning: %s is not as it was made: its content has another hash than manifest.json says\n", f.Dir, name)
			found = true
		}
		found = warnChanged(w, f.Members) || found
	}
	return found
}

// checkScorecard compares the verdicts of a scorecard's table with its values and bounds, prints those that disagree and a
// count, and says whether all agree.
func checkScorecard(folder *results.Folder, quiet bool, stdout io.Writer) (bool, error) {
	t, err := folder.Tables.Table(plots.ScorecardTable)
	if err != nil {
		return false, inputError{err}
	}
	if err := t.Need(folder.Dir, "loss", "test", "value", "bound", "verdict"); err != nil {
		return false, inputError{err}
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

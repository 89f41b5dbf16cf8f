package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"windtunnel/experiments/results"
)

func newCheck(stdout io.Writer) *cobra.Command {
	quiet := false
	cmd := &cobra.Command{
		Use:   "check RESULTS...",
		Short: "Evaluate the claims of results folders again, from their tables",
		Long: "Evaluates the claims in each folder's config.yaml against its tables and prints the verdicts; of a\n" +
			"scorecard, whether every verdict is what its value and bound say. Nothing is written. The exit status is 1 if a verdict is not the expected one.",
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
	well := true
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
			fmt.Fprintf(stdout, "%s: %d of %d claims are as expected\n", folder.Dir, asExpected, len(verdicts))
		}
		printVerdicts(stdout, verdicts, quiet)
		well = well && asExpected == len(verdicts)
	}
	if !well {
		return errVerdict
	}
	return nil
}

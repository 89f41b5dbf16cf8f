package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"windtunnel/experiments/vectors"
)

func newVectors(stdout io.Writer) *cobra.Command {
	answers, junit, tolerance := "", "", 0.0
	cmd := &cobra.Command{
		Use:   "vectors [LOSS...]",
		Short: "Print test vectors for implementations of losses, or say which mistake answers to them show",
		Long: fmt.Sprintf("Prints test vectors, version %d, as JSON lines: log-probabilities by token of policy and reference with masks, the right\n"+
			"loss and gradient, and what each known mistake gives instead. See experiments/vectors/README.md.\n\n"+
			"With --diagnose: reads answers, JSON lines with the id of a vector and any of loss, grad_chosen and grad_rejected, and\n"+
			"says for each group of vectors whether they are right, which mistake explains all numbers, or that none does. Status 0 if\n"+
			"all are right, 1 if not, 2 if the answers cannot be read.\n\n"+
			"Losses: %s\n\nMistakes:\n%s", vectors.Version, strings.Join(vectors.Names(), ", "), vectors.Mistakes()),
		Example: `  experiments vectors dpo ipo > vectors.jsonl
  experiments vectors --diagnose answers.jsonl --junit report.xml`,
		ValidArgs: vectors.Names(),
		RunE: func(cmd *cobra.Command, args []string) error {
			diagnose := cmd.Flags().Changed("diagnose")
			switch {
			case diagnose && len(args) > 0:
				return inputError{fmt.Errorf("vectors: %q beside --diagnose: answers name their losses themselves", args[0])}
			case diagnose && !(tolerance > 0 && tolerance < 0.1):
				return inputError{fmt.Errorf("vectors: --tolerance is %g; want a number between 0 and 0.1", tolerance)}
			case diagnose:
				return diagnoseAnswers(cmd.Context(), answers, junit, tolerance, stdout)
			case cmd.Flags().Changed("junit") || cmd.Flags().Changed("tolerance"):
				return inputError{errors.New("vectors: --junit and --tolerance need --diagnose\nexample:\n" + cmd.Example)}
			}
			all, err := vectors.Of(args...)
			if err != nil {
				return inputError{fmt.Errorf("vectors: %w", err)}
			}
			text, err := vectors.Text(all)
			if err != nil {
				return err
			}
			_, err = stdout.Write(text)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&answers, "diagnose", "", "file of answers, `ANSWERS.jsonl`, or - for standard input")
	f.StringVar(&junit, "junit", "", "`FILE` for the verdicts as JUnit's XML too")
	f.Float64Var(&tolerance, "tolerance", 1e-6, "relative difference up to which numbers are the same; those below 1/100 relative to 1/100; 1e-3 for float32")
	return cmd
}

// diagnoseAnswers prints a line a group; the error is errVerdict if one is not right.
func diagnoseAnswers(ctx context.Context, path, junit string, tolerance float64, stdout io.Writer) error {
	in, name, err := openInput(ctx, path, "a file of answers")
	if err != nil {
		return err
	}
	defer in.Close()
	verdicts, err := vectors.Diagnose(in, name, tolerance)
	if err != nil {
		return inputError{err}
	}
	if junit != "" {
		if err := os.WriteFile(junit, vectors.JUnit(verdicts), 0o644); err != nil {
			return inputError{fmt.Errorf("--junit: %w", err)}
		}
	}
	well := true
	t := tabwriter.NewWriter(stdout, 0, 8, 2, ' ', 0)
	for i := range verdicts {
		v := &verdicts[i]
		fmt.Fprintf(t, "%s\t%d of %d\t%s\n", v.Group, v.Answered, v.Of, v)
		well = well && v.Right
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return verdict(well)
}

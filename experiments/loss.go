package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"windtunnel/experiments/kinds"
	"windtunnel/experiments/lossvalues"
	"windtunnel/experiments/results/publish"
	"windtunnel/experiments/spec"
	"windtunnel/toy/objective"
	"windtunnel/toy/objective/trl"
)

func newLoss(stdout io.Writer) *cobra.Command {
	check, draw, out, span := false, false, "", 0.0
	var sets []string
	cmd := &cobra.Command{
		Use:   "loss [KIND | CONFIG]",
		Short: "Evaluate losses on lines of log-probabilities, check values against others', or draw one loss",
		Long: "Without KIND: reads from standard input a JSON object a line, in TRL's names, such as\n" +
			`  {"trainer": "dpo", "loss_type": "sigmoid", "beta": 0.1, "in": [-1, -2, -1.5, -1.5]}` + "\n" +
			"with in the log-probabilities of chosen and rejected and the reference's of both, and prints the same line with out filled\n" +
			"in: the loss and its derivatives by the first two. With --check it compares with the out of each line instead and prints\n" +
			"the worst relative error of each loss (of values below 1/100 relative to 1/100): status 1 if one is off by more than a\n" +
			"relative 1e-10, which is 1e-12 near zero. Lines may be compressed.\n\n" +
			"With KIND or a CONFIG and --check: compares that loss, set by --set, or those of the config, custom and external ones too, with\n" +
			"pairs that you computed: lines such as\n" +
			`  {"in": [-1, -2, -1.5, -1.5], "out": [0.6443966600735709, -0.0475020812521060, 0.0475020812521060]}` + "\n" +
			"and, if the loss reads them, len and rewards, of chosen and rejected, and dispersion, a number. The lines are one batch of equal\n" +
			"weights, derivatives those of the sum of its losses; where the loss has a statistic of the batch the mean loss is compared.\n\n" +
			"With KIND and --plot: draws the loss and its gradient over the margin and over (chosen, rejected).\n\n" +
			"Losses by trainer/loss_type: " + strings.Join(trl.Names(), ", "),
		Example: `  experiments loss < lines.jsonl > filled.jsonl
  experiments loss --check < lines.jsonl
  experiments loss custom --set 'pair=softplus(-beta*logits)' --set beta=0.1 --check < pairs.jsonl
  experiments loss --check mine.yaml < mine.jsonl
  experiments loss simpo --set beta=2 --plot --out figures`,
		Args: atMost(1, "one kind of loss, or a config"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case draw && check:
				return inputError{errors.New("loss: --plot draws a loss, --check reads lines; one of the two")}
			case len(args) == 1 && draw:
				return drawLoss(args[0], sets, span, out, stdout)
			case len(args) == 1 && check:
				return checkOwn(cmd.Context(), args[0], sets, cmd.InOrStdin(), stdout)
			case len(args) == 1:
				return notToDraw(args[0])
			case draw || cmd.Flags().Changed("set") || cmd.Flags().Changed("out") || cmd.Flags().Changed("span"):
				return inputError{errors.New("loss: --plot, --set, --out and --span need a kind of loss\nexample:\n" + cmd.Example)}
			case check:
				found, err := lossvalues.Check(interruptible{cmd.Context(), cmd.InOrStdin()})
				return reportChecked(found, err, stdout)
			}
			filled, err := lossvalues.Fill(interruptible{cmd.Context(), cmd.InOrStdin()})
			if err != nil {
				return inputError{err}
			}
			_, err = stdout.Write(filled)
			return err
		},
	}
	f := cmd.Flags()
	f.BoolVar(&check, "check", false, "compare with the out of each line and report the largest error of each loss")
	f.BoolVar(&draw, "plot", false, "draw KIND as SVG, PNG and PDF, with the values as CSV")
	f.StringArrayVar(&sets, "set", nil, "parameter of KIND, as `KEY=VALUE`; may be repeated")
	f.StringVar(&out, "out", ".", "folder for the figure")
	f.Float64Var(&span, "span", 10, "log-probabilities drawn go from minus this to 0, margins from minus to plus this")
	return cmd
}

// notToDraw is the mistake of naming a loss, or a file, without --plot.
func notToDraw(name string) error {
	if _, ok := objective.Kinds().Find(name); ok {
		return inputError{fmt.Errorf("loss: %s is a loss to be drawn: give --plot or --check too, or no loss to read lines from standard input", name)}
	}
	return inputError{fmt.Errorf("loss: %q is no loss; lines are read from standard input: experiments loss < %s", name, name)}
}

// checkOwn compares with a loss of the registry or with those of a config.
func checkOwn(ctx context.Context, name string, sets []string, in io.Reader, stdout io.Writer) error {
	var losses []spec.Objective
	if _, err := os.Stat(name); err == nil && len(sets) == 0 {
		c, err := spec.LoadLosses(name, kinds.Tables())
		if err != nil {
			return err
		}
		losses = c.Scorecard.Objectives
	} else if losses, err = lossvalues.Loss(name, sets); err != nil {
		return reportChecked(nil, err, stdout)
	}
	found, err := lossvalues.CheckPairs(ctx, losses, interruptible{ctx, in})
	return reportChecked(found, err, stdout)
}

// reportChecked prints a line a loss; the error is errVerdict if a value is off.
func reportChecked(found []*lossvalues.Comparison, err error, stdout io.Writer) error {
	if err != nil {
		return inputError{err}
	}
	t := tabwriter.NewWriter(stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "loss\tlines\toff\tworst relative error\tat line\t")
	well := true
	for _, c := range found {
		fmt.Fprintf(t, "%s\t%d\t%d\t%.2g\t%d\t\n", c.Loss, c.Lines, c.Off, c.Worst, c.At)
		well = well && c.Off == 0
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return verdict(well)
}

// drawLoss draws a loss and prints the files.
func drawLoss(kind string, sets []string, span float64, out string, stdout io.Writer) error {
	if err := publish.PlaceFolder(out); err != nil {
		return err
	}
	files, err := lossvalues.Figure(kind, sets, span)
	if err == nil {
		err = os.MkdirAll(out, 0o755)
	}
	for _, f := range files {
		path := filepath.Join(out, f.Name)
		if err == nil {
			err = publish.WriteFile(path, f.Data)
		}
		if err != nil {
			break
		}
		fmt.Fprintln(stdout, path)
	}
	if err != nil {
		return inputError{err}
	}
	return nil
}

package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"windtunnel/experiments/results"
	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/comparison"
	"windtunnel/metrics/tables"
)

func newCompare(stdout io.Writer) *cobra.Command {
	var o comparison.Options
	asCSV := false
	cmd := &cobra.Command{
		Use:   "compare A B",
		Short: "Compare two results folders run by run: what changed, by how much, and whether beyond noise",
		Long: "Matches the runs of two results folders by name, or by the columns that --by lists, and compares their statuses\n" +
			"and every measured column. A change of a setting with several seeds is held against their noise: a paired t test\n" +
			"over the seeds at 5 %, corrected by Holm's procedure over all columns and settings that differ at all. The most\n" +
			"important changes come first. The exit status is 0 if nothing differs beyond the tolerance, 1 if something does\n" +
			"and 2 if the folders cannot be compared.",
		Example: `  experiments compare results/preservation /elsewhere/results/preservation
  experiments compare old/sweep new/sweep --tolerance 1e-9
  experiments compare adam/sweep sgd/sweep --by objective --by lambda --by seed`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return inputError{fmt.Errorf("%s: it takes two results folders, not %d\nexample:\n%s", cmd.CommandPath(), len(args), cmd.Example)}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return compare(args[0], args[1], o, asCSV, stdout, cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringSliceVar(&o.By, "by", nil, "columns that a run and its counterpart agree in, instead of the name")
	cmd.Flags().Float64Var(&o.Tolerance, "tolerance", 0, "numbers a and b differ if |a-b| > `TOLERANCE` max(|a|,|b|)")
	cmd.Flags().BoolVar(&asCSV, "csv", false, "print every change as CSV instead of a summary")
	return cmd
}

// compare prints what changed from one results folder to another.
func compare(a, b string, o comparison.Options, asCSV bool, stdout, stderr io.Writer) error {
	if !(o.Tolerance >= 0) || math.IsInf(o.Tolerance, 0) {
		return inputError{fmt.Errorf("--tolerance %g: at least 0, and finite", o.Tolerance)}
	}
	var folders [2]*tables.Folder
	for i, dir := range []string{a, b} {
		var err error
		if folders[i], err = tables.OpenFolder(dir); err != nil {
			return inputError{err}
		}
	}
	warnChanged(stderr, []*results.Folder{{Dir: a}, {Dir: b}})
	o.Names = [2]string{a, b}
	report, err := comparison.Compare(folders[0], folders[1], o)
	if missing, ok := errors.AsType[*comparison.MissingColumn](err); ok {
		err = decode.Suggest(err, missing.Column, missing.Have)
	}
	if err != nil {
		return inputError{err}
	}
	if asCSV {
		if err := changesTable(report).WriteCSV(stdout); err != nil {
			return err
		}
	} else {
		printComparison(stdout, a, b, report)
	}
	return verdict(report.Same())
}

// mostChanges and mostNames are how many changes, and runs or columns, are printed one by one.
const (
	mostChanges = 20
	mostNames   = 5
)

func printComparison(w io.Writer, a, b string, r *comparison.Report) {
	fmt.Fprintf(w, "A: %s: %d runs\nB: %s: %d runs\n", a, r.Runs[0], b, r.Runs[1])
	fmt.Fprintf(w, "%d runs matched, %d columns of %d settings compared: ", r.Matched, r.Measured, r.Settings)
	if r.Same() {
		fmt.Fprintln(w, "nothing differs")
		return
	}
	fmt.Fprintf(w, "%d changes\n", len(r.Changes))
	for side, letter := range []string{"A", "B"} {
		printNames(w, "runs only in "+letter, r.Only[side])
		printNames(w, "columns only in "+letter, r.OnlyColumns[side])
	}
	for i, c := range r.Statuses {
		if i == mostNames {
			fmt.Fprintf(w, "  ... and %d more runs that ended otherwise\n", len(r.Statuses)-i)
			break
		}
		fmt.Fprintf(w, "  %s: %s in A, %s in B\n", c.Run, c.A, c.B)
	}
	printChanges(w, r.Changes)
}

func printNames(w io.Writer, what string, names []string) {
	if len(names) == 0 {
		return
	}
	more := ""
	if n := len(names) - mostNames; n > 0 {
		names, more = names[:mostNames], fmt.Sprintf(" and %d more", n)
	}
	fmt.Fprintf(w, "  %s: %s%s\n", what, strings.Join(names, ", "), more)
}

// printChanges prints the table of changes; "change" is the mean of B less A.
func printChanges(w io.Writer, changes []comparison.Change) {
	if len(changes) == 0 {
		return
	}
	t := newTabs(w)
	fmt.Fprintln(t, "  noise\tcolumn\tat\truns differ\tmean in A\tmean in B\tchange (95 % interval)\tlargest\tp (Holm)")
	for i, c := range changes {
		if i == mostChanges {
			break
		}
		change := short(c.Paired.Mean)
		if between := c.Paired.Interval; between.Known() {
			change += fmt.Sprintf(" (%s to %s)", short(between.Low), short(between.High))
		}
		largest := "-"
		if !math.IsInf(c.Largest, 0) {
			largest = fmt.Sprintf("%.2g %%", 100*c.Largest)
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%d of %d%s\t%s\t%s\t%s\t%s\t%s\n", c.Noise, c.Column, c.Setting, c.Differ, c.Compared, noted([]int{c.Lost, c.Gained}, "lost", "gained"),
			short(c.MeanA), short(c.MeanB), change, largest, short(c.Holm))
	}
	t.Flush()
	if n := len(changes) - mostChanges; n > 0 {
		fmt.Fprintf(w, "  ... and %d more (--csv lists all)\n", n)
	}
}

// noted writes the numbers that are above 0, each with its word, in parentheses: " (40 cached, 1 failed)"; "" if there are none.
func noted(numbers []int, words ...string) string {
	var parts []string
	for i, n := range numbers {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, words[i]))
		}
	}
	if parts == nil {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// changesTable is the table of all changes.
func changesTable(r *comparison.Report) *tables.Table {
	t := tables.NewTable("changes", "column", "at", "runs", "differ", "gained", "lost", "mean_a", "mean_b", "mean_change", "sd_change",
		"change_ci95_low", "change_ci95_high", "largest_relative", "p", "p_holm", "noise")
	for _, c := range r.Changes {
		row := []string{c.Column, c.Setting}
		for _, n := range []int{c.Compared, c.Differ, c.Gained, c.Lost} {
			row = append(row, strconv.Itoa(n))
		}
		for _, v := range []float64{c.MeanA, c.MeanB, c.Paired.Mean, c.Paired.SD, c.Paired.Interval.Low, c.Paired.Interval.High, c.Largest, c.Paired.P, c.Holm} {
			row = append(row, tables.FormatFloat(v))
		}
		t.Append(append(row, string(c.Noise))...)
	}
	return t
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"windtunnel/experiments/results"
	"windtunnel/metrics/tables"
)

func newExport(stdout io.Writer) *cobra.Command {
	var format tables.Format
	out := ""
	cmd := &cobra.Command{
		Use:   "export RESULTS",
		Short: "Write the tables of a results folder as Parquet or as CSV",
		Long: "Writes every table of the folder in the other format, beside it or into a folder of its own, with a datapackage.json\n" +
			"that gives type, unit and meaning of each column. No number changes: exported there and back, a table is the same file.",
		Example: `  experiments export results/preservation --format parquet
  experiments export results/preservation --format csv --out shared`,
		Args: func(cmd *cobra.Command, args []string) error {
			return cmp.Or(needArgs("a results folder")(cmd, args), atMost(1, "one results folder")(cmd, args))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := filepath.Clean(args[0])
			return export(cmd.Context(), dir, filepath.Clean(cmp.Or(out, dir)), format, stdout)
		},
	}
	f := cmd.Flags()
	f.Var(&format, "format", "csv or parquet: what to write")
	f.StringVar(&out, "out", "", "folder for the tables (default: RESULTS itself)")
	return cmd
}

// export reads and checks everything before it writes anything.
func export(ctx context.Context, dir, out string, format tables.Format, stdout io.Writer) error {
	if format != tables.CSV && format != tables.Parquet {
		return inputError{fmt.Errorf("export: --format is %q; csv or parquet", string(format))}
	}
	e, err := results.NewExport(dir, out, format)
	if err == nil {
		err = os.MkdirAll(out, 0o755)
	}
	if err != nil {
		return inputError{err}
	}
	files, err := e.Write(ctx)
	if err != nil {
		return err
	}
	for _, name := range files {
		fmt.Fprintln(stdout, filepath.Join(out, name))
	}
	return nil
}

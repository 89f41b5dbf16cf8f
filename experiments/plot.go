package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"windtunnel/experiments/engine"
)

func newPlot(stdout io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:   "plot RESULTS...",
		Short: "Redraw the figures of results folders from their tables, without training",
		Example: `  experiments plot results/preservation
  experiments plot results/*`,
		Args: needArgs("a results folder"),
		RunE: func(cmd *cobra.Command, args []string) error { return redraw(cmd.Context(), args, stdout) },
	}
}

// redraw draws the figures that each folder's config names.
func redraw(ctx context.Context, dirs []string, stdout io.Writer) error {
	all, err := openResults(dirs)
	if err != nil {
		return err
	}
	well := true
	for _, res := range all {
		r := report{config: res.config, dir: res.dir}
		files, err := r.draw(ctx, res.src, runtime.GOMAXPROCS(0))
		if err != nil {
			return err
		}
		if err := writeFigures(filepath.Join(res.dir, "figures"), files, engine.WriteFile); err != nil {
			return err
		}
		var names []string
		for _, f := range files {
			names = append(names, "figures/"+f.Name)
		}
		if err := engine.Reseal(res.dir, names); err != nil {
			return err
		}
		for _, path := range r.figures {
			fmt.Fprintln(stdout, path)
		}
		r.printBroken(stdout)
		well = well && len(r.undrawn) == 0
	}
	if !well {
		return errVerdict
	}
	return nil
}

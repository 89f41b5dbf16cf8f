package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"windtunnel/experiments/engine"
	"windtunnel/experiments/results/publish"
)

func newPlot(stdout io.Writer) *cobra.Command {
	q := &quickPlot{stdout: stdout}
	cmd := &cobra.Command{
		Use:   "plot RESULTS...",
		Short: "Redraw the figures of results folders from their tables, or draw another one, without training",
		Long: "Without --kind the figures that the folders' configs name are drawn again, in place. With it, one figure is drawn of one\n" +
			"folder and written beside where you are, or to --output; `experiments list figures` tells of the kinds and their settings.\n" +
			"--terminal draws with characters instead, and writes nothing.",
		Example: `  experiments plot results/preservation
  experiments plot results/*
  experiments plot results/preservation --kind lines --x lambda --y tv_star --by objective
  experiments plot results/preservation --terminal`,
		Args: needArgs("a results folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !q.asked(cmd.Flags()) {
				return redraw(cmd.Context(), args, stdout)
			}
			return q.run(args)
		},
	}
	q.register(cmd.Flags())
	return cmd
}

// redraw draws the figures that each folder's config names.
func redraw(ctx context.Context, dirs []string, stdout io.Writer) error {
	all, err := openResults(dirs)
	if err != nil {
		return err
	}
	well := true
	for _, res := range all {
		good, err := redrawOne(ctx, &res, stdout)
		if err != nil {
			return err
		}
		well = well && good
	}
	if !well {
		return errVerdict
	}
	return nil
}

// redrawOne draws the figures of one folder and says whether all could be drawn.
func redrawOne(ctx context.Context, res *results, stdout io.Writer) (well bool, err error) {
	held, err := publish.Hold(res.dir)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, held.Release()) }()
	r := report{config: res.config, dir: res.dir, trouble: &engine.Trouble{}}
	files, err := r.draw(ctx, res.src, runtime.GOMAXPROCS(0))
	if err != nil {
		return false, err
	}
	if err := writeFigures(filepath.Join(res.dir, "figures"), files, publish.WriteFile); err != nil {
		return false, err
	}
	var names []string
	for _, f := range files {
		names = append(names, "figures/"+f.Name)
	}
	if err := publish.Reseal(res.dir, names); err != nil {
		return false, err
	}
	for _, path := range r.figures {
		fmt.Fprintln(stdout, path)
	}
	r.printBroken(stdout)
	return len(r.undrawn) == 0, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"windtunnel/experiments/spec"
)

// runOptions are the flags of run.
type runOptions struct {
	out    string
	sets   []string
	jobs   int
	fresh  bool
	quiet  bool
	dryRun bool
}

func newRun(stdout, stderr io.Writer) *cobra.Command {
	o := &runOptions{}
	cmd := &cobra.Command{
		Use:   "run CONFIG...",
		Short: "Run configs: train, write tables, evaluate claims, draw figures",
		Long: "Runs each config and writes OUT/NAME/ with tables, claims and figures. A folder that already holds the\n" +
			"tables of the same runs, made by this very program, is not trained again unless --fresh is given.",
		Example: `  experiments run configs/interpolation.yaml
  experiments run configs/interpolation.yaml --set train.epochs=100 --set 'sweep.lambda=[0.01, 1]' --out try
  experiments run configs/*.yaml --jobs 2 --quiet`,
		Args: needArgs("a config"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runConfigs(cmd.Context(), args, o, stdout, stderr)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.out, "out", "results", "folder for results; a config named X writes `DIR`/X/")
	f.StringArrayVar(&o.sets, "set", nil, "override a setting, `key.path=value` (repeatable; checked like the config)")
	f.IntVar(&o.jobs, "jobs", runtime.GOMAXPROCS(0), "runs done at the same time")
	f.BoolVar(&o.fresh, "fresh", false, "train again even if the results are there already")
	f.BoolVar(&o.quiet, "quiet", false, "print only what is not well")
	f.BoolVar(&o.dryRun, "dry-run", false, "print the planned runs and stop")
	return cmd
}

// runConfigs loads all configs before it runs any.
func runConfigs(ctx context.Context, paths []string, o *runOptions, stdout, stderr io.Writer) error {
	if o.jobs < 1 {
		return inputError{fmt.Errorf("--jobs %d: at least 1", o.jobs)}
	}
	configs, err := loadAll(paths, o.sets)
	if err != nil {
		return err
	}
	for _, c := range configs {
		for _, warning := range c.Warnings {
			fmt.Fprintf(stderr, "%s: warning: %s\n", c.Path, warning)
		}
	}
	if o.dryRun {
		for _, c := range configs {
			printPlan(stdout, c)
		}
		return nil
	}
	well := true
	for i, c := range configs {
		if c.Scorecard != nil {
			if err := runScorecard(ctx, c, o, stdout); err != nil {
				return err
			}
			continue
		}
		report, err := produce(ctx, c, o, stderr)
		if errors.Is(err, context.Canceled) {
			return interrupted(configs[:i], c, o)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.Path, err)
		}
		well = report.print(stdout, o.quiet) && well
	}
	if !well {
		return errVerdict
	}
	return nil
}

// loadAll loads configs and, before each suite, its members, each experiment once. All mistakes of all files are
// reported together.
func loadAll(paths, sets []string) ([]*spec.Config, error) {
	var all []*spec.Config
	var errs []error
	byName := map[string]*spec.Config{}
	add := func(c *spec.Config) {
		other, taken := byName[c.Head.Name]
		switch {
		case !taken:
			byName[c.Head.Name] = c
			all = append(all, c)
		case !maps.Equal(other.InputHashes(), c.InputHashes()):
			errs = append(errs, inputError{fmt.Errorf("%s and %s are both named %q and would overwrite one another; give one of them another name",
				other.Path, c.Path, c.Head.Name)})
		}
	}
	for _, path := range paths {
		c, err := spec.Load(path, sets)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, member := range c.Members {
			add(member)
		}
		add(c)
	}
	return all, joinInput(errs)
}

// interrupted says what a stopped call leaves behind.
func interrupted(done []*spec.Config, during *spec.Config, o *runOptions) error {
	kept := "nothing was finished before"
	if len(done) > 0 {
		kept = "finished and kept:"
		for _, c := range done {
			kept += " " + filepath.Join(o.out, c.Head.Name)
		}
	}
	return fmt.Errorf("interrupted during %s, whose folder %s is as it was; %s", during.Path,
		filepath.Join(o.out, during.Head.Name), kept)
}

// printPlan prints the runs of a config without doing them.
func printPlan(w io.Writer, c *spec.Config) {
	if c.Suite != nil {
		fmt.Fprintf(w, "%s: a suite of %d experiments, %d figures\n", c.Head.Name, len(c.Members), len(c.Suite.Figures))
		return
	}
	if c.Scorecard != nil {
		fmt.Fprintf(w, "%s: a scorecard of %d losses\n", c.Head.Name, len(c.Scorecard.Objectives))
		return
	}
	fmt.Fprintf(w, "%s: %d runs\n", c.Head.Name, c.Plan.Len())
	for _, r := range c.Plan.All() {
		fmt.Fprintf(w, "  %s\n", r)
	}
	fmt.Fprintf(w, "the first run, resolved:\n%s", indent(c.Plan.Resolved(c.Plan.Run(0))))
}

// indent moves every line two spaces in.
func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ") + "\n"
}

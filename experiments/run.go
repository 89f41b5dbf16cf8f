package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"windtunnel/experiments/cache"
	"windtunnel/experiments/engine"
	"windtunnel/experiments/results"
	"windtunnel/experiments/results/publish"
	"windtunnel/experiments/spec"
	"windtunnel/metrics/tables"
)

func newRun(stdout, stderr io.Writer) *cobra.Command {
	o := &runOptions{}
	cmd := &cobra.Command{
		Use:   "run CONFIG...",
		Short: "Run configs: train, write tables, evaluate claims, draw figures",
		Long: "Runs each config, or every config in a folder, and writes OUT/NAME/ with tables, claims and figures.\n" +
			"Finished runs are kept in a cache and never done twice: after an interruption, type the same command again.",
		Example: `  experiments run configs/interpolation.yaml
  experiments run configs/interpolation.yaml --set train.epochs=100 --set 'sweep.lambda=[0.01, 1]' --out try
  experiments run configs/*.yaml --jobs 2 --quiet`,
		Args: needArgs("a config"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runConfigs(cmd.Context(), args, o, stdout, stderr)
		},
	}
	f := cmd.Flags()
	o.output.register(f)
	f.StringVar(&o.cache, "cache", "", cacheUsage)
	f.StringArrayVar(&o.sets, "set", nil, "override a setting, `key.path=value` (repeatable; checked like the config)")
	f.IntVar(&o.jobs, "jobs", runtime.GOMAXPROCS(0), "runs done at the same time")
	f.Var(&o.shard, "shard", "do the i-th of n parts of the runs, for merge; no claims, no figures")
	f.Var(&o.retry, "retry", "do runs again that ended so: failed")
	f.BoolVar(&o.force, "force", false, forceUsage)
	f.BoolVar(&o.fresh, "fresh", false, "do all runs again even if they are in the cache")
	f.BoolVar(&o.dryRun, "dry-run", false, "print what would be done and how long it would take, and stop")
	return cmd
}

// runOptions are the flags of run.
type runOptions struct {
	output
	sets   []string
	jobs   int
	shard  engine.Shard
	retry  retry
	fresh  bool
	force  bool
	dryRun bool
	cache  string
}

// cacheDir returns the folder of finished runs.
func (o *runOptions) cacheDir() string { return cmp.Or(o.cache, filepath.Join(o.out, ".cache")) }

// output is where results go and in what form.
type output struct {
	out    string
	format tables.Format
	quiet  bool
}

// cacheUsage describes --cache, which several subcommands have.
const cacheUsage = "folder of finished runs, which several configs, processes and machines may share (default OUT/.cache)"

// register adds the flags of results folders.
func (o *output) register(f *pflag.FlagSet) {
	f.StringVar(&o.out, "out", "results", "folder for results; a config named X writes `DIR`/X/")
	o.format = tables.CSV
	f.Var(&o.format, "format", "form of the tables: csv, parquet or both")
	f.BoolVar(&o.quiet, "quiet", false, "print only what is not well")
}

// retry is the flag --retry.
type retry bool

// Set implements pflag.Value.
func (r *retry) Set(text string) error {
	if text != tables.Failed {
		return fmt.Errorf("%q: only %q", text, tables.Failed)
	}
	*r = true
	return nil
}

// String implements pflag.Value.
func (r *retry) String() string {
	if *r {
		return tables.Failed
	}
	return ""
}

// Type implements pflag.Value.
func (r *retry) Type() string { return "status" }

// runConfigs loads all configs before it runs any.
func runConfigs(ctx context.Context, paths []string, o *runOptions, stdout, stderr io.Writer) error {
	if o.jobs < 1 {
		return inputError{fmt.Errorf("--jobs %d: at least 1", o.jobs)}
	}
	configs, err := abandoned(ctx, func() ([]*spec.Config, error) { return loadAll(paths, o.sets) })
	if err != nil {
		return err
	}
	warn(stderr, configs)
	if err := o.checkPlaces(configs); err != nil {
		return err
	}
	store, err := cache.Open(o.cacheDir())
	if err != nil {
		return inputError{err}
	}
	defer store.Close()
	r := &runner{o, configs, store, stdout, stderr}
	if o.dryRun {
		return r.preview(ctx)
	}
	return errors.Join(r.run(ctx), store.Close())
}

// checkPlaces refuses to write where something else stands than results of the same config.
func (o *runOptions) checkPlaces(configs []*spec.Config) error {
	for _, c := range configs {
		_, err := publish.Place(o.out, c.Head.Name)
		switch {
		case !o.shard.Whole():
			_, err = publish.Place(o.out, o.shard.Folder(c.Head.Name))
		case !o.force:
			err = owner(c).Check(o.out, c.Head.Name)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.Path, err)
		}
	}
	return nil
}

// owner returns the config as the owner of a results folder.
func owner(c *spec.Config) publish.Owner {
	return publish.Owner{Path: c.Path, Hash: c.InputHashes()["config"]}
}

// forceUsage describes --force, which several subcommands have.
const forceUsage = "replace results of the same name that another config made"

// runner is what the configs of one call share.
type runner struct {
	*runOptions
	configs        []*spec.Config
	store          *cache.Store
	stdout, stderr io.Writer
}

// run makes the folder of every config in order.
func (r *runner) run(ctx context.Context) error {
	well := true
	for i, c := range r.configs {
		good, err := r.one(ctx, c)
		if ctx.Err() != nil {
			return r.interrupted(r.configs[:i], c)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.Path, err)
		}
		well = good && well
	}
	return verdict(well)
}

// one makes what the flags ask for of a config and says whether all is well.
func (r *runner) one(ctx context.Context, c *spec.Config) (bool, error) {
	if err := r.tryUntried(ctx, c); err != nil {
		return false, err
	}
	switch {
	case !r.shard.Whole():
		return true, r.makeShard(ctx, c)
	case c.Scorecard != nil:
		return true, runScorecard(ctx, c, r.runOptions, r.stdout)
	}
	work := r.work(c)
	maker := &results.Maker{Config: c, Owner: owner(c), Out: r.out, Format: r.format, Jobs: r.jobs, Beside: r.configs,
		Runs: func(dir string) (engine.Count, *engine.Faults, error) {
			if err := r.compute(ctx, c.Head.Name, work); err != nil {
				return engine.Count{}, nil, err
			}
			faults, err := work.Assemble(ctx, dir, r.format)
			return work.Meter.Now(), faults, err
		}}
	made, err := maker.Make(ctx)
	if err != nil {
		return false, err
	}
	return (&summary{c, made}).print(r.stdout, r.quiet), nil
}

// work returns what is to be done for a config.
func (r *runner) work(c *spec.Config) *engine.Work {
	return &engine.Work{Plan: c.Plan, Shard: r.shard, Store: r.store, Meter: &engine.Meter{}, Jobs: r.jobs, Fresh: r.fresh,
		Retry: bool(r.retry)}
}

// compute does the work and shows how far it is.
func (r *runner) compute(ctx context.Context, name string, work *engine.Work) error {
	if r.quiet {
		return work.Compute(ctx)
	}
	watch := newWatch(name, r.stderr, work.Meter.Now)
	defer watch.stop()
	return work.Compute(ctx)
}

// makeShard does the runs of a shard and makes its folder. The members of a suite have shards of their own, and a suite
// none.
func (r *runner) makeShard(ctx context.Context, c *spec.Config) error {
	if c.Plan == nil {
		return nil
	}
	folder := r.shard.Folder(c.Head.Name)
	var count engine.Count
	err := publish.Folder(r.out, folder, func(dir string) error {
		work := r.work(c)
		if err := r.compute(ctx, c.Head.Name+" "+r.shard.String(), work); err != nil {
			return err
		}
		count = work.Meter.Now()
		return errors.Join(work.WriteShard(ctx, c.Head.Name, dir), c.WriteResolved(dir))
	})
	if err == nil && !r.quiet {
		fmt.Fprintf(r.stdout, "%s: shard %s: %s\n  files: %s\n", c.Head.Name, r.shard.String(), runsDone(&count), filepath.Join(r.out, folder))
	}
	return err
}

// interrupted says what a stopped call leaves behind.
func (r *runner) interrupted(done []*spec.Config, during *spec.Config) error {
	kept := ""
	for _, c := range done {
		kept += " " + filepath.Join(r.out, c.Head.Name)
	}
	if kept != "" {
		kept = "; complete:" + kept
	}
	return fmt.Errorf("interrupted during %s, whose folder %s is as it was%s; finished runs are in %s, and the same command goes on from there",
		during.Path, filepath.Join(r.out, during.Head.Name), kept, r.cacheDir())
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"windtunnel/experiments/cache"
	"windtunnel/experiments/engine"
	"windtunnel/experiments/results"
	"windtunnel/experiments/results/publish"
	"windtunnel/experiments/spec"
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
	o.register(cmd.Flags())
	return cmd
}

// runConfigs loads all configs before it runs any.
func runConfigs(ctx context.Context, paths []string, o *runOptions, stdout, stderr io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	configs, err := loadAll(paths, o.sets)
	if err != nil {
		return err
	}
	warn(stderr, configs)
	store, err := cache.Open(o.cacheDir())
	if err != nil {
		return err
	}
	defer store.Close()
	r := &runner{o, configs, store, stdout, stderr}
	if o.dryRun {
		return r.preview(ctx)
	}
	return errors.Join(r.run(ctx), store.Close())
}

// warn prints the warnings of configs.
func warn(w io.Writer, configs []*spec.Config) {
	for _, c := range configs {
		for _, warning := range c.Warnings {
			fmt.Fprintf(w, "%s: warning: %s\n", c.Path, warning)
		}
	}
}

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
	if !well {
		return errVerdict
	}
	return nil
}

// one makes what the flags ask for of a config and says whether all is well.
func (r *runner) one(ctx context.Context, c *spec.Config) (bool, error) {
	switch {
	case !r.shard.Whole():
		return true, r.makeShard(ctx, c)
	case c.Scorecard != nil:
		return true, runScorecard(ctx, c, r.runOptions, r.stdout)
	}
	work := r.work(c)
	maker := &results.Maker{Config: c, Out: r.out, Format: r.format, Jobs: r.jobs, Landscapes: results.LandscapesOf(r.configs, c.Head.Name),
		Runs: func(dir string) (engine.Count, *engine.Trouble, error) {
			if err := r.compute(ctx, c.Head.Name, work); err != nil {
				return engine.Count{}, nil, err
			}
			trouble, err := work.Assemble(ctx, dir, r.format)
			return work.Meter.Now(), trouble, err
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
	staging, err := publish.Stage(r.out, folder)
	if err != nil {
		return err
	}
	defer staging.Abandon()
	work := r.work(c)
	if err := r.compute(ctx, c.Head.Name+" "+r.shard.String(), work); err != nil {
		return err
	}
	if err := errors.Join(work.WriteShard(ctx, c.Head.Name, staging.Dir), c.WriteResolved(staging.Dir)); err != nil {
		return err
	}
	if !r.quiet {
		count := work.Meter.Now()
		fmt.Fprintf(r.stdout, "%s: shard %s: %s\n  files: %s\n", c.Head.Name, r.shard.String(), runsDone(&count), filepath.Join(r.out, folder))
	}
	return staging.Publish()
}

// openFolders puts the configs directly inside a folder, sorted by name, in the place of the folder.
func openFolders(paths []string) (all []string, errs []error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() {
			all = append(all, path) // a file, or something that loading complains about
			continue
		}
		inside, err := filepath.Glob(filepath.Join(engine.EscapeGlob(path), "*.yaml"))
		if err != nil || len(inside) == 0 {
			errs = append(errs, inputError{fmt.Errorf("%s: a folder without configs (*.yaml)", path)})
		}
		all = append(all, inside...)
	}
	return all, errs
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
	paths, errs = openFolders(paths)
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

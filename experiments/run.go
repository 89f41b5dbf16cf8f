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
	"windtunnel/experiments/kinds"
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
	l := &laboratory{runOptions: o, store: store, stdout: stdout, stderr: stderr}
	if o.dryRun {
		return l.preview(ctx, configs)
	}
	return errors.Join(l.run(ctx, configs), store.Close())
}

// warn prints the warnings of configs.
func warn(w io.Writer, configs []*spec.Config) {
	for _, c := range configs {
		for _, warning := range c.Warnings {
			fmt.Fprintf(w, "%s: warning: %s\n", c.Path, warning)
		}
	}
}

// laboratory is what the configs of one call share.
type laboratory struct {
	*runOptions
	store          *cache.Store
	stdout, stderr io.Writer
}

// run produces every config in order.
func (l *laboratory) run(ctx context.Context, configs []*spec.Config) error {
	well := true
	for i, c := range configs {
		good, err := l.one(ctx, c)
		if ctx.Err() != nil {
			return l.interrupted(configs[:i], c)
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

// one produces what the flags ask for of a config and says whether all is well.
func (l *laboratory) one(ctx context.Context, c *spec.Config) (bool, error) {
	switch {
	case !l.shard.Whole():
		return true, l.produceShard(ctx, c)
	case c.Scorecard != nil:
		return true, runScorecard(ctx, c, l.runOptions, l.stdout)
	}
	r, err := l.produce(ctx, c)
	if err != nil {
		return false, err
	}
	return r.print(l.stdout, l.quiet), nil
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
		c, err := kinds.Load(path, sets)
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
func (l *laboratory) interrupted(done []*spec.Config, during *spec.Config) error {
	kept := ""
	for _, c := range done {
		kept += " " + filepath.Join(l.out, c.Head.Name)
	}
	if kept != "" {
		kept = "; complete:" + kept
	}
	return fmt.Errorf("interrupted during %s, whose folder %s is as it was%s; finished runs are in %s, and the same command goes on from there",
		during.Path, filepath.Join(l.out, during.Head.Name), kept, l.cacheDir())
}

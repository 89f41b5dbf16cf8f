package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"windtunnel/experiments/bridge"
	"windtunnel/experiments/kinds"
	"windtunnel/experiments/spec"
	"windtunnel/toy/objective"
)

// loadAll loads configs, in the place of a folder those directly inside it, sorted by name, and before each suite its members, each
// experiment once. All mistakes of all files are reported together.
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
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() {
			files = append(files, path) // a file, or something that loading complains about
			continue
		}
		inside, err := fs.Glob(os.DirFS(path), "*.yaml")
		if err != nil || len(inside) == 0 {
			errs = append(errs, inputError{fmt.Errorf("%s: a folder without configs (*.yaml)", path)})
		}
		for _, name := range inside {
			files = append(files, filepath.Join(path, name))
		}
	}
	for _, path := range files {
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

// warn prints the warnings of configs.
func warn(w io.Writer, configs []*spec.Config) {
	for _, c := range configs {
		for _, warning := range c.Warnings {
			fmt.Fprintf(w, "%s: warning: %s\n", c.Path, warning)
		}
	}
}

// tryLosses asks the processes of losses about a few policies, so that what is wrong with one is told before anything is run.
// losses returns what objective i is tried with, nil for nothing.
func tryLosses(ctx context.Context, c *spec.Config, objectives []spec.Objective, losses func(i int) (objective.Params, spec.Limits)) error {
	for i := range objectives {
		loss, limits := losses(i)
		if loss == nil {
			continue
		}
		limited, cancel := ctx, context.CancelFunc(func() {})
		if limits.Time > 0 {
			limited, cancel = context.WithTimeout(ctx, time.Duration(limits.Time))
		}
		err := bridge.Try(limited, loss)
		cancel()
		if wrong, ok := errors.AsType[*bridge.Error](err); ok && ctx.Err() == nil {
			return c.Mistake(fmt.Sprintf("objectives.%d.%s", i, wrong.Key), wrong.Wrong, wrong.Allowed, wrong.Near)
		}
	}
	return ctx.Err()
}

// tryUntried tries the losses of an experiment of which the cache does not have all runs.
func (r *runner) tryUntried(ctx context.Context, c *spec.Config) error {
	if c.Plan == nil {
		return nil
	}
	untried := r.work(c).Untried()
	return tryLosses(ctx, c, c.Experiment.Objectives, func(i int) (objective.Params, spec.Limits) {
		if run := untried[c.Experiment.Objectives[i].Label(kinds.Tables())]; run != nil {
			return run.Loss, run.Limits
		}
		return nil, spec.Limits{}
	})
}

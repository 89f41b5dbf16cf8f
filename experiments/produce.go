package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"

	"golang.org/x/sync/errgroup"

	"windtunnel/experiments/engine"
	"windtunnel/experiments/kinds"
	"windtunnel/experiments/spec"
	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

// report is what there is to say at the end of a config.
type report struct {
	config   *spec.Config
	dir      string
	count    engine.Count // of the runs
	trouble  *engine.Trouble
	runs     *tables.Table // nil for a suite
	verdicts []verdict
	figures  []string // paths of the PNG files
	first    bool     // its folder was not there before
	undrawn  []error  // figures that could not be drawn
	warnings []string // of summing up over seeds
}

// filler writes the tables of runs into a folder.
type filler func(dir string) (*engine.Trouble, error)

// produce does the runs of a config that the cache lacks and makes its results folder.
func (l *laboratory) produce(ctx context.Context, c *spec.Config) (*report, error) {
	r := &report{config: c}
	work := l.work(c)
	err := publish(ctx, r, &l.output, l.jobs, func(dir string) (*engine.Trouble, error) {
		if err := l.compute(ctx, c.Head.Name, work); err != nil {
			return nil, err
		}
		r.count = work.Meter.Now()
		return work.Assemble(ctx, dir, l.format)
	})
	return r, err
}

// work returns what is to be done for a config.
func (l *laboratory) work(c *spec.Config) *engine.Work {
	return &engine.Work{Plan: c.Plan, Shard: l.shard, Store: l.store, Meter: &engine.Meter{}, Jobs: l.jobs, Fresh: l.fresh,
		Retry: bool(l.retry)}
}

// compute does the work and shows how far it is.
func (l *laboratory) compute(ctx context.Context, name string, work *engine.Work) error {
	if l.quiet {
		return work.Compute(ctx)
	}
	watch := newWatch(name, l.stderr, work.Meter.Now)
	defer watch.stop()
	return work.Compute(ctx)
}

// produceShard does the runs of a shard and makes its folder. The members of a suite have shards of their own, and a
// suite none.
func (l *laboratory) produceShard(ctx context.Context, c *spec.Config) error {
	if c.Plan == nil {
		return nil
	}
	staging, err := engine.Stage(l.out, l.shard.Folder(c.Head.Name))
	if err != nil {
		return err
	}
	defer staging.Abandon()
	work := l.work(c)
	if err := l.compute(ctx, c.Head.Name+" "+l.shard.String(), work); err != nil {
		return err
	}
	if err := work.WriteShard(ctx, c.Head.Name, staging.Dir); err != nil {
		return err
	}
	if err := c.WriteResolved(staging.Dir); err != nil {
		return err
	}
	if !l.quiet {
		count := work.Meter.Now()
		fmt.Fprintf(l.stdout, "%s: shard %s: %s\n  files: %s\n", c.Head.Name, l.shard.String(), runsDone(&count),
			filepath.Join(l.out, l.shard.Folder(c.Head.Name)))
	}
	return staging.Publish()
}

// publish makes the results folder of a config: tables, claims, figures, the resolved config and a manifest. The folder
// changes in one step at the end. The members of a suite have been produced before.
func publish(ctx context.Context, r *report, o *output, jobs int, fill filler) error {
	name := r.config.Head.Name
	r.dir, r.trouble = filepath.Join(o.out, name), &engine.Trouble{}
	_, err := os.Stat(r.dir)
	r.first = errors.Is(err, fs.ErrNotExist)
	staging, err := engine.Stage(o.out, name)
	if err != nil {
		return err
	}
	defer staging.Abandon()
	if r.config.Experiment != nil {
		if r.trouble, err = fill(staging.Dir); err != nil {
			return err
		}
	}
	if err := r.conclude(ctx, staging.Dir, o, jobs); err != nil {
		return err
	}
	manifest := engine.NewManifest(r.config.Plan, r.count.Time.Seconds())
	manifest.Inputs = r.config.InputHashes()
	if err := manifest.Seal(staging.Dir); err != nil {
		return err
	}
	return staging.Publish()
}

// concludingPercent is how much the heap may grow between two collections while tables are read. Columns are few and
// large, and stay: collecting them more often costs little time and saves a quarter of the memory.
const concludingPercent = 50

// conclude sums up, evaluates claims, draws figures and writes the resolved config, all from what stands in dir.
func (r *report) conclude(ctx context.Context, dir string, o *output, jobs int) error {
	if before := debug.SetGCPercent(concludingPercent); before < concludingPercent {
		debug.SetGCPercent(before) // the caller has chosen
	} else {
		defer debug.SetGCPercent(before)
	}
	src, err := sources(r.config, dir, o.out)
	if err != nil {
		return err
	}
	if err := r.config.WriteResolved(dir); err != nil {
		return err
	}
	writer := &tableWriter{dir: dir, format: o.format}
	if r.config.Experiment != nil {
		if r.runs, err = src.Table(tables.Runs); err != nil {
			return err
		}
		writer.plan(r.config.Plan)
		if r.warnings, err = writer.summary(src, r.config); err != nil {
			return err
		}
		if err := writer.landscapes(src, r.config); err != nil {
			r.warnings = append(r.warnings, err.Error()) // and the figure cannot be drawn
		}
	}
	r.verdicts = evaluate(r.config, src)
	if err := writer.claims(r.verdicts); err != nil {
		return err
	}
	if err := writer.describe(r.config); err != nil {
		return err
	}
	files, err := r.draw(ctx, src, jobs)
	if err != nil {
		return err
	}
	return writeFigures(filepath.Join(dir, "figures"), files, writePlain)
}

// sources gives the tables that a config's claims and figures read: its own in dir, and for a suite its members' under
// out.
func sources(c *spec.Config, dir, out string) (plots.Sources, error) {
	if c.Scorecard != nil {
		return scorecardSources(dir)
	}
	folders := map[string]tables.Source{}
	if c.Suite == nil {
		own, err := tables.OpenFolder(dir)
		if err != nil {
			return plots.Sources{}, err
		}
		folders[""] = own
	}
	for _, m := range c.Members {
		folder, err := tables.OpenFolder(filepath.Join(out, m.Head.Name))
		if err != nil {
			return plots.Sources{}, err
		}
		folders[m.Head.Name] = &landscapes{folder, m.Plan, landscapesOf(kinds.Figures(c), m.Head.Name)}
	}
	return plots.NewSources(func(experiment string) (tables.Source, error) {
		if folder, ok := folders[experiment]; ok {
			return folder, nil
		}
		return nil, fmt.Errorf("no results of an experiment %q", experiment)
	}), nil
}

// draw renders the config's figures side by side. A figure that cannot be drawn does not lose the tables: it is
// reported. The error is the context's.
func (r *report) draw(ctx context.Context, src plots.Sources, jobs int) ([]plots.File, error) {
	figures := kinds.Figures(r.config)
	drawn, failed := make([][]plots.File, len(figures)), make([]error, len(figures))
	var group errgroup.Group
	group.SetLimit(jobs)
	for i, fig := range figures {
		group.Go(func() error {
			if ctx.Err() == nil {
				drawn[i], failed[i] = plots.Render(fig, src)
			}
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i := range figures {
		if failed[i] != nil {
			r.undrawn = append(r.undrawn, failed[i])
		}
		for _, f := range drawn[i] {
			if filepath.Ext(f.Name) == ".png" {
				r.figures = append(r.figures, filepath.Join(r.dir, "figures", f.Name))
			}
		}
	}
	return slices.Concat(drawn...), nil
}

// writePlain writes a file of a staging folder, which is flushed as a whole.
func writePlain(path string, data []byte) error { return os.WriteFile(path, data, 0o644) }

// writeFigures writes files into a folder.
func writeFigures(dir string, files []plots.File, write func(string, []byte) error) error {
	if len(files) == 0 {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		if err := write(filepath.Join(dir, f.Name), f.Data); err != nil {
			return err
		}
	}
	return nil
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"windtunnel/experiments/engine"
	"windtunnel/experiments/record"
	"windtunnel/experiments/spec"
	"windtunnel/plots"
)

// report is what there is to say at the end of a config.
type report struct {
	config   *spec.Config
	dir      string
	reused   bool
	stacks   map[string]string // of runs that panicked, by run
	runs     *record.Table     // nil for a suite
	verdicts []verdict
	figures  []string // paths of the PNG files
	undrawn  []error  // figures that could not be drawn
	seconds  float64
}

// produce makes the results folder of a config: tables, claims, figures, the resolved config and a manifest. The
// folder changes in one step at the end. The members of a suite have been produced before.
func produce(ctx context.Context, c *spec.Config, o *runOptions, stderr io.Writer) (*report, error) {
	r := &report{config: c, dir: filepath.Join(o.out, c.Head.Name)}
	staging, err := engine.Stage(o.out, c.Head.Name)
	if err != nil {
		return nil, err
	}
	defer staging.Abandon()
	start := time.Now()
	if c.Experiment != nil {
		if err := r.fill(ctx, staging.Dir, o, stderr); err != nil {
			return nil, err
		}
	}
	r.seconds = time.Since(start).Seconds()
	if err := r.conclude(ctx, staging.Dir, o); err != nil {
		return nil, err
	}
	manifest := engine.NewManifest(c.Plan, r.seconds)
	manifest.Inputs = c.InputHashes()
	if err := manifest.Seal(staging.Dir); err != nil {
		return nil, err
	}
	return r, staging.Publish()
}

// fill writes the tables, by doing the runs or from the finished folder.
func (r *report) fill(ctx context.Context, dir string, o *runOptions, stderr io.Writer) error {
	if !o.fresh && engine.Fresh(r.dir, r.config.Plan) {
		r.reused = true
		return engine.CopyTables(r.dir, dir)
	}
	progress := newProgress(r.config.Head.Name, stderr, o.quiet)
	defer progress.finish()
	var err error
	r.stacks, err = engine.Run(ctx, r.config.Plan, dir, o.jobs, progress)
	return err
}

// conclude evaluates claims, draws figures and writes the resolved config, all from what stands in dir.
func (r *report) conclude(ctx context.Context, dir string, o *runOptions) error {
	src, err := sources(r.config, dir, o.out)
	if err != nil {
		return err
	}
	if r.config.Experiment != nil {
		results, err := src.Table(record.Runs)
		if err != nil {
			return err
		}
		r.runs = results
	}
	if err := r.config.WriteResolved(dir); err != nil {
		return err
	}
	r.verdicts = evaluate(r.config, src)
	if len(r.verdicts) > 0 {
		if err := writeTable(dir, claimsTable(r.verdicts)); err != nil {
			return err
		}
	}
	files, err := r.draw(ctx, src, o.jobs)
	if err != nil {
		return err
	}
	return writeFigures(filepath.Join(dir, "figures"), files, writePlain)
}

// writeTable writes a table into a results folder.
func writeTable(dir string, t *record.Table) error {
	var b bytes.Buffer
	if err := t.WriteCSV(&b); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, t.Name+".csv"), b.Bytes(), 0o644)
}

// sources gives the tables that a config's claims and figures read: its own in dir, and for a suite its members' under
// out.
func sources(c *spec.Config, dir, out string) (plots.Sources, error) {
	if c.Scorecard != nil {
		return scorecardSources(dir)
	}
	folders := map[string]*record.Folder{}
	if c.Suite == nil {
		own, err := record.OpenFolder(dir)
		if err != nil {
			return plots.Sources{}, err
		}
		folders[""] = own
	}
	for _, m := range c.Members {
		folder, err := record.OpenFolder(filepath.Join(out, m.Head.Name))
		if err != nil {
			return plots.Sources{}, err
		}
		folders[m.Head.Name] = folder
	}
	return plots.NewSources(func(experiment string) (record.Source, error) {
		if folder, ok := folders[experiment]; ok {
			return folder, nil
		}
		return nil, fmt.Errorf("no results of an experiment %q", experiment)
	}), nil
}

// draw renders the config's figures side by side. A figure that cannot be drawn does not lose the tables: it is
// reported. The error is the context's.
func (r *report) draw(ctx context.Context, src plots.Sources, jobs int) ([]plots.File, error) {
	figures := r.config.Figures()
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

package results

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"windtunnel/experiments/kinds"
	"windtunnel/experiments/results/publish"
	"windtunnel/experiments/spec"
	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

// figuresFolder holds the figures of a results folder.
const figuresFolder = "figures"

// Drawn are the figures of a folder.
type Drawn struct {
	Files   []plots.File
	Undrawn []error // figures that could not be drawn, each with what the tables lack
}

// Pictures returns the paths of the figures' PNG files in the folder dir.
func (d *Drawn) Pictures(dir string) []string {
	var paths []string
	for _, f := range d.Files {
		if filepath.Ext(f.Name) == ".png" {
			paths = append(paths, filepath.Join(dir, figuresFolder, f.Name))
		}
	}
	return paths
}

// Lacking warns of letters that the figures' fonts lack; "" if there are none.
func Lacking(files []plots.File) string {
	for _, f := range files {
		if f.Lacks != "" {
			return fmt.Sprintf("the fonts of PNG and PDF lack %s, in whose place they have \uFFFD (first in %s); SVG has them in a font of the reader's", f.Lacks, f.Name)
		}
	}
	return ""
}

// Draw renders the folder's figures, some jobs at the same time. A figure that cannot be drawn does not lose the others. The
// error is the context's.
func (f *Folder) Draw(ctx context.Context, jobs int) (*Drawn, error) {
	drawn, failed := make([][]plots.File, len(f.Figures)), make([]error, len(f.Figures))
	var group errgroup.Group
	group.SetLimit(jobs)
	for i, fig := range f.Figures {
		group.Go(func() error {
			if ctx.Err() == nil {
				drawn[i], failed[i] = plots.Render(fig, f.Tables)
			}
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return &Drawn{slices.Concat(drawn...), slices.DeleteFunc(failed, func(err error) bool { return err == nil })}, nil
}

// Restyle gives all figures of the folder a theme and a size, where they are not empty. The error names what there is.
func (f *Folder) Restyle(theme, size string) error {
	for i := range f.Figures {
		fig := &f.Figures[i]
		fig.Theme = cmp.Or(theme, fig.Theme)
		if size != "" {
			fig.Size, fig.Width = size, 0
		}
		if err := fig.Known(); err != nil {
			return err
		}
	}
	return nil
}

// Redraw draws the folder's figures again from its tables and puts each in its place. The error is the context's or the
// disk's.
func (f *Folder) Redraw(ctx context.Context) (_ *Drawn, err error) {
	held, err := publish.Hold(f.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, held.Release()) }()
	drawn, err := f.Draw(ctx, runtime.GOMAXPROCS(0))
	if err != nil {
		return nil, err
	}
	staging, err := os.MkdirTemp(f.Dir, ".plot.*"+publish.Partial)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(staging)
	if err := errors.Join(publish.Tidy(filepath.Join(f.Dir, figuresFolder)), writeFiles(filepath.Join(staging, figuresFolder), drawn.Files, writePlain)); err != nil {
		return nil, err
	}
	var names []string
	for _, file := range drawn.Files {
		names = append(names, figuresFolder+"/"+file.Name)
	}
	if err := publish.Announce(f.Dir, staging, names); err != nil {
		return nil, err
	}
	return drawn, WriteFiles(filepath.Join(f.Dir, figuresFolder), drawn.Files)
}

// WriteFiles writes figures into a folder, each file in one step.
func WriteFiles(dir string, files []plots.File) error {
	return writeFiles(dir, files, publish.WriteFile)
}

func writeFiles(dir string, files []plots.File, write func(path string, data []byte) error) error {
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

// writePlain writes a file of a staging folder, which is flushed as a whole.
func writePlain(path string, data []byte) error { return os.WriteFile(path, data, 0o644) }

// pictures reads the figures of a folder as they were drawn, sorted by name.
func pictures(dir string) []plots.File {
	files := []plots.File{}
	paths, _ := filepath.Glob(filepath.Join(dir, figuresFolder, "*.svg")) // the pattern is sound unless dir is odd; then none
	slices.Sort(paths)
	for _, path := range paths {
		if data, err := os.ReadFile(path); err == nil && bytes.Contains(data, []byte("<svg")) {
			files = append(files, plots.File{Name: filepath.Base(path), Data: data})
		}
	}
	return files
}

// Figure reads a figure that is asked for beside the config, in YAML as under figures, and checks that the folder's tables
// have the columns that it names. The error is a decode.Errors whose mistakes have keys but no lines; that of a folder
// without runs says so.
func (f *Folder) Figure(text string) (plots.Figure, error) {
	const name = "plot"
	if !f.Experiment() {
		return plots.Figure{}, decode.Errors{{Wrong: filepath.Join(f.Dir, spec.ResolvedName) + " has no runs of its own", Allowed: "the results of an experiment"}}
	}
	var asked spec.Figure
	d := decode.Decoder{File: name, Tables: kinds.Tables()}
	root, err := decode.Parse(name, []byte(text))
	if err == nil {
		err = d.Decode(root, "", &asked)
	}
	if err != nil {
		return plots.Figure{}, decode.Unplaced(err, "", "")
	}
	spec.Respell(&asked, asked.Params.Refs(), func(_, table string) []string { return f.columns(table) }, d.Tables)
	var missing []error
	for _, ref := range asked.Params.Refs().Columns {
		if mistake := f.lacks(ref); mistake != nil {
			mistake.File = name
			missing = append(missing, *mistake)
		}
	}
	return kinds.Drawn([]spec.Figure{asked}, "", "")[0], decode.Join(missing...)
}

// columns are those that a figure of a table finds: its own and those that are known of its runs; nil where there is no such table.
func (f *Folder) columns(table string) []string {
	t, err := f.Tables.Table(table)
	if err != nil {
		return nil
	}
	columns := t.Header
	if runs, err := f.Tables.Table(tables.Runs); err == nil && table != tables.Runs {
		columns = append(slices.Clone(columns), runs.Header[:max(0, runs.Column("status"))]...)
	}
	return columns
}

// lacks returns the mistake of naming a column that the folder does not have, or nil.
func (f *Folder) lacks(ref tables.Ref) *decode.Error {
	if _, err := f.Tables.Table(ref.Table); err != nil {
		names, _ := tablesIn(f.Dir) // which could be read when it was opened
		return &decode.Error{Key: ref.Key, Wrong: "there is no table " + ref.Table, Allowed: "one of the tables " + strings.Join(names, ", ")}
	}
	columns := f.columns(ref.Table)
	if slices.Contains(columns, ref.Column) {
		return nil
	}
	return &decode.Error{Key: ref.Key, Wrong: fmt.Sprintf("there is no column %q in the table %s", ref.Column, ref.Table),
		Allowed: "a metric or a swept key (`experiments list metrics`)", Near: spec.NearestColumn(ref.Column, columns, kinds.Tables())}
}

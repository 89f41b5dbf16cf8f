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

	"windtunnel/experiments/engine"
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

// DrawInto renders the folder's figures into a results folder in the making, some jobs at the same time. A figure that cannot be drawn does
// not lose the others. The error is the context's or the disk's.
func (f *Folder) DrawInto(ctx context.Context, dir string, jobs int) (*Drawn, error) {
	files, failed := make([][]plots.File, len(f.Figures)), make([]error, len(f.Figures))
	var group errgroup.Group
	group.SetLimit(jobs)
	for i, fig := range f.Figures {
		group.Go(func() error {
			if ctx.Err() == nil {
				files[i], failed[i] = plots.Render(fig, f.Tables)
			}
			return ctx.Err()
		})
	}
	err := group.Wait()
	drawn := &Drawn{slices.Concat(files...), slices.DeleteFunc(failed, func(err error) bool { return err == nil })}
	if err == nil && len(drawn.Files) > 0 {
		err = os.Mkdir(filepath.Join(dir, figuresFolder), 0o755)
	}
	if err != nil {
		return nil, err
	}
	for _, file := range drawn.Files {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, figuresFolder, file.Name), file.Data, 0o644))
	}
	return drawn, err
}

// Redraw draws the folder's figures again from its tables and puts each in its place. The error is the context's or the
// disk's.
func (f *Folder) Redraw(ctx context.Context) (drawn *Drawn, err error) {
	err = publish.Put(f.Dir, func(staging string) (names []string, err error) {
		if drawn, err = f.DrawInto(ctx, staging, runtime.GOMAXPROCS(0)); err != nil {
			return nil, err
		}
		for _, file := range drawn.Files {
			names = append(names, figuresFolder+"/"+file.Name)
		}
		return names, nil
	})
	return drawn, err
}

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

// Figure reads a figure that is asked for beside the config, as under figures, and checks that the folder's tables have the
// columns that it names. The error is a decode.Errors whose mistakes have keys but no lines; that of a folder without runs says so.
func (f *Folder) Figure(settings *decode.Node) (plots.Figure, error) {
	if !f.Experiment() {
		return plots.Figure{}, decode.Errors{{Wrong: filepath.Join(f.Dir, spec.ResolvedName) + " has no runs of its own", Allowed: "the results of an experiment"}}
	}
	var asked spec.Figure
	d := decode.Decoder{File: "plot", Tables: kinds.Tables()}
	if err := d.Decode(settings, "", &asked); err != nil {
		return plots.Figure{}, err
	}
	spec.Respell(&asked, asked.Params.Refs(), func(_, table string) []string { return f.columns(table) }, d.Tables)
	var missing []error
	for _, ref := range asked.Params.Refs().Columns {
		if mistake := f.lacks(ref); mistake != nil {
			mistake.File = d.File
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

// landscapeSchema describes the table that figures of the kind landscape are drawn from.
func landscapeSchema() tables.Schema {
	schema := tables.Schema{{Name: "run", Doc: "Name of the run whose loss it is."}, {Name: "prompt", Doc: "Name of the prompt."}}
	for k := range 3 {
		schema = append(schema, tables.Column{Name: fmt.Sprintf("pi_%d", k), Type: tables.Number,
			Doc: fmt.Sprintf("Probability that the policy gives to response %d; the other prompts stay at their reference.", k)})
	}
	return append(schema, tables.Column{Name: "loss", Type: tables.Number, Unit: "of the loss",
		Doc: "The run's loss over all comparisons at the policy, penalty included where the run's policies are tabular."},
		tables.Column{Name: "lambda", Type: tables.Number, Doc: "Lambda at which the policy minimizes the loss; empty on the grid."},
		tables.Column{Name: "status", Doc: "Of that minimizer, as of a run; empty on the grid."})
}

// landscapesOf lists the figures of the kind landscape that draw an experiment: "" is the config's own. Parts of composites
// are among them.
func landscapesOf(figures []plots.Figure, experiment string) []*plots.Landscape {
	var all []*plots.Landscape
	add := func(from string, params plots.Params) {
		if f, ok := params.(*plots.Landscape); ok && from == experiment {
			all = append(all, f)
		}
	}
	for _, fig := range figures {
		add(fig.From, fig.Params)
		if composite, ok := fig.Params.(*plots.Composite); ok {
			for _, part := range composite.Parts {
				add(cmp.Or(part.From, fig.From), part.Figure)
			}
		}
	}
	return all
}

// landscapes writes the losses over the simplex that figures draw, run by run. Where one of them has none, the others are
// not written either: a table of which a part is missing would be worse than none.
func (m *Maker) landscapes(f *Folder, w *tableWriter) error {
	figures := landscapesOf(f.Figures, "")
	for _, c := range m.Beside {
		if c.Suite != nil {
			figures = append(figures, landscapesOf(kinds.Drawn(c.Suite.Figures, "", ""), f.Name)...)
		}
	}
	if len(figures) == 0 {
		return nil
	}
	wanted := map[string][]string{} // prompts by run
	for _, figure := range figures {
		runs, prompt, err := figure.Selected(f.Tables)
		if err != nil {
			return err
		}
		for _, run := range runs {
			if !slices.Contains(wanted[run], prompt) {
				wanted[run] = append(wanted[run], prompt)
			}
		}
	}
	var rows [][]string
	for _, run := range m.Config.Plan.Runs {
		for _, prompt := range wanted[run.ID] {
			policies, err := engine.Landscape(run, prompt)
			if err != nil {
				return err
			}
			for _, q := range policies {
				row := []string{run.ID, prompt}
				for _, v := range []float64{q.Pi[0], q.Pi[1], q.Pi[2], q.Loss, q.Lambda} {
					row = append(row, tables.FormatFloat(v))
				}
				rows = append(rows, append(row, string(q.Status)))
			}
		}
	}
	return w.write(plots.LandscapeTable, landscapeSchema(), given(rows))
}

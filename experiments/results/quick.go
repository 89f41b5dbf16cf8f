package results

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"windtunnel/experiments/kinds"
	"windtunnel/experiments/spec"
	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

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
	var missing []error
	for _, ref := range asked.Params.Refs().Columns {
		if mistake := f.lacks(ref); mistake != nil {
			mistake.File = name
			missing = append(missing, *mistake)
		}
	}
	return kinds.Drawn([]spec.Figure{asked}, "", "")[0], decode.Join(missing...)
}

// lacks returns the mistake of naming a column that the folder does not have, or nil.
func (f *Folder) lacks(ref tables.Ref) *decode.Error {
	t, err := f.Tables.Table(ref.Table)
	if err != nil {
		names, _ := tablesIn(f.Dir) // which could be read when it was opened
		return &decode.Error{Key: ref.Key, Wrong: "there is no table " + ref.Table, Allowed: "one of the tables " + strings.Join(names, ", ")}
	}
	columns := t.Header
	if runs, err := f.Tables.Table(tables.Runs); err == nil && ref.Table != tables.Runs {
		columns = append(slices.Clone(columns), runs.Header[:max(0, runs.Column("status"))]...)
	}
	if slices.Contains(columns, ref.Column) {
		return nil
	}
	return &decode.Error{Key: ref.Key, Wrong: fmt.Sprintf("there is no column %q in the table %s", ref.Column, ref.Table),
		Allowed: "a metric or a swept key (`experiments list metrics`)", Near: spec.NearestColumn(ref.Column, columns, kinds.Tables())}
}

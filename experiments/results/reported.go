package results

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"windtunnel/experiments/results/publish"
	"windtunnel/metrics/summaries"
	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

// Reported is a folder with all that a reader is shown of it.
type Reported struct {
	Folder
	Manifest *publish.Manifest        // nil where the folder has none
	Verdicts []Verdict                // in the order of the config; none for a suite, whose members have them
	Pictures []plots.File             // figures as SVG files, for a folder that no longer has the tables to draw them from
	Shown    []*tables.Table          // those to read first
	Schemas  map[string]tables.Schema // of the tables that the folder was made with
}

// OpenReported opens a folder to be shown. Without its table of runs, which a repository may leave out for its size, verdicts
// and figures are those that stand in the folder.
func OpenReported(dir string) (*Reported, error) {
	f, err := Open(dir)
	r := &Reported{}
	switch {
	case err == nil:
		r.Folder = *f
		r.Verdicts = f.evaluate(f.Tables)
	case f != nil && f.Experiment():
		r.Folder = *f
		var unread error
		if r.Verdicts, unread = f.written(); unread != nil {
			return nil, err
		}
		r.Pictures = pictures(dir)
	default:
		return nil, err
	}
	if r.Manifest, err = publish.ReadManifest(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if r.Schemas, err = Schemas(dir); err != nil {
		return nil, err
	}
	for _, name := range []string{summaries.Selected, summaries.SelectedPaired, summaries.Summary, summaries.Paired, tables.Runs} {
		t, err := tables.Open(dir, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		r.Shown = append(r.Shown, t)
	}
	return r, nil
}

// Swept returns the columns of runs that the config sweeps beside lambda and the seed.
func (r *Reported) Swept() []string {
	header := r.Schemas[tables.Runs].Names()
	for _, t := range r.Shown {
		if t.Name == tables.Runs {
			header = t.Header
		}
	}
	settings := header[:max(0, slices.Index(header, "status"))]
	return slices.DeleteFunc(slices.Clone(settings), func(column string) bool {
		return slices.Contains([]string{"run", "objective", "lambda", "seed"}, column)
	})
}

// MemberDirs returns the folders of a suite's members. Of a folder that is none, or that cannot be read, there are none.
func MemberDirs(dir string) []string {
	f, err := readConfig(dir)
	if err != nil {
		return nil
	}
	var dirs []string
	for _, m := range f.Members {
		dirs = append(dirs, filepath.Clean(m.Dir))
	}
	return dirs
}

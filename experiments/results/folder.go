// Package results is about results folders: making one of finished runs, and all that is done with one afterwards. What
// comes after the runs reads config.yaml for what is claimed and drawn, the manifest and the tables, and nothing else: no data
// file, no plan, no solver. A folder can so be checked and drawn again years after its runs.
package results

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/kinds"
	"windtunnel/experiments/results/publish"
	"windtunnel/experiments/spec"
	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/summaries"
	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

// Folder is a results folder with what its config.yaml says of the tables.
type Folder struct {
	document
	Dir       string
	Text      string    // of config.yaml
	Members   []*Folder // of a suite, in the order of its config
	Scorecard bool      // holds the table of a scorecard, and neither runs nor claims
	Figures   []plots.Figure
	Tables    plots.Sources
}

// document are the keys of a config.yaml that are read after the runs.
type document struct {
	spec.Head `yaml:",inline"`
	Suite     []string      `yaml:"suite"` // paths of the members' configs, relative to the folder
	Solver    string        `yaml:"solver"`
	Claims    []spec.Claim  `yaml:"claims"`
	Figures   []spec.Figure `yaml:"figures"`
	Theme     string        `yaml:"theme"`
	Size      string        `yaml:"size"`
}

// scorecardKey is the key of the config of a scorecard alone.
const scorecardKey = "scorecard"

// Open reads the config of a results folder and finds its tables. The error says what is not there, or is a decode.Errors.
func Open(dir string) (*Folder, error) {
	path := filepath.Join(dir, spec.ResolvedName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: not a results folder: there is no %s; `experiments run CONFIG` makes one%s",
			dir, spec.ResolvedName, Beside(dir))
	}
	f, err := readConfig(dir)
	if err != nil {
		return nil, err
	}
	return f, f.openTables()
}

// Beside names a results folder in or beside a folder that is none, as the end of a message about it, "" if there is none.
func Beside(dir string) string {
	for _, parent := range []string{dir, filepath.Dir(dir)} {
		found, _ := filepath.Glob(filepath.Join(parent, "*", tables.Runs+".csv"))
		if len(found) > 0 {
			return fmt.Sprintf("; there is %s", filepath.Dir(found[0]))
		}
	}
	return ""
}

// readConfig reads the config of a folder and of its members.
func readConfig(dir string) (*Folder, error) {
	path := filepath.Join(dir, spec.ResolvedName)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	root, err := decode.Parse(path, data)
	if err != nil {
		return nil, err
	}
	f := &Folder{Dir: dir, Text: string(data)}
	f.Scorecard = decode.Lookup(root, scorecardKey) != nil && decode.Lookup(root, "environment") == nil
	d := decode.Decoder{File: path, Tables: kinds.Tables()}
	if err := d.Decode(d.Canonical(only(root, &f.document, d.Tables), &f.document), "", &f.document); err != nil {
		return nil, err
	}
	f.Figures = kinds.Drawn(f.document.Figures, f.Theme, f.Size)
	if f.Scorecard {
		f.Figures = kinds.ScorecardFigures()
	}
	for i, member := range f.Suite {
		m, err := readConfig(filepath.Join(dir, filepath.FromSlash(filepath.Dir(member))))
		if pathError, ok := errors.AsType[*fs.PathError](err); ok {
			key := fmt.Sprintf("suite.%d", i)
			err = decode.Join(d.Error(decode.Lookup(root, key), key,
				fmt.Sprintf("cannot read %s: %v", filepath.ToSlash(pathError.Path), pathError.Err), "a config, its path relative to the suite's"))
		}
		if err != nil {
			return nil, err
		}
		f.Members = append(f.Members, m)
	}
	return f, nil
}

// only returns a mapping with those of its keys that a document has.
func only(root *decode.Node, document any, kinds *decode.Tables) *decode.Node {
	if root.Kind != yaml.MappingNode {
		return root
	}
	kept := *root
	kept.Content = nil
	fields := decode.Fields(document, kinds)
	for i := 0; i+1 < len(root.Content); i += 2 {
		if slices.ContainsFunc(fields, func(f decode.Field) bool { return f.Key == root.Content[i].Value }) {
			kept.Content = append(kept.Content, root.Content[i], root.Content[i+1])
		}
	}
	return &kept
}

// openTables opens what claims and figures read: the folder's own tables, or those of a suite's members.
func (f *Folder) openTables() error {
	sources := map[string]tables.Source{}
	switch {
	case f.Scorecard:
		table, err := openScorecard(f.Dir)
		if err != nil {
			return err
		}
		sources[""] = tables.Memory{table.Name: table}
	case f.Suite == nil:
		own, err := tables.OpenFolder(f.Dir)
		if err != nil {
			return err
		}
		sources[""] = own
	}
	for _, m := range f.Members {
		folder, err := tables.OpenFolder(m.Dir)
		if err != nil {
			return err
		}
		sources[m.Name] = folder
	}
	f.Tables = plots.NewSources(func(experiment string) (tables.Source, error) {
		if source, ok := sources[experiment]; ok {
			return source, nil
		}
		return nil, fmt.Errorf("no results of an experiment %q", experiment)
	})
	return nil
}

// openScorecard reads the table of a scorecard's results folder.
func openScorecard(dir string) (*tables.Table, error) {
	path := filepath.Join(dir, plots.ScorecardTable+tables.CSV.Extension())
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: not a results folder of a scorecard: it has no %s", dir, filepath.Base(path))
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	table, err := tables.ReadCSV(path, file)
	if err != nil {
		return nil, err
	}
	table.Name = plots.ScorecardTable
	return table, nil
}

// Experiment says whether the folder holds runs of its own.
func (f *Folder) Experiment() bool { return f.Suite == nil && !f.Scorecard }

// Schemas reads the folder's data package, where it has one: the schemas by table.
func Schemas(dir string) (map[string]tables.Schema, error) {
	path := filepath.Join(dir, tables.DataPackageFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	byPath, err := tables.ReadDataPackage(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	schemas := map[string]tables.Schema{}
	for path, schema := range byPath {
		schemas[strings.TrimSuffix(path, filepath.Ext(path))] = schema
	}
	return schemas, nil
}

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

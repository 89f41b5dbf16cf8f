package spec

import (
	"crypto/sha256"
	"reflect"

	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/registry"
	"windtunnel/toy/setup"
)

// dataFile is the content of a data file, read when the config was loaded: editing it later does not change the runs.
type dataFile struct {
	name     string // as messages call it
	content  []byte
	hash     [sha256.Size]byte
	unpaired bool // it holds single responses with labels
	weighted int  // comparisons, where they have weights
}

func newDataFile(name string, content []byte) *dataFile {
	return &dataFile{name: name, content: content, hash: sha256.Sum256(content)}
}

// filesOf returns the files that parameters name, given themselves or a pointer to them.
func filesOf(params any) []registry.File {
	if v := reflect.ValueOf(params); v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Interface {
		params = v.Elem().Interface()
	}
	if r, ok := params.(registry.Reader); ok {
		return r.Files()
	}
	if p, ok := params.(interface{ FilePath() string }); ok && p.FilePath() != "" {
		return []registry.File{{Key: "path", Path: p.FilePath()}}
	}
	return nil
}

// file is setup.Run.File. It panics where the run's settings name no such file.
func (r *Run) file(path string) (content []byte, name string) {
	f := r.files[path]
	return f.content, f.name
}

// preferenceFile returns the file that the run's preferences are read from, or nil.
func (r *Run) preferenceFile() *dataFile { return r.files[r.Preferences.FilePath()] }

// Document is a run in a form that another process of this program can read.
type Document struct {
	Text  string            // YAML, every setting written out
	Names map[string]string // of the data files, as messages call them, by the path as the config spells it
	Files map[string][]byte // their content
}

// Document returns the run for another process.
func (r *Run) Document(tables *decode.Tables) *Document {
	doc := runDoc{Settings: Settings{r.Settings, r.Limits}, Objective: Objective{Name: r.Label, Loss: r.Loss}}
	d := &Document{Text: decode.Text(decode.Encode(&doc, tables)), Names: map[string]string{}, Files: map[string][]byte{}}
	for _, params := range []any{r.Environment, r.Preferences, r.Policy} {
		for _, f := range filesOf(params) {
			d.Files[f.Path], d.Names[f.Path] = r.File(f.Path)
		}
	}
	return d
}

// Run returns the run of a document. It has neither an ID nor swept cells, and only its results are the original's.
func (d *Document) Run(tables *decode.Tables) (*Run, error) {
	tree, err := decode.Parse("run", []byte(d.Text))
	if err != nil {
		return nil, err
	}
	doc, decoder := newRunDoc(), decode.Decoder{File: "run", Tables: tables}
	if err := decoder.Decode(tree, "", doc); err != nil {
		return nil, err
	}
	run := &Run{Run: setup.Run{Settings: doc.Settings.Settings, Loss: doc.Objective.Loss}, Label: doc.Objective.Name,
		Limits: doc.Limits, files: map[string]*dataFile{}}
	run.File = run.file
	for path, content := range d.Files {
		run.files[path] = newDataFile(d.Names[path], content)
	}
	return run, nil
}

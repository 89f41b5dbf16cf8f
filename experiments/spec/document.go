package spec

import (
	"windtunnel/experiments/spec/decode"
)

// Document is a run in a form that another process of this program can read.
type Document struct {
	Text  string            // YAML, every setting written out
	Names map[string]string // of the data files, as messages call them, by the path as the config spells it
	Files map[string][]byte // their content
}

// Document returns the run for another process.
func (r *Run) Document(tables *decode.Tables) *Document {
	doc := runDoc{Settings: r.Settings, Objective: Objective{Name: r.Label, Loss: r.Loss}}
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
	run := &Run{Settings: doc.Settings, Loss: doc.Objective.Loss, Label: doc.Objective.Name, files: map[string]*dataFile{}}
	for path, content := range d.Files {
		run.files[path] = newDataFile(d.Names[path], content)
	}
	return run, nil
}

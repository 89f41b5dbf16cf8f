package spec

import (
	"crypto/sha256"

	"windtunnel/experiments/spec/decode"
)

// Document is a run in a form that another process of this program can read.
type Document struct {
	Text     string // YAML, every setting written out
	FileName string // of the data file, as messages call it; "" for none
	File     []byte // its content
}

// Document returns the run for another process.
func (r *Run) Document(tables *decode.Tables) *Document {
	doc := runDoc{Settings: r.Settings, Objective: Objective{Name: r.Label, Loss: r.Loss}}
	d := &Document{Text: encodeYAML(decode.Encode(&doc, tables))}
	if r.file != nil {
		d.FileName, d.File = r.file.name, r.file.content
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
	run := &Run{Settings: doc.Settings, Loss: doc.Objective.Loss, Label: doc.Objective.Name}
	if d.FileName != "" {
		run.file = &dataFile{name: d.FileName, content: d.File, hash: sha256.Sum256(d.File)}
	}
	return run, nil
}

package spec

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"

	"windtunnel/experiments/inputfile"
	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/lines"
	"windtunnel/toy/objective"
	"windtunnel/toy/preference"
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
	return nil
}

// settle gives the External parts of a loss the folder that they run in: the config's, unless the loader has another.
func (l *loader) settle(loss objective.Params) {
	for _, e := range objective.Externals(loss) {
		if e.Folder = l.home; e.Folder == "" {
			e.Folder = filepath.Dir(l.path)
		}
	}
}

// commandFiles reads the files of the processes of a loss into the plan, those that a word of a command names and those listed
// beside it, and returns the hashes of their content. tree is the document of the run.
func (p *planner) commandFiles(loss objective.Params, tree *decode.Node) (hashes []byte, err error) {
	const key = "objective.files"
	for _, e := range objective.Externals(loss) {
		for i, path := range slices.Concat(e.Command, e.Files) {
			at, listed := filepath.FromSlash(path), i >= len(e.Command)
			if !filepath.IsAbs(at) {
				at = filepath.Join(e.Folder, at)
			}
			if info, err := os.Stat(at); !listed && (err != nil || !info.Mode().IsRegular() || i == 0 && filepath.IsAbs(path)) {
				continue // a word of the command, or a program of the system's
			}
			if p.plan.files[path] == nil {
				content, err := inputfile.Read(at, inputfile.Data)
				if err != nil {
					return nil, decode.Join(unreadable(p.Error(decode.Lookup(tree, key), key, "", "files, their paths relative to the config"), at, path, err))
				}
				p.plan.Inputs[path], p.plan.files[path] = content, newDataFile(filepath.ToSlash(at), content)
			}
			hashes = append(hashes, p.plan.files[path].hash[:]...)
		}
	}
	return hashes, nil
}

// file is setup.Run.File. It panics where the run's settings name no such file.
func (r *Run) file(path string) (content []byte, name string) {
	f := r.files[path]
	return f.content, f.name
}

// preferenceFile returns the file that the run's preferences are read from, or nil.
func (r *Run) preferenceFile() *dataFile { return r.files[preference.PathOf(r.Preferences)] }

// Document is a run in a form that another process of this program can read.
type Document struct {
	Text  string            // YAML, every setting written out
	Names map[string]string // of the data files, as messages call them, by the path as the config spells it
	Files map[string][]byte // their content
	Home  string            // the folder that processes of losses run in
}

// Document returns the run for another process.
func (r *Run) Document(tables *decode.Tables) *Document {
	d := &Document{Text: r.text(tables), Names: map[string]string{}, Files: map[string][]byte{}}
	for _, params := range []any{r.Environment, r.Preferences, r.Policy} {
		for _, f := range filesOf(params) {
			d.Files[f.Path], d.Names[f.Path] = r.File(f.Path)
		}
	}
	for _, e := range objective.Externals(r.Loss) {
		d.Home = e.Folder
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
	(&loader{home: d.Home}).settle(doc.Objective.Loss)
	run := &Run{Run: setup.Run{Settings: doc.Settings.Settings, Loss: doc.Objective.Loss}, Label: doc.Objective.Name,
		Limits: doc.Limits, files: map[string]*dataFile{}}
	run.File = run.file
	for path, content := range d.Files {
		run.files[path] = newDataFile(d.Names[path], content)
	}
	return run, nil
}

// Input is what became of the records of a data file.
type Input struct {
	lines.Account
	Text string `json:"text"` // the account in words
	Run  *Run   `json:"-"`    // the first that reads the file so
}

// account notes what became of a file in a run. The same file may lie in another folder beside results.
func (p *Plan) account(r *Run, a lines.Account) {
	a.File = path.Base(a.File)
	if !slices.ContainsFunc(p.Read, func(in Input) bool { return in.Account == a }) {
		p.Read = append(p.Read, Input{a, a.String(), r})
	}
}

// mostDrawn is how many draws of pairs are done again to tell how many fall out.
const mostDrawn = 1_000_000

// Draws says how many pairs the first run has of how many draws, "" where none fall out or pairs are not drawn.
func (p *Plan) Draws() string {
	r := p.Runs[0]
	s, drawn := r.Preferences.(*preference.Sample)
	if !drawn || s.N > mostDrawn {
		return ""
	}
	env, err := r.BuildEnvironment()
	if err != nil {
		return ""
	}
	pairs, err := r.BuildPreferences(env)
	n := s.Draws(len(env.Training()))
	if err != nil || pairs.Len() == n {
		return ""
	}
	why := "equal draws"
	if s.Coverage < 1 {
		why += " and comparisons that are never made"
	}
	return fmt.Sprintf("preferences: %d draws gave %d pairs in %s: %s fall out", n, pairs.Len(), r, why)
}

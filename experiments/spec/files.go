package spec

import (
	"crypto/sha256"
	"reflect"

	"windtunnel/toy/registry"
)

// dataFile is the content of a data file, read when the config was loaded: editing it later does not change the runs.
type dataFile struct {
	name     string // as messages call it
	content  []byte
	hash     [sha256.Size]byte
	unpaired bool // it holds single responses with labels
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

// File returns the content of a file that the run's settings name, and its name in messages. It panics where they name
// no such file.
func (r *Run) File(path string) (content []byte, name string) {
	f := r.files[path]
	return f.content, f.name
}

// preferenceFile returns the file that the run's preferences are read from, or nil.
func (r *Run) preferenceFile() *dataFile { return r.files[r.Preferences.FilePath()] }

package publish

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

const (
	manifestName = "manifest.json"
	// MadeName is the one file of a results folder that may differ between two runs.
	MadeName = "made.json"
)

// Manifest says where a results folder comes from. Hashes are SHA-256 in hex.
type Manifest struct {
	Tool   string            `json:"tool"`
	Plan   string            `json:"plan"` // hash of all resolved runs and their input data
	Runs   int               `json:"runs"`
	Config string            `json:"config,omitempty"` // path of the config from the folder, slashed; "" if that is not known
	Inputs map[string]string `json:"inputs"`           // hash of the config and of every data file, by the path as the config spells it
	Data   json.RawMessage   `json:"data,omitempty"`   // what became of the lines of data files, a spec.Input each, as it was written
	Files  map[string]string `json:"files"`            // hash of every other file of the folder
	Made   `json:"-"`
}

// Made says by what program and where a results folder was made, and how fast. It has a file of its own.
type Made struct {
	Numerics string  `json:"numerics"` // see engine.Numerics
	Build    string  `json:"build"`    // hash of the executable
	Go       string  `json:"go"`
	OS       string  `json:"os"`
	Arch     string  `json:"arch"`
	Seconds  float64 `json:"seconds"` // wall-clock time of the runs
}

// NewManifest describes what this process makes with the given version of the numerics, for the caller to complete; Files
// is filled by Seal.
func NewManifest(numerics string) *Manifest {
	return &Manifest{Tool: "windtunnel", Inputs: map[string]string{}, Files: map[string]string{},
		Made: Made{Numerics: numerics, Build: build(), Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}}
}

// ReadManifest reads the manifest of a results folder, and what made it where that is known: a folder that came by version control
// lacks it, and older ones have it in the manifest. The error names the file.
func ReadManifest(dir string) (*Manifest, error) {
	m := &Manifest{}
	read := func(name string, into ...any) error {
		path := filepath.Join(dir, name)
		data, err := os.ReadFile(path)
		for _, to := range into {
			if err == nil {
				err = json.Unmarshal(data, to)
			}
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: %w", path, err)
		}
		return err
	}
	if err := read(manifestName, m, &m.Made); err != nil {
		return nil, err
	}
	if err := read(MadeName, &m.Made); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return m, nil
}

// Seal hashes every file below dir and writes the manifest, and what made it, beside them.
func (m *Manifest) Seal(dir string) error {
	m.Files = map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == manifestName || d.Name() == MadeName {
			return err
		}
		inside, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		m.Files[filepath.ToSlash(inside)], err = HashFile(path)
		return err
	})
	if err != nil {
		return err
	}
	return errors.Join(write(dir, MadeName, m.Made), write(dir, manifestName, m))
}

// announce takes files that are about to be put into dir, by slashed paths below it, into its manifest, each with its content
// in staging, so that they are known as results even if this process ends between the two. Other files keep their hashes, and a
// reader's notes stay unknown. Without a manifest it does nothing.
func announce(dir, staging string, files []string) error {
	m, err := ReadManifest(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range files {
		if m.Files[name], err = HashFile(filepath.Join(staging, filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	return write(dir, manifestName, m)
}

func write(dir, name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return WriteFile(filepath.Join(dir, name), append(data, '\n'))
}

// Changed names the tables and the config of a results folder that are not as they were made: those with another content
// than the manifest's hash is of. Without a manifest it knows of none.
func Changed(dir string) []string {
	m, err := ReadManifest(dir)
	if err != nil {
		return nil
	}
	var changed []string
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		if !slices.Contains([]string{".csv", ".parquet", ".yaml"}, filepath.Ext(name)) || strings.Contains(name, "/") {
			continue
		}
		hash, err := HashFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err == nil && hash != m.Files[name] { // what is not there, others complain of
			changed = append(changed, name)
		}
	}
	return changed
}

// HashFile returns the SHA-256 of a file in hex.
func HashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}

// build returns the hash of the running executable, "" where it cannot be read.
var build = sync.OnceValue(func() string {
	path, _ := os.Executable()
	hash, err := HashFile(path)
	if err != nil {
		return ""
	}
	return hash
})

// Package cluster turns the shards of a sweep into jobs of Slurm, which does all the scheduling. A submission
// is frozen: its folder holds the resolved config, its data and the program, and the jobs read nothing else.
package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"windtunnel/experiments/engine"
	"windtunnel/experiments/results/publish"
	"windtunnel/experiments/spec"
)

// Submission is a resolved sweep that is split into shards. The jobs call a program with two subcommands:
//
//	PROGRAM run CONFIG --shard i/n --out DIR --cache DIR --jobs N    does shard i of n, from 1, and publishes a folder in DIR
//	PROGRAM merge DIR --out DIR                                      puts the shards together, or says what is missing
type Submission struct {
	Name    string            // of the experiment: letters, digits, - and _
	Shards  int               // at least 1
	Version string            // of the numerics: another version is another submission
	Config  string            // file name of the resolved config
	Files   map[string][]byte // what is frozen, by slashed path: the config, and its data as the config names it
	Out     string            // absolute path of the folder for results
	Cache   string            // absolute path of the cache of finished runs
	Format  string            // of the merged tables, "" for what merge takes by itself
}

// NewSubmission freezes a config: its resolved form under the name file, with its data. Out and Cache are left to the caller.
func NewSubmission(c *spec.Config, file string, shards int, format string) (*Submission, error) {
	dir, err := os.MkdirTemp("", "submit-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := c.WriteResolved(dir); err != nil {
		return nil, err
	}
	s := &Submission{Name: c.Head.Name, Shards: shards, Version: engine.Numerics(), Config: file, Files: map[string][]byte{}, Format: format}
	tree := os.DirFS(dir)
	return s, fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		as := path
		if path == spec.ResolvedName {
			as = file
		}
		s.Files[as], err = fs.ReadFile(tree, path)
		return err
	})
}

// Missing returns the shards, from 1, whose folders are not published.
func (s *Submission) Missing() []int {
	var missing []int
	for i := 1; i <= s.Shards; i++ {
		shard := engine.Shard{Index: i, Count: s.Shards}
		if _, err := os.Stat(filepath.Join(s.ShardsDir(), shard.Folder(s.Name))); err != nil {
			missing = append(missing, i)
		}
	}
	return missing
}

// Merged says whether the folder of results was made from the very files of the submission.
func (s *Submission) Merged() bool {
	dir := filepath.Join(s.Out, s.Name)
	m, err := publish.ReadManifest(dir)
	if err != nil || m.Numerics != s.Version {
		return false
	}
	for name, content := range s.Files {
		if name == s.Config {
			name = spec.ResolvedName
		}
		have, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil || string(have) != string(content) {
			return false
		}
	}
	return true
}

// Names in a submission's folder.
const (
	Folder       = ".submit" // in the folder for results, the parent of all submissions
	configFolder = "config"
	binFolder    = "bin"
	logFolder    = "logs"
	shardFolder  = "shards"
)

// Key returns a hash in hex of everything that decides what is computed and into how many shards: two submissions of
// one key give the same shards.
func (s *Submission) Key() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %d %q %q\n", s.Name, s.Shards, s.Version, s.Config)
	for _, path := range slices.Sorted(maps.Keys(s.Files)) {
		fmt.Fprintf(h, "%q %x\n", path, sha256.Sum256(s.Files[path]))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Dir returns the submission's folder: OUT/.submit/NAME-KEY, with as much of the key as tells the submissions of one
// folder apart.
func (s *Submission) Dir() string { return filepath.Join(s.Out, Folder, s.Name+"-"+s.Key()[:12]) }

// ConfigPath returns the path of the frozen config.
func (s *Submission) ConfigPath() string { return filepath.Join(s.Dir(), configFolder, s.Config) }

// ShardsDir returns the folder into which the jobs publish the shards' folders.
func (s *Submission) ShardsDir() string { return filepath.Join(s.Dir(), shardFolder) }

// freeze writes the config and its data into the submission's folder, each file in one step. Files of one key are the same, so
// what is there already stays.
func (s *Submission) freeze() (err error) {
	for _, dir := range []string{logFolder, shardFolder, binFolder} {
		err = errors.Join(err, os.MkdirAll(filepath.Join(s.Dir(), dir), 0o755))
	}
	for path, content := range s.Files {
		file := filepath.Join(s.Dir(), configFolder, filepath.FromSlash(path))
		if _, missing := os.Stat(file); missing != nil {
			err = errors.Join(err, os.MkdirAll(filepath.Dir(file), 0o755), publish.WriteFile(file, content))
		}
	}
	return err
}

// ProgramPath returns where the submission has its copy of an executable. The copy is named after its content, so a
// program that was built again later does not change under the jobs that use this one.
func (s *Submission) ProgramPath(executable string) (string, error) {
	hash, err := publish.HashFile(executable)
	if err != nil {
		return "", err
	}
	return filepath.Join(s.Dir(), binFolder, "experiments-"+hash[:12]), nil
}

// copyProgram copies an executable to the given path, in one step, unless it is there.
func copyProgram(executable, path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	program, err := os.ReadFile(executable)
	if err != nil {
		return err
	}
	return publish.WriteProgram(path, program)
}

// Quote returns the word as the shell reads it back, whatever characters it has. Words of harmless characters stay as
// they are. No argument can hold a NUL.
func Quote(word string) string {
	if harmless.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

var harmless = regexp.MustCompile(`^[A-Za-z0-9_./:,=@%+-]+$`)

// CommandLine returns the words as a line that the shell splits into them.
func CommandLine(words ...string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = Quote(word)
	}
	return strings.Join(quoted, " ")
}

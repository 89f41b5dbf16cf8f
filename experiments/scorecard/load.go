package scorecard

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"windtunnel/configs"
	"windtunnel/experiments/kinds"
	"windtunnel/experiments/spec"
	"windtunnel/experiments/spec/decode"
)

// Load returns the desiderata of configs/scorecard and those of further folders, in their order. The error is a decode.Errors.
func Load(dirs ...string) ([]*spec.Desideratum, error) {
	own, _ := fs.Sub(configs.Scorecard, "scorecard") // a valid name
	all, err := read(own, "configs/scorecard", func(path string) ([]byte, error) {
		return fs.ReadFile(own, strings.TrimPrefix(filepath.ToSlash(path), "configs/scorecard/"))
	})
	for _, dir := range dirs {
		if err != nil {
			return nil, err
		}
		var more []*spec.Desideratum
		if more, err = read(os.DirFS(dir), dir, os.ReadFile); err == nil && len(more) == 0 {
			err = decode.Join(decode.Error{File: dir, Wrong: "holds no desideratum", Allowed: "a folder with files a/b.yaml, each the test a/b"})
		}
		for _, d := range more {
			if _, taken := Find(all, d.Name); taken {
				err = decode.Join(decode.Error{File: filepath.Join(dir, d.Name+".yaml"), Wrong: fmt.Sprintf("there is a test %q already", d.Name),
					Allowed: "a name of its own"})
			}
			all = append(all, d)
		}
	}
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b *spec.Desideratum) int {
		return cmp.Compare(cmp.Or(a.Order, math.MaxInt), cmp.Or(b.Order, math.MaxInt))
	})
	return all, nil
}

// read reads every file *.yaml of a file system. shown is its folder as messages name it.
func read(files fs.FS, shown string, open func(path string) ([]byte, error)) (all []*spec.Desideratum, err error) {
	var wrong []error
	tables := kinds.Tables()
	err = fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		name, ok := strings.CutSuffix(path, ".yaml")
		if err != nil || entry.IsDir() || !ok {
			return err
		}
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		d, err := spec.ReadDesideratum(name, filepath.Join(shown, name+".yaml"), text, open, tables)
		if err != nil {
			wrong = append(wrong, err)
			return nil
		}
		all = append(all, d)
		return nil
	})
	if err != nil {
		wrong = append(wrong, decode.Join(decode.Error{File: shown, Wrong: "cannot be read: " + err.Error(), Allowed: "a folder of desiderata"}))
	}
	return all, decode.Join(wrong...)
}

// Find returns the test of that name.
func Find(tests []*spec.Desideratum, name string) (*spec.Desideratum, bool) {
	i := slices.IndexFunc(tests, func(d *spec.Desideratum) bool { return d.Name == name })
	if i < 0 {
		return nil, false
	}
	return tests[i], true
}

// Names returns the names of tests.
func Names(tests []*spec.Desideratum) []string {
	var names []string
	for _, t := range tests {
		names = append(names, t.Name)
	}
	return names
}

// Select returns the tests of the settings, all where these name none. A name that is both a test and a group, as preservation,
// is the test alone. Where the settings name a test that is not there it returns the key and the name.
func Select(tests []*spec.Desideratum, settings spec.ScorecardSettings) (chosen []*spec.Desideratum, key, name string) {
	wanted := func(t *spec.Desideratum, name string) bool {
		_, single := Find(tests, name)
		return t.Name == name || !single && strings.HasPrefix(t.Name, name+"/")
	}
	for i, name := range settings.Tests {
		if !slices.ContainsFunc(tests, func(t *spec.Desideratum) bool { return wanted(t, name) }) {
			return nil, fmt.Sprintf("scorecard.tests.%d", i), name
		}
	}
	for _, name := range slices.Sorted(maps.Keys(settings.Bounds)) {
		if _, known := Find(tests, name); !known {
			return nil, "scorecard.bounds." + name, name
		}
	}
	for _, t := range tests {
		if len(settings.Tests) == 0 || slices.ContainsFunc(settings.Tests, func(name string) bool { return wanted(t, name) }) {
			chosen = append(chosen, t)
		}
	}
	return chosen, "", ""
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"windtunnel/experiments/kinds"
	"windtunnel/experiments/spec"
	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

// results is a finished results folder with the config that made it.
type results struct {
	dir    string
	config *spec.Config
	src    plots.Sources
}

// openResults opens results folders. All mistakes are reported together.
func openResults(dirs []string) ([]results, error) {
	var all []results
	var errs []error
	for _, dir := range dirs {
		r, err := openOne(filepath.Clean(dir))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, r)
	}
	return all, joinInput(errs)
}

func openOne(dir string) (results, error) {
	path := filepath.Join(dir, spec.ResolvedName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return results{}, inputError{fmt.Errorf("%s: not a results folder: there is no %s; `experiments run CONFIG` makes one%s",
			dir, spec.ResolvedName, resultsBeside(dir))}
	}
	config, err := kinds.Load(path, nil)
	if err != nil {
		return results{}, err
	}
	src, err := sources(config, dir, filepath.Dir(dir))
	if err != nil {
		return results{}, inputError{err}
	}
	return results{dir, config, src}, nil
}

// resultsBeside names the results folders that there are, for a message about one that there is not.
func resultsBeside(dir string) string {
	for _, parent := range []string{dir, filepath.Dir(dir)} {
		found, _ := filepath.Glob(filepath.Join(parent, "*", tables.Runs+".csv"))
		if len(found) > 0 {
			return fmt.Sprintf("; there is %s", filepath.Dir(found[0]))
		}
	}
	return ""
}

package results

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"windtunnel/experiments/results/publish"
	"windtunnel/metrics/tables"
)

// Export is the tables of a folder on their way into another format, CSV or Parquet.
type Export struct {
	out    string
	format tables.Format
	list   []exported
}

type exported struct {
	table  *tables.Table
	schema tables.Schema
}

// NewExport reads and checks every table of dir that is to be written into the folder out, with the schemas that their
// cells fit, and writes nothing.
func NewExport(dir, out string, format tables.Format) (*Export, error) {
	names, err := tablesIn(dir)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: there are no tables, neither .csv nor .parquet%s", dir, Beside(dir))
	}
	declared, err := Schemas(dir)
	if err != nil {
		return nil, err
	}
	e := &Export{out: out, format: format}
	for _, name := range names {
		t, err := e.source(dir, name)
		if err != nil {
			return nil, err
		}
		if t == nil {
			continue
		}
		schema, err := tables.Fit(t, declared[name])
		if err != nil {
			return nil, err
		}
		e.list = append(e.list, exported{t, schema})
	}
	if len(e.list) == 0 {
		return nil, fmt.Errorf("%s: every table is there as %s already, and no other folder is given by --out", dir, string(format))
	}
	return e, nil
}

// source opens the table in the format that is not asked for, or else in that one, unless that is the very file to be
// written: then there is nothing to do, and no table.
func (e *Export) source(dir, name string) (*tables.Table, error) {
	other := tables.CSV
	if e.format == tables.CSV {
		other = tables.Parquet
	}
	t, err := tables.OpenFormat(dir, name, other)
	if !errors.Is(err, fs.ErrNotExist) {
		return t, err
	}
	if from, err := os.Stat(dir); err == nil {
		if to, err := os.Stat(e.out); err == nil && os.SameFile(from, to) {
			return nil, nil
		}
	}
	return tables.OpenFormat(dir, name, e.format)
}

// Write puts the tables and their data package into the folder, which there is, each file in one step, and brings a manifest
// there up to date. It returns the names of the files.
func (e *Export) Write(ctx context.Context) (files []string, err error) {
	err = publish.Put(e.out, func(staging string) ([]string, error) {
		var resources []tables.Resource // each table in the formats in which it will lie in the folder
		for _, one := range e.list {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err := tables.WriteTable(staging, one.table, one.schema, e.format); err != nil {
				return nil, err
			}
			files = append(files, one.table.Name+e.format.Extension())
			for _, format := range tables.Both.Files() {
				if _, err := os.Stat(filepath.Join(e.out, one.table.Name+format.Extension())); err == nil || format == e.format {
					resources = append(resources, tables.Resource{Table: one.table.Name, Schema: one.schema, Format: format})
				}
			}
		}
		full, err := filepath.Abs(e.out)
		if err != nil {
			return nil, err
		}
		files = append(files, tables.DataPackageFile)
		return files, os.WriteFile(filepath.Join(staging, tables.DataPackageFile), tables.DataPackage(filepath.Base(full), resources), 0o644)
	})
	return files, err
}

// tablesIn names the tables of a folder in the order of the alphabet, each once.
func tablesIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		for _, format := range tables.Both.Files() {
			if name, ok := strings.CutSuffix(entry.Name(), format.Extension()); ok && !entry.IsDir() {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

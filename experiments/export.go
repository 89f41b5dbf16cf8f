package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"windtunnel/experiments/results/publish"
	"windtunnel/metrics/tables"
)

// exportOptions are the flags of export.
type exportOptions struct {
	format tables.Format
	out    string
}

func newExport(stdout io.Writer) *cobra.Command {
	o := &exportOptions{}
	cmd := &cobra.Command{
		Use:   "export RESULTS",
		Short: "Write the tables of a results folder as Parquet or as CSV",
		Long: "Writes every table of the folder in the other format, beside it or into a folder of its own, with a datapackage.json\n" +
			"that gives type, unit and meaning of each column. No number changes: exported there and back, a table is the same file.",
		Example: `  experiments export results/preservation --format parquet
  experiments export results/preservation --format csv --out shared`,
		Args: func(cmd *cobra.Command, args []string) error {
			return cmp.Or(needArgs("a results folder")(cmd, args), atMost(1, "one results folder")(cmd, args))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), filepath.Clean(args[0]), stdout)
		},
	}
	f := cmd.Flags()
	f.Var(&o.format, "format", "csv or parquet: what to write")
	f.StringVar(&o.out, "out", "", "folder for the tables (default: RESULTS itself)")
	return cmd
}

// exported is a table on its way into another format.
type exported struct {
	table  *tables.Table
	schema tables.Schema
}

// run reads and checks everything before it writes anything.
func (o *exportOptions) run(ctx context.Context, dir string, stdout io.Writer) error {
	if o.format != tables.CSV && o.format != tables.Parquet {
		return inputError{fmt.Errorf("export: --format is %q; csv or parquet", string(o.format))}
	}
	out := filepath.Clean(cmp.Or(o.out, dir))
	list, err := o.open(dir, out)
	if err != nil {
		return inputError{err}
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return inputError{err}
	}
	files, err := o.write(ctx, list, out)
	if err != nil {
		return err
	}
	for _, name := range files {
		fmt.Fprintln(stdout, filepath.Join(out, name))
	}
	return nil
}

// open opens the tables of a folder that are to be written, with the schemas that their cells fit.
func (o *exportOptions) open(dir, out string) ([]exported, error) {
	names, err := tablesIn(dir)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: there are no tables, neither .csv nor .parquet%s", dir, resultsBeside(dir))
	}
	declared, err := declaredSchemas(dir)
	if err != nil {
		return nil, err
	}
	var all []exported
	for _, name := range names {
		t, err := o.source(dir, out, name)
		if t == nil && err == nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		schema, err := tables.Fit(t, declared[name])
		if err != nil {
			return nil, err
		}
		all = append(all, exported{t, schema})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: every table is there as %s already, and no other folder is given by --out", dir, string(o.format))
	}
	return all, nil
}

// source opens the table in the format that is not asked for, or else in that one, unless that is the very file to be
// written: then there is nothing to do, and no table.
func (o *exportOptions) source(dir, out, name string) (*tables.Table, error) {
	other := tables.CSV
	if o.format == tables.CSV {
		other = tables.Parquet
	}
	t, err := tables.OpenFormat(dir, name, other)
	if !errors.Is(err, fs.ErrNotExist) {
		return t, err
	}
	if from, err := os.Stat(dir); err == nil {
		if to, err := os.Stat(out); err == nil && os.SameFile(from, to) {
			return nil, nil
		}
	}
	return tables.OpenFormat(dir, name, o.format)
}

// write puts the tables and their data package into a folder, each file in one step. It returns the names of the files.
func (o *exportOptions) write(ctx context.Context, list []exported, out string) ([]string, error) {
	staging, err := os.MkdirTemp(out, ".export.*")
	if err != nil {
		return nil, inputError{err}
	}
	defer os.RemoveAll(staging)
	var files []string
	for _, e := range list {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := tables.WriteTable(staging, e.table, e.schema, o.format); err != nil {
			return nil, err
		}
		files = append(files, e.table.Name+o.format.Extension())
	}
	for _, name := range files {
		if err := os.Rename(filepath.Join(staging, name), filepath.Join(out, name)); err != nil {
			return nil, err
		}
	}
	if err := describe(list, out); err != nil {
		return nil, err
	}
	files = append(files, tables.DataPackageFile)
	return files, publish.Reseal(out, files)
}

// describe writes the data package of the tables, each in the formats in which it now lies in the folder.
func describe(list []exported, out string) error {
	full, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	var resources []tables.Resource
	for _, e := range list {
		for _, format := range tables.Both.Files() {
			if _, err := os.Stat(filepath.Join(out, e.table.Name+format.Extension())); err == nil {
				resources = append(resources, tables.Resource{Table: e.table.Name, Schema: e.schema, Format: format})
			}
		}
	}
	return publish.WriteFile(filepath.Join(out, tables.DataPackageFile), tables.DataPackage(filepath.Base(full), resources))
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

// declaredSchemas reads the folder's data package, where it has one: schemas by table.
func declaredSchemas(dir string) (map[string]tables.Schema, error) {
	path := filepath.Join(dir, tables.DataPackageFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	byPath, err := tables.ReadDataPackage(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	schemas := map[string]tables.Schema{}
	for path, schema := range byPath {
		schemas[strings.TrimSuffix(path, filepath.Ext(path))] = schema
	}
	return schemas, nil
}

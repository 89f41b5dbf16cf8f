package tables

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/agnivade/levenshtein"
)

// Source gives tables by name. A results folder is one; tests use maps.
type Source interface {
	// Table returns a table; the error says which folder lacks it.
	Table(name string) (*Table, error)
}

// Folder is a results folder. Its tables are opened on first use and kept; so are their files, until the tables are no
// longer used, so that a folder may be moved or replaced while it is read.
type Folder struct {
	Dir    string
	tables map[string]*Table
}

// OpenFolder returns the results folder at dir.
func OpenFolder(dir string) (*Folder, error) {
	for _, format := range Both.Files() {
		if _, err := os.Stat(filepath.Join(dir, Runs+format.Extension())); err == nil {
			return &Folder{Dir: dir, tables: map[string]*Table{}}, nil
		}
	}
	return nil, fmt.Errorf("%s: not a results folder: it has no %s.csv or %s.parquet", dir, Runs, Runs)
}

// Table opens the table in DIR/NAME.csv or, where there is none, DIR/NAME.parquet. The whole of a CSV file is checked;
// the error names the file and, for a malformed row, the line.
func (f *Folder) Table(name string) (*Table, error) {
	if t, ok := f.tables[name]; ok {
		return t, nil
	}
	t, err := Open(f.Dir, name)
	if err != nil {
		return nil, err
	}
	f.tables[name] = t
	return t, nil
}

// Open opens the table in DIR/NAME.csv or, where there is none, DIR/NAME.parquet, as Folder.Table does.
func Open(dir, name string) (*Table, error) {
	t, err := OpenFormat(dir, name, CSV)
	if errors.Is(err, fs.ErrNotExist) {
		if p, err := OpenFormat(dir, name, Parquet); !errors.Is(err, fs.ErrNotExist) {
			return p, err
		}
	}
	return t, err
}

// OpenFormat opens the table in the file of one format, CSV or Parquet. The error wraps fs.ErrNotExist where there is no
// such file.
func OpenFormat(dir, name string, format Format) (*Table, error) {
	path := filepath.Join(dir, name+format.Extension())
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: no table %q: %w", dir, name, err)
	}
	var table file
	info, err := f.Stat()
	switch {
	case err != nil:
	case format == Parquet:
		table, err = openParquet(name, f, info.Size())
	default:
		table, err = openCSV(name, f, info.Size())
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return tableOf(name, table), nil
}

// Memory is a Source of tables held in memory.
type Memory map[string]*Table

// Table returns the table of that name.
func (m Memory) Table(name string) (*Table, error) {
	if t, ok := m[name]; ok {
		return t, nil
	}
	return nil, fmt.Errorf("no table %q", name)
}

// Format says which files hold tables. It implements the Value interface of pflag, for --format.
type Format string

// Formats of tables.
const (
	CSV     Format = "csv"
	Parquet Format = "parquet"
	Both    Format = "both"
)

// String returns the format's name.
func (f *Format) String() string { return string(*f) }

// Type returns the flag's kind of value.
func (f *Format) Type() string { return "format" }

// Set takes csv, parquet or both.
func (f *Format) Set(name string) error {
	known := []Format{CSV, Parquet, Both}
	if slices.Contains(known, Format(name)) {
		*f = Format(name)
		return nil
	}
	err := fmt.Errorf("%q is no format of tables; csv, parquet or both", name)
	edits := func(f Format) int { return levenshtein.ComputeDistance(name, string(f)) }
	if nearest := slices.MinFunc(known, func(a, b Format) int { return edits(a) - edits(b) }); edits(nearest) <= len(nearest)/2 {
		err = fmt.Errorf("%w; did you mean %q?", err, nearest)
	}
	return err
}

// Files returns the formats of the files: one, or csv and parquet for both.
func (f Format) Files() []Format {
	if f == Both {
		return []Format{CSV, Parquet}
	}
	return []Format{f}
}

// Extension returns the ending of the files' names, with its dot.
func (f Format) Extension() string { return "." + string(f) }

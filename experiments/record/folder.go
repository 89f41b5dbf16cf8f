package record

import (
	"fmt"
	"os"
	"path/filepath"
)

// Source gives tables by name. A results folder is one; tests use maps.
type Source interface {
	// Table returns a table; the error says which folder lacks it.
	Table(name string) (*Table, error)
}

// Folder is a results folder. Tables are read on first use and kept.
type Folder struct {
	Dir    string
	tables map[string]*Table
}

// OpenFolder returns the results folder at dir.
func OpenFolder(dir string) (*Folder, error) {
	if _, err := os.Stat(filepath.Join(dir, Runs+".csv")); err != nil {
		return nil, fmt.Errorf("%s: not a results folder: it has no %s.csv", dir, Runs)
	}
	return &Folder{Dir: dir, tables: map[string]*Table{}}, nil
}

// Table reads DIR/NAME.csv.
func (f *Folder) Table(name string) (*Table, error) {
	if t, ok := f.tables[name]; ok {
		return t, nil
	}
	path := filepath.Join(f.Dir, name+".csv")
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: no table %q: %w", f.Dir, name, err)
	}
	defer file.Close()
	t, err := ReadCSV(name, file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f.tables[name] = t
	return t, nil
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

package tables

import (
	"fmt"

	"github.com/agnivade/levenshtein"
)

// Format says which files hold tables. It implements the Value interface of pflag, for --format.
type Format string

// Formats of tables.
const (
	CSV     Format = "csv"
	Parquet Format = "parquet"
	Both    Format = "both"
)

// formats lists them.
var formats = []Format{CSV, Parquet, Both}

// String returns the format's name.
func (f *Format) String() string { return string(*f) }

// Type returns the flag's kind of value.
func (f *Format) Type() string { return "format" }

// Set takes csv, parquet or both.
func (f *Format) Set(name string) error {
	nearest := formats[0]
	for _, known := range formats {
		if string(known) == name {
			*f = known
			return nil
		}
		if levenshtein.ComputeDistance(name, string(known)) < levenshtein.ComputeDistance(name, string(nearest)) {
			nearest = known
		}
	}
	err := fmt.Errorf("%q is no format of tables; csv, parquet or both", name)
	if levenshtein.ComputeDistance(name, string(nearest)) <= len(nearest)/2 {
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

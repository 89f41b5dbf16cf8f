package tables_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"windtunnel/metrics/tables"
)

// cells draws cells of every kind that a column may hold, with texts that nearly are numbers.
func cells() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.Just(""),
		rapid.Map(rapid.Float64(), tables.FormatFloat),
		rapid.Map(rapid.Int64(), func(i int64) string { return strconv.FormatInt(i, 10) }),
		rapid.Map(rapid.IntRange(-3, 1_000_001), strconv.Itoa),
		rapid.SampledFrom([]string{"1e-05", "0.00001", "1e+06", "1000000", "+1", "1.0", "-0", "0", "inf", "-inf", "+Inf", "NaN", "1e999",
			"0x10", "1_0", "true", "false", "dpo", "dpo/lambda=1e-05", "01"}),
		rapid.StringOfN(rapid.SampledFrom([]rune("a1.,\"\n\\é\u2003 ")), 0, 5, -1),
	)
}

// write puts a table into a new folder and opens it there.
func write(t testing.TB, table *tables.Table, schema tables.Schema, format tables.Format) (dir string, back *tables.Table) {
	t.Helper()
	dir = t.TempDir()
	if err := tables.WriteTable(dir, table, schema, format); err != nil {
		t.Fatal(err)
	}
	back, err := tables.OpenFormat(dir, table.Name, format)
	if err != nil {
		t.Fatal(err)
	}
	return dir, back
}

// schemaOf is the schema that the cells of a table fit.
func schemaOf(t testing.TB, table *tables.Table) tables.Schema {
	t.Helper()
	schema, err := tables.Fit(table, nil)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// Cells are kept as they are, however the kind of column changes and wherever blocks end.
func TestAppendKeepsCells(t *testing.T) {
	const rows = 10_000
	for _, odd := range []int{0, 4095, 4096, 9000, rows} {
		table := tables.NewTable("runs", "x", "run")
		want := func(i int) (string, string) {
			if i == odd {
				return "01", ""
			}
			return tables.FormatFloat(float64(i) / 7), fmt.Sprintf("dpo/%d", i)
		}
		for i := range rows {
			x, run := want(i)
			table.Append(x, run)
		}
		for i := range rows {
			x, run := want(i)
			if table.Text(i, "x") != x || table.Text(i, "run") != run || table.Float(i, "x") != tables.ParseFloat(x) {
				t.Fatalf("row %d is %q, want %q %q", i, table.Row(i), x, run)
			}
		}
	}
}

func TestAppendRefusesOtherWidths(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a row of one cell is taken under two columns")
		}
	}()
	tables.NewTable("runs", "a", "b").Append("1")
}

// Select agrees with SameCell on every cell.
func TestSelectIsSameCell(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// All numbers, or anything: a column of each kind.
		of := cells()
		if rapid.Bool().Draw(t, "numbers") {
			of = rapid.OneOf(rapid.Just(""), rapid.Map(rapid.Float64(), tables.FormatFloat), rapid.SampledFrom([]string{"1", "1e-05", "1e+06", "-0", "inf"}))
		}
		table := tables.NewTable("runs", "x")
		values := rapid.SliceOfN(cells(), 0, 3).Draw(t, "values")
		var want []int
		for i, cell := range rapid.SliceOfN(of, 0, 20).Draw(t, "cells") {
			table.Append(cell)
			if slices.ContainsFunc(values, func(v string) bool { return tables.SameCell(cell, v) }) {
				want = append(want, i)
			}
		}
		if got := (tables.Where{"x": values}).Select(table); !slices.Equal(got, want) {
			t.Fatalf("%q in %q: rows %v, want %v", values, rowsOf(table), got, want)
		}
	})
}

// Columns are read when they are first used: those in memory outlive the file, the others are an error.
func TestFolderReadsWhatIsAskedFor(t *testing.T) {
	for _, format := range tables.Both.Files() {
		table := filled([]string{"run", "a", "b", "c"}, []string{"r", "1", "2", "3"}, []string{"s", "4", "", "6"})
		dir, lazy := write(t, table, schemaOf(t, table), format)
		if err := lazy.Load("a", "c", "of another table"); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(dir, "runs"+format.Extension()), 0); err != nil {
			t.Fatal(err)
		}
		if lazy.Len() != 2 || lazy.Text(1, "c") != "6" || lazy.Float(1, "a") != 4 {
			t.Errorf("%s: columns a and c are gone with the file", format)
		}
		if err := lazy.Load("a", "b"); err == nil {
			t.Errorf("%s: column b is read from an empty file", format)
		}
		if p := panics(func() { lazy.Text(0, "b") }); !strings.Contains(fmt.Sprint(p), "table runs") {
			t.Errorf("%s: a cell of an empty file: %v", format, p)
		}
	}
}

// A file that is overwritten in place is found out, where the rows or the columns are no longer the same.
func TestFolderFindsAChangedFile(t *testing.T) {
	for text, want := range map[string]string{
		"run,a\nr,1\ns,2\n": "",
		"run,b\nr,1\ns,2\n": `table runs has changed: its columns are now ["run" "b"]`,
		"run,a\nr,100022\n": "table runs has changed: it had 2 rows, now 1",
		"run,a\nr,1,2,33\n": "table runs: record on line 2: wrong number of fields",
	} {
		table := filled([]string{"run", "a"}, []string{"r", "1"}, []string{"s", "2"})
		dir, lazy := write(t, table, schemaOf(t, table), tables.CSV)
		if err := os.WriteFile(filepath.Join(dir, "runs.csv"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := lazy.Load("a"); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func panics(f func()) (p any) {
	defer func() { p = recover() }()
	f()
	return nil
}

// A table is open to several goroutines that read different columns.
func TestTableIsReadByMany(t *testing.T) {
	table := tables.NewTable("runs", "a", "b", "c")
	for i := range 1000 {
		table.Append(strconv.Itoa(i), "r"+strconv.Itoa(i%7), "")
	}
	_, lazy := write(t, table, schemaOf(t, table), tables.CSV)
	var group sync.WaitGroup
	for range 4 {
		for _, column := range []string{"a", "b", "c"} {
			group.Go(func() {
				for row := range lazy.Len() {
					if lazy.Text(row, column) != table.Text(row, column) {
						t.Errorf("%s of row %d is %q", column, row, lazy.Text(row, column))
						return
					}
				}
			})
		}
	}
	group.Wait()
}

// A column is read from its file once.
func TestReadOnce(t *testing.T) {
	table := filled([]string{"run", "v"}, []string{"a", "1"}, []string{"b", "2"})
	dir, file := write(t, table, schemaOf(t, table), tables.CSV)
	if file.Text(1, "v") != "2" {
		t.Fatalf("v is %q", file.Text(1, "v"))
	}
	if err := os.WriteFile(filepath.Join(dir, file.Name+".csv"), []byte("run,v\na,1\nb,3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if file.Text(1, "v") != "2" {
		t.Error("a column is read twice")
	}
}

func TestFolderPrefersCSV(t *testing.T) {
	csv, parquet := filled([]string{"run"}, []string{"csv"}), filled([]string{"run"}, []string{"parquet"})
	dir, _ := write(t, parquet, schemaOf(t, parquet), tables.Parquet)
	for _, want := range []string{"parquet", "csv"} {
		folder, err := tables.OpenFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		table, err := folder.Table(tables.Runs)
		if err != nil || table.Text(0, "run") != want {
			t.Errorf("%v (%v), want the table of the %s file", table, err, want)
		}
		if err := tables.WriteTable(dir, csv, schemaOf(t, csv), tables.CSV); err != nil {
			t.Fatal(err)
		}
	}
}

// wide is a table of numbers like runs: a name, eight settings and 31 metrics.
func wide(rows int) *tables.Table {
	header := []string{"run"}
	for i := range 39 {
		header = append(header, "c"+strconv.Itoa(i))
	}
	table := tables.NewTable("runs", header...)
	cells := make([]string, len(header))
	for row := range rows {
		cells[0] = fmt.Sprintf("typo/lambda=%d/train.lr=%d/seed=%d", row%31, row/31%17, row)
		for i := 1; i < len(cells); i++ {
			cells[i] = tables.FormatFloat(math.Sin(float64(row*40 + i)))
		}
		table.Append(cells...)
	}
	return table
}

// BenchmarkTable reports the memory of 40 columns; 1,000,000 rows take a million times as much.
func BenchmarkTable(b *testing.B) {
	const rows = 100_000
	table := wide(rows)
	dir, _ := write(b, table, schemaOf(b, table), tables.Both.Files()[0])
	if err := tables.WriteTable(dir, table, schemaOf(b, table), tables.Parquet); err != nil {
		b.Fatal(err)
	}
	for _, format := range tables.Both.Files() {
		info, err := os.Stat(filepath.Join(dir, "runs"+format.Extension()))
		if err != nil {
			b.Fatal(err)
		}
		for _, columns := range [][]string{table.Header[:1], table.Header[1:2], table.Header} {
			b.Run(fmt.Sprintf("%s/columns=%d from %s", format, len(columns), columns[0]), func(b *testing.B) {
				b.SetBytes(info.Size())
				b.ReportAllocs()
				var lazy *tables.Table
				before := heap()
				for b.Loop() {
					if lazy, err = tables.OpenFormat(dir, "runs", format); err != nil {
						b.Fatal(err)
					}
					if err := lazy.Load(columns...); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(heap()-before)/rows, "heapB/row")
				if lazy.Len() != rows {
					b.Fatal(lazy.Len())
				}
			})
		}
	}
	b.Run("select", func(b *testing.B) {
		where := tables.Where{"run": {table.Text(rows/2, "run")}, "c3": {table.Text(rows/2, "c3")}}
		for b.Loop() {
			if got := where.Select(table); len(got) != 1 {
				b.Fatal(got)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
	})
}

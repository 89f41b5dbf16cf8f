package tables_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
	"pgregory.net/rapid"

	"windtunnel/metrics/tables"
	_ "windtunnel/toy/fixedseed"
)

// typed draws a column: a type and how its cells are drawn.
func typed() *rapid.Generator[func() *rapid.Generator[string]] {
	return rapid.SampledFrom([]func() *rapid.Generator[string]{
		cells,
		func() *rapid.Generator[string] { return rapid.Map(rapid.Float64(), tables.FormatFloat) },
		func() *rapid.Generator[string] { return rapid.Map(rapid.IntRange(-9, 2_000_000), strconv.Itoa) },
		func() *rapid.Generator[string] { return rapid.SampledFrom([]string{"true", "false", ""}) },
		func() *rapid.Generator[string] { return rapid.SampledFrom([]string{"inf", "-inf", "", "-0", "5e-324"}) },
		func() *rapid.Generator[string] { return rapid.Just("") },
	})
}

// A table is the same file after CSV, Parquet, CSV.
func TestParquetAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		header := rapid.SliceOfNDistinct(rapid.StringOfN(rapid.SampledFrom([]rune("a.,b \"é")), 0, 4, -1), 2, 5, rapid.ID[string]).Draw(t, "header")
		columns := make([][]string, len(header))
		rows := rapid.IntRange(0, 5).Draw(t, "rows")
		for i := range columns {
			columns[i] = rapid.SliceOfN(typed().Draw(t, "type")(), rows, rows).Draw(t, "cells")
		}
		table := tables.NewTable("runs", header...)
		for row := range rows {
			cells := make([]string, len(header))
			for i := range cells {
				cells[i] = columns[i][row]
			}
			table.Append(cells...)
		}
		var want, got bytes.Buffer
		if err := table.WriteCSV(&want); err != nil {
			t.Fatal(err)
		}
		first, err := tables.ReadCSV("runs", bytes.NewReader(want.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		dir, err := os.MkdirTemp("", "parquet")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		schema, err := tables.Fit(first, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := tables.WriteTable(dir, first, schema, tables.Parquet); err != nil {
			t.Fatal(err)
		}
		back, err := tables.Open(dir, "runs")
		if err != nil {
			t.Fatal(err)
		}
		if err := back.WriteCSV(&got); err != nil || got.String() != want.String() {
			t.Fatalf("%q became %q (%v)", want.String(), got.String(), err)
		}
		if !sameTable(back, table) {
			t.Fatalf("%q became %q", rowsOf(table), rowsOf(back))
		}
	})
}

// The values in the file are those of the standard's types, read here without this package.
func TestParquetValues(t *testing.T) {
	table := filled([]string{"z", "number", "integer", "boolean", "text", "a"},
		[]string{"", "0.1", "9223372036854775807", "true", "é", "1"},
		[]string{"", "-inf", "", "false", "", "2"},
		[]string{"", "", "-1", "", "dpo", "3"},
		[]string{"", "5e-324", "0", "true", "dpo", "4"})
	dir, _ := write(t, table, schemaOf(t, table), tables.Parquet)
	data, err := os.ReadFile(filepath.Join(dir, "runs.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	const want = "message runs {\n\toptional binary z (STRING);\n\toptional double number;\n\toptional int64 integer (INT(64,true));\n" +
		"\toptional boolean boolean;\n\toptional binary text (STRING);\n\toptional int64 a (INT(64,true));\n}"
	if got := file.Schema().String(); got != want {
		t.Errorf("schema\n%s, want\n%s", got, want)
	}
	reader := parquet.NewReader(file)
	defer reader.Close()
	rows := make([]parquet.Row, 5)
	n, _ := reader.ReadRows(rows)
	if n != 4 {
		t.Fatalf("%d rows", n)
	}
	for _, v := range []struct {
		row, column int
		want        parquet.Value
	}{
		{0, 0, parquet.NullValue()},
		{0, 1, parquet.DoubleValue(0.1)}, {1, 1, parquet.DoubleValue(math.Inf(-1))}, {2, 1, parquet.NullValue()}, {3, 1, parquet.DoubleValue(5e-324)},
		{0, 2, parquet.Int64Value(math.MaxInt64)}, {1, 2, parquet.NullValue()}, {2, 2, parquet.Int64Value(-1)},
		{0, 3, parquet.BooleanValue(true)}, {1, 3, parquet.BooleanValue(false)}, {2, 3, parquet.NullValue()},
		{0, 4, parquet.ByteArrayValue([]byte("é"))}, {1, 4, parquet.NullValue()},
	} {
		if got := rows[v.row][v.column]; !parquet.Equal(got, v.want) {
			t.Errorf("row %d, column %d is %v, want %v", v.row, v.column, got, v.want)
		}
	}
	if by := file.Metadata().CreatedBy; by != "windtunnel version 1(build 0)" {
		t.Errorf("created by %q", by)
	}
}

// Long tables come in several row groups.
func TestParquetRowGroups(t *testing.T) {
	const rows = 1<<16 + 1<<15
	dir := t.TempDir()
	sink, err := tables.Create(dir, "runs", tables.Schema{{Name: "run"}, {Name: "x", Type: tables.Number}}, tables.Parquet)
	if err != nil {
		t.Fatal(err)
	}
	for row := range rows {
		if err := sink.Add([]tables.Value{{Text: "dpo/" + strconv.Itoa(row)}, {Number: float64(row) / 3}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "runs.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil || len(file.RowGroups()) != 2 || file.RowGroups()[0].NumRows() != 1<<16 {
		t.Fatalf("%d row groups (%v)", len(file.RowGroups()), err)
	}
	back, err := tables.Open(dir, "runs")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []int{0, 1<<16 - 1, 1 << 16, rows - 1} {
		if back.Text(row, "run") != "dpo/"+strconv.Itoa(row) || back.Float(row, "x") != float64(row)/3 {
			t.Errorf("row %d is %q", row, back.Row(row))
		}
	}
	var text bytes.Buffer
	if err := back.WriteCSV(&text); err != nil || bytes.Count(text.Bytes(), []byte("\n")) != rows+1 ||
		!strings.HasSuffix(text.String(), fmt.Sprintf("\ndpo/%d,%s\n", rows-1, tables.FormatFloat(float64(rows-1)/3))) {
		t.Errorf("%d bytes from all groups, %v", text.Len(), err)
	}
}

// unannotated is a physical type alone, as many programs write whole numbers.
type unannotated struct{ parquet.Type }

func (unannotated) LogicalType() *format.LogicalType { return nil }

// Files that others wrote are read where their columns are of these types, and refused otherwise.
func TestParquetOfOthers(t *testing.T) {
	type plain struct {
		Run string  `parquet:"run"`
		TV  float64 `parquet:"tv"`
		N   int64   `parquet:"n"`
		OK  bool    `parquet:"ok"`
	}
	type nested struct {
		Runs []string `parquet:"runs"`
	}
	type single struct {
		TV float32 `parquet:"tv"`
	}
	type bytes struct {
		Run []byte `parquet:"run"`
	}
	type unsigned struct {
		N uint64 `parquet:"n"`
	}
	type document struct {
		Run string `parquet:"run,json"`
	}
	for name, c := range map[string]struct {
		write func(path string) error
		want  string
	}{
		"bytes":    {func(p string) error { return parquet.WriteFile(p, []bytes{{[]byte("dpo")}}) }, "[dpo]"},
		"unsigned": {func(p string) error { return parquet.WriteFile(p, []unsigned{{1}}) }, `column "n" is of the type INT(64,false)`},
		"json":     {func(p string) error { return parquet.WriteFile(p, []document{{"{}"}}) }, `column "run" is of the type JSON`},
		"integers": {func(p string) error {
			f, err := os.Create(p)
			if err != nil {
				return err
			}
			out := parquet.NewGenericWriter[any](f, parquet.NewSchema("runs", parquet.Group{"n": parquet.Leaf(unannotated{parquet.Int64Type})}))
			_, err = out.WriteRows([]parquet.Row{{parquet.Int64Value(3).Level(0, 0, 0)}})
			return errors.Join(err, out.Close(), f.Close())
		}, "[3]"},
		"plain":  {func(p string) error { return parquet.WriteFile(p, []plain{{"a", math.NaN(), 3, true}}) }, "[a  3 true]"},
		"nested": {func(p string) error { return parquet.WriteFile(p, []nested{{[]string{"a"}}}) }, `column "runs" is of the type`},
		"single": {func(p string) error { return parquet.WriteFile(p, []single{{1}}) }, `column "tv" is of the type`},
		"text":   {func(p string) error { return os.WriteFile(p, []byte("run\na\n"), 0o644) }, "not a Parquet file"},
		"footer": {func(p string) error { return os.WriteFile(p, []byte("PAR1 no footer \xff\xff\xff\x7fPAR1"), 0o644) }, "its footer of 2147483647 bytes is longer than the file"},
		"empty":  {func(p string) error { return os.WriteFile(p, nil, 0o644) }, "not a Parquet file"},
	} {
		dir := t.TempDir()
		if err := c.write(filepath.Join(dir, "runs.parquet")); err != nil {
			t.Fatal(err)
		}
		table, err := tables.Open(dir, "runs")
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprint(table.Row(0))
		} else if !strings.Contains(got, filepath.Join(dir, "runs.parquet")) {
			t.Errorf("%s: the error does not name the file: %v", name, err)
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

package tables_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"windtunnel/metrics/tables"
)

// withCSV writes rows as encoding/csv does.
func withCSV(rows ...[]string) string {
	var b strings.Builder
	out := csv.NewWriter(&b)
	if err := out.WriteAll(rows); err != nil {
		panic(err)
	}
	return b.String()
}

// Rows of values are written as rows of their texts, in every format.
func TestSinkValues(t *testing.T) {
	schema := tables.Schema{{Name: "run"}, {Name: "steps", Type: tables.Integer}, {Name: "tv", Type: tables.Number}, {Name: "ok", Type: tables.Boolean}}
	number := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1),
		math.SmallestNonzeroFloat64, -2.2250738585072014e-308}))
	rapid.Check(t, func(rt *rapid.T) {
		rows := &tables.Rows{Schema: schema}
		want := [][]string{schema.Names()}
		for range rapid.IntRange(0, 5).Draw(rt, "rows") {
			name, v := cells().Draw(rt, "name"), number.Draw(rt, "tv")
			steps, ok := rapid.Int().Draw(rt, "steps"), rapid.SampledFrom([]string{"", "true", "false"}).Draw(rt, "ok")
			row := []string{name, strconv.Itoa(steps), tables.FormatFloat(v), ok}
			rows.Text(name)
			if rapid.Bool().Draw(rt, "empty") {
				rows.Empty(2)
				row[1], row[2] = "", ""
			} else {
				rows.Integer(steps)
				rows.Number(v)
			}
			rows.Text(ok)
			want = append(want, row)
		}
		if rows.Len() != len(want)-1 {
			rt.Fatalf("%d rows, want %d", rows.Len(), len(want)-1)
		}
		dirs := [2]string{t.TempDir(), t.TempDir()}
		for i, dir := range dirs {
			sink, err := tables.Create(dir, "runs", schema, tables.Both)
			if err != nil {
				rt.Fatal(err)
			}
			for r := range rows.Len() {
				if i == 0 {
					err = sink.Add(rows.Values[r*len(schema) : (r+1)*len(schema)])
				} else {
					err = sink.Write(want[r+1]...)
				}
				if err != nil {
					rt.Fatal(err)
				}
			}
			if err := sink.Close(); err != nil {
				rt.Fatal(err)
			}
		}
		for _, file := range []string{"runs.csv", "runs.parquet"} {
			values, err1 := os.ReadFile(filepath.Join(dirs[0], file))
			texts, err2 := os.ReadFile(filepath.Join(dirs[1], file))
			if err1 != nil || err2 != nil || !bytes.Equal(values, texts) {
				rt.Fatalf("%s: values and texts give different files (%v, %v)", file, err1, err2)
			}
			if file == "runs.csv" && string(values) != withCSV(want...) {
				rt.Fatalf("%q, encoding/csv writes %q", values, withCSV(want...))
			}
		}
	})
}

func TestSinkRefuses(t *testing.T) {
	schema := tables.Schema{{Name: "run"}, {Name: "steps", Type: tables.Integer}, {Name: "tv", Type: tables.Number}, {Name: "ok", Type: tables.Boolean}}
	for _, c := range []struct {
		row          []string
		csv, parquet string
	}{
		{[]string{"a", "1", "0.5"}, "table runs: a row has 3 cells under 4 columns", "table runs: a row has 3 cells under 4 columns"},
		{[]string{"a", "1", "0.5", "true", "1"}, "table runs: a row has 5 cells under 4 columns", "table runs: a row has 5 cells under 4 columns"},
		{[]string{"a", "1.5", "0.5", "true"}, "", `table runs: row 0: steps is "1.5", which no integer is written as`},
		{[]string{"a", "1", "0.50", "true"}, "", `table runs: row 0: tv is "0.50", which no number is written as`},
		{[]string{"a", "1", "NaN", "true"}, "", `table runs: row 0: tv is "NaN", which no number is written as`},
		{[]string{"a", "1", "inf", "yes"}, "", `table runs: row 0: ok is "yes", which no boolean is written as`},
	} {
		for format, want := range map[tables.Format]string{tables.CSV: c.csv, tables.Parquet: c.parquet} {
			sink, err := tables.Create(t.TempDir(), "runs", schema, format)
			if err != nil {
				t.Fatal(err)
			}
			err = sink.Write(c.row...)
			if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
				t.Errorf("%s, %q: %v, want %q", format, c.row, err, want)
			}
			if len(c.row) != len(schema) && sink.Add(make([]tables.Value, len(c.row))) == nil {
				t.Errorf("%s: a row of %d values is written", format, len(c.row))
			}
			if err := sink.Close(); err != nil {
				t.Error(err)
			}
			if err := sink.Close(); err != nil {
				t.Errorf("closing twice: %v", err)
			}
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	for name, schema := range map[string]tables.Schema{"no columns": nil, "twice": {{Name: "a"}, {Name: "a"}}, "nameless": {{Name: ""}}} {
		if _, err := tables.Create(t.TempDir(), "runs", schema, tables.Both); err == nil {
			t.Errorf("%s: a file is made", name)
		}
	}
	if _, err := tables.Create(filepath.Join(t.TempDir(), "none"), "runs", tables.Schema{{Name: "a"}}, tables.Both); err == nil {
		t.Error("a file is made in a folder that does not exist")
	}
	sink, err := tables.Create(t.TempDir(), "runs", tables.Schema{{Name: "a"}}, tables.CSV)
	if err != nil {
		t.Fatal(err)
	}
	if err := sink.Write(""); err == nil {
		t.Error("an empty line is written")
	}
	table := filled([]string{"a", "b"})
	if err := tables.WriteTable(t.TempDir(), table, tables.Schema{{Name: "a"}, {Name: "c"}}, tables.CSV); err == nil {
		t.Error("a table is written with another's schema")
	}
}

func TestFormatFlag(t *testing.T) {
	for name, want := range map[string]string{
		"csv": "", "parquet": "", "both": "",
		"parqet": `"parqet" is no format of tables; csv, parquet or both; did you mean "parquet"?`,
		"CSV":    `"CSV" is no format of tables; csv, parquet or both`,
		"arrow":  `"arrow" is no format of tables; csv, parquet or both`,
	} {
		var f tables.Format
		switch err := f.Set(name); {
		case want == "" && (err != nil || f.String() != name):
			t.Errorf("%s: %q, %v", name, f.String(), err)
		case want != "" && (err == nil || err.Error() != want):
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// ExampleSink writes the rows of a run behind its name.
func ExampleSink() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	schema := tables.Schema{{Name: "run"}, {Name: "step", Type: tables.Integer}, {Name: "tv_star", Type: tables.Number}}
	sink, err := tables.Create(dir, tables.Traces, schema, tables.CSV)
	if err != nil {
		fmt.Println(err)
		return
	}
	for step := range 2 {
		err = errors.Join(err, sink.Add([]tables.Value{{Text: "dpo/lambda=1"}, {Whole: int64(step)}, {Number: 0.5 / float64(1+step)}}))
	}
	fmt.Println(err, sink.Close())
	text, err := os.ReadFile(filepath.Join(dir, "traces.csv"))
	fmt.Printf("%s%v\n", text, err)
	// Output:
	// <nil> <nil>
	// run,step,tv_star
	// dpo/lambda=1,0,0.5
	// dpo/lambda=1,1,0.25
	// <nil>
}

// BenchmarkSink adds the trace of a run: 100 rows of 33 numbers.
func BenchmarkSink(b *testing.B) {
	source := wide(100)
	schema := tables.Schema{{Name: "run"}}
	for _, name := range source.Header[1:] {
		schema = append(schema, tables.Column{Name: name, Type: tables.Number})
	}
	rows := make([][]tables.Value, source.Len())
	for i := range rows {
		rows[i] = []tables.Value{{Text: "typo/lambda=1e-05/seed=1"}}
		for _, name := range source.Header[1:] {
			rows[i] = append(rows[i], tables.Value{Number: source.Float(i, name)})
		}
	}
	for _, format := range tables.Both.Files() {
		b.Run(string(format), func(b *testing.B) {
			sink, err := tables.Create(b.TempDir(), "traces", schema, format)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				for _, row := range rows {
					if err := sink.Add(row); err != nil {
						b.Fatal(err)
					}
				}
			}
			if err := sink.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

package tables_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

func TestAppendRowIsEncodingCSV(t *testing.T) {
	check := func(t interface{ Fatalf(string, ...any) }, row []string) {
		if got, want := string(tables.AppendRow([]byte("x"), row...)), "x"+withCSV(row); got != want {
			t.Fatalf("%q is written as %q, encoding/csv writes %q", row, got, want)
		}
	}
	for _, cell := range []string{"", " ", "\u2003x", `\.`, `\.x`, `"`, "a\rb", "a\r\nb", "\xff", "\xe2\x80", "é", "\x85"} {
		check(t, []string{cell})
		check(t, []string{cell, cell})
	}
	rapid.Check(t, func(t *rapid.T) { check(t, rapid.SliceOfN(cells(), 1, 4).Draw(t, "row")) })
}

// Rows that come in parts, behind a prefix, are the rows of encoding/csv, in every format.
func TestSinkAppend(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		own := rapid.IntRange(1, 3).Draw(t, "own")
		width := own + rapid.IntRange(0, 2).Draw(t, "prefix")
		if width == 1 {
			width = 2 // a single column holds no empty cell
			own = 2
		}
		schema := make(tables.Schema, width)
		for i := range schema {
			schema[i].Name = fmt.Sprintf("c%d", i)
		}
		sink, err := tables.Create(dir, "traces", schema, tables.Both)
		if err != nil {
			t.Fatal(err)
		}
		want := [][]string{schema.Names()}
		for range rapid.IntRange(0, 3).Draw(t, "parts") {
			prefix := rapid.SliceOfN(cells(), width-own, width-own).Draw(t, "prefix")
			var body []byte
			for _, row := range rapid.SliceOfN(rapid.SliceOfN(cells(), own, own), 0, 3).Draw(t, "rows") {
				body = tables.AppendRow(body, row...)
				want = append(want, slices.Concat(prefix, row))
			}
			before := bytes.Clone(body)
			if err := sink.Append(prefix, body); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(before, body) {
				t.Fatalf("the body has changed from %q to %q", before, body)
			}
			single := rapid.SliceOfN(cells(), width, width).Draw(t, "single")
			if err := sink.Write(single...); err != nil {
				t.Fatal(err)
			}
			want = append(want, single)
		}
		if err := sink.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, "traces.csv"))
		if err != nil || string(got) != withCSV(want...) {
			t.Fatalf("wrote %q (%v), want %q", got, err, withCSV(want...))
		}
		back, err := tables.OpenFormat(dir, "traces", tables.Parquet)
		if err != nil || !slices.EqualFunc(rowsOf(back), want[1:], slices.Equal) {
			t.Fatalf("Parquet gives back %q (%v), want %q", rowsOf(back), err, want[1:])
		}
	})
}

func TestSinkRefuses(t *testing.T) {
	schema := tables.Schema{{Name: "run"}, {Name: "steps", Type: tables.Integer}, {Name: "tv", Type: tables.Number}, {Name: "ok", Type: tables.Boolean}}
	for body, want := range map[string]map[tables.Format]string{
		"1,0.5\n":           {tables.CSV: "table runs: a row has 3 cells under 4 columns", tables.Parquet: "table runs: a row has 3 cells under 4 columns"},
		"1,0.5,true,1\n":    {tables.CSV: "table runs: a row has 5 cells under 4 columns", tables.Parquet: "table runs: a row has 5 cells under 4 columns"},
		"1,\"0.5\",true,\n": {tables.CSV: "table runs: a row has 5 cells under 4 columns", tables.Parquet: "table runs: a row has 5 cells under 4 columns"},
		"1,0.5,true":        {tables.CSV: "table runs: a row without its newline", tables.Parquet: "table runs: a row without its newline"},
		"1,0.5,\"true\n":    {tables.CSV: "table runs: a malformed row", tables.Parquet: "table runs: a malformed row"},
		"1,a\"\",true\n":    {tables.CSV: "table runs: a malformed row", tables.Parquet: "table runs: a malformed row"},
		"1.5,0.5,true\n":    {tables.CSV: "", tables.Parquet: `table runs: row 0: steps is "1.5", which no integer is written as`},
		"1,0.50,true\n":     {tables.CSV: "", tables.Parquet: `table runs: row 0: tv is "0.50", which no number is written as`},
		"1,NaN,true\n":      {tables.CSV: "", tables.Parquet: `table runs: row 0: tv is "NaN", which no number is written as`},
		"1,inf,yes\n":       {tables.CSV: "", tables.Parquet: `table runs: row 0: ok is "yes", which no boolean is written as`},
	} {
		for _, format := range tables.Both.Files() {
			sink, err := tables.Create(t.TempDir(), "runs", schema, format)
			if err != nil {
				t.Fatal(err)
			}
			err = sink.Append([]string{"a"}, []byte(body))
			if want := want[format]; want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
				t.Errorf("%s, %q: %v, want %q", format, body, err, want)
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

// ExampleSink keeps the rows of a run without the name of the run, which its plan gives it.
func ExampleSink() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	var body []byte
	for step := range 2 {
		body = tables.AppendRow(body, fmt.Sprint(step), tables.FormatFloat(0.5/float64(1+step)))
	}
	schema := tables.Schema{{Name: "run"}, {Name: "step", Type: tables.Integer}, {Name: "tv_star", Type: tables.Number}}
	sink, err := tables.Create(dir, tables.Traces, schema, tables.CSV)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = sink.Append([]string{"dpo/lambda=1"}, body)
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

// BenchmarkSink appends the trace of a run: 100 rows of 33 numbers.
func BenchmarkSink(b *testing.B) {
	source := wide(100)
	var body []byte
	schema := tables.Schema{{Name: "run"}}
	for i := range source.Len() {
		body = tables.AppendRow(body, source.Row(i)[1:]...)
	}
	for _, name := range source.Header[1:] {
		schema = append(schema, tables.Column{Name: name, Type: tables.Number})
	}
	prefix := []string{"typo/lambda=1e-05/seed=1"}
	for _, format := range tables.Both.Files() {
		b.Run(string(format), func(b *testing.B) {
			sink, err := tables.Create(b.TempDir(), "traces", schema, format)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if err := sink.Append(prefix, body); err != nil {
					b.Fatal(err)
				}
			}
			if err := sink.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
	b.Run("row", func(b *testing.B) {
		row, buf := source.Row(0), []byte(nil)
		b.ReportAllocs()
		for b.Loop() {
			buf = tables.AppendRow(buf[:0], row...)
		}
		b.SetBytes(int64(len(buf)))
	})
}

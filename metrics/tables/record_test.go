package tables_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"windtunnel/metrics/tables"
)

// filled returns a table with the given rows.
func filled(header []string, rows ...[]string) *tables.Table {
	t := tables.NewTable("runs", header...)
	for _, row := range rows {
		t.Append(row...)
	}
	return t
}

// rowsOf returns all cells.
func rowsOf(t *tables.Table) [][]string {
	rows := make([][]string, t.Len())
	for i := range rows {
		rows[i] = t.Row(i)
	}
	return rows
}

func sameTable(a, b *tables.Table) bool {
	return slices.Equal(a.Header, b.Header) && slices.EqualFunc(rowsOf(a), rowsOf(b), slices.Equal)
}

func TestWriteCSV(t *testing.T) {
	table := filled([]string{"run", "a,b", "reason"},
		[]string{"dpo/lambda=1", "1", ""},
		[]string{`say "no"`, "1e-05", "two\nlines"},
		[]string{" leading space", "inf", "comma, and \r alone"})
	const want = "run,\"a,b\",reason\n" +
		"dpo/lambda=1,1,\n" +
		"\"say \"\"no\"\"\",1e-05,\"two\nlines\"\n" +
		"\" leading space\",inf,\"comma, and \r alone\"\n"
	var out bytes.Buffer
	if err := table.WriteCSV(&out); err != nil {
		t.Fatal(err)
	}
	if out.String() != want {
		t.Errorf("wrote\n%q, want\n%q", out.String(), want)
	}
	back, err := tables.ReadCSV("runs", &out)
	if err != nil || !sameTable(back, table) {
		t.Errorf("read back %v (%v), want %v", back, err, table)
	}
}

func TestWriteCSVRefusesWhatItCouldNotReadBack(t *testing.T) {
	for name, table := range map[string]*tables.Table{
		"empty line":     filled([]string{"a"}, []string{""}),
		"no columns":     filled(nil),
		"nameless":       filled([]string{""}),
		"repeated names": filled([]string{"a", "a"}),
	} {
		if err := table.WriteCSV(&bytes.Buffer{}); err == nil {
			t.Errorf("%s is written", name)
		}
	}
}

// A cell that CSV cannot hold is named by its row.
func TestWriteCSVNamesTheRow(t *testing.T) {
	err := filled([]string{"a"}, []string{"1"}, []string{""}).WriteCSV(&bytes.Buffer{})
	if err == nil || err.Error() != "table runs: row 1: a single empty cell reads as an empty line" {
		t.Error(err)
	}
}

func TestReadCSVErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":              "table runs: it has no header",
		"a,a\n1,2\n":    `table runs: the header names a column twice: ["a" "a"]`,
		"a,b\n1,2\n3\n": "table runs: record on line 3: wrong number of fields",
		"a,b\n\"1,2\n":  "table runs: parse error on line 2, column 6: extraneous or missing \" in quoted-field",
		"a\"b\n":        "table runs: parse error on line 1, column 2: bare \" in non-quoted-field",
	} {
		if _, err := tables.ReadCSV("runs", strings.NewReader(text)); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// Any table with distinct columns survives, except a carriage return right before a newline.
func TestCSVRoundTrip(t *testing.T) {
	cell := rapid.StringOfN(rapid.SampledFrom([]rune("a1.,\"\n\r \\#=é\x00")), 0, 6, -1)
	rapid.Check(t, func(t *rapid.T) {
		header := rapid.SliceOfNDistinct(cell, 2, 5, rapid.ID[string]).Draw(t, "header")
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, len(header), len(header)), 0, 4).Draw(t, "rows")
		for _, row := range append(rows, header) {
			for i := range row {
				if strings.Contains(row[i], "\r\n") {
					row[i] = strings.ReplaceAll(row[i], "\r", "")
				}
			}
		}
		table := filled(header, rows...)
		var out bytes.Buffer
		if err := table.WriteCSV(&out); err != nil {
			t.Skipf("two names became one, which is refused: %v", err)
		}
		back, err := tables.ReadCSV("runs", &out)
		if err != nil || !sameTable(back, table) {
			t.Fatalf("wrote %q, read back %v (%v)", out.String(), back, err)
		}
	})
}

// What ReadCSV accepts, WriteCSV writes and ReadCSV reads to the same table.
func FuzzReadCSV(f *testing.F) {
	for _, seed := range []string{
		"run,objective\na,dpo\n", "a\n\n\n1\n", "a,b\r\n\"x\r\ny\",\"\"\"\"\n", "\"\"\n\"\"\n", "a,\n,\n", "\xff,b\n", "\ufeffrun,b\n1,2",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		table, err := tables.ReadCSV("runs", strings.NewReader(text))
		if err != nil {
			refusedByCSV(t, text, err)
			return
		}
		sameAsCSV(t, text, table)
		var out bytes.Buffer
		if err := table.WriteCSV(&out); err != nil {
			if len(table.Header) == 1 {
				return // a quoted empty cell, which is written as an empty line
			}
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "\r\n") {
			return // documented not to survive
		}
		back, err := tables.ReadCSV("runs", &out)
		if err != nil || !sameTable(back, table) {
			t.Fatalf("%v, read back %v (%v)", table, back, err)
		}
	})
}

// refusedByCSV checks that encoding/csv refuses the text too, for the same reason.
func refusedByCSV(t *testing.T, text string, got error) {
	in := csv.NewReader(strings.NewReader(text))
	header, err := in.Read()
	slices.Sort(header)
	if errors.Is(err, io.EOF) || len(slices.Compact(header)) < len(header) {
		return // empty, or a column twice, which are faults of a table alone
	}
	if err == nil {
		_, err = in.ReadAll()
	}
	if err == nil || !strings.HasSuffix(got.Error(), err.Error()) {
		t.Fatalf("%q: %v; encoding/csv says %v", text, got, err)
	}
}

// sameAsCSV checks a table against what encoding/csv reads.
func sameAsCSV(t *testing.T, text string, table *tables.Table) {
	want, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || !slices.EqualFunc(append([][]string{table.Header}, rowsOf(table)...), want, slices.Equal) {
		t.Fatalf("%q is read as %q %q, encoding/csv reads %q (%v)", text, table.Header, rowsOf(table), want, err)
	}
}

func TestFormatFloat(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", 0.1: "0.1", 1e-5: "1e-05", 100: "100", 1e21: "1e+21", 1. / 3: "0.3333333333333333",
		math.Inf(1): "inf", math.Inf(-1): "-inf", 5e-324: "5e-324", math.MaxFloat64: "1.7976931348623157e+308",
	} {
		if got := tables.FormatFloat(v); got != want {
			t.Errorf("FormatFloat(%g) = %q, want %q", v, got, want)
		}
	}
	if got := tables.FormatFloat(math.NaN()); got != "" {
		t.Errorf("FormatFloat(NaN) = %q", got)
	}
}

func TestFormatFloatRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
		back := tables.ParseFloat(tables.FormatFloat(v))
		if math.Float64bits(back) != math.Float64bits(v) && !(math.IsNaN(v) && math.IsNaN(back)) {
			t.Fatalf("%x became %x", math.Float64bits(v), math.Float64bits(back))
		}
	})
}

func TestParseFloat(t *testing.T) {
	nan := math.NaN()
	for cell, want := range map[string]float64{
		"": nan, "dpo": nan, "1e-05": 1e-5, "inf": math.Inf(1), "-inf": math.Inf(-1), "1e999": nan, " 1": nan, "true": nan,
	} {
		if got := tables.ParseFloat(cell); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("ParseFloat(%q) = %v, want %v", cell, got, want)
		}
	}
}

func TestTableLookup(t *testing.T) {
	table := filled([]string{"run", "lambda"}, []string{"a", "0.5"}, []string{"b", ""})
	if table.Column("lambda") != 1 || table.Column("lamda") != -1 {
		t.Error("columns are not found by name")
	}
	if !table.Has("run", "lambda") || table.Has("run", "lamda") {
		t.Error("Has is wrong")
	}
	if table.Text(1, "run") != "b" || table.Text(1, "lamda") != "" {
		t.Error("Text is wrong")
	}
	if table.Float(0, "lambda") != 0.5 || !math.IsNaN(table.Float(1, "lambda")) || !math.IsNaN(table.Float(0, "run")) {
		t.Error("Float is wrong")
	}
}

func TestWhere(t *testing.T) {
	table := filled([]string{"run", "objective", "lambda", "seed", "tv", "clip"},
		[]string{"0", "dpo", "1e-05", "1", "inf", "none"},
		[]string{"1", "dpo", "100", "2", "0.5", "0.1"},
		[]string{"2", "typo", "1e-05", "3000000001", "", "1"},
		[]string{"3", "typo", "0.1353352832366127", "3000000002", "1", "0.1"})
	tests := map[string]struct {
		where tables.Where
		want  []int
	}{
		"everything":              {nil, []int{0, 1, 2, 3}},
		"text":                    {tables.Where{"objective": {"dpo"}}, []int{0, 1}},
		"number by value":         {tables.Where{"lambda": {"0.00001"}}, []int{0, 2}},
		"number, rounded":         {tables.Where{"lambda": {"0.13533528324"}}, []int{3}},
		"number among texts":      {tables.Where{"clip": {"1e-1"}}, []int{1, 3}},
		"text among numbers":      {tables.Where{"clip": {"none", "1.0"}}, []int{0, 2}},
		"several values":          {tables.Where{"lambda": {"1e2", "1e-5"}}, []int{0, 1, 2}},
		"several columns":         {tables.Where{"objective": {"typo"}, "lambda": {"1e-5"}}, []int{2}},
		"large seeds are exact":   {tables.Where{"seed": {"3000000001"}}, []int{2}},
		"empty cell":              {tables.Where{"tv": {""}}, []int{2}},
		"infinity":                {tables.Where{"tv": {"+Inf"}}, []int{0}},
		"no number is infinite":   {tables.Where{"tv": {"-inf", "1e308"}}, nil},
		"case matters":            {tables.Where{"objective": {"DPO"}}, nil},
		"unknown column":          {tables.Where{"lamda": {"100"}}, nil},
		"unknown column, no text": {tables.Where{"lamda": {""}}, nil},
		"no values":               {tables.Where{"lambda": {}}, nil},
	}
	for name, test := range tests {
		if got := test.where.Select(table); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// Every float matches its own text at 10 digits or more, and itself after any reformatting.
func TestSameCellForgivesFormatting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float64().Draw(t, "v")
		for _, cell := range []string{fmt.Sprintf("%.11e", v), strconv.FormatFloat(v, 'f', -1, 64)} {
			if math.IsInf(tables.ParseFloat(cell), 0) || math.IsNaN(tables.ParseFloat(cell)) {
				continue // rounded beyond the largest float64
			}
			if math.Abs(v) > 1e-300 && !tables.SameCell(tables.FormatFloat(v), cell) {
				t.Fatalf("%q and %q differ", tables.FormatFloat(v), cell)
			}
		}
		if far := v * (1 + 1e-8); far != v && math.Abs(v) > 1e-300 && tables.SameCell(tables.FormatFloat(v), tables.FormatFloat(far)) {
			t.Fatalf("%v matches %v", v, far)
		}
	})
}

// The tolerance is relative to the larger number, and met by what is exactly as far; whole numbers have none, and infinities none.
func TestSameCell(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"1e9", "999999999.0", true}, {"1e9", "999999998.9", false}, {"1000000000", "999999999", false}, {"-1e9", "-999999999.0", true}, {"0", "1e-300", false},
		{"0", "-0", true}, {"inf", "+Inf", true}, {"inf", "1e308", false}, {"", "0", false}, {"nan", "NaN", false}, {"x", "x", true},
	} {
		if tables.SameCell(c.a, c.b) != c.same || tables.SameCell(c.b, c.a) != c.same {
			t.Errorf("%q and %q: want %v", c.a, c.b, c.same)
		}
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	if _, err := tables.OpenFolder(dir); err == nil {
		t.Error("an empty folder opens")
	}
	if err := os.WriteFile(filepath.Join(dir, "runs.csv"), []byte("run\na\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "traces.csv"), []byte("run,run\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	folder, err := tables.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	table, err := folder.Table(tables.Runs)
	if err != nil || table.Name != "runs" || table.Text(0, "run") != "a" {
		t.Errorf("runs: %v, %v", table, err)
	}
	if again, _ := folder.Table(tables.Runs); again != table {
		t.Error("a table is read twice")
	}
	if _, err := folder.Table("prompts"); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("the error for a missing table does not name the folder: %v", err)
	}
	if _, err := folder.Table("traces"); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "traces.csv")) {
		t.Errorf("the error for a broken table does not name the file: %v", err)
	}
}

func TestFormat(t *testing.T) {
	for name, want := range map[string]string{
		"csv": "", "parquet": "", "both": "",
		"cs":   `"cs" is no format of tables; csv, parquet or both; did you mean "csv"?`,
		"boat": `"boat" is no format of tables; csv, parquet or both; did you mean "both"?`, // half of it is there
		"bxyz": `"bxyz" is no format of tables; csv, parquet or both`,
		"":     `"" is no format of tables; csv, parquet or both`,
	} {
		f := tables.Format("none")
		err := f.Set(name)
		if want == "" && (err != nil || f.String() != name) || want != "" && (err == nil || err.Error() != want || f != "none") {
			t.Errorf("%q: %s, %v", name, f, err)
		}
	}
}

// Cells by name, and what is said of those that are not there or no numbers.
func TestCells(t *testing.T) {
	table := filled([]string{"run", "objective", "seed", "status", "kl"}, []string{"a", "dpo", "1", "done", "0.5"}, []string{"b", "ipo", "2", "failed", ""},
		[]string{"c", "ipo", "3", "done", "high"})
	if got := table.Settings(); !slices.Equal(got, []string{"objective", "seed"}) {
		t.Errorf("settings %v", got)
	}
	if got := filled([]string{"run", "kl"}).Settings(); len(got) > 0 {
		t.Errorf("settings without a status: %v", got)
	}
	for _, c := range []struct{ got, want any }{
		{table.Describe(1, []string{"objective", "seed"}), "objective=ipo, seed=2"}, {table.Describe(1, nil), ""},
		{table.Need("metric", "run", "kl"), nil}, {fmt.Sprint(table.Need("metric", "kl", "tv")), `metric: table runs has no column "tv"`},
		{fmt.Sprint(table.Need("", "tv")), `table runs has no column "tv"`}, {len(table.Distinct("tv")), 0}, {strings.Join(table.Distinct("objective"), " "), "dpo ipo"},
	} {
		if c.got != c.want {
			t.Errorf("%v, want %v", c.got, c.want)
		}
	}
	for row, want := range []string{"0.5 <nil>", "NaN <nil>", `NaN table runs: kl of run c is "high", not a number`} {
		v, err := table.Number(row, "kl")
		if got := fmt.Sprintf("%v %v", v, err); got != want {
			t.Errorf("row %d: %s, want %s", row, got, want)
		}
	}
	if !math.IsNaN(table.Float(0, "tv")) {
		t.Error("a column that is not there has a number")
	}
}

// A sink into memory holds what one into a file does.
func TestMemorySink(t *testing.T) {
	schema := tables.Schema{{Name: "run"}, {Name: "steps", Type: tables.Integer}, {Name: "tv", Type: tables.Number}}
	table := tables.NewTable("runs", schema.Names()...)
	sink := table.Sink(schema)
	if err := errors.Join(sink.Add([]tables.Value{{Text: "a"}, {Whole: 3}, {Number: 0.5}}), sink.Write("b", "", "x"),
		sink.Add([]tables.Value{{Text: "c"}, {Number: math.NaN()}, {Number: math.Inf(1)}}), sink.Close()); err != nil {
		t.Fatal(err)
	}
	if want := filled(schema.Names(), []string{"a", "3", "0.5"}, []string{"b", "", "x"}, []string{"c", "", "inf"}); !sameTable(table, want) || table.Len() != 3 {
		t.Errorf("%v", rowsOf(table))
	}
}

func TestMemory(t *testing.T) {
	table := tables.NewTable("runs", "run")
	src := tables.Memory{"runs": table}
	if got, err := src.Table("runs"); got != table || err != nil {
		t.Errorf("runs: %v, %v", got, err)
	}
	if _, err := src.Table("prompts"); err == nil {
		t.Error("an absent table is found")
	}
}

func ExampleWhere() {
	runs := tables.NewTable(tables.Runs, "run", "objective", "lambda", "tv_star")
	runs.Append("dpo/lambda=1e-05", "dpo", "1e-05", "0.4")
	runs.Append("typo/lambda=1e-05", "typo", "1e-05", "0.0097")
	for _, row := range (tables.Where{"objective": {"typo"}, "lambda": {"0.00001"}}).Select(runs) {
		fmt.Println(runs.Text(row, "run"), runs.Float(row, "tv_star"))
	}
	// Output: typo/lambda=1e-05 0.0097
}

package lines

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
)

// readAll returns the column x of every line, and what stopped the reading.
func readAll(in io.Reader) (texts []string, err error) {
	r, err := NewReader(in, "f")
	if err != nil {
		return nil, err
	}
	for {
		o, err := r.Next()
		if errors.Is(err, io.EOF) {
			return texts, nil
		}
		var bad *Error
		if err != nil && !errors.As(err, &bad) {
			return texts, err
		}
		x := ""
		if bad == nil {
			_, err = o.Read("x", &x, "text")
		}
		if err != nil && bad == nil {
			bad = r.Wrong(err)
		}
		if bad != nil {
			x = bad.Error()
		}
		texts = append(texts, fmt.Sprint(r.Line, x))
	}
}

func gzipped(text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	io.WriteString(w, text)
	w.Close()
	return out.String()
}

func zstandard(text string) string {
	w, _ := zstd.NewWriter(nil)
	return string(w.EncodeAll([]byte(text), nil))
}

// The same lines come out of every way to write them down.
func TestReader(t *testing.T) {
	const plain = `{"x": "a"}` + "\n\n" + `{"x": "é"}` + "\n"
	for name, text := range map[string]string{
		"plain": plain, "gzip": gzipped(plain), "zstd": zstandard(plain), "byte-order mark": byteOrderMark + plain,
		"byte-order mark within gzip": gzipped(byteOrderMark + plain), "CRLF": strings.ReplaceAll(plain, "\n", "\r\n"),
		"no last line break": strings.TrimSpace(plain), "blank lines": plain + " \n\t\r\n\n", "two members of gzip": gzipped(plain[:12]) + gzipped(plain[12:]),
	} {
		got, err := readAll(strings.NewReader(text))
		if strings.Join(got, " ") != "1a 3é" || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// The files of testdata, as people have them by mistake, are named for what they are.
func TestNamedForWhatTheyAre(t *testing.T) {
	want := map[string]string{
		"list.json": "is one JSON list", "pointer.jsonl.gz": "is a git-lfs pointer", "page.html": "is HTML", "utf16.jsonl": "is UTF-16",
		"data.parquet": "not a Parquet file", "data.zip": "is a zip archive", "cut.jsonl.gz": "is no whole gzip file",
		"latin1.jsonl": "f:2: is not valid UTF-8", "pretty.json": "f:1: is no JSON object: unexpected EOF",
		"list.jsonl.zst": "is one JSON list", "columns.jsonl": "", "empty.jsonl": "",
	}
	paths, _ := filepath.Glob("testdata/*.*")
	if len(paths) != len(want) {
		t.Errorf("%d files in testdata, want %d", len(paths), len(want))
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts, err := readAll(bytes.NewReader(data))
		if got := strings.Join(texts, "\n") + fmt.Sprint(err); !strings.Contains(got, want[filepath.Base(path)]) {
			t.Errorf("%s: %s, want %q", path, got, want[filepath.Base(path)])
		}
	}
}

// What unpacks to more than is read ends in a message that names the limit, and so does a line without an end.
func TestLimits(t *testing.T) {
	for want, in := range map[string]io.Reader{
		fmt.Sprintf("f:1: is longer than %d bytes", LongestLine): strings.NewReader(gzipped(strings.Repeat("x", LongestLine+1))),
		fmt.Sprintf("more than %d bytes, unpacked", LargestFile): io.MultiReader(strings.NewReader("{}\n"), endless{}),
	} {
		if _, err := readAll(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// endless is blank lines without end.
type endless struct{}

var blank = append(bytes.Repeat([]byte(" "), 1<<16), '\n')

func (endless) Read(p []byte) (int, error) { return copy(p, blank[max(0, len(blank)-len(p)):]), nil }

func TestRead(t *testing.T) {
	for text, want := range map[string]string{
		`{"x": "a"}`:                        "a <nil>",
		`{"y": "a", "y": 1, "Y": "\ud800"}`: " <nil>", // nothing reads y
		`{"y": NaN, "x": "NaN", "z": [-Infinity, {"a\"": Infinity}]}`: "NaN <nil>",
		`{"x": null}`:           " <nil>",
		`{"x": NaN}`:            " <nil>",
		`{"x": "a", "x": "a"}`:  " x: is given twice",
		`{"x": "a", "X": "a"}`:  " X: is x but for the case",
		`{"X": "a"}`:            " X: is x but for the case",
		`{"x": 1}`:              " x: a JSON number does not belong there; want text",
		`{"x": {"x": "a"}}`:     " x: a JSON object",
		`{"x": "\ude00"}`:       " x: holds half a surrogate pair",
		`{"x": "\ud83d\ude00"}`: "😀 <nil>",
		`{"x": "a"} {}`:         " text after the JSON object",
		`{"x": "a"`:             " is no JSON object: unexpected EOF",
		`{"x": Nan}`:            " is no JSON object: invalid character",
		`"x"`:                   " is a JSON string; want an object",
		`-1`:                    " is a JSON number",
		`true`:                  " is a JSON bool",
		"{\"y\": \"\xff\"}":     " is not valid UTF-8",
	} {
		x := ""
		o, err := Parse([]byte(text))
		if err == nil {
			_, err = o.Read("x", &x, "text")
		}
		if got := fmt.Sprint(x, " ", err); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	if o, err := Parse([]byte(`{"b": 1, "a": 2}`)); err != nil || o.Keys() != "b, a" || !o.Has("a") || o.Has("A") {
		t.Errorf("%v, %v", o, err)
	}
}

// A record of columns of CSV or Parquet is that of JSON.
func TestColumns(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"commas":                    {"id,x\n1,a\n\n2,b\n", "2a 4b"},
		"tabs":                      {"id\tx\n1\ta\n", "2a"},
		"semicolons":                {"id;x\n1;a, b\n", "2a, b"},
		"byte-order mark and CRLF":  {byteOrderMark + "id,x\r\n1,a\r\n", "2a"},
		"gzip":                      {gzipped("id,x\n1,a\n"), "2a"},
		"zstd":                      {zstandard("id,x\n1,a\n"), "2a"},
		"the index of pandas":       {",x\n0,a\n", "2a"},
		"quotes":                    {"id,x\n1,\"a \"\"b\"\"\n,c\"\n2,d", "2a \"b\"\n,c 4d"},
		"an empty cell is null":     {"id,x\n1,\n", "2"},
		"numbers and lists as text": {"x,id\n007,1\n[1],2\nTrue,3\n", "2007 3[1] 4True"},
		"too few cells":             {"id,x\n1\n2,b", "2f:2: has 1 cells; want 2: id, x, text with commas or line breaks in double quotes 3b"},
		"a quote within":            {"id,x\n1,5\" nails\n2,b", "2f:2: bare \" in non-quoted-field 3b"},
		"not UTF-8":                 {"id,x\n1,\xff\n2,b", "2f:2: is not valid UTF-8 3b"},
		"a column twice":            {"x,x\n1,2\n", "2f:2: x: is given twice; want it once"},
		"a column in another case":  {"x,X\n1,2\n", "2f:2: X: is x but for the case of its letters; want x, once"},
		"a header alone":            {"id,x\n", ""},
		"no header":                 {"well, {now\n", "1f:1: is no JSON object: invalid character 'w' looking for beginning of value"},
	} {
		got, err := readAll(strings.NewReader(tt.text))
		if strings.Join(got, " ") != tt.want || err != nil {
			t.Errorf("%s: %q, %v; want %q", name, strings.Join(got, " "), err, tt.want)
		}
	}
	open := "id,x\n1,\"" + strings.Repeat("a\n", LongestLine)
	if _, err := readAll(strings.NewReader(open)); err == nil || !strings.Contains(err.Error(), "see whether a double quote is left open") {
		t.Error(err)
	}
}

// What is read into no text is what a cell spells.
func TestCells(t *testing.T) {
	o := ofCells([]string{"n", "list", "label", "text", "none"}, []string{"5", "[1.5, null]", "True", "5 dogs", ""})
	n, list, label, text := 0, []*float64(nil), false, ""
	for key, into := range map[string]any{"n": &n, "list": &list, "label": &label, "text": &text} {
		if given, err := o.Read(key, into, "it"); !given || err != nil {
			t.Errorf("%s: %v %v", key, given, err)
		}
	}
	if n != 5 || len(list) != 2 || *list[0] != 1.5 || !label || text != "5 dogs" || o.Given("none") || !o.Given("n") {
		t.Error(n, list, label, text)
	}
	if _, err := o.Read("text", &n, "a number"); err == nil || err.Error() != "text: a JSON string does not belong there; want a number" {
		t.Error(err)
	}
	if got := string(o.Text()); got != `{"n": 5, "list": [1.5, null], "label": true, "text": "5 dogs", "none": null}` {
		t.Error(got)
	}
}

// Parquet's rows, lists of groups among them, as data sets have messages.
func TestParquet(t *testing.T) {
	type message struct {
		Role    string `parquet:"role"`
		Content string `parquet:"content,optional"`
	}
	type row struct {
		X      *string   `parquet:"x"`
		Chosen []message `parquet:"chosen,list"`
		Score  float64   `parquet:"score"`
	}
	a, bad := "é", "\xff"
	var out bytes.Buffer
	if err := parquet.Write(&out, []row{{&a, []message{{"user", "u"}}, math.NaN()}, {nil, nil, 1}, {X: &bad}}); err != nil {
		t.Fatal(err)
	}
	got, err := readAll(bytes.NewReader(out.Bytes()))
	if strings.Join(got, " ") != "1é 2 3f:3: x: is not valid UTF-8" || err != nil {
		t.Errorf("%q %v", got, err)
	}
	r, err := NewReader(strings.NewReader(gzipped(out.String())), "f")
	if err != nil {
		t.Fatal(err)
	}
	o, err := r.Next()
	if err != nil || string(o.Text()) != `{"chosen": [{"content":"u","role":"user"}], "score": null, "x": "é"}` {
		t.Errorf("%s %v", o.Text(), err)
	}
	for _, n := range []int{1, 10, out.Len() / 2, out.Len() - 9} {
		if _, err := readAll(bytes.NewReader(append(out.Bytes()[:len(out.Bytes())-n:len(out.Bytes())-n], "PAR1"...))); err == nil {
			t.Errorf("a file that lacks %d bytes is read", n)
		}
	}
}

// Whatever a file holds, its lines come in order, and each is an object or an error.
func FuzzReader(f *testing.F) {
	var table bytes.Buffer
	if err := parquet.Write(&table, []struct{ X string }{{"a"}, {"b"}}); err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{`{"x": "a"}` + "\r\n\n{", byteOrderMark + `{"x": NaN}`, gzipped(`{"x": 1}`), zstandard(`{"X": ""}`), "[", "\x1f\x8b", zstdMagic,
		"id,x\n1,\"a\nb\"\n\n2", "x\ty\n\xff\t", table.String()} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := NewReader(bytes.NewReader(data), "f")
		for last := 0; err == nil; last = r.Line {
			var o *Object
			var bad *Error
			if o, err = r.Next(); errors.As(err, &bad) {
				err = nil
				continue
			}
			if err != nil {
				break
			}
			if r.Line <= last {
				t.Errorf("line %d after %d", r.Line, last)
			}
			x := ""
			if found, err := o.Read("x", &x, "text"); found && (err != nil || !o.Has("x") || !o.Given("x")) {
				t.Errorf("%q, %v", x, err)
			}
			if _, err := Parse(o.Text()); err != nil {
				t.Errorf("%q: %v", o.Text(), err)
			}
		}
	})
}

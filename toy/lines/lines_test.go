package lines

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// readAll returns the column x of every line, and what stopped the reading.
func readAll(in io.Reader) (texts []string, err error) {
	r, err := NewReader(in, "f")
	if err != nil {
		return nil, err
	}
	for {
		text, err := r.Next()
		if errors.Is(err, io.EOF) {
			return texts, nil
		}
		if err != nil {
			return texts, err
		}
		x, o := "", (*Object)(nil)
		if o, err = Parse(text); err == nil {
			_, err = o.Read("x", &x, "text")
		}
		if err != nil {
			x = r.Wrong(err).Error()
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
		"data.parquet": "is a Parquet file", "data.zip": "is a zip archive", "cut.jsonl.gz": "is no whole gzip file",
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

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	p[len(p)-1] = '\n'
	return len(p), nil
}

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

// Whatever a file holds, its lines come in order, and each is an object or an error.
func FuzzReader(f *testing.F) {
	for _, text := range []string{`{"x": "a"}` + "\r\n\n{", byteOrderMark + `{"x": NaN}`, gzipped(`{"x": 1}`), zstandard(`{"X": ""}`), "[", "\x1f\x8b", zstdMagic} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := NewReader(bytes.NewReader(data), "f")
		for last := 0; err == nil; last = r.Line {
			var text []byte
			if text, err = r.Next(); err != nil {
				break
			}
			if r.Line <= last || len(bytes.TrimSpace(text)) == 0 {
				t.Errorf("line %d after %d: %q", r.Line, last, text)
			}
			x := ""
			if o, err := Parse(text); err == nil {
				if found, err := o.Read("x", &x, "text"); found && (err != nil || !o.Has("x")) {
					t.Errorf("%q: %q, %v", text, x, err)
				}
			}
		}
	})
}

package dialogue

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"windtunnel/toy/lines"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       Pair
	}{
		{"whole dialogues", `{"chosen": "\n\nHuman: Hi\n\nAssistant: Hello", "rejected": "\n\nHuman: Hi\n\nAssistant: Hey"}`,
			Pair{Prompt: "\n\nHuman: Hi\n\nAssistant:", Chosen: " Hello", Rejected: " Hey"}},
		{"responses of several turns", `{"chosen": "\n\nAssistant: a\n\nHuman: b\n\nAssistant: c", "rejected": "\n\nAssistant: d"}`,
			Pair{Prompt: "\n\nAssistant:", Chosen: " a\n\nHuman: b\n\nAssistant: c", Rejected: " d"}},
		{"plain", `{"prompt": "p ", "chosen": "c", "rejected": "r"}`, Pair{Prompt: "p ", Chosen: "c", Rejected: "r"}},
		{"no prompt but given", `{"prompt": "", "chosen": "c", "rejected": "r"}`, Pair{Chosen: "c", Rejected: "r"}},
		{"chat", `{"input": {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]},
			"preferred_output": [{"role": "assistant", "content": "good"}], "non_preferred_output": [{"role": "assistant", "content": "bad"}]}`,
			Pair{Prompt: "s\n\nu\n\n", Chosen: "good", Rejected: "bad"}},
		{"outputs of several messages", `{"input": {"messages": [{"content": "u"}]}, "preferred_output": [{"content": "a"}, {"content": "b"}], "non_preferred_output": [{"content": "c"}]}`,
			Pair{Prompt: "u\n\n", Chosen: "a\n\nb", Rejected: "c"}},
		{"columns that nothing reads", `{"prompt": "p", "chosen": "c", "rejected": "r", "input": "text", "preferred_output": 3, "score": NaN, "id": 1, "id": "\ud800"}`,
			Pair{Prompt: "p", Chosen: "c", Rejected: "r"}},
		{"surrogate pairs", `{"prompt": "\\ud83d", "chosen": "\ud83d\ude00\ud83d\ude00", "rejected": "\u00e9\ufffd"}`,
			Pair{Prompt: `\ud83d`, Chosen: "😀😀", Rejected: "é\ufffd"}},
		{"nothing is stripped", `{"chosen": "\n\nAssistant: ", "rejected": "\n\nAssistant:  x"}`,
			Pair{Prompt: "\n\nAssistant:", Chosen: " ", Rejected: "  x"}},
	} {
		if got, err := Parse([]byte(tt.text)); err != nil || got != tt.want {
			t.Errorf("%s: %+v, error %v; want %+v", tt.name, got, err, tt.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{"chosen": "a"`:                 "is no JSON object",
		`[1]`:                            "is a JSON array; want",
		`{"chosen": "a"}`:                "lacks rejected",
		`{}`:                             "lacks chosen and rejected",
		`{"chosen": 1, "rejected": "b"}`: "chosen: a JSON number does not belong there; want",
		`{"prompt": "", "chosen": "a\ud83d", "rejected": "b"}`:      "half a surrogate pair",
		`{"prompt": "", "chosen": "\ud83d\u0041", "rejected": "b"}`: "half a surrogate pair",
		`{"prompt": "", "chosen": "\ude00\ud83d", "rejected": "b"}`: "half a surrogate pair",
		`{"chosen": "a", "rejected": "b"}`:                          "share no prompt",
		`{"prompt": "p", "chosen": "", "rejected": "b"}`:            "the chosen response is empty",
		`{"prompt": "p", "chosen": "a", "rejected": ""}`:            "the rejected response is empty",
		`{"input": {"messages": [{"content": "u"}]}, "preferred_output": [{"role": "tool", "content": "4"}], "non_preferred_output": [{"content": "b"}]}`: "preferred_output.0.role is tool",
		`{"instruction": "Say hi.", "chosen": "hi", "rejected": "no"}`:                                                                                    "the line has instruction, chosen, rejected, and a prompt of its own is read from prompt",
		`{"prompt": "p", "chosen": "a", "rejected": "b", "CHOSEN": "c"}`:                                                                                  "CHOSEN: is chosen but for the case",
		`{"prompt": "p", "chosen": "a", "rejected": "b", "rejected": "c"}`:                                                                                "rejected: is given twice",
		`{"question": "p"}`:           "and has question; want",
		`{"input": {"messages": []}}`: "lacks input.messages",
		"{\"chosen\": \"\xff\"}":      "is not valid UTF-8",
		`{"input": {"messages": [{}]}, "preferred_output": [{"content": "a"}], "non_preferred_output": [{"content": "b"}]}`: "input.messages.0 has no content",
		`{"input": {"messages": [{"content": "u"}]}, "preferred_output": [{}], "non_preferred_output": [{"content": "b"}]}`: "preferred_output.0 has no content",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

const file = `{"prompt": "p", "chosen": "a", "rejected": "b"}

no pair
{"prompt": "q", "chosen": "c", "rejected": "d"}`

func readAll(t *testing.T, r *Reader) (pairs []Pair, bad []string) {
	t.Helper()
	for {
		p, err := r.Next()
		var line *lines.Error
		switch {
		case errors.Is(err, io.EOF):
			return pairs, bad
		case errors.As(err, &line):
			bad = append(bad, err.Error())
		case err != nil:
			t.Fatal(err)
		default:
			pairs = append(pairs, p)
		}
	}
}

func TestReader(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(file)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	want := []Pair{{0, "p", "a", "b"}, {3, "q", "c", "d"}}
	for name, data := range map[string][]byte{"plain": []byte(file), "gzip": zipped.Bytes()} {
		for _, skip := range []bool{false, true} {
			r, err := NewReader(bytes.NewReader(data), "x.jsonl")
			if err != nil {
				t.Fatal(err)
			}
			r.SkipBad = skip
			pairs, bad := readAll(t, r)
			if !reflect.DeepEqual(pairs, want) {
				t.Errorf("%s: %+v, want %+v", name, pairs, want)
			}
			if skip && (len(bad) > 0 || len(r.Skipped) != 1 || r.Skipped[0].Line != 3) || !skip && (len(bad) != 1 || !strings.HasPrefix(bad[0], "x.jsonl:3: is no JSON")) {
				t.Errorf("%s: bad lines %q, skipped %v", name, bad, r.Skipped)
			}
		}
	}
}

// A line may be longer than any buffer, and a file may end in the middle of its compression.
func TestReaderExtremes(t *testing.T) {
	long := strings.Repeat("x", 1<<18)
	r, err := NewReader(strings.NewReader(`{"prompt": "p", "chosen": "`+long+`", "rejected": "b"}`), "x")
	if err != nil {
		t.Fatal(err)
	}
	if pairs, _ := readAll(t, r); len(pairs) != 1 || pairs[0].Chosen != long {
		t.Errorf("%d pairs", len(pairs))
	}
	if _, err := NewReader(bytes.NewReader([]byte{0x1f, 0x8b, 9}), "x.gz"); err == nil || !strings.Contains(err.Error(), "x.gz: is no whole gzip file") {
		t.Errorf("error %v", err)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(file)); err != nil {
		t.Fatal(err)
	}
	if err := z.Flush(); err != nil {
		t.Fatal(err)
	}
	if r, err = NewReader(bytes.NewReader(zipped.Bytes()), "x.gz"); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = r.Next()
		var line *lines.Error
		if errors.As(err, &line) {
			err = nil
		}
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(err.Error(), "x.gz:4: ") {
		t.Errorf("error %v", err)
	}
}

// A file without any pair is an error that says why, not an empty success.
func TestNoPair(t *testing.T) {
	for text, want := range map[string]string{"": "x: is empty", "\n \n": "x: is empty", "\n{}\n7": "x: holds no pair in its 2 lines: line 2: lacks chosen and rejected"} {
		r, err := NewReader(strings.NewReader(text), "x")
		if err != nil {
			t.Fatal(err)
		}
		r.SkipBad = true
		if _, err := r.Next(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for line := range strings.Lines(file) {
		f.Add([]byte(line))
	}
	f.Add([]byte(`{"chosen": "\n\nAssistant: a", "rejected": "\n\nAssistant: b"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, err := Parse(text); err == nil && (p.Chosen == "" || p.Rejected == "") {
			t.Errorf("%q: %+v", text, p)
		}
	})
}

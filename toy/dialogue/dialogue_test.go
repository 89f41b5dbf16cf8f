package dialogue

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"windtunnel/toy/lines"
)

// parse reads one line.
func parse(text string, with *Template) (Pair, error) {
	r, err := NewReader(strings.NewReader(strings.ReplaceAll(text, "\n", " ")), "x")
	if err != nil {
		return Pair{}, err
	}
	r.Template = with
	return r.Next()
}

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
		if got, err := parse(tt.text, nil); err != nil || got != weighed(tt.want) {
			t.Errorf("%s: %+v, error %v; want %+v", tt.name, got, err, tt.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{"chosen": "a"`:                 "is no JSON object",
		`[1]`:                            "is one JSON list; want",
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
		if _, err := parse(text, nil); err == nil || !strings.Contains(err.Error(), want) {
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
	want := []Pair{{Index: 0, Prompt: "p", Chosen: "a", Rejected: "b", Weight: 1}, {Index: 3, Prompt: "q", Chosen: "c", Rejected: "d", Weight: 1}}
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

const human = "\n\nHuman: "

func user(text string) string      { return `{"role": "user", "content": "` + text + `"}` }
func assistant(text string) string { return `{"content": "` + text + `", "role": "assistant"}` }
func list(messages ...string) string {
	return "[" + strings.Join(messages, ", ") + "]"
}

const system = `{"role": "system", "content": "Be brief."}`

// TRL's conversational format in its variants, all written as one dialogue.
func TestConversations(t *testing.T) {
	first := Pair{Prompt: human + "hi\n\nAssistant:", Chosen: " yes", Rejected: " no"}
	briefly := first
	briefly.Prompt = "Be brief." + first.Prompt
	later := Pair{Prompt: human + "hi\n\nAssistant: yes" + human + "so?\n\nAssistant:", Chosen: " a", Rejected: " b"}
	cut := first
	cut.Cut = true
	for _, tt := range []struct {
		name, prompt, chosen, rejected string
		want                           Pair
	}{
		{"implicit prompt", "", list(user("hi"), assistant("yes")), list(user("hi"), assistant("no")), first},
		{"null prompt", "null", list(user("hi"), assistant("yes")), list(user("hi"), assistant("no")), first},
		{"explicit prompt", list(user("hi")), list(assistant("yes")), list(assistant("no")), first},
		{"prompt in text", `"hi"`, list(assistant("yes")), list(assistant("no")), first},
		{"prompt in text that the lists repeat", `"hi"`, list(user("hi"), assistant("yes")), list(user("hi"), assistant("no")), first},
		{"responses in text", list(user("hi")), `"yes"`, `"no"`, first},
		{"prompt that both lists repeat", list(user("hi")), list(user("hi"), assistant("yes")), list(user("hi"), assistant("no")), cut},
		{"system, implicit", "", list(system, user("hi"), assistant("yes")), list(system, user("hi"), assistant("no")), briefly},
		{"system, explicit", list(system, user("hi")), list(assistant("yes")), list(assistant("no")), briefly},
		{"system before a prompt in text", `"hi"`, list(system, user("hi"), assistant("yes")), list(system, user("hi"), assistant("no")), briefly},
		{"turns, implicit", "", list(user("hi"), assistant("yes"), user("so?"), assistant("a")), list(user("hi"), assistant("yes"), user("so?"), assistant("b")), later},
		{"turns, explicit", list(user("hi"), assistant("yes"), user("so?")), list(assistant("a")), list(assistant("b")), later},
		{"turns after a prompt in text", `"hi"`, list(user("hi"), assistant("yes"), user("so?"), assistant("a")), list(user("hi"), assistant("yes"), user("so?"), assistant("b")), later},
		{"responses of several turns", "", list(user("hi"), assistant("yes"), user("so?"), assistant("a")), list(user("hi"), assistant("no")),
			Pair{Prompt: first.Prompt, Chosen: " yes" + human + "so?\n\nAssistant: a", Rejected: " no"}},
		{"responses that differ in what the user says", "", list(user("hi"), assistant("yes"), user("so?"), assistant("a")), list(user("hi"), assistant("yes"), user("oh"), assistant("b")),
			Pair{Prompt: first.Prompt, Chosen: " yes" + human + "so?\n\nAssistant: a", Rejected: " yes" + human + "oh\n\nAssistant: b"}},
		{"columns that nothing reads", "", list(user("hi"), `{"role": "assistant", "content": "yes", "name": 3, "tool_calls": null}`),
			list(user("hi"), `{"role": "assistant", "content": "no", "tool_calls": []}`), first},
	} {
		text := `{"chosen": ` + tt.chosen + `, "rejected": ` + tt.rejected
		if tt.prompt != "" {
			text += `, "prompt": ` + tt.prompt
		}
		if got, err := parse(text+"}", nil); err != nil || got != weighed(tt.want) {
			t.Errorf("%s: %+v, error %v; want %+v", tt.name, got, err, tt.want)
		}
	}
}

func TestConversationsRefuse(t *testing.T) {
	yes, no := list(user("hi"), assistant("yes")), list(user("hi"), assistant("no"))
	for _, tt := range []struct{ name, text, want string }{
		{"another prompt", `{"prompt": "ho", "chosen": ` + yes + `, "rejected": ` + no + `}`, "begin neither with the prompt nor with the assistant's answer"},
		{"other prompts", `{"chosen": ` + yes + `, "rejected": ` + list(user("ho"), assistant("no")) + `}`, "share no prompt"},
		{"no prompt", `{"chosen": ` + list(assistant("yes")) + `, "rejected": ` + list(assistant("no")) + `}`, "share no prompt"},
		{"a list and a text", `{"chosen": ` + yes + `, "rejected": "no"}`, "one of chosen and rejected is a list"},
		{"a tool call", `{"chosen": ` + list(user("hi"), `{"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f"}}]}`) + `, "rejected": ` + no + `}`,
			"chosen.1 calls a tool (tool_calls)"},
		{"an old function call", `{"chosen": ` + list(user("hi"), `{"role": "assistant", "content": "", "function_call": {"name": "f"}}`) + `, "rejected": ` + no + `}`,
			"chosen.1 calls a tool (function_call)"},
		{"a tool's answer", `{"prompt": ` + list(user("hi"), `{"role": "tool", "content": "4"}`) + `, "chosen": ` + list(assistant("a")) + `, "rejected": ` + list(assistant("b")) + `}`,
			"prompt.1.role is tool"},
		{"an unknown role", `{"chosen": ` + list(`{"role": "human", "content": "hi"}`) + `, "rejected": ` + no + `}`, `chosen.0.role is "human"; want system, user or assistant`},
		{"another's keys", `{"chosen": [{"from": "human", "value": "hi"}], "rejected": ` + no + `}`, "chosen.0 has no content, and has from, value; want role and content"},
		{"no role", `{"chosen": [{"content": "hi"}], "rejected": ` + no + `}`, "chosen.0 has no role, and has content"},
		{"a late system message", `{"chosen": ` + list(user("hi"), system, assistant("yes")) + `, "rejected": ` + no + `}`, "chosen.1.role is system after the first"},
		{"pictures", `{"chosen": [{"role": "user", "content": [{"type": "image"}]}], "rejected": ` + no + `}`, "chosen.0.content: a JSON array does not belong there; want text"},
		{"a key twice", `{"chosen": [{"role": "user", "content": "hi", "content": "ho"}], "rejected": ` + no + `}`, "chosen.0.content: is given twice"},
		{"texts in a list", `{"chosen": ["hi", "yes"], "rejected": ["hi", "no"]}`, "chosen.0: is a JSON string; want an object"},
		{"a prompt that the assistant ends", `{"prompt": ` + list(user("hi"), assistant("Well,")) + `, "chosen": ` + list(assistant("yes")) + `, "rejected": ` + list(assistant("no")) + `}`,
			"the prompt ends with a message of the assistant"},
		{"a response that the user ends", `{"prompt": "hi", "chosen": ` + list(assistant("yes"), user("so")) + `, "rejected": ` + list(assistant("no")) + `}`, "does not begin and end with a message of the assistant"},
		{"the text of a list", `{"chosen": "[{\"role\": \"user\"}]", "rejected": "no"}`, "chosen: is the text of a list"},
		{"a list of Python", `{"chosen": "[{'role': 'user'}]", "rejected": "no"}`, "chosen: is the text of a list"},
		{"an empty list", `{"prompt": "hi", "chosen": [], "rejected": ` + list(assistant("no")) + `}`, "the response is empty"},
		{"an empty message", `{"prompt": "hi", "chosen": ` + list(assistant("yes")) + `, "rejected": ` + list(assistant("")) + `}`, "the rejected response is empty"},
		{"identical lists", `{"chosen": ` + yes + `, "rejected": ` + yes + `}`, "the chosen and the rejected response are the same"},
		{"identical texts", `{"prompt": "p", "chosen": "a", "rejected": "a"}`, "are the same"},
		{"identical dialogues", `{"chosen": "\n\nAssistant: a", "rejected": "\n\nAssistant: a"}`, "are the same"},
		{"identical outputs", `{"input": {"messages": [{"content": "u"}]}, "preferred_output": [{"content": "a"}], "non_preferred_output": [{"content": "a"}]}`, "are the same"},
		{"no label", `{"prompt": "p", "completion": "c"}`, "lacks label, and has prompt, completion"},
		{"a label of another kind", `{"prompt": "p", "completion": "c", "label": 1}`, "label: a JSON number does not belong there; want true for a desirable"},
		{"an empty completion", `{"prompt": "p", "completion": "", "label": true}`, "the response is empty"},
		{"an empty list of completions", `{"prompt": "p", "completion": [], "label": false}`, "the response is empty"},
	} {
		if p, err := parse(tt.text, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %+v, error %v, want %q", tt.name, p, err, tt.want)
		}
	}
}

// weighed is a pair of a line that gives no weight.
func weighed(p Pair) Pair {
	p.Weight = 1
	return p
}

func TestLabelled(t *testing.T) {
	for text, want := range map[string]Pair{
		`{"prompt": "p ", "completion": "c", "label": true}`:                                                           {Prompt: "p ", Chosen: "c"},
		`{"prompt": "p ", "completion": "c", "label": false}`:                                                          {Prompt: "p ", Rejected: "c"},
		`{"prompt": "p", "completion": "pc", "label": false}`:                                                          {Prompt: "p", Rejected: "c", Cut: true},
		`{"prompt": ` + list(user("hi")) + `, "completion": ` + list(assistant("c")) + `, "label": true}`:              {Prompt: human + "hi\n\nAssistant:", Chosen: " c"},
		`{"prompt": "hi", "completion": ` + list(user("hi"), assistant("c")) + `, "label": true}`:                      {Prompt: human + "hi\n\nAssistant:", Chosen: " c"},
		`{"prompt": ` + list(user("hi")) + `, "completion": ` + list(user("hi"), assistant("c")) + `, "label": false}`: {Prompt: human + "hi\n\nAssistant:", Rejected: " c", Cut: true},
		`{"prompt": "p", "chosen": "a", "rejected": "b", "completion": "c", "label": "good"}`:                          {Prompt: "p", Chosen: "a", Rejected: "b"},
	} {
		if got, err := parse(text, nil); err != nil || got != weighed(want) {
			t.Errorf("%s: %+v, error %v; want %+v", text, got, err, want)
		}
	}
}

// A prompt that both responses repeat is cut; one that only one begins with is not.
func TestCut(t *testing.T) {
	for text, want := range map[string]Pair{
		`{"prompt": "p", "chosen": "pa", "rejected": "pb"}`:  {Prompt: "p", Chosen: "a", Rejected: "b", Cut: true},
		`{"prompt": "p", "chosen": "pa", "rejected": "b"}`:   {Prompt: "p", Chosen: "pa", Rejected: "b"},
		`{"prompt": "", "chosen": "a", "rejected": "b"}`:     {Chosen: "a", Rejected: "b"},
		`{"prompt": "pp", "chosen": "pa", "rejected": "pb"}`: {Prompt: "pp", Chosen: "pa", Rejected: "pb"},
	} {
		if got, err := parse(text, nil); err != nil || got != weighed(want) {
			t.Errorf("%s: %+v, error %v; want %+v", text, got, err, want)
		}
	}
	if _, err := parse(`{"prompt": "p", "chosen": "p", "rejected": "pb"}`, nil); err == nil || !errors.Is(err, lines.ErrEmpty) {
		t.Errorf("nothing but the prompt: %v", err)
	}
}

func TestTemplate(t *testing.T) {
	chatML, err := NewTemplate("{{range .Messages}}<|im_start|>{{.Role}}\n{{.Content}}<|im_end|>\n{{end}}{{if .AddGenerationPrompt}}<|im_start|>assistant\n{{end}}")
	if err != nil {
		t.Fatal(err)
	}
	want := Pair{Prompt: "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n", Chosen: "yes<|im_end|>\n", Rejected: "no<|im_end|>\n"}
	for _, text := range []string{
		`{"chosen": ` + list(user("hi"), assistant("yes")) + `, "rejected": ` + list(user("hi"), assistant("no")) + `}`,
		`{"input": {"messages": [{"content": "hi"}]}, "preferred_output": [{"content": "yes"}], "non_preferred_output": [{"content": "no"}]}`,
	} {
		if got, err := parse(text, chatML); err != nil || got != weighed(want) {
			t.Errorf("%s: %+v, error %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"{% for m in messages %}{{ m }}{% endfor %}": "is a template of Jinja",
		"{{.Messages":                         "unclosed action",
		"{{.messages}}":                       "can't evaluate field messages",
		"{{range .Messages}}{{.Role}}{{end}}": "leaves out what a message says",
		"{{len .Messages}}{{range .Messages}}{{.Content}}{{end}}": "otherwise than that of its prompt",
	} {
		if _, err := NewTemplate(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// A file has the form of its first good line, and every line has one place in the account.
func TestAccount(t *testing.T) {
	const text, whole, labelled = `{"prompt": "p", "chosen": "a", "rejected": "b"}`, `{"chosen": "\n\nAssistant: a", "rejected": "\n\nAssistant: b"}`, `{"prompt": "p", "completion": "c", "label": true}`
	lists := `{"chosen": ` + list(user("hi"), assistant("yes")) + `, "rejected": ` + list(user("hi"), assistant("no")) + `}`
	explicit := `{"prompt": ` + list(user("hi")) + `, "chosen": ` + list(assistant("yes")) + `, "rejected": ` + list(assistant("no")) + `}`
	chat := `{"input": {"messages": [{"content": "hi"}]}, "preferred_output": [{"content": "yes"}], "non_preferred_output": [{"content": "no"}]}`
	all := []string{text, whole, labelled, lists, explicit, chat}
	for i, first := range all {
		file := strings.Join(append([]string{"{}", first}, all...), "\n") + "\n" + `{"prompt": "p", "chosen": "a", "rejected": "a"}` + "\n\n" + `{"prompt": "p", "chosen": "", "rejected": "a"}`
		r, err := NewReader(strings.NewReader(file), "x")
		if err != nil {
			t.Fatal(err)
		}
		r.SkipBad = true
		pairs, _ := readAll(t, r)
		a := r.Account
		a.Used = len(pairs)
		if want := (lines.Account{File: "x", Read: 10, Used: 2, Bad: 6, Identical: 1, Empty: 1}); a != want {
			t.Errorf("form %d: %+v, want %+v", i, a, want)
		}
		other := 3 // the line of the first that is of another form
		if i == 0 {
			other = 4
		}
		if got := r.Skipped[1]; got.Line != other || !strings.Contains(got.Error(), "and line 2, the first pair, holds "+r.form) {
			t.Errorf("form %d: %v", i, got)
		}
	}
}

// The files of testdata, as people have them, are each read to the pairs and with the account that stand in testdata/want.txt.
func TestFiles(t *testing.T) {
	paths, err := filepath.Glob("testdata/files/*")
	if err != nil || len(paths) < 60 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	var got strings.Builder
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(path)
		fmt.Fprintf(&got, "== %s\n", name)
		r, err := NewReader(bytes.NewReader(data), name)
		if err != nil {
			fmt.Fprintf(&got, "%v\n", err)
			continue
		}
		r.SkipBad = true
		used := 0
		for {
			p, err := r.Next()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					fmt.Fprintf(&got, "%v\n", err)
				}
				break
			}
			r.Use(&p)
			if used++; used == 1 {
				fmt.Fprintf(&got, "%q\n+ %q\n- %q\n", p.Prompt, p.Chosen, p.Rejected)
			}
		}
		for _, e := range r.Skipped {
			fmt.Fprintf(&got, "%v\n", e)
		}
		fmt.Fprintln(&got, r.Account.String())
	}
	if *update {
		if err := os.WriteFile("testdata/want.txt", []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/want.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		g, w := strings.Split(got.String(), "\n"), strings.Split(string(want), "\n")
		for i := range min(len(g), len(w)) {
			if g[i] != w[i] {
				t.Fatalf("line %d: %s\nwant %s", i+1, g[i], w[i])
			}
		}
		t.Fatalf("%d lines, want %d", len(g), len(w))
	}
}

var update = flag.Bool("update", false, "write testdata/want.txt")

// FuzzReader reads arbitrary files with templates: what it accepts is a pair of different texts or a single text, of one form.
func FuzzReader(f *testing.F) {
	for line := range strings.Lines(file) {
		f.Add([]byte(line), "")
	}
	f.Add([]byte(`{"chosen": "\n\nAssistant: a", "rejected": "\n\nAssistant: b"}`), "")
	f.Add([]byte(`{"prompt": "hi", "chosen": `+list(user("hi"), assistant("yes"))+`, "rejected": `+list(user("hi"), assistant("no"))+`}`), "{{range .Messages}}{{.Content}}{{end}}")
	f.Add([]byte(`{"prompt": `+list(system)+`, "completion": `+list(assistant("yes"))+`, "label": true}`), "{{.Messages}}")
	f.Add([]byte("prompt,chosen,rejected\np,a,b\n"), "")
	f.Fuzz(func(t *testing.T, text []byte, with string) {
		r, err := NewReader(bytes.NewReader(text), "x")
		if err != nil {
			return
		}
		if strings.Contains(with, "range") && strings.ContainsAny(with, "123456789") || strings.Contains(with, "define") {
			return // may loop for long
		}
		if r.Template, err = NewTemplate(with); err != nil {
			r.Template = nil
		}
		r.SkipBad = true
		used, single := 0, 0
		for {
			p, err := r.Next()
			if err != nil {
				break
			}
			if used++; p.Chosen == "" || p.Rejected == "" {
				single++
			}
			if p.Chosen == p.Rejected {
				t.Errorf("%q: %+v", text, p)
			}
		}
		if a := r.Account; single != 0 && single != used || a.Read != used+a.Bad+a.Identical+a.Empty {
			t.Errorf("%q: %d of %d single, %+v", text, single, used, a)
		}
	})
}

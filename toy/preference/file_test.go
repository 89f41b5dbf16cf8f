package preference

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"windtunnel/toy/bandit"
	"windtunnel/toy/lines"
)

func TestFileReads(t *testing.T) {
	one, two := environment(star), environment(star, star)
	want := &Pairs{Prompt: []int{0, 0}, Chosen: []int{1, 2}, Rejected: []int{0, 1}, Account: lines.Account{Read: 2, Used: 2}}
	for name, text := range map[string]string{
		"plain":            "{\"prompt\": 0, \"chosen\": 1, \"rejected\": 0}\n{\"prompt\": 0, \"chosen\": 2, \"rejected\": 1}\n",
		"no last newline":  "{\"prompt\":0,\"chosen\":1,\"rejected\":0}\n{\"prompt\":0,\"chosen\":2,\"rejected\":1}",
		"blank lines":      "\n  \n{\"prompt\":0,\"chosen\":1,\"rejected\":0}\n\t\n{\"prompt\":0,\"chosen\":2,\"rejected\":1}\n\n",
		"CRLF":             "{\"prompt\":0,\"chosen\":1,\"rejected\":0}\r\n\r\n{\"prompt\":0,\"chosen\":2,\"rejected\":1}\r\n",
		"without a prompt": "{\"chosen\":1,\"rejected\":0}\n{\"rejected\":1,\"chosen\":2}\n",
		"spaces":           "   {\"prompt\":0,\"chosen\":1,\"rejected\":0}   \n{ \"chosen\" : 2 , \"rejected\" : 1 }\n",
	} {
		pairs, err := (&File{}).Build(Input{Env: one, File: []byte(text), FileName: "p.jsonl"})
		if err != nil || !reflect.DeepEqual(pairs, want) {
			t.Errorf("%s: %+v, error %v", name, pairs, err)
		}
	}
	pairs, err := (&File{}).Build(Input{Env: two, File: []byte(`{"prompt": 1, "chosen": 2, "rejected": 0}`)})
	if err != nil || pairs.Prompt[0] != 1 || pairs.WeightOf(0) != 1 {
		t.Errorf("two prompts: %+v, error %v", pairs, err)
	}
}

func TestFileLongLine(t *testing.T) {
	text := `{"prompt": 0, "chosen": 1,` + strings.Repeat(" ", 2<<20) + `"rejected": 0}`
	if pairs, err := (&File{}).Build(Input{Env: environment(star), File: []byte(text)}); err != nil || pairs.Len() != 1 {
		t.Errorf("%+v, error %v", pairs, err)
	}
}

func TestFileErrors(t *testing.T) {
	const good = `{"prompt":0,"chosen":1,"rejected":0}` + "\n"
	for _, tt := range []struct {
		prompts    int
		text, want string
	}{
		{1, "", "p.jsonl: no preference pairs; at least one line is needed"},
		{1, "\n\r\n  \n", "p.jsonl: no preference pairs; at least one line is needed"},
		{1, good + `{"prompt":0,"chosen":3,"rejected":0}`, "p.jsonl:2: chosen: 3 is out of range; an index from 0 to 2"},
		{1, "\n" + `{"prompt":0,"chosen":1,"rejected":-1}`, "p.jsonl:2: rejected: -1 is out of range; an index from 0 to 2"},
		{1, `{"prompt":1,"chosen":1,"rejected":0}`, "p.jsonl:1: prompt: 1 is out of range; one of 0, or an index from 0 to 0"},
		{2, `{"chosen":1,"rejected":0}`, "p.jsonl:1: prompt: missing; the line has chosen, rejected, want one of 0, 1, or an index from 0 to 1"},
		{1, `{"prompt":0,"rejected":0}`, "p.jsonl:1: chosen: missing; the line has prompt, rejected, want an index from 0 to 2"},
		{1, `{"prompt":0,"chosen":0}`, "p.jsonl:1: rejected: missing; the line has prompt, chosen, want an index from 0 to 2"},
		{1, `{"chosen":null,"rejected":0}`, "p.jsonl:1: chosen: missing; the line has chosen, rejected, want an index from 0 to 2"},
		{1, `{"chosen":1,"rejected":0,"count":7}`, "p.jsonl:1: count: is not read; weight, which says how much a comparison counts"},
		{1, `null`, "p.jsonl:1: is a JSON null; want an object"},
		{1, `{"chosen":2,"rejected":2}`, "p.jsonl:1: rejected: 2 is also the chosen response; two different responses"},
		{1, good[:len(good)-1] + good, "p.jsonl:1: text after the JSON object; one object a line is allowed"},
		{1, `{"chosen":1,"rejected":0} 7`, "p.jsonl:1: text after the JSON object; one object a line is allowed"},
		{1, `{"chosen":1,"rejected":0} oops`, "p.jsonl:1: text after the JSON object; one object a line is allowed"},
		{1, `{"chosen":1,"rejected":0,"chosen":2}`, "p.jsonl:1: chosen: is given twice; want it once"},
		{1, `{"chosen":1,"rejected":0,"CHOSEN":2}`, "p.jsonl:1: CHOSEN: is chosen but for the case of its letters; want chosen, once"},
		{1, `{"chosen":1.5,"rejected":0}`, "p.jsonl:1: chosen: there is no \"1.5\"; want an index from 0 to 2"},
		{1, `{"chosen":1e99,"rejected":0}`, "p.jsonl:1: chosen: there is no \"1e99\"; want an index from 0 to 2"},
		{1, `{"chosen":1,"rejected":[0]}`, "p.jsonl:1: rejected: a JSON array does not belong there; want a name, or an index from 0"},
		{1, `{"prompt":true,"chosen":1,"rejected":0}`, "p.jsonl:1: prompt: there is no \"true\"; want one of 0, or an index from 0 to 0"},
		{1, `[1,0]`, "p.jsonl: is one JSON list; want one object a line, which jq -c '.[]' makes of it"},
		{1, "7\n8", "p.jsonl:1: is a JSON number; want an object\np.jsonl:2: is a JSON number; want an object"},
		{1, `{"chosen":1,`, "p.jsonl:1: is no JSON object: unexpected EOF"},
		{1, "chosen=1", "p.jsonl:1: is no JSON object: invalid character 'c' looking for beginning of value"},
		{1, `{"chosen":NaN,"rejected":0}`, "p.jsonl:1: chosen: missing; the line has chosen, rejected, want an index from 0 to 2"},
		{1, "{\"chosen\":9,\"rejected\":0}\n" + good + "{\"chosen\":0,\"rejected\":0}",
			"p.jsonl:1: chosen: 9 is out of range; an index from 0 to 2\n" +
				"p.jsonl:3: rejected: 0 is also the chosen response; two different responses"},
	} {
		env := environment(star, star)
		env.Prompts = env.Prompts[:tt.prompts]
		pairs, err := (&File{}).Build(Input{Env: env, File: []byte(tt.text), FileName: "p.jsonl"})
		if err == nil || err.Error() != tt.want || pairs != nil {
			t.Errorf("%q: pairs %v, error\n%v\nwant\n%s", tt.text, pairs, err, tt.want)
		}
	}
}

func TestFileStopsAtTenErrors(t *testing.T) {
	text := strings.Repeat("{}\n{\"chosen\":1,\"rejected\":0}\n", 30)
	_, err := (&File{}).Build(Input{Env: environment(star), File: []byte(text), FileName: "p.jsonl"})
	lines := strings.Split(fmt.Sprint(err), "\n")
	if len(lines) != 10 || !strings.HasPrefix(lines[0], "p.jsonl:1: ") || !strings.HasPrefix(lines[9], "p.jsonl:19: ") {
		t.Errorf("%d lines:\n%v", len(lines), err)
	}
}

// FuzzPairsFile reads arbitrary files: it never panics, what it accepts is in range, and an error names a line.
func FuzzPairsFile(f *testing.F) {
	for _, seed := range []string{"", "\n", `{"prompt":0,"chosen":1,"rejected":0}`, `{"chosen":2,"rejected":1}` + "\r\n\r\n{}",
		`{"prompt":1,"chosen":-1,"rejected":9e99}`, "[]", "null", `{"chosen":1,"chosen":2,"rejected":"x"}`, "\xef\xbb\xbf{}"} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, twoPrompts bool) {
		env := environment(star)
		if twoPrompts {
			env = environment(star, star)
		}
		pairs, err := (&File{}).Build(Input{Env: env, File: text, FileName: "p.jsonl"})
		if err != nil {
			if pairs != nil || !strings.HasPrefix(err.Error(), "p.jsonl:") {
				t.Errorf("pairs %v, error %v", pairs, err)
			}
			return
		}
		checkPairs(t, pairs, env)
	})
}

// twoOfThree is an environment of two prompts with three responses.
func twoOfThree() *bandit.Env {
	flat := []float64{0, 0, 0}
	return &bandit.Env{Prompts: []bandit.Prompt{{Name: "a", LogStar: flat, LogRef: flat}, {Name: "b", LogStar: flat, LogRef: flat}}}
}

func TestLabelledFile(t *testing.T) {
	text := `{"prompt": 0, "response": 1, "label": true}
{"prompt": 1, "response": 2, "label": false}
`
	pairs, err := (&File{}).Build(Input{Env: twoOfThree(), File: []byte(text), FileName: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(pairs.Prompt, []int{0, 1}) || !slices.Equal(pairs.Chosen, []int{1, Absent}) ||
		!slices.Equal(pairs.Rejected, []int{Absent, 2}) || !pairs.Unpaired() {
		t.Errorf("%+v", pairs)
	}
}

func TestTokenCounts(t *testing.T) {
	text := `{"prompt": 0, "chosen": 1, "rejected": 0, "chosen_tokens": 7, "rejected_tokens": 3}`
	pairs, err := (&File{}).Build(Input{Env: twoOfThree(), File: []byte(text), FileName: "x"})
	if err != nil || !slices.Equal(pairs.ChosenTokens, []int{7}) || !slices.Equal(pairs.RejectedTokens, []int{3}) || pairs.Unpaired() {
		t.Errorf("%+v, %v", pairs, err)
	}
}

func TestFileForms(t *testing.T) {
	pair, labelled := `{"prompt": 0, "chosen": 1, "rejected": 0}`, `{"prompt": 0, "response": 1, "label": true}`
	for _, tt := range []struct{ text, want string }{
		{pair + "\n" + labelled, "a file holds "},
		{labelled + "\n" + pair, "a file holds "},
		{`{"prompt": 0, "response": 1}`, "x:1: label: missing"},
		{`{"prompt": 0, "label": true}`, "x:1: response: missing"},
		{`{"prompt": 0, "response": 3, "label": true}`, "x:1: response: 3 is out of range"},
		{`{"prompt": 0, "response": 1, "label": 1}`, "x:1: label: is \"1\"; true for a desirable"},
		{`{"prompt": 0, "response": 1, "label": true, "chosen": 0}`, "x:1: has prompt, response, label, chosen; a file holds response, label"},
		{`{"prompt": 2, "response": 1, "label": true}`, "x:1: prompt: 2 is out of range"},
		{`{"prompt": 0, "chosen": 1, "rejected": 0, "chosen_tokens": 7}`, "x:1: chosen_tokens and rejected_tokens: both"},
		{`{"prompt": 0, "chosen": 1, "rejected": 0, "chosen_tokens": 7, "rejected_tokens": 0}`, "x:1: rejected_tokens: is \"0\"; a number from 1"},
		{pair + "\n" + `{"prompt": 0, "chosen": 1, "rejected": 0, "chosen_tokens": 7, "rejected_tokens": 1}`, "x:2: chosen_tokens and"},
	} {
		_, err := (&File{}).Build(Input{Env: twoOfThree(), File: []byte(tt.text), FileName: "x"})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.text, err, tt.want)
		}
	}
}

package preference

import (
	"slices"
	"strings"
	"testing"

	"windtunnel/toy/bandit"
)

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
		{pair + "\n" + labelled, "x:2: a file holds pairs"},
		{labelled + "\n" + pair, "x:2: a file holds pairs"},
		{`{"prompt": 0, "response": 1}`, "x:1: label: missing"},
		{`{"prompt": 0, "label": true}`, "x:1: response: missing"},
		{`{"prompt": 0, "response": 3, "label": true}`, "x:1: response: 3 is out of range"},
		{`{"prompt": 0, "response": 1, "label": 1}`, "x:1: label: a number; true for a desirable"},
		{`{"prompt": 0, "response": 1, "label": true, "chosen": 0}`, "x:1: response and label stand beside"},
		{`{"prompt": 2, "response": 1, "label": true}`, "x:1: prompt: 2 is out of range"},
		{`{"prompt": 0, "chosen": 1, "rejected": 0, "chosen_tokens": 7}`, "x:1: chosen_tokens and rejected_tokens: both"},
		{`{"prompt": 0, "chosen": 1, "rejected": 0, "chosen_tokens": 7, "rejected_tokens": 0}`, "counts of at least 1"},
		{pair + "\n" + `{"prompt": 0, "chosen": 1, "rejected": 0, "chosen_tokens": 7, "rejected_tokens": 1}`, "x:2: chosen_tokens and"},
	} {
		_, err := (&File{}).Build(Input{Env: twoOfThree(), File: []byte(tt.text), FileName: "x"})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.text, err, tt.want)
		}
	}
}

package language

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"windtunnel/toy/objective"
	"windtunnel/toy/preference"
	"windtunnel/toy/registry"
)

// humanInput trains on dialogues that are given as lines.
func humanInput(t testing.TB, lines string, h Human) Input {
	in := storyInput(t)
	h.Path = "pairs.jsonl"
	in.Environment, in.Preferences = &Dialogues{}, &h
	files := in.File
	in.File = func(path string) ([]byte, string) {
		if path == h.Path {
			return []byte(lines), path
		}
		return files(path)
	}
	return in
}

// said is what a message says of a problem.
func said(p registry.Problem) string {
	if p.Key == "" {
		return p.Wrong
	}
	return fmt.Sprintf("%s: %s; want %s", p.Key, p.Wrong, p.Allowed)
}

// dialogues returns n pairs whose chosen response has so many more words than pair number 0.
func dialogues(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"chosen": "\n\nHuman: Hello?\n\nAssistant: Hello%s.", "rejected": "\n\nHuman: Hello?\n\nAssistant: No."}`+"\n", strings.Repeat(" you", i))
	}
	return b.String()
}

// The first pairs that fit are trained on, those after them are held out, in the order of the file; n = 0 takes what is not
// held out.
func TestHumanPairs(t *testing.T) {
	all, problems := gather(humanInput(t, dialogues(8), Human{MaxTokens: 512}))
	if problems != nil {
		t.Fatal(problems)
	}
	third := len(all.pairs[2].Prompt) + len(all.pairs[2].Chosen)
	for _, c := range []struct {
		h              Human
		train, heldOut []int // words of the chosen responses beyond the first pair's
	}{
		{Human{N: 3, HeldOut: 2, MaxTokens: 512}, []int{0, 1, 2}, []int{3, 4}},
		{Human{N: 0, HeldOut: 2, MaxTokens: 512}, []int{0, 1, 2, 3, 4, 5}, []int{6, 7}},
		{Human{N: 0, HeldOut: 0, MaxTokens: third}, []int{0, 1, 2}, nil},
	} {
		d, problems := gather(humanInput(t, dialogues(8), c.h))
		if problems != nil {
			t.Fatal(problems)
		}
		least := len(d.pairs[0].Chosen)
		for i, words := range c.train {
			if got := len(d.pairs[i].Chosen) - least; got != words {
				t.Errorf("%+v: pair %d has %d words more, want %d", c.h, i, got, words)
			}
		}
		for i, words := range c.heldOut {
			if got := len(d.heldOut[i].Chosen) - least; got != words {
				t.Errorf("%+v: held-out pair %d has %d words more, want %d", c.h, i, got, words)
			}
		}
		if len(d.pairs) != len(c.train) || len(d.heldOut) != len(c.heldOut) {
			t.Errorf("%+v: %d pairs, %d held out", c.h, len(d.pairs), len(d.heldOut))
		}
	}
}

// What does not go together is told with its key, and nothing is drawn.
func TestCheck(t *testing.T) {
	stories := func(change func(in *Input, s *Stories)) Input {
		in := storyInput(t)
		change(&in, in.Environment.(*Stories))
		in.Source = func(string, any) *rand.Rand { t.Error("a random number was drawn"); return nil }
		return in
	}
	none := func(*Input, *Stories) {}
	if problems := Check(stories(none)); problems != nil {
		t.Fatal(problems)
	}
	for name, c := range map[string]struct {
		in   Input
		want string
	}{
		"too many prompts":        {stories(func(_ *Input, s *Stories) { s.HeldOut = 1000 }), "environment.train: and held_out ask for 1006 prompts"},
		"too long":                {stories(func(_ *Input, s *Stories) { s.Tokens = 500 }), "environment.tokens: is 500"},
		"a loss of all responses": {stories(func(in *Input, _ *Stories) { in.Loss = &objective.TYPO{Lambda: 1, KLReduction: "sum"} }), "reference_samples"},
		"a proxy of numbers": {stories(func(in *Input, _ *Stories) {
			in.Preferences = &preference.Online{Rounds: 1, Pairs: 1, Proxy: &preference.Flipped{}, Reference: "start"}
		}), "preferences.proxy"},
		"an adapter of too high a rank": {stories(func(in *Input, _ *Stories) { in.Policy.LoRA.Rank = 65 }), "policy.lora.rank: is 65; want at most 64"},
		"another tokenizer":             {stories(func(in *Input, _ *Stories) { in.Policy.Tokenizer = "stories260K.bin" }), "policy.tokenizer"},
		"no checkpoint":                 {stories(func(in *Input, _ *Stories) { in.Policy.Model = "tok512.bin" }), "policy.model"},
		"rlhf of dialogues":             {withLoss(humanInput(t, dialogues(3), Human{MaxTokens: 99}), &objective.RLHF{Lambda: 1}), "objective.kind: needs a reward"},
		"samples in dialogues":          {withLoss(humanInput(t, dialogues(3), Human{MaxTokens: 99}), sampledTYPO(t)), "reference_samples: pair"},
		"too few pairs":                 {humanInput(t, dialogues(3), Human{N: 3, HeldOut: 1, MaxTokens: 99}), "pairs.jsonl has 3 pairs that fit into 99 tokens; want at least the 4"},
		"a limit beyond the model":      {humanInput(t, dialogues(3), Human{MaxTokens: 513}), "preferences.max_tokens: is 513; want at most 512"},
		"a broken line":                 {humanInput(t, dialogues(1)+"{\n", Human{MaxTokens: 99}), "pairs.jsonl:2: "},
	} {
		problems := Check(c.in)
		if len(problems) != 1 || !strings.Contains(said(problems[0]), c.want) {
			t.Errorf("%s: %v, want one with %q", name, problems, c.want)
		}
	}
	if in := humanInput(t, dialogues(1)+"{\n", Human{MaxTokens: 99, SkipBad: true}); Check(in) != nil {
		t.Errorf("a broken line that is skipped: %v", Check(in))
	}
}

func withLoss(in Input, loss objective.Params) Input {
	in.Loss = loss
	return in
}

// A file of prompts is read line by line, and the error names the line.
func TestReadPrompts(t *testing.T) {
	for text, want := range map[string]string{
		`{"prompt": "a"}` + "\n\n" + `{"prompt": "b"}`: "[a b] <nil>",
		`{"prompt": "a"}` + "\n{":                      "[] p:2: is no JSON object",
		`{"text": "a"}`:                                "[] p:1: has no prompt, and has text",
		`{"prompt": " "}`:                              "[] p:1: has no prompt",
		"":                                             "[] <nil>",
	} {
		texts, err := readPrompts([]byte(text), "p", 9)
		if got := fmt.Sprint(texts, " ", err); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func FuzzReadPrompts(f *testing.F) {
	f.Add([]byte(`{"prompt": "Once"}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		texts, err := readPrompts(text, "p", 9)
		for _, s := range texts {
			if err != nil || strings.TrimSpace(s) == "" {
				t.Errorf("%q and %v", s, err)
			}
		}
	})
}

package language

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"windtunnel/toy/dialogue"
	"windtunnel/toy/llama"
	"windtunnel/toy/tokenizer"
	"windtunnel/toy/tune"
)

// Problem is what is wrong with an input. It is an error too.
type Problem struct {
	Key     string // dotted path in the run's settings; "" for a line of a data file
	Line    string // "FILE:LINE: what is wrong; what is allowed" where Key is empty
	Wrong   string
	Allowed string
}

// Error says what is wrong.
func (p *Problem) Error() string {
	if p.Key == "" {
		return p.Line
	}
	return fmt.Sprintf("%s: %s; want %s", p.Key, p.Wrong, p.Allowed)
}

// data is what the files hold.
type data struct {
	model     *llama.Model[float32]
	tokenizer *tokenizer.Tokenizer
	prompts   []prompt    // of a Stories, training first
	pairs     []tune.Pair // of a Human, those to train on
	heldOut   []tune.Pair // and those not to
	skipped   int         // lines of a Human that are no pairs
}

// prompt is a prompt of a Stories.
type prompt struct {
	text string
	ids  []int32
}

// gather reads the files of an input.
func gather(in Input) (*data, []Problem) {
	d := &data{}
	if problems := d.loadModel(in); problems != nil {
		return nil, problems
	}
	var problems []Problem
	if s, ok := in.Environment.(*Stories); ok {
		problems = d.loadPrompts(in, s)
	}
	if h, ok := in.Preferences.(*Human); ok && problems == nil {
		problems = d.loadPairs(in, h)
	}
	return d, problems
}

func (d *data) loadModel(in Input) []Problem {
	content, name := in.File(in.Policy.Model)
	var err error
	if d.model, err = llama.Read(bytes.NewReader(content)); err != nil {
		return []Problem{{Key: "policy.model", Wrong: fmt.Sprintf("%s: %v", name, err), Allowed: "a checkpoint of llama2.c"}}
	}
	content, name = in.File(in.Policy.Tokenizer)
	if d.tokenizer, err = tokenizer.Read(bytes.NewReader(content), d.model.Vocab); err != nil {
		return []Problem{{Key: "policy.tokenizer", Wrong: fmt.Sprintf("%s: %v", name, err),
			Allowed: fmt.Sprintf("a tokenizer of llama2.c with the model's %d pieces", d.model.Vocab)}}
	}
	return nil
}

// loadPrompts takes the prompts that a Stories asks for.
func (d *data) loadPrompts(in Input, s *Stories) []Problem {
	content, name := in.File(s.Path)
	texts, line := readPrompts(content)
	if line != nil {
		return []Problem{{Line: name + line.Error()}}
	}
	if want := s.Train + s.HeldOut; len(texts) < want {
		return []Problem{{Key: "environment.train", Wrong: fmt.Sprintf("and held_out ask for %d prompts, %s has %d", want, name, len(texts)),
			Allowed: "no more than there are"}}
	}
	room := d.model.SeqLen - s.Tokens
	for i, text := range texts[:s.Train+s.HeldOut] {
		p := prompt{text, d.tokenizer.Prompt(text)}
		if len(p.ids) > room {
			return []Problem{{Key: "environment.tokens", Wrong: fmt.Sprintf("is %d, and prompt %d has %d more, beyond the %d that the model holds",
				s.Tokens, i+1, len(p.ids), d.model.SeqLen), Allowed: "a shorter continuation or other prompts"}}
		}
		d.prompts = append(d.prompts, p)
	}
	return nil
}

// readPrompts returns the texts of the lines {"prompt": "..."}. The error begins with the line, as ":3: ".
func readPrompts(content []byte) ([]string, error) {
	var texts []string
	number := 0
	for line := range bytes.Lines(content) {
		number++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		var one struct{ Prompt *string }
		switch err := json.Unmarshal(line, &one); {
		case err != nil:
			return nil, fmt.Errorf(":%d: is no prompt (%v); want {\"prompt\": \"Once upon a time\"}", number, err)
		case one.Prompt == nil || strings.TrimSpace(*one.Prompt) == "":
			return nil, fmt.Errorf(":%d: has no prompt; want {\"prompt\": \"Once upon a time\"}", number)
		}
		texts = append(texts, *one.Prompt)
	}
	return texts, nil
}

// loadPairs takes the pairs that a Human asks for: of those that fit, the first to train on, those after them held out.
func (d *data) loadPairs(in Input, h *Human) []Problem {
	if h.MaxTokens > d.model.SeqLen {
		return []Problem{{Key: "preferences.max_tokens", Wrong: fmt.Sprintf("is %d", h.MaxTokens),
			Allowed: fmt.Sprintf("at most %d, which the model holds", d.model.SeqLen)}}
	}
	content, name := in.File(h.Path)
	r, err := dialogue.NewReader(bytes.NewReader(content), name)
	if err != nil {
		return []Problem{{Key: "preferences.path", Wrong: err.Error(), Allowed: "a JSONL file of pairs, plain or gzipped"}}
	}
	r.SkipBad = h.SkipBad
	most := math.MaxInt
	if h.N > 0 {
		most = h.N + h.HeldOut
	}
	for len(d.pairs) < most {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return []Problem{{Line: err.Error()}}
		}
		if pair, fits := d.encode(p, h.MaxTokens); fits {
			d.pairs = append(d.pairs, pair)
		}
	}
	d.skipped = len(r.Skipped)
	return d.split(h, name)
}

// split holds the last pairs out.
func (d *data) split(h *Human, name string) []Problem {
	if want := max(h.N, 1) + h.HeldOut; len(d.pairs) < want {
		return []Problem{{Key: "preferences.path", Wrong: fmt.Sprintf("%s has %d pairs that fit into %d tokens", name, len(d.pairs), h.MaxTokens),
			Allowed: fmt.Sprintf("at least the %d that n and held_out ask for", want)}}
	}
	at := len(d.pairs) - h.HeldOut
	d.pairs, d.heldOut = d.pairs[:at:at], d.pairs[at:]
	return nil
}

// encode turns a pair into tokens and says whether it has at most so many on either side, and some in both responses.
func (d *data) encode(p dialogue.Pair, most int) (tune.Pair, bool) {
	t := tune.Pair{Prompt: d.tokenizer.Prompt(p.Prompt), Chosen: d.tokenizer.Encode(p.Chosen), Rejected: d.tokenizer.Encode(p.Rejected)}
	return t, min(len(t.Chosen), len(t.Rejected)) > 0 && len(t.Prompt)+max(len(t.Chosen), len(t.Rejected)) <= most
}

// Package dialogue reads human preference pairs as users of TRL have them, from any file that the package lines reads: texts or
// lists of messages, paired or single completions with labels. A file has one form, that of its first good record.
package dialogue

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"windtunnel/toy/lines"
)

// Pair is a prompt with two responses, the chosen one preferred. A completion with a label is the chosen or, if it is undesirable,
// the rejected response, and the other is empty.
type Pair struct {
	Index                    int // see lines.Reader.Index
	Prompt, Chosen, Rejected string
	Weight                   float64 // from 0, of which only ratios matter; 1 where none is given or read
	Cut                      bool    // both responses began with the prompt, which was cut from them
}

// turn ends the prompt of a whole dialogue.
const turn = "\n\nAssistant:"

// Weights of pairs.
const (
	mostWeight = 1e300
	wantWeight = "a number from 0 to 1e+300"
)

// formats says what a line may be.
const formats = `{"chosen": ..., "rejected": ...} of whole dialogues or lists of messages, {"prompt": ..., "chosen": ..., "rejected": ...}, ` +
	`{"prompt": ..., "completion": ..., "label": true}, or {"input": {"messages": [...]}, "preferred_output": [...], "non_preferred_output": [...]}`

// The forms of a file.
const (
	wholeForm    = "whole dialogues {chosen, rejected}"
	textForm     = "texts {prompt, chosen, rejected}"
	listForm     = "lists of messages {chosen, rejected}"
	promptForm   = "lists of messages {prompt, chosen, rejected}"
	labelledForm = "completions {prompt, completion, label}"
	chatForm     = "the chat fine-tuning format"
)

// parse reads a record and says what form it has.
//
// Whole dialogues (Anthropic's HH): the prompt is their longest common prefix, cut just after its last "\n\nAssistant:";
// each rest is a response, which may span later turns. With prompt given, the three texts are taken as they are, but for a prompt
// that both responses repeat, which is cut. Lists of messages (TRL's conversational format) are divided in the same way, message by
// message, and written by the template. Chat fine-tuning format: without a template the contents of the input's messages joined
// by blank lines, with one more at the end, are the prompt, and those of the preferred and non-preferred outputs, joined
// alike, the responses. Nothing is stripped.
func (r *Reader) parse(o *lines.Object) (p Pair, form string, err error) {
	keys := []string{"chosen", "rejected"}
	if !o.Given("chosen") && !o.Given("rejected") {
		switch {
		case o.Has("completion") && o.Has("prompt"):
			keys = []string{"completion"}
		case o.Has("input") || o.Has("preferred_output") || o.Has("non_preferred_output"):
			p, err = r.chat(o)
			return p, chatForm, orUseless(&p, err)
		case !o.Has("chosen") && !o.Has("rejected"):
			return p, "", lacks(o, "chosen and rejected")
		}
	}
	prompt, err := readPart(o, "prompt", "prompt", "")
	if err != nil {
		return p, "", err
	}
	parts := make([]part, len(keys))
	texts := []*string{&p.Chosen, &p.Rejected}
	for i, key := range keys {
		if parts[i], err = readPart(o, key, key, ""); err != nil {
			return p, "", err
		}
		if !parts[i].given && !o.Has(key) {
			return p, "", lacks(o, key)
		}
	}
	if form = textForm; len(keys) == 1 {
		form = labelledForm
		label := false
		given, err := o.Read("label", &label, "true for a desirable completion, false for an undesirable one")
		if err != nil || !given {
			return p, "", cmp.Or(err, lacks(o, "label"))
		}
		if !label {
			texts = texts[1:]
		}
	}
	lists := prompt.list || parts[0].list
	switch last := parts[len(parts)-1]; {
	case last.given && parts[0].given && last.list != parts[0].list:
		return p, "", errors.New("one of chosen and rejected is a list of messages and the other a text; want both alike")
	case lists:
		if form = listForm; prompt.given && len(keys) == 2 {
			form = promptForm
		} else if len(keys) == 1 {
			form = labelledForm
		}
		err = r.write(&p, prompt, parts, texts)
	case prompt.given:
		p.Prompt = prompt.text
		p.Cut = prompt.text != "" && !slices.ContainsFunc(parts, func(x part) bool { return !strings.HasPrefix(x.text, prompt.text) })
		for i := range parts {
			*texts[i] = parts[i].text
			if p.Cut {
				*texts[i] = parts[i].text[len(prompt.text):]
			}
		}
	default:
		form = wholeForm
		if p, err = whole(o, parts[0].text, last.text); err != nil && o.Has("prompt") {
			err = errors.New("prompt: is null or empty; want text, or a list of messages")
		}
	}
	if len(keys) == 1 && *texts[0] != "" {
		return p, form, err
	}
	return p, form, orUseless(&p, err)
}

// orUseless returns the error, or why a pair cannot be trained on: a response without text has no log-probability.
func orUseless(p *Pair, err error) error {
	switch {
	case err != nil:
		return err
	case p.Chosen == "" && p.Rejected == "":
		return fmt.Errorf("the %w", lines.ErrEmpty)
	case p.Chosen == "":
		return fmt.Errorf("the chosen %w", lines.ErrEmpty)
	case p.Rejected == "":
		return fmt.Errorf("the rejected %w", lines.ErrEmpty)
	case p.Chosen == p.Rejected:
		return lines.ErrIdentical
	}
	return nil
}

// lacks is the error of a line without some of its keys.
func lacks(o *lines.Object, keys string) error {
	return fmt.Errorf("lacks %s, and has %s; want %s", keys, o.Keys(), formats)
}

// write turns messages into the texts of a prompt and of the responses to it. A response in text is one message of the assistant.
func (r *Reader) write(p *Pair, prompt part, responses []part, into []*string) error {
	var all [][]Message
	for _, x := range responses {
		if !x.list && x.text != "" {
			x.messages = []Message{{"assistant", x.text}}
		}
		if len(x.messages) == 0 {
			return nil // an empty response
		}
		all = append(all, x.messages)
	}
	before, rests, err := conversation(prompt, all)
	if err != nil {
		return err
	}
	t := r.Template
	if t == nil {
		t = defaultTemplate
	}
	p.Cut = prompt.list && len(prompt.messages) > 0 && len(rests[0]) < len(all[0])
	for i, rest := range rests {
		if len(rest) == 0 || len(rest) == 1 && rest[0].Content == "" {
			continue // another
		}
		if p.Prompt, *into[i], err = t.split(before, rest); err != nil {
			return fmt.Errorf("the template %w", err)
		}
	}
	return nil
}

func whole(o *lines.Object, chosen, rejected string) (Pair, error) {
	n := 0
	for n < len(chosen) && n < len(rejected) && chosen[n] == rejected[n] {
		n++
	}
	at := strings.LastIndex(chosen[:n], turn)
	if at < 0 {
		return Pair{}, fmt.Errorf("the dialogues share no prompt: their common beginning holds no %q; the line has %s, and a prompt of its own is read from prompt", turn, o.Keys())
	}
	cut := at + len(turn)
	return Pair{Prompt: chosen[:cut], Chosen: chosen[cut:], Rejected: rejected[cut:]}, nil
}

func (r *Reader) chat(o *lines.Object) (p Pair, err error) {
	var input json.RawMessage
	if _, err := o.Read("input", &input, "an object"); err != nil {
		return p, err
	}
	in := &lines.Object{}
	if input != nil {
		if in, err = lines.Parse(input); err != nil {
			return p, fmt.Errorf("input: %w", err)
		}
	}
	var parts [3]part
	for i, from := range []struct {
		o               *lines.Object
		key, path, role string
	}{{in, "messages", "input.messages", "user"}, {o, "preferred_output", "preferred_output", "assistant"},
		{o, "non_preferred_output", "non_preferred_output", "assistant"}} {
		if parts[i], err = readPart(from.o, from.key, from.path, from.role); err != nil {
			return p, err
		}
		if len(parts[i].messages) == 0 {
			return p, lacks(o, "input.messages, preferred_output or non_preferred_output")
		}
		for k, m := range parts[i].messages {
			if i > 0 && m.Role != "assistant" {
				return p, fmt.Errorf("%s.%d.role is %s; want messages of assistant alone, which are joined", from.path, k, m.Role)
			}
		}
	}
	with := Reader{Template: cmp.Or(r.Template, joined)}
	err = with.write(&p, parts[0], parts[1:], []*string{&p.Chosen, &p.Rejected})
	return p, err
}

// Templates of messages where none is given: of conversations, and of the chat fine-tuning format.
var (
	defaultTemplate, _ = NewTemplate(DefaultTemplate)
	joined, _          = NewTemplate("{{range $i, $m := .Messages}}{{if $i}}\n\n{{end}}{{.Content}}{{end}}{{if .AddGenerationPrompt}}\n\n{{end}}")
)

// Reader reads pairs one by one.
type Reader struct {
	Template *Template      // of messages; nil is DefaultTemplate
	SkipBad  bool           // pass over records that are no pairs
	Weights  bool           // read the column weight
	Skipped  []*lines.Error // that were passed over
	Account  lines.Account  // of the records so far; what is used or too long, the caller counts

	name string
	in   *lines.Reader
	form string // of the first pair; "" before it
	line int    // of it
}

// NewReader reads from r, see lines.NewReader. name stands in messages.
func NewReader(r io.Reader, name string) (*Reader, error) {
	in, err := lines.NewReader(r, name)
	if err != nil {
		return nil, err
	}
	return &Reader{Account: lines.Account{File: name}, name: name, in: in}, nil
}

// Use counts a pair as used.
func (r *Reader) Use(p *Pair) {
	if r.Account.Used++; p.Cut {
		r.Account.Cut++
	}
}

// Next returns the next pair, io.EOF after the last; a file without any is an error. Blank lines are passed over; they count in
// Index. The error of a record that is no pair, or of another form than the first, is a *lines.Error; the next call goes on after it.
func (r *Reader) Next() (Pair, error) {
	for {
		o, err := r.in.Next()
		if errors.Is(err, io.EOF) && r.form == "" && len(r.Skipped) == r.in.Count {
			if r.in.Count == 0 {
				return Pair{}, fmt.Errorf("%s: is empty; want %s", r.name, formats)
			}
			return Pair{}, fmt.Errorf("%s: holds no pair in its %d lines: line %d: %w", r.name, r.in.Count, r.Skipped[0].Line, r.Skipped[0].Err)
		}
		r.Account.Read = r.in.Count
		var bad *lines.Error
		switch {
		case errors.As(err, &bad):
			if !strings.Contains(bad.Error(), "; want") {
				bad = r.in.Wrong(fmt.Errorf("%w; want %s", bad.Err, formats))
			}
		case err != nil:
			return Pair{}, err
		default:
			pair, err := r.one(o)
			if err == nil {
				return pair, nil
			}
			bad = r.in.Wrong(err)
		}
		if !r.SkipBad {
			return Pair{}, bad
		}
		r.Skipped = append(r.Skipped, bad)
		r.Account.Refuse(bad)
	}
}

// one returns the pair of a record, which must have the form of the first.
func (r *Reader) one(o *lines.Object) (Pair, error) {
	pair, form, err := r.parse(o)
	switch {
	case err != nil:
		return pair, err
	case r.form == "":
		r.form, r.line = form, r.in.Line
	case form != r.form:
		return pair, fmt.Errorf("holds %s, and line %d, the first pair, holds %s; want one form in a file", form, r.line, r.form)
	}
	pair.Index, pair.Weight = r.in.Index(), 1
	if !r.Weights {
		return pair, nil
	}
	if _, err = o.Read("weight", &pair.Weight, wantWeight); err == nil && !(pair.Weight >= 0 && pair.Weight <= mostWeight) {
		err = fmt.Errorf("weight: is %v; want %s", pair.Weight, wantWeight)
	}
	return pair, err
}

// Package dialogue reads human preference pairs as users of TRL have them, from any file that the package lines reads: texts or
// lists of messages, paired or single completions with labels. A file has one form, that of its first good record.
package dialogue

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"windtunnel/toy/lines"
)

// Pair is a prompt with two responses, the chosen one preferred. A completion with a label is the chosen or, if it is undesirable,
// the rejected response, and the other is empty.
type Pair struct {
	Index                    int // see lines.Reader.Index
	Prompt, Chosen, Rejected string
	Cut                      bool // both responses began with the prompt, which was cut from them
}

// turn ends the prompt of a whole dialogue.
const turn = "\n\nAssistant:"

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
	chosen, err := readPart(o, "chosen", "chosen", "")
	if err != nil {
		return p, "", err
	}
	rejected, err := readPart(o, "rejected", "rejected", "")
	switch {
	case err != nil:
		return p, "", err
	case chosen.given && rejected.given:
		p, form, err = r.compared(o, chosen, rejected)
	case chosen.given && o.Has("rejected"):
		return p, "", fmt.Errorf("the rejected %w", lines.ErrEmpty)
	case rejected.given && o.Has("chosen"):
		return p, "", fmt.Errorf("the chosen %w", lines.ErrEmpty)
	case chosen.given:
		return p, "", lacks(o, "rejected")
	case rejected.given:
		return p, "", lacks(o, "chosen")
	case o.Has("completion") && o.Has("prompt"):
		return r.labelled(o)
	case o.Has("input") || o.Has("preferred_output") || o.Has("non_preferred_output"):
		p, err = r.chat(o)
		form = chatForm
	default:
		return p, "", lacks(o, "chosen and rejected")
	}
	switch {
	case err != nil:
	case p.Chosen == "":
		err = fmt.Errorf("the chosen %w", lines.ErrEmpty) // it has no log-probability to train on
	case p.Rejected == "":
		err = fmt.Errorf("the rejected %w", lines.ErrEmpty)
	case p.Chosen == p.Rejected:
		err = lines.ErrIdentical
	}
	return p, form, err
}

// lacks is the error of a line without some of its keys.
func lacks(o *lines.Object, keys string) error {
	return fmt.Errorf("lacks %s, and has %s; want %s", keys, o.Keys(), formats)
}

// compared reads two responses, and a prompt if there is one.
func (r *Reader) compared(o *lines.Object, chosen, rejected part) (p Pair, form string, err error) {
	prompt, err := readPart(o, "prompt", "prompt", "")
	if err != nil {
		return p, "", err
	}
	if chosen.list != rejected.list {
		return p, "", errors.New("one of chosen and rejected is a list of messages and the other a text; want both alike")
	}
	if !chosen.list && !prompt.list {
		if !prompt.given {
			if p, err = whole(o, chosen.text, rejected.text); err != nil && o.Has("prompt") {
				err = errors.New("prompt: is null or empty; want text, or a list of messages")
			}
			return p, wholeForm, err
		}
		texts, cut := withoutPrompt(prompt.text, chosen.text, rejected.text)
		return Pair{Prompt: prompt.text, Chosen: texts[0], Rejected: texts[1], Cut: cut}, textForm, nil
	}
	form = listForm
	if prompt.given {
		form = promptForm
	}
	p.Prompt, p.Cut, err = r.write(prompt, []part{chosen, rejected}, &p.Chosen, &p.Rejected)
	return p, form, err
}

// withoutPrompt cuts a prompt from responses that all begin with it.
func withoutPrompt(prompt string, responses ...string) (rest []string, cut bool) {
	for _, response := range responses {
		after, repeated := strings.CutPrefix(response, prompt)
		if !repeated || prompt == "" {
			return responses, false
		}
		rest = append(rest, after)
	}
	return rest, true
}

// write turns messages into the texts of a prompt and of the responses to it. A response in text is one message of the assistant.
func (r *Reader) write(prompt part, responses []part, into ...*string) (text string, cut bool, err error) {
	var all [][]Message
	for _, p := range responses {
		if !p.list && p.text != "" {
			p.messages = []Message{{"assistant", p.text}}
		}
		if len(p.messages) == 0 {
			return "", false, nil // an empty response
		}
		all = append(all, p.messages)
	}
	before, rests, cut, err := conversation(prompt, all...)
	if err != nil {
		return "", false, err
	}
	t := r.Template
	if t == nil {
		t = defaultTemplate
	}
	for i, rest := range rests {
		if len(rest) == 0 || len(rest) == 1 && rest[0].Content == "" {
			continue // another
		}
		if text, *into[i], err = t.split(before, rest); err != nil {
			return "", false, fmt.Errorf("the template %w", err)
		}
	}
	return text, cut, nil
}

var defaultTemplate, _ = NewTemplate(DefaultTemplate)

// labelled reads a completion with a label.
func (r *Reader) labelled(o *lines.Object) (p Pair, form string, err error) {
	prompt, err := readPart(o, "prompt", "prompt", "")
	if err != nil {
		return p, "", err
	}
	completion, err := readPart(o, "completion", "completion", "")
	if err != nil {
		return p, "", err
	}
	label := false
	given, err := o.Read("label", &label, "true for a desirable completion, false for an undesirable one")
	switch {
	case err != nil:
		return p, "", err
	case !given || !prompt.given || !completion.given:
		return p, "", lacks(o, "prompt, completion or label")
	}
	text := completion.text
	if prompt.list || completion.list {
		p.Prompt, p.Cut, err = r.write(prompt, []part{completion}, &text)
	} else {
		p.Prompt = prompt.text
		var texts []string
		texts, p.Cut = withoutPrompt(prompt.text, text)
		text = texts[0]
	}
	if err == nil && text == "" {
		err = fmt.Errorf("the %w", lines.ErrEmpty)
	}
	if label {
		p.Chosen = text
	} else {
		p.Rejected = text
	}
	return p, labelledForm, err
}

// whole splits two dialogues.
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

// chat reads the chat fine-tuning format.
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
	if r.Template != nil {
		p.Prompt, p.Cut, err = r.write(parts[0], parts[1:], &p.Chosen, &p.Rejected)
		return p, err
	}
	return Pair{Prompt: joined(parts[0]) + "\n\n", Chosen: joined(parts[1]), Rejected: joined(parts[2])}, nil
}

// joined joins the contents of messages.
func joined(p part) string {
	var texts []string
	for _, m := range p.messages {
		texts = append(texts, m.Content)
	}
	return strings.Join(texts, "\n\n")
}

// Reader reads pairs one by one.
type Reader struct {
	Template *Template      // of messages; nil is DefaultTemplate
	SkipBad  bool           // pass over records that are no pairs
	Skipped  []*lines.Error // that were passed over

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
	return &Reader{name: name, in: in}, nil
}

// Account says what became of the records read so far, as far as the reader knows it: what is used, cut or too long, the caller
// counts.
func (r *Reader) Account() lines.Account {
	a := lines.Account{File: r.name, Read: r.in.Count}
	for _, e := range r.Skipped {
		a.Refuse(e)
	}
	return a
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
	pair.Index = r.in.Index()
	return pair, nil
}

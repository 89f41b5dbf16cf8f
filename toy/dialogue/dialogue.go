// Package dialogue reads human preference pairs as users of TRL have them: JSON lines, plain or compressed, in one of three
// formats, which may differ from line to line.
package dialogue

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"windtunnel/toy/lines"
)

// Pair is a prompt with two responses, the chosen one preferred.
type Pair struct {
	Index                    int // of the line in its file, from 0
	Prompt, Chosen, Rejected string
}

// turn ends the prompt of a whole dialogue.
const turn = "\n\nAssistant:"

// formats says what a line may be.
const formats = `{"chosen": ..., "rejected": ...} of whole dialogues, {"prompt": ..., "chosen": ..., "rejected": ...}, ` +
	`or {"input": {"messages": [...]}, "preferred_output": [...], "non_preferred_output": [...]}`

// Parse reads one line.
//
// Whole dialogues (Anthropic's HH): the prompt is their longest common prefix, cut just after its last "\n\nAssistant:";
// each rest is a response, which may span later turns. With prompt given, the three texts are taken as they are. Chat
// fine-tuning format: the contents of the input's messages joined by blank lines, with one more at the end, are the
// prompt, and those of the preferred and non-preferred outputs, joined alike, the responses. Nothing is stripped.
func Parse(text []byte) (Pair, error) {
	o, err := lines.Parse(text)
	if err != nil {
		return Pair{}, fmt.Errorf("%w; want %s", err, formats)
	}
	p := Pair{}
	chosen, err := o.Read("chosen", &p.Chosen, formats)
	if err != nil {
		return Pair{}, err
	}
	rejected, err := o.Read("rejected", &p.Rejected, formats)
	switch {
	case err != nil:
		return Pair{}, err
	case !chosen && !rejected && (o.Has("input") || o.Has("preferred_output") || o.Has("non_preferred_output")):
		return chat(o)
	case !chosen && !rejected:
		return Pair{}, lacks(o, "chosen and rejected")
	case !chosen:
		return Pair{}, lacks(o, "chosen")
	case !rejected:
		return Pair{}, lacks(o, "rejected")
	}
	prompt, err := o.Read("prompt", &p.Prompt, formats)
	if err != nil || prompt {
		return nonEmpty(p, err)
	}
	return whole(o, p.Chosen, p.Rejected)
}

// lacks is the error of a line without some of its keys.
func lacks(o *lines.Object, keys string) error {
	return fmt.Errorf("lacks %s, and has %s; want %s", keys, o.Keys(), formats)
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
	return nonEmpty(Pair{Prompt: chosen[:cut], Chosen: chosen[cut:], Rejected: rejected[cut:]}, nil)
}

// chat reads the chat fine-tuning format.
func chat(o *lines.Object) (Pair, error) {
	var input json.RawMessage
	if _, err := o.Read("input", &input, "an object"); err != nil {
		return Pair{}, err
	}
	in := &lines.Object{}
	if input != nil {
		var err error
		if in, err = lines.Parse(input); err != nil {
			return Pair{}, fmt.Errorf("input: %w", err)
		}
	}
	prompt, err := contents(in, "messages", "input.messages", "")
	if err != nil {
		return Pair{}, err
	}
	chosen, err := contents(o, "preferred_output", "preferred_output", "assistant")
	if err != nil {
		return Pair{}, err
	}
	rejected, err := contents(o, "non_preferred_output", "non_preferred_output", "assistant")
	if err != nil {
		return Pair{}, err
	}
	if len(prompt) == 0 || len(chosen) == 0 || len(rejected) == 0 {
		return Pair{}, lacks(o, "input.messages, preferred_output or non_preferred_output")
	}
	return nonEmpty(Pair{Prompt: strings.Join(prompt, "\n\n") + "\n\n", Chosen: strings.Join(chosen, "\n\n"),
		Rejected: strings.Join(rejected, "\n\n")}, nil)
}

// contents returns the texts of a list of messages, which are of one role alone if one is given. path is the list's key in the
// line, for messages.
func contents(o *lines.Object, key, path, only string) ([]string, error) {
	var list []json.RawMessage
	if _, err := o.Read(key, &list, "a list of messages"); err != nil {
		return nil, err
	}
	texts := make([]string, len(list))
	for i, m := range list {
		message, err := lines.Parse(m)
		if err != nil {
			return nil, fmt.Errorf("%s.%d: %w", path, i, err)
		}
		role := only
		if _, err := message.Read("role", &role, "text"); err != nil {
			return nil, fmt.Errorf("%s.%d.%w", path, i, err)
		}
		if only != "" && role != only {
			return nil, fmt.Errorf("%s.%d.role is %s; want messages of %s alone, which are joined", path, i, role, only)
		}
		given, err := message.Read("content", &texts[i], "text")
		if err != nil {
			return nil, fmt.Errorf("%s.%d.%w", path, i, err)
		}
		if !given {
			return nil, fmt.Errorf("%s.%d has no content; want text", path, i)
		}
	}
	return texts, nil
}

// nonEmpty refuses a response without a token: it has no log-probability to train on.
func nonEmpty(p Pair, err error) (Pair, error) {
	switch {
	case err != nil:
		return Pair{}, err
	case p.Chosen == "":
		return Pair{}, errors.New("the chosen response is empty; want text")
	case p.Rejected == "":
		return Pair{}, errors.New("the rejected response is empty; want text")
	}
	return p, nil
}

// Reader reads pairs one by one, in memory for one line at a time.
type Reader struct {
	SkipBad bool           // pass over lines that are no pairs
	Skipped []*lines.Error // that were passed over

	name string
	in   *lines.Reader
	any  bool // a pair has been read
}

// NewReader reads from r, unpacking it if it is gzip or zstd by its first bytes. name stands in messages.
func NewReader(r io.Reader, name string) (*Reader, error) {
	in, err := lines.NewReader(r, name)
	if err != nil {
		return nil, err
	}
	return &Reader{name: name, in: in}, nil
}

// Next returns the next pair, io.EOF after the last; a file without any is an error. Blank lines are passed over; they count in
// Index. The error of a line that is no pair is a *lines.Error; the next call goes on after it.
func (r *Reader) Next() (Pair, error) {
	for {
		text, err := r.in.Next()
		if errors.Is(err, io.EOF) && !r.any && len(r.Skipped) == r.in.Count {
			if r.in.Count == 0 {
				return Pair{}, fmt.Errorf("%s: is empty; want %s", r.name, formats)
			}
			return Pair{}, fmt.Errorf("%s: holds no pair in its %d lines: line %d: %w", r.name, r.in.Count, r.Skipped[0].Line, r.Skipped[0].Err)
		}
		if err != nil {
			return Pair{}, err
		}
		pair, err := Parse(text)
		if err == nil {
			pair.Index, r.any = r.in.Line-1, true
			return pair, nil
		}
		bad := r.in.Wrong(err)
		if !r.SkipBad {
			return Pair{}, bad
		}
		r.Skipped = append(r.Skipped, bad)
	}
}

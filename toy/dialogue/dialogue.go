// Package dialogue reads human preference pairs as users of TRL have them: JSONL, plain or gzipped, in one of three
// formats, which may differ from line to line.
package dialogue

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Pair is a prompt with two responses, the chosen one preferred.
type Pair struct {
	Index                    int // of the line in its file, from 0
	Prompt, Chosen, Rejected string
}

// turn ends the prompt of a whole dialogue.
const turn = "\n\nAssistant:"

// line is one line in any format.
type line struct {
	Prompt       *string    `json:"prompt"`
	Chosen       *string    `json:"chosen"`
	Rejected     *string    `json:"rejected"`
	Input        *chatInput `json:"input"`
	Preferred    []message  `json:"preferred_output"`
	NonPreferred []message  `json:"non_preferred_output"`
}

type chatInput struct {
	Messages []message `json:"messages"`
}

type message struct {
	Role    string  `json:"role"`
	Content *string `json:"content"`
}

// formats says what a line may be.
const formats = `{"chosen": ..., "rejected": ...} of whole dialogues, {"prompt": ..., "chosen": ..., "rejected": ...}, ` +
	`or {"input": {"messages": [...]}, "preferred_output": [...], "non_preferred_output": [...]}`

// Parse reads one line.
//
// Whole dialogues (Anthropic's HH): the prompt is their longest common prefix, cut just after its last "\n\nAssistant:";
// each rest is a response, which may span later turns. With prompt given, the three texts are taken as they are. Chat
// fine-tuning format: the contents of the input's messages joined by blank lines, with one more at the end, are the
// prompt, and the first preferred and non-preferred outputs the responses. Nothing is stripped.
func Parse(text []byte) (Pair, error) {
	if !utf8.Valid(text) {
		return Pair{}, errors.New("is not valid UTF-8; want " + formats)
	}
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return Pair{}, notPair(err)
	}
	if loneSurrogate(text) {
		return Pair{}, errors.New("holds half a surrogate pair, which is no character: \\ud800 to \\udfff; want " + formats)
	}
	switch {
	case l.Input != nil || l.Preferred != nil || l.NonPreferred != nil:
		return l.chat()
	case l.Chosen == nil && l.Rejected == nil:
		return Pair{}, errors.New("lacks chosen and rejected; want " + formats)
	case l.Chosen == nil:
		return Pair{}, errors.New("lacks chosen; want " + formats)
	case l.Rejected == nil:
		return Pair{}, errors.New("lacks rejected; want " + formats)
	case l.Prompt != nil:
		return nonEmpty(Pair{Prompt: *l.Prompt, Chosen: *l.Chosen, Rejected: *l.Rejected})
	}
	return whole(*l.Chosen, *l.Rejected)
}

// notPair says in the file's terms, not in Go's, why a line could not be decoded.
func notPair(err error) error {
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong) && wrong.Field != "":
		return fmt.Errorf("%s: a JSON %s does not belong there; want %s", wrong.Field, wrong.Value, formats)
	case errors.As(err, &wrong):
		return fmt.Errorf("is a JSON %s; want %s", wrong.Value, formats)
	}
	return fmt.Errorf("is no JSON object of a pair: %w; want %s", err, formats)
}

// loneSurrogate says whether valid JSON escapes one half of a surrogate pair without the other, for which there is no text.
func loneSurrogate(text []byte) bool {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		unit := escaped(text[i:])
		if utf16.IsSurrogate(unit) {
			if utf16.DecodeRune(unit, escaped(text[i+6:])) == utf8.RuneError {
				return true
			}
			i += 6
		}
		i++
	}
	return false
}

// escaped returns the code unit of the \uXXXX that text begins with, 0 if it does not.
func escaped(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(unit)
}

// whole splits two dialogues.
func whole(chosen, rejected string) (Pair, error) {
	n := 0
	for n < len(chosen) && n < len(rejected) && chosen[n] == rejected[n] {
		n++
	}
	at := strings.LastIndex(chosen[:n], turn)
	if at < 0 {
		return Pair{}, fmt.Errorf("the dialogues share no prompt: their common beginning holds no %q", turn)
	}
	cut := at + len(turn)
	return nonEmpty(Pair{Prompt: chosen[:cut], Chosen: chosen[cut:], Rejected: rejected[cut:]})
}

// chat reads the chat fine-tuning format.
func (l *line) chat() (Pair, error) {
	if l.Input == nil || len(l.Input.Messages) == 0 || len(l.Preferred) == 0 || len(l.NonPreferred) == 0 {
		return Pair{}, errors.New("lacks input.messages, preferred_output or non_preferred_output; want " + formats)
	}
	var prompt strings.Builder
	for i, m := range l.Input.Messages {
		if m.Content == nil {
			return Pair{}, fmt.Errorf("input.messages.%d has no content; want text", i)
		}
		prompt.WriteString(*m.Content + "\n\n")
	}
	if l.Preferred[0].Content == nil || l.NonPreferred[0].Content == nil {
		return Pair{}, errors.New("an output has no content; want text")
	}
	return nonEmpty(Pair{Prompt: prompt.String(), Chosen: *l.Preferred[0].Content, Rejected: *l.NonPreferred[0].Content})
}

// nonEmpty refuses a response without a token: it has no log-probability to train on.
func nonEmpty(p Pair) (Pair, error) {
	switch {
	case p.Chosen == "":
		return Pair{}, errors.New("the chosen response is empty; want text")
	case p.Rejected == "":
		return Pair{}, errors.New("the rejected response is empty; want text")
	}
	return p, nil
}

// LineError is a line that is no pair.
type LineError struct {
	File string
	Line int // from 1
	Err  error
}

// Error names the file, the line and what is wrong.
func (e *LineError) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }

// Unwrap returns what is wrong.
func (e *LineError) Unwrap() error { return e.Err }

// Reader reads pairs one by one, in memory for one line at a time.
type Reader struct {
	SkipBad bool         // pass over lines that are no pairs
	Skipped []*LineError // that were passed over

	name string
	in   *bufio.Reader
	line int
}

// NewReader reads from r, gunzipping it if it is gzip by its first bytes. name stands in messages.
func NewReader(r io.Reader, name string) (*Reader, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("%s: is no whole gzip file: %w", name, err)
		}
		in = bufio.NewReaderSize(unzipped, 1<<16)
	}
	return &Reader{name: name, in: in}, nil
}

// Next returns the next pair, io.EOF after the last. Blank lines are passed over; they count in Index. The error of a
// line that is no pair is a *LineError; the next call goes on after it.
func (r *Reader) Next() (Pair, error) {
	for {
		text, err := r.in.ReadBytes('\n')
		switch {
		case err != nil && !errors.Is(err, io.EOF):
			return Pair{}, fmt.Errorf("%s:%d: %w", r.name, r.line+1, err)
		case err != nil && len(text) == 0:
			return Pair{}, io.EOF
		}
		r.line++
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		pair, err := Parse(text)
		if err == nil {
			pair.Index = r.line - 1
			return pair, nil
		}
		bad := &LineError{File: r.name, Line: r.line, Err: err}
		if !r.SkipBad {
			return Pair{}, bad
		}
		r.Skipped = append(r.Skipped, bad)
	}
}

// Package dialogue reads human preference pairs as users of TRL have them: JSONL, plain or gzipped, in one of three
// formats, told apart line by line.
package dialogue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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
		return Pair{}, fmt.Errorf("is no JSON object of a pair: %w; want %s", err, formats)
	}
	switch {
	case l.Input != nil || l.Preferred != nil || l.NonPreferred != nil:
		return l.chat()
	case l.Chosen == nil || l.Rejected == nil:
		return Pair{}, fmt.Errorf("lacks %s; want %s", l.missing(), formats)
	case l.Prompt != nil:
		return nonEmpty(Pair{Prompt: *l.Prompt, Chosen: *l.Chosen, Rejected: *l.Rejected})
	}
	return whole(*l.Chosen, *l.Rejected)
}

func (l *line) missing() string {
	var keys []string
	if l.Chosen == nil {
		keys = append(keys, "chosen")
	}
	if l.Rejected == nil {
		keys = append(keys, "rejected")
	}
	return strings.Join(keys, " and ")
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

// blank says whether a line holds nothing.
func blank(text []byte) bool { return len(bytes.TrimSpace(text)) == 0 }

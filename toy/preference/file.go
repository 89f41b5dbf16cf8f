package preference

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"windtunnel/toy/bandit"
	"windtunnel/toy/registry"
)

// File holds where preference pairs are read from: a JSON object a line with the indices prompt, chosen and rejected, and
// for losses that depend on lengths the token counts chosen_tokens and rejected_tokens; or, for losses on unpaired data,
// with prompt, response and label (true for desirable). The order stays. prompt may be left out where the environment has
// one prompt. Blank lines are skipped.
type File struct {
	Path string `yaml:"path" required:"true" doc:"JSONL file, relative to the config: {\"prompt\": 0, \"chosen\": 1, \"rejected\": 0} a line, indices from 0"`
}

// maxErrors is how many bad lines are reported before reading stops.
const maxErrors = 10

// Build reads the pairs. The error lists the first ten bad lines as file:line: what is wrong; what is allowed.
func (f *File) Build(in Input) (*Pairs, error) {
	pairs := &Pairs{}
	var bad []error
	n := 0
	for line := range bytes.Lines(in.File) {
		n++
		text := bytes.TrimSpace(line)
		if len(text) == 0 {
			continue
		}
		if err := pairs.appendLine(text, in.Env); err != nil {
			bad = append(bad, fmt.Errorf("%s:%d: %w", in.FileName, n, err))
		}
		if len(bad) == maxErrors {
			break
		}
	}
	if len(bad) == 0 && pairs.Len() == 0 {
		bad = append(bad, fmt.Errorf("%s: no preference pairs; at least one line is needed", in.FileName))
	}
	if len(bad) > 0 {
		return nil, errors.Join(bad...)
	}
	return pairs, nil
}

func (f *File) Random() bool { return false }

func (f *File) FilePath() string { return f.Path }

// line is one line: a comparison, or a response with a label.
type line struct {
	Prompt         *int  `json:"prompt"`
	Chosen         *int  `json:"chosen"`
	Rejected       *int  `json:"rejected"`
	ChosenTokens   *int  `json:"chosen_tokens"`
	RejectedTokens *int  `json:"rejected_tokens"`
	Response       *int  `json:"response"`
	Label          *bool `json:"label"`
}

// unpaired says whether the line is meant as a response with a label.
func (l *line) unpaired() bool { return l.Response != nil || l.Label != nil }

// appendLine parses one line and checks its indices.
func (p *Pairs) appendLine(text []byte, env *bandit.Env) error {
	prompts, responses := len(env.Prompts), env.Responses()
	var l line
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(&l); err != nil {
		return notPair(err)
	}
	if _, err := in.Token(); err != io.EOF {
		return errors.New("text after the JSON object; one object a line is allowed")
	}
	if l.Prompt == nil && prompts == 1 {
		l.Prompt = new(int)
	}
	if p.Len() > 0 && p.Unpaired() != l.unpaired() {
		return errors.New("a file holds pairs (chosen, rejected) or labelled responses (response, label), and lines above " +
			"are of the other form")
	}
	if err := indexFrom0("prompt", l.Prompt, prompts); err != nil {
		return err
	}
	appendTo := p.appendPair
	if l.unpaired() {
		appendTo = p.appendLabelled
	}
	if err := appendTo(&l, responses); err != nil {
		return err
	}
	if x := &env.Prompts[*l.Prompt]; x.HeldOut {
		return fmt.Errorf("prompt: %d is %s, which is held out; a prompt from 0 to %d", *l.Prompt, x.Name, len(env.Training())-1)
	}
	return nil
}

// indexFrom0 refuses an index that is missing or not below n.
func indexFrom0(key string, value *int, n int) error {
	switch {
	case value == nil:
		return fmt.Errorf("%s: missing; an index from 0 to %d", key, n-1)
	case *value < 0 || *value >= n:
		return fmt.Errorf("%s: %d is out of range; an index from 0 to %d", key, *value, n-1)
	}
	return nil
}

func (p *Pairs) appendPair(l *line, responses int) error {
	if err := indexFrom0("chosen", l.Chosen, responses); err != nil {
		return err
	}
	if err := indexFrom0("rejected", l.Rejected, responses); err != nil {
		return err
	}
	if *l.Chosen == *l.Rejected {
		return fmt.Errorf("rejected: %d is also the chosen response; two different responses", *l.Rejected)
	}
	if err := p.appendTokens(l); err != nil {
		return err
	}
	p.add(*l.Prompt, *l.Chosen, *l.Rejected)
	return nil
}

// appendTokens takes in the line's token counts, which all lines have or none.
func (p *Pairs) appendTokens(l *line) error {
	given := l.ChosenTokens != nil
	if given != (l.RejectedTokens != nil) || p.Len() > 0 && given != (p.ChosenTokens != nil) {
		return errors.New("chosen_tokens and rejected_tokens: both on every line of a file, or on none")
	}
	if !given {
		return nil
	}
	if *l.ChosenTokens < 1 || *l.RejectedTokens < 1 {
		return fmt.Errorf("chosen_tokens and rejected_tokens: %d and %d; counts of at least 1", *l.ChosenTokens, *l.RejectedTokens)
	}
	p.ChosenTokens = append(p.ChosenTokens, *l.ChosenTokens)
	p.RejectedTokens = append(p.RejectedTokens, *l.RejectedTokens)
	return nil
}

func (p *Pairs) appendLabelled(l *line, responses int) error {
	if l.Chosen != nil || l.Rejected != nil || l.ChosenTokens != nil || l.RejectedTokens != nil {
		return errors.New("response and label stand beside chosen or rejected; a line is a pair or a labelled response")
	}
	if err := indexFrom0("response", l.Response, responses); err != nil {
		return err
	}
	switch {
	case l.Label == nil:
		return errors.New("label: missing; true for a desirable response, false for an undesirable one")
	case *l.Label:
		p.add(*l.Prompt, *l.Response, Absent)
	default:
		p.add(*l.Prompt, Absent, *l.Response)
	}
	return nil
}

// notPair says in the file's terms, not in Go's, why a line could not be decoded.
func notPair(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field == "label" {
		return fmt.Errorf("label: a %s; true for a desirable response, false for an undesirable one", wrong.Value)
	}
	if wrong != nil && wrong.Field != "" {
		return fmt.Errorf("%s: a %s; an index is a whole number, counted from 0", wrong.Field, wrong.Value)
	}
	reason := strings.TrimPrefix(err.Error(), "json: ")
	if wrong != nil {
		reason = "a JSON " + wrong.Value
	}
	return fmt.Errorf(`not a preference pair: %s; a line holds {"prompt": 0, "chosen": 1, "rejected": 0}`, reason)
}

var fileKind = registry.Kind[Params]{
	Name:    "file",
	Summary: "pairs read from a JSONL file of prompt, chosen and rejected indices, in order",
	Source:  "this project",
	New:     func() Params { return &File{} },
}

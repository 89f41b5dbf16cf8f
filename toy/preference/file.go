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
// where losses per token are to see them the counts chosen_tokens and rejected_tokens; or, for losses on unpaired data,
// with prompt, response and label (true for desirable). Order is kept. prompt may be left out where the environment has
// one prompt. Blank lines are skipped.
type File struct {
	Path string `yaml:"path" required:"true" doc:"JSONL file, relative to the config: {\"prompt\": 0, \"chosen\": 1, \"rejected\": 0} a line, indices from 0"`
}

// maxErrors is how many bad lines are reported before reading stops.
const maxErrors = 10

// Build reads the pairs. The error lists the first ten bad lines as file:line: what is wrong; what is allowed.
func (f *File) Build(in Input) (*Pairs, error) {
	pairs := &Pairs{}
	prompts, responses := len(in.Env.Prompts), in.Env.Responses()
	var bad []error
	n := 0
	for line := range bytes.Lines(in.File) {
		n++
		text := bytes.TrimSpace(line)
		if len(text) == 0 {
			continue
		}
		err := pairs.appendLine(text, prompts, responses)
		if err == nil {
			err = heldOut(in.Env, pairs.Prompt[pairs.Len()-1])
		}
		if err != nil {
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

// heldOut refuses a comparison of a prompt that is measured only.
func heldOut(env *bandit.Env, prompt int) error {
	if p := &env.Prompts[prompt]; p.HeldOut {
		return fmt.Errorf("prompt: %d is %s, which is held out; a prompt from 0 to %d", prompt, p.Name, len(env.Training())-1)
	}
	return nil
}

// Random is false.
func (f *File) Random() bool { return false }

// FilePath returns the path.
func (f *File) FilePath() string { return f.Path }

// entry is one line: a comparison, or a response with a label.
type entry struct {
	Prompt         *int  `json:"prompt"`
	Chosen         *int  `json:"chosen"`
	Rejected       *int  `json:"rejected"`
	ChosenTokens   *int  `json:"chosen_tokens"`
	RejectedTokens *int  `json:"rejected_tokens"`
	Response       *int  `json:"response"`
	Label          *bool `json:"label"`
}

// unpaired says whether the line is meant as a response with a label.
func (e *entry) unpaired() bool { return e.Response != nil || e.Label != nil }

// appendLine parses one line and checks its indices.
func (p *Pairs) appendLine(text []byte, prompts, responses int) error {
	var line entry
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(&line); err != nil {
		return notPair(err)
	}
	if _, err := in.Token(); err != io.EOF {
		return errors.New("text after the JSON object; one object a line is allowed")
	}
	if line.Prompt == nil && prompts == 1 {
		line.Prompt = new(int)
	}
	if p.Len() > 0 && p.Unpaired() != line.unpaired() {
		return errors.New("a file holds pairs (chosen, rejected) or labelled responses (response, label), and lines above " +
			"are of the other form")
	}
	if err := indexFrom0("prompt", line.Prompt, prompts); err != nil {
		return err
	}
	if line.unpaired() {
		return p.appendLabelled(&line, responses)
	}
	return p.appendPair(&line, responses)
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

func (p *Pairs) appendPair(line *entry, responses int) error {
	if err := indexFrom0("chosen", line.Chosen, responses); err != nil {
		return err
	}
	if err := indexFrom0("rejected", line.Rejected, responses); err != nil {
		return err
	}
	if *line.Chosen == *line.Rejected {
		return fmt.Errorf("rejected: %d is also the chosen response; two different responses", *line.Rejected)
	}
	if err := p.appendTokens(line); err != nil {
		return err
	}
	p.add(*line.Prompt, *line.Chosen, *line.Rejected)
	return nil
}

// appendTokens takes in the line's token counts, which all lines have or none.
func (p *Pairs) appendTokens(line *entry) error {
	given := line.ChosenTokens != nil
	if given != (line.RejectedTokens != nil) || p.Len() > 0 && given != (p.ChosenTokens != nil) {
		return errors.New("chosen_tokens and rejected_tokens: both on every line of a file, or on none")
	}
	if !given {
		return nil
	}
	if *line.ChosenTokens < 1 || *line.RejectedTokens < 1 {
		return fmt.Errorf("chosen_tokens and rejected_tokens: %d and %d; counts of at least 1", *line.ChosenTokens, *line.RejectedTokens)
	}
	p.ChosenTokens = append(p.ChosenTokens, *line.ChosenTokens)
	p.RejectedTokens = append(p.RejectedTokens, *line.RejectedTokens)
	return nil
}

func (p *Pairs) appendLabelled(line *entry, responses int) error {
	if line.Chosen != nil || line.Rejected != nil || line.ChosenTokens != nil || line.RejectedTokens != nil {
		return errors.New("response and label stand beside chosen or rejected; a line is a pair or a labelled response")
	}
	if err := indexFrom0("response", line.Response, responses); err != nil {
		return err
	}
	switch {
	case line.Label == nil:
		return errors.New("label: missing; true for a desirable response, false for an undesirable one")
	case *line.Label:
		p.add(*line.Prompt, *line.Response, Absent)
	default:
		p.add(*line.Prompt, Absent, *line.Response)
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

// add appends one comparison.
func (p *Pairs) add(prompt, chosen, rejected int) {
	p.Prompt = append(p.Prompt, prompt)
	p.Chosen = append(p.Chosen, chosen)
	p.Rejected = append(p.Rejected, rejected)
}

var fileKind = registry.Kind[Params]{
	Name:    "file",
	Summary: "pairs read from a JSONL file of prompt, chosen and rejected indices, in order",
	Source:  "this project",
	New:     func() Params { return &File{} },
}

package preference

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"windtunnel/toy/registry"
)

// File holds where preference pairs are read from: a JSON object a line with the indices prompt, chosen and rejected.
// Order is kept. prompt may be left out where the environment has one prompt. Blank lines are skipped.
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
		if err := pairs.appendLine(text, prompts, responses); err != nil {
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

// Random is false.
func (f *File) Random() bool { return false }

// FilePath returns the path.
func (f *File) FilePath() string { return f.Path }

// SetFilePath changes the path, for a copy of the config that lives elsewhere.
func (f *File) SetFilePath(path string) { f.Path = path }

// appendLine parses one line and checks its indices.
func (p *Pairs) appendLine(text []byte, prompts, responses int) error {
	var line struct {
		Prompt   *int `json:"prompt"`
		Chosen   *int `json:"chosen"`
		Rejected *int `json:"rejected"`
	}
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
	for _, index := range []struct {
		key   string
		value *int
		n     int
	}{{"prompt", line.Prompt, prompts}, {"chosen", line.Chosen, responses}, {"rejected", line.Rejected, responses}} {
		switch {
		case index.value == nil:
			return fmt.Errorf("%s: missing; an index from 0 to %d", index.key, index.n-1)
		case *index.value < 0 || *index.value >= index.n:
			return fmt.Errorf("%s: %d is out of range; an index from 0 to %d", index.key, *index.value, index.n-1)
		}
	}
	if *line.Chosen == *line.Rejected {
		return fmt.Errorf("rejected: %d is also the chosen response; two different responses", *line.Rejected)
	}
	p.add(*line.Prompt, *line.Chosen, *line.Rejected)
	return nil
}

// notPair says in the file's terms, not in Go's, why a line could not be decoded.
func notPair(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
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

package preference

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"windtunnel/toy/bandit"
	"windtunnel/toy/lines"
	"windtunnel/toy/registry"
)

// File holds where preference pairs are read from, in any of the forms of the package lines: a record with the indices prompt,
// chosen and rejected, and for losses that depend on lengths the token counts chosen_tokens and rejected_tokens; or, for losses on
// unpaired data, with prompt, response and label (true for desirable). The order stays. prompt may be left out where the
// environment has one prompt. Other columns are not read.
type File struct {
	Path string `yaml:"path" required:"true" doc:"JSONL, CSV or Parquet file, plain or compressed by gzip or zstd, relative to the config: {\"prompt\": 0, \"chosen\": 1, \"rejected\": 0} a line, indices from 0"`
}

// maxErrors is how many bad lines are reported before reading stops.
const maxErrors = 10

// Build reads the pairs. The error lists the first ten bad lines as file:line: what is wrong; what is allowed.
func (f *File) Build(in Input) (*Pairs, error) {
	file, err := lines.NewReader(bytes.NewReader(in.File), in.FileName)
	if err != nil {
		return nil, err
	}
	pairs := &Pairs{}
	var bad []error
	for len(bad) < maxErrors {
		o, err := file.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		var wrong *lines.Error
		switch {
		case errors.As(err, &wrong):
			bad = append(bad, fmt.Errorf(`%w; a line holds {"prompt": 0, "chosen": 1, "rejected": 0}`, wrong))
			continue
		case err != nil:
			return nil, errors.Join(append(bad, err)...)
		}
		if err := pairs.appendLine(o, in.Env); err != nil {
			bad = append(bad, file.Wrong(err))
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
	Prompt, Chosen, Rejected, ChosenTokens, RejectedTokens, Response *int

	Label    *bool
	unpaired bool   // it is meant as a response with a label
	keys     string // that the line has
}

// readLine reads the columns that lines of this form have.
func readLine(o *lines.Object) (*line, error) {
	l := &line{keys: o.Keys(), unpaired: !o.Given("chosen") && !o.Given("rejected") && (o.Given("response") || o.Given("label"))}
	for _, column := range []struct {
		key      string
		into     any
		want     string
		unpaired bool
	}{
		{"prompt", &l.Prompt, index, l.unpaired}, {"chosen", &l.Chosen, index, false}, {"rejected", &l.Rejected, index, false},
		{"response", &l.Response, index, true}, {"chosen_tokens", &l.ChosenTokens, count, false},
		{"rejected_tokens", &l.RejectedTokens, count, false},
		{"label", &l.Label, "true for a desirable response, false for an undesirable one", true},
	} {
		if column.unpaired != l.unpaired {
			continue
		}
		if _, err := o.Read(column.key, column.into, column.want); err != nil {
			return nil, err
		}
	}
	return l, nil
}

const (
	index = "an index, a whole number counted from 0"
	count = "a count of tokens"
)

// appendLine parses one line and checks its indices.
func (p *Pairs) appendLine(o *lines.Object, env *bandit.Env) error {
	prompts, responses := len(env.Prompts), env.Responses()
	l, err := readLine(o)
	if err != nil {
		return err
	}
	if l.Prompt == nil && prompts == 1 {
		l.Prompt = new(int)
	}
	if p.Len() > 0 && p.Unpaired() != l.unpaired {
		return errors.New("a file holds pairs (chosen, rejected) or labelled responses (response, label), and lines above " +
			"are of the other form")
	}
	if err := l.indexFrom0("prompt", l.Prompt, prompts); err != nil {
		return err
	}
	appendTo := p.appendPair
	if l.unpaired {
		appendTo = p.appendLabelled
	}
	if err := appendTo(l, responses); err != nil {
		return err
	}
	if x := &env.Prompts[*l.Prompt]; x.HeldOut {
		return fmt.Errorf("prompt: %d is %s, which is held out; a prompt from 0 to %d", *l.Prompt, x.Name, len(env.Training())-1)
	}
	return nil
}

// indexFrom0 refuses an index that is missing or not below n.
func (l *line) indexFrom0(key string, value *int, n int) error {
	switch {
	case value == nil:
		return fmt.Errorf("%s: missing; the line has %s, want an index from 0 to %d", key, l.keys, n-1)
	case *value < 0 || *value >= n:
		return fmt.Errorf("%s: %d is out of range; an index from 0 to %d", key, *value, n-1)
	}
	return nil
}

func (p *Pairs) appendPair(l *line, responses int) error {
	if err := l.indexFrom0("chosen", l.Chosen, responses); err != nil {
		return err
	}
	if err := l.indexFrom0("rejected", l.Rejected, responses); err != nil {
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
	if err := l.indexFrom0("response", l.Response, responses); err != nil {
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

var fileKind = registry.Kind[Params]{
	Name:    "file",
	Summary: "pairs read from a file of prompt, chosen and rejected indices, in order",
	Source:  "this project",
	New:     func() Params { return &File{} },
}

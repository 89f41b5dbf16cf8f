package spec

import (
	"errors"

	"windtunnel/experiments/spec/decode"
)

// Figure reads a figure that is asked for beside the config, in YAML as under figures, and checks that the tables of the
// config's experiment hold what it names. The error is a decode.Errors whose mistakes have keys but no lines; that of a suite,
// which has no tables of its own, says so.
func (c *Config) Figure(text string) (Figure, error) {
	var fig Figure
	if c.Plan == nil {
		return fig, decode.Errors{{Wrong: c.Path + " has no runs of its own", Allowed: "the results of an experiment"}}
	}
	const name = "plot"
	l := &loader{Decoder: decode.Decoder{File: name, Tables: c.kinds}, path: name}
	root, err := decode.Parse(name, []byte(text))
	if err != nil {
		return fig, unplaced(err)
	}
	l.root = root
	if err := l.Decode(root, "", &fig); err != nil {
		return fig, unplaced(err)
	}
	l.reviewFigure("", fig.From, fig.Params.Refs(), map[string]*Plan{"": c.Plan})
	return fig, unplaced(decode.Join(l.errs...))
}

// unplaced drops the places of mistakes in a text that nobody has seen.
func unplaced(err error) error {
	var mistakes decode.Errors
	if !errors.As(err, &mistakes) {
		return err
	}
	for i := range mistakes {
		mistakes[i].Line, mistakes[i].Column = 0, 0
	}
	return mistakes
}

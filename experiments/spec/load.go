package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/spec/decode"
	"windtunnel/plots"
)

// Config is a loaded and validated config file: an experiment with its plan, or a suite of such.
type Config struct {
	Path       string // as given
	Head       Head
	Experiment *Experiment // nil for a suite
	Plan       *Plan       // nil for a suite
	Suite      *Suite      // nil for an experiment
	Members    []*Config   // of a suite
	Scorecard  *Scorecard  // nil for the others
	Warnings   []string

	hash string // of the file's content
	at   func(key, wrong, allowed, near string) error
}

// Claims returns the config's claims.
func (c *Config) Claims() []Claim {
	if c.Suite != nil {
		return c.Suite.Claims
	}
	return c.Experiment.Claims
}

// Figures returns the config's figures.
func (c *Config) Figures() []plots.Figure {
	switch {
	case c.Suite != nil:
		return c.Suite.Figures
	case c.Scorecard != nil:
		return ScorecardFigures()
	}
	return c.Experiment.Figures
}

// loader reads one config.
type loader struct {
	decode.Decoder
	path string
	hash string
	root *yaml.Node // canonical, after --set
	errs []error
}

// Load reads a config, applies the --set overrides (key.path=value), validates everything that can be known before
// training, data files included, and plans the runs. The error is a decode.Errors with every mistake of the file.
// The overrides of a suite go to all its members.
func Load(path string, sets []string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, missing(path, err)
	}
	l := &loader{Decoder: decode.Decoder{File: path, Tables: Tables(), Origins: decode.Origins{}}, path: path, hash: hashHex(data)}
	if l.root, err = decode.Parse(path, data); l.root == nil {
		return nil, err
	}
	l.fail(err)
	if decode.Lookup(l.root, "suite") != nil {
		return l.suite(sets)
	}
	if decode.Lookup(l.root, scorecardKey) != nil {
		return l.scorecard()
	}
	return l.experiment(sets)
}

// missing explains a config that cannot be read and suggests a neighbour of a similar name.
func missing(path string, err error) error {
	e := decode.Error{File: path, Wrong: errors.Unwrap(err).Error(), Allowed: "a config file"}
	if errors.Is(err, fs.ErrNotExist) {
		var names []string
		beside, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*.yaml"))
		for _, name := range beside {
			names = append(names, filepath.ToSlash(name))
		}
		e.Wrong, e.Near = "there is no such file", decode.Nearest(path, names)
	}
	return decode.Join(e)
}

func (l *loader) fail(err error) {
	if err != nil {
		l.errs = append(l.errs, err)
	}
}

// experiment decodes and plans an experiment.
func (l *loader) experiment(sets []string) (*Config, error) {
	exp := &Experiment{Settings: defaultSettings()}
	l.root = l.Canonical(l.root, exp)
	for _, set := range sets {
		l.fail(l.set(exp, set))
	}
	l.fail(l.Decode(l.root, "", exp))
	l.checkHead(&exp.Head)
	l.checkTail(&exp.Tail)
	if err := decode.Join(l.errs...); err != nil {
		return nil, err
	}
	c := &Config{Path: l.path, Head: exp.Head, Experiment: exp, hash: l.hash}
	var err error
	if c.Plan, err = l.plan(exp); err == nil {
		c.Warnings, err = l.review(exp, c.Plan)
	}
	return c, err
}

// suite decodes a suite and loads its members.
func (l *loader) suite(sets []string) (*Config, error) {
	suite := &Suite{}
	l.root = l.Canonical(l.root, suite)
	l.fail(l.Decode(l.root, "", suite))
	l.checkHead(&suite.Head)
	l.checkTail(&suite.Tail)
	c := &Config{Path: l.path, Head: suite.Head, Suite: suite, hash: l.hash}
	names := map[string]string{suite.Name: "the suite"}
	for i, name := range suite.Members {
		member, err := Load(filepath.Join(filepath.Dir(l.path), name), sets)
		if err != nil {
			l.fail(err)
			continue
		}
		key := fmt.Sprintf("suite.%d", i)
		if member.Suite != nil {
			l.fail(l.Error(decode.Lookup(l.root, key), key, name+" is itself a suite", "the config of an experiment"))
		}
		if other, taken := names[member.Head.Name]; taken {
			l.fail(l.Error(decode.Lookup(l.root, key), key, fmt.Sprintf("%s has the name %q of %s", name, member.Head.Name, other),
				"a name of its own for every experiment"))
		}
		names[member.Head.Name] = name
		c.Members = append(c.Members, member)
	}
	if len(l.errs) == 0 {
		l.reviewSuite(c)
	}
	return c, decode.Join(l.errs...)
}

// set applies one key.path=value.
func (l *loader) set(exp *Experiment, set string) error {
	key, text, ok := strings.Cut(set, "=")
	label := "--set " + set
	if !ok {
		return decode.Error{File: label, Key: key, Wrong: "there is no value", Allowed: "key.path=value"}
	}
	value, err := decode.Parse(label, []byte(text))
	if err != nil {
		return relabel(err, label, key)
	}
	l.Origins.Mark(value, label)
	blame := &yaml.Node{}
	l.Origins.Mark(blame, label)
	if mistake, ok := l.CheckPath(l.root, exp, key, blame); !ok {
		return mistake
	}
	tree, err := decode.Set(l.root, l.CanonicalPath(l.root, exp, key), value)
	if err != nil {
		return l.Error(blame, key, err.Error(), "")
	}
	l.root = l.Canonical(tree, exp)
	return nil
}

// relabel removes positions from the mistakes of a value on the command line.
func relabel(err error, label, key string) error {
	var many decode.Errors
	if errors.As(err, &many) {
		for i := range many {
			many[i].File, many[i].Line, many[i].Column, many[i].Key = label, 0, 0, key
		}
	}
	return many
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// checkName refuses names that are no file names.
func (l *loader) checkName(key, name string) {
	if name != "" && !namePattern.MatchString(name) {
		l.fail(l.Error(decode.Lookup(l.root, key), key, fmt.Sprintf("%q names a file", name), "letters, digits, - and _"))
	}
}

func (l *loader) checkHead(h *Head) { l.checkName("name", h.Name) }

// checkTail refuses two claims or two figures of one name.
func (l *loader) checkTail(t *Tail) {
	var claimNames, figureNames []string
	for i := range t.Claims {
		claimNames = append(claimNames, t.Claims[i].Name)
	}
	for i := range t.Figures {
		figureNames = append(figureNames, t.Figures[i].Name)
		l.checkName(fmt.Sprintf("figures.%d.name", i), t.Figures[i].Name)
	}
	l.unique("claims", claimNames)
	l.unique("figures", figureNames)
}

// unique refuses a name that an earlier entry of the list has.
func (l *loader) unique(list string, names []string) {
	for i, name := range names {
		if name != "" && slices.Contains(names[:i], name) {
			key := fmt.Sprintf("%s.%d.name", list, i)
			l.fail(l.Error(decode.Lookup(l.root, key), key, fmt.Sprintf("%q is the name of an earlier entry", name),
				"a name of its own for every entry"))
		}
	}
}

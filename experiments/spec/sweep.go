package spec

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/record"
	"windtunnel/experiments/spec/decode"
)

// axis is one swept key with its values.
type axis struct {
	spelled string // the key in the config
	key     *yaml.Node
	column  string // its canonical name, that of the column
	path    string // in the tree of a run
	values  []*yaml.Node
}

// spaced is a computed list of values.
type spaced struct {
	Logspace *Logspace `yaml:"logspace" doc:"num values from base^from to base^to, evenly spaced in the exponent, ends included"`
	Linspace *Linspace `yaml:"linspace" doc:"num values from from to to, evenly spaced, ends included"`
}

// OrList lets a plain list stand in place of a computed one.
func (spaced) OrList() {}

// Logspace describes values that are evenly spaced in the exponent, as numpy.logspace does.
type Logspace struct {
	From float64 `yaml:"from" required:"true" range:"[-300,300]" doc:"exponent of the first value"`
	To   float64 `yaml:"to" required:"true" range:"[-300,300]" doc:"exponent of the last value"`
	Num  int     `yaml:"num" required:"true" range:"[1,1e6]" doc:"number of values"`
	Base Base    `yaml:"base" doc:"a number above 0, or e; default 10"`
}

// Linspace describes evenly spaced values, as numpy.linspace does.
type Linspace struct {
	From float64 `yaml:"from" required:"true" doc:"the first value"`
	To   float64 `yaml:"to" required:"true" doc:"the last value"`
	Num  int     `yaml:"num" required:"true" range:"[1,1e6]" doc:"number of values"`
}

// Base is the base of a Logspace; the zero Base is 10.
type Base struct{ text string }

// UnmarshalText reads a number above 0 and other than 1, or e.
func (b *Base) UnmarshalText(text []byte) error {
	b.text = string(text)
	if v, err := strconv.ParseFloat(b.text, 64); b.text != "e" && (err != nil || !(v > 0) || v == 1 || math.IsInf(v, 0)) {
		return fmt.Errorf("a number above 0 other than 1, or e")
	}
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (b Base) MarshalText() ([]byte, error) {
	if b.text == "" {
		return []byte("10"), nil
	}
	return []byte(b.text), nil
}

// power returns base^exponent. Whole powers of ten are the decimal numbers themselves, which math.Pow may miss by a
// rounding.
func (b Base) power(exponent float64) float64 {
	switch {
	case b.text == "e":
		return math.Exp(exponent)
	case b.text == "" || b.text == "10":
		if exponent == math.Trunc(exponent) {
			v, _ := strconv.ParseFloat(fmt.Sprintf("1e%d", int(exponent)), 64)
			return v
		}
		return math.Pow(10, exponent)
	}
	base, _ := strconv.ParseFloat(b.text, 64)
	return math.Pow(base, exponent)
}

// at returns the i-th of num values between from and to; the ends are exact.
func at(from, to float64, i, num int) float64 {
	if i == num-1 && i > 0 {
		return to
	}
	return from + float64(i)*(to-from)/float64(max(1, num-1))
}

func (s *spaced) values() []float64 {
	var out []float64
	if s.Logspace != nil {
		for i := range s.Logspace.Num {
			out = append(out, s.Logspace.Base.power(at(s.Logspace.From, s.Logspace.To, i, s.Logspace.Num)))
		}
	}
	if s.Linspace != nil {
		for i := range s.Linspace.Num {
			out = append(out, at(s.Linspace.From, s.Linspace.To, i, s.Linspace.Num))
		}
	}
	return out
}

// axes reads the sweep in the order in which it is written.
func (l *loader) axes(exp *Experiment, tree *yaml.Node) []axis {
	n := exp.Sweep.Node
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		l.fail(l.Error(n, "sweep", "is not a mapping", "keys with their values, as lambda: [0.1, 1]"))
		return nil
	}
	var all []axis
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		a, ok := l.axis(tree, key, value)
		if !ok {
			continue
		}
		for _, earlier := range all {
			if earlier.column == a.column {
				l.fail(l.Error(key, "sweep."+key.Value, fmt.Sprintf("is the same key as sweep.%s", earlier.spelled), "each key once"))
			}
		}
		all = append(all, a)
	}
	return all
}

// checkSweep adds the mistakes of the sweep to those of a config that has others, as far as they do not follow from
// these: where a kind is wrong, its parameters are unknown.
func (l *loader) checkSweep(exp *Experiment) {
	if n := decode.Lookup(l.root, "objectives"); n == nil || n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return
	}
	found, unknown := l.errs, map[string]bool{}
	for _, e := range mistakesOf(found) {
		if first, _, dotted := strings.Cut(e.Key, "."); !dotted || strings.HasSuffix(e.Key, ".kind") {
			unknown[first] = true
		}
	}
	l.errs = nil
	l.plan(exp)
	for _, e := range mistakesOf(l.errs) {
		path, swept := strings.CutPrefix(e.Key, "sweep")
		first, _, _ := strings.Cut(strings.TrimPrefix(path, "."), ".")
		if !slices.Contains(settingKeys, first) {
			first = "objectives"
		}
		if swept && !unknown[first] {
			found = append(found, e)
		}
	}
	l.errs = found
}

// mistakesOf returns the mistakes of several steps in one list.
func mistakesOf(errs []error) decode.Errors {
	var all decode.Errors
	errors.As(decode.Join(errs...), &all)
	return all
}

// settingKeys are the top-level keys of a run that can be swept; other bare keys are parameters of the objective.
var settingKeys = []string{"seed", "environment", "preferences", "policy", "solver", "train", "constraint"}

// fixedKeys are keys of the objective that tell one from another, or that other settings override.
var fixedKeys = []string{"kind", "name", "train", "objective"}

// axis resolves one swept key by the tree of the first objective.
func (l *loader) axis(tree, key, value *yaml.Node) (axis, bool) {
	path := key.Value
	first, _, _ := strings.Cut(path, ".")
	bare := !slices.Contains(settingKeys, first)
	if bare {
		path = "objective." + path
	}
	if bare && slices.Contains(fixedKeys, first) {
		l.fail(l.Error(key, "sweep."+key.Value, "cannot be swept", sweepable))
		return axis{}, false
	}
	doc := newRunDoc()
	if mistake, ok := l.CheckPath(tree, doc, path, key); !ok {
		l.fail(sweepMistake(mistake, key.Value, 0))
		return axis{}, false
	}
	path = l.CanonicalPath(tree, doc, path)
	a := axis{spelled: key.Value, key: key, column: strings.TrimPrefix(path, "objective."), path: path}
	a.values = l.values("sweep."+key.Value, value)
	l.distinctValues(&a)
	return a, len(a.values) > 0
}

// sweepable says what keys a sweep may have.
const sweepable = "a parameter of every objective, as lambda, or the dotted path of a setting, as train.epochs"

// applies says whether another objective has every swept key too.
func (l *loader) applies(objective int, tree *yaml.Node, axes []axis) bool {
	all := true
	for _, a := range axes {
		if mistake, ok := l.CheckPath(tree, newRunDoc(), a.path, a.key); !ok {
			l.fail(sweepMistake(mistake, a.spelled, objective))
			all = false
		}
	}
	return all
}

// sweepMistake puts a wrong path of an objective's runs in the terms of the sweep.
func sweepMistake(mistake decode.Error, spelled string, objective int) decode.Error {
	mistake.Key = "sweep." + spelled
	first, rest, dotted := strings.Cut(spelled, ".")
	if slices.Contains(settingKeys, first) {
		if objective > 0 {
			mistake.Wrong += fmt.Sprintf(" of objectives.%d", objective)
		}
		return mistake
	}
	mistake.Wrong, mistake.Allowed = fmt.Sprintf("objectives.%d has no such parameter", objective), sweepable
	mistake.Near = strings.TrimPrefix(mistake.Near, "objective.")
	if mistake.Near == "" {
		if mistake.Near = decode.Nearest(first, settingKeys); mistake.Near != "" && dotted {
			mistake.Near += "." + rest
		}
	}
	return mistake
}

// distinctValues refuses values that would give two runs one name.
func (l *loader) distinctValues(a *axis) {
	seen := map[string]bool{}
	for _, v := range a.values {
		text := cellText(v)
		if seen[text] {
			l.fail(l.Error(v, "sweep."+a.spelled, "has the value "+text+" twice", "each value once"))
		}
		seen[text] = true
	}
}

// values reads the values of one swept key: a list, or a logspace or linspace.
func (l *loader) values(key string, n *yaml.Node) []*yaml.Node {
	switch n.Kind {
	case yaml.SequenceNode:
		if len(n.Content) == 0 {
			l.fail(l.Error(n, key, "is an empty list", "at least one value"))
		}
		return n.Content
	case yaml.MappingNode:
		return l.spacedValues(key, n)
	}
	l.fail(l.Error(n, key, "is a single value", "a list, {logspace: {from, to, num, base}} or {linspace: {from, to, num}}"))
	return nil
}

func (l *loader) spacedValues(key string, n *yaml.Node) []*yaml.Node {
	var s spaced
	if err := l.Decode(n, key, &s); err != nil {
		l.fail(err)
		return nil
	}
	if (s.Logspace == nil) == (s.Linspace == nil) {
		l.fail(l.Error(n, key, "needs exactly one of logspace and linspace", "{logspace: {from, to, num, base}} or {linspace: {from, to, num}}"))
		return nil
	}
	var nodes []*yaml.Node
	for _, v := range s.values() {
		node := &yaml.Node{Kind: yaml.ScalarNode, Value: record.FormatFloat(v), Line: n.Line, Column: n.Column}
		node.Tag = "!!float"
		if label, ok := l.Origins[n]; ok {
			l.Origins.Mark(node, label)
		}
		nodes = append(nodes, node)
	}
	return nodes
}

// cellText writes a swept value as it stands in tables and names: numbers in their shortest form, lists and mappings on
// one line.
func cellText(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "[" + joined(n.Content, 1, func(i int) string { return cellText(n.Content[i]) }) + "]"
	case yaml.MappingNode:
		return "{" + joined(n.Content, 2, func(i int) string { return n.Content[i].Value + ": " + cellText(n.Content[i+1]) }) + "}"
	}
	// An unquoted 1e5 is a number here although YAML 1.1 takes it for text.
	if v, err := strconv.ParseFloat(n.Value, 64); err == nil && n.Style == 0 {
		return record.FormatFloat(v)
	}
	return n.Value
}

func joined(content []*yaml.Node, stride int, text func(i int) string) string {
	var parts []string
	for i := 0; i+stride <= len(content); i += stride {
		parts = append(parts, text(i))
	}
	return strings.Join(parts, ",")
}

// product calls do for every combination of the axes' values, the last axis fastest.
func product(axes []axis, do func(values []*yaml.Node)) {
	values := make([]*yaml.Node, len(axes))
	var descend func(i int)
	descend = func(i int) {
		if i == len(axes) {
			do(values)
			return
		}
		for _, v := range axes[i].values {
			values[i] = v
			descend(i + 1)
		}
	}
	descend(0)
}

// assigned returns a tree with the axes' values at their paths.
func assigned(tree *yaml.Node, axes []axis, values []*yaml.Node) (*yaml.Node, error) {
	var err error
	for i, a := range axes {
		if tree, err = decode.Set(tree, a.path, values[i]); err != nil {
			return nil, err
		}
	}
	return tree, nil
}

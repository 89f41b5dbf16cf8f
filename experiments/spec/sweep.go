package spec

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/spec/decode"
)

// dimensions reads the sweep in the order in which it is written, the objectives before it, less what is
// wrong.
func (l *loader) dimensions(exp *Experiment, labels []string, trees []*yaml.Node) []dimension {
	all := []dimension{{rows: len(labels), choices: upTo(len(labels))}}
	n := exp.Sweep.Node
	if n == nil {
		return all
	}
	if n.Kind != yaml.MappingNode {
		l.fail(l.Error(n, "sweep", "is not a mapping", "keys with their values, as lambda: [0.1, 1]"))
		return all
	}
	seen := map[string]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		k, ok := l.sweptKey(trees, key, n.Content[i+1])
		if !ok {
			continue
		}
		if earlier, taken := seen[k.column]; taken {
			l.fail(l.Error(key, k.spelled(0), "is the same key as "+earlier, "each key once"))
			continue
		}
		seen[k.column] = k.spelled(0)
		all = append(all, dimension{rows: k.len(), keys: []sweptKey{k}})
	}
	return all
}

func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
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

// sweptKey resolves one swept key by the tree of the first objective, and says whether the others have it too.
func (l *loader) sweptKey(trees []*yaml.Node, key, value *yaml.Node) (sweptKey, bool) {
	path := key.Value
	first, _, _ := strings.Cut(path, ".")
	bare := !slices.Contains(settingKeys, first)
	if bare {
		path = "objective." + path
	}
	if bare && slices.Contains(fixedKeys, first) {
		l.fail(l.Error(key, "sweep."+key.Value, "cannot be swept", sweepable))
		return sweptKey{}, false
	}
	for i, tree := range trees {
		if mistake, ok := l.CheckPath(tree, newRunDoc(), path, key); !ok {
			l.fail(sweepMistake(mistake, key.Value, i))
			return sweptKey{}, false
		}
		if i == 0 {
			path = l.CanonicalPath(tree, newRunDoc(), path)
		}
	}
	spelled := "sweep." + key.Value
	k := sweptKey{spelled: func(int) string { return spelled }, key: key, column: strings.TrimPrefix(path, "objective."), path: path}
	k.series = l.values(spelled, value)
	if k.series == nil {
		return sweptKey{}, false
	}
	l.distinctValues(&k)
	return k, true
}

// sweepable says what keys a sweep may have.
const sweepable = "a parameter of every objective, as lambda, or the dotted path of a setting, as train.epochs"

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
func (l *loader) distinctValues(k *sweptKey) {
	seen := make(map[string]bool, k.len())
	for i := range k.len() {
		text := k.text(i)
		if seen[text] {
			l.fail(l.Error(k.node(i), k.spelled(i), "has the value "+text+" twice", "each value once"))
		}
		seen[text] = true
	}
}

// values reads the values of one swept key: a list, or a logspace or linspace. They are nil after a mistake.
func (l *loader) values(key string, n *yaml.Node) series {
	switch n.Kind {
	case yaml.SequenceNode:
		if len(n.Content) == 0 {
			l.fail(l.Error(n, key, "is an empty list", "at least one value"))
			return nil
		}
		return newWritten(n.Content)
	case yaml.MappingNode:
		return l.spacedValues(key, n)
	}
	l.fail(l.Error(n, key, "is a single value", "a list, {logspace: {from, to, num, base}} or {linspace: {from, to, num}}"))
	return nil
}

func (l *loader) spacedValues(key string, n *yaml.Node) series {
	var s spaced
	if err := l.Decode(n, key, &s); err != nil {
		l.fail(err)
		return nil
	}
	if (s.Logspace == nil) == (s.Linspace == nil) {
		l.fail(l.Error(n, key, "needs exactly one of logspace and linspace", "{logspace: {from, to, num, base}} or {linspace: {from, to, num}}"))
		return nil
	}
	return floats{s.values(), n}
}

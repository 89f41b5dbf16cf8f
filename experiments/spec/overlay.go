package spec

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/inputfile"
	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/train"
)

// extendsKey names the config that another one is laid over.
const extendsKey = "extends"

// inherited lays the config n, read from path, over the one that it extends, that one over its own parent, and so on.
// Mappings merge key by key; lists, swept values and mappings of another kind replace what the parent has. The name and
// the description are not handed down. chain holds the files on the way; ok is false after a mistake.
func (l *loader) inherited(exp *Experiment, n *decode.Node, path string, chain []string) (merged *decode.Node, ok bool) {
	name := decode.Lookup(n, extendsKey)
	if name == nil || n.Kind != yaml.MappingNode {
		return n, true
	}
	if name.Kind != yaml.ScalarNode || name.ShortTag() != "!!str" || name.Value == "" {
		l.fail(l.Error(name, extendsKey, "names no file", "the path of a config, relative to this one"))
		return n, false
	}
	file := filepath.FromSlash(name.Value)
	if !filepath.IsAbs(file) {
		file = filepath.Join(filepath.Dir(path), file)
	}
	chain = append(chain, filepath.Clean(path))
	if slices.Contains(chain, file) {
		l.fail(l.Error(name, extendsKey, "goes around in a circle: "+strings.Join(append(chain, file), " extends "), "a config that does not extend this one"))
		return n, false
	}
	parent, ok := l.parent(exp, name, file)
	if !ok {
		return n, false
	}
	if parent, ok = l.inherited(exp, parent, file, chain); !ok {
		return n, false
	}
	return l.overlaid(parent, without(n, extendsKey)), true
}

func (l *loader) parent(exp *Experiment, name *decode.Node, file string) (*decode.Node, bool) {
	data, err := inputfile.Read(file, inputfile.Config)
	if err != nil {
		l.fail(unreadable(l.Error(name, extendsKey, "", "a config, its path relative to this one"), file, name.Value, err))
		return nil, false
	}
	root, err := decode.Parse(file, data)
	l.fail(err)
	if root == nil || err != nil {
		return nil, false
	}
	if root.Kind != yaml.MappingNode || decode.Lookup(root, "suite") != nil || decode.Lookup(root, scorecardKey) != nil {
		l.fail(l.Error(name, extendsKey, name.Value+" is no experiment", "the config of an experiment"))
		return nil, false
	}
	root = l.Canonical(without(root, "name", "description"), exp)
	l.parents[relativeTo(l.path, file)] = hashHex(data)
	return rebased(root, "", func(path string) string {
		if filepath.IsAbs(path) {
			return path
		}
		return relativeTo(l.path, filepath.Join(filepath.Dir(file), filepath.FromSlash(path)))
	}), true
}

// relativeTo spells a path as a config names it.
func relativeTo(config, path string) string {
	relative, _ := inputfile.From(filepath.Dir(config), path) // there is a working folder
	return relative
}

// pathKeys end the settings whose values are the paths of files.
var pathKeys = []string{"preferences.path", "preferences.of.path", "environment.path", "policy.model", "policy.tokenizer"}

// rebased returns a tree whose paths of data files, in the settings and where these are swept, are changed. at is the
// path of the tree.
func rebased(n *decode.Node, at string, change func(path string) string) *decode.Node {
	return decode.Mapped(n, []string{at}, func(path []string, n *decode.Node) *decode.Node {
		setting := strings.TrimSuffix(strings.Join(path, "."), ".choice")
		named := func(key string) bool { return strings.HasSuffix(setting, key) }
		if n.Kind != yaml.ScalarNode || !slices.ContainsFunc(pathKeys, named) {
			return nil
		}
		return decode.Renamed(n, change(n.Value))
	})
}

func (l *loader) overlaid(parent, child *decode.Node) *decode.Node {
	const key = "sweep"
	base, over := decode.Lookup(parent, key), decode.Lookup(child, key)
	merged := decode.Merge(displacedBy(parent, child), child)
	if base == nil || over == nil || base.Kind != yaml.MappingNode || over.Kind != yaml.MappingNode {
		return merged
	}
	respelled := &decode.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for swept, values := range over.Pairs() {
		respelled.Content = append(respelled.Content, decode.Renamed(swept, l.spelledIn(base, swept.Value)), values)
	}
	merged, _ = decode.Set(merged, key, decode.Replace(base, respelled)) // setting a top-level key of a mapping cannot fail
	return merged
}

// spelledIn returns the key of a mapping that is a name or, as beta and lambda are of each other, an alias; the name itself where it
// has neither.
func (l *loader) spelledIn(n *decode.Node, name string) string {
	if n == nil || n.Kind != yaml.MappingNode || decode.Lookup(n, name) != nil {
		return name
	}
	for key := range n.Pairs() {
		if aliased(name, []string{key.Value}, l.Tables) != "" || aliased(key.Value, []string{name}, l.Tables) != "" {
			return key.Value
		}
	}
	return name
}

// setLabel begins the labels of what the command line sets.
const setLabel = "--set "

func (l *loader) set(exp *Experiment, set string) error {
	key, text, ok := strings.Cut(set, "=")
	label := setLabel + set
	if !ok || key == "" {
		return decode.Error{File: label, Wrong: "is no assignment", Allowed: "key.path=value"}
	}
	blame := scalar("")
	blame.Mark(label)
	if mistake, ok := l.CheckPath(l.root, exp, key, blame); !ok {
		return mistake
	}
	value, err := l.Assigned(l.root, exp, key, label, text)
	if err != nil {
		return decode.Unplaced(err, label, key)
	}
	value = rebased(value, key, l.fromHere)
	value.Mark(label)
	path := l.CanonicalPath(l.root, exp, key)
	at := path[:strings.LastIndexByte(path, '.')+1]
	tree, err := l.assign(at+l.spelledIn(decode.Lookup(l.root, strings.TrimSuffix(at, ".")), path[len(at):]), value)
	if err != nil {
		return l.Error(blame, key, err.Error(), "")
	}
	l.root = l.Canonical(tree, exp)
	return nil
}

// fromHere spells the path of a file that is named on the command line as the config would: beside the config where there
// is one, else in the working folder.
func (l *loader) fromHere(path string) string {
	file := filepath.FromSlash(path)
	if filepath.IsAbs(file) {
		return path
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(l.path), file)); err == nil {
		return path
	}
	if _, err := os.Stat(file); err != nil {
		return path // the message names the one beside the config
	}
	if relative, err := inputfile.From(filepath.Dir(l.path), file); err == nil {
		return relative
	}
	return path
}

// assign returns the tree with the value at a path. Where swept keys stand, a path that is not there yet is one new key,
// dots and all.
func (l *loader) assign(path string, value *decode.Node) (*decode.Node, error) {
	at := blockPath.FindString(path)
	swept, container := path[len(at):], strings.TrimSuffix(at, ".")
	in := decode.Lookup(l.root, container)
	fresh := at != "" && swept != "" && (in == nil || in.Kind == yaml.MappingNode)
	for begin := swept; fresh && begin != ""; begin = begin[:max(0, strings.LastIndexByte(begin, '.'))] {
		fresh = decode.Lookup(in, begin) == nil
	}
	if fresh {
		key := scalar(swept)
		key.File = value.File
		one := &decode.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*decode.Node{key, value}}
		path, value = container, decode.Merge(in, one)
	}
	return decode.Set(displaced(l.root, path), path, value)
}

// displaced returns a tree in which train.epochs gives way to train.steps, which is about to be set, or the other way around.
func displaced(tree *decode.Node, path string) *decode.Node {
	at, key := path[:max(0, strings.LastIndexByte(path, '.'))], path[strings.LastIndexByte(path, '.')+1:]
	other := map[string]string{"steps": "epochs", "epochs": "steps"}[key]
	settings := decode.Lookup(tree, at)
	if at != "train" && !strings.HasSuffix(at, ".train") || other == "" || decode.Lookup(settings, other) == nil {
		return tree
	}
	tree, _ = decode.Set(tree, at, without(settings, other)) // it is there
	return tree
}

// displacedBy returns a tree in which the length of training gives way to that of another tree, if that has one.
func displacedBy(tree, over *decode.Node) *decode.Node {
	for _, key := range []string{"train.epochs", "train.steps"} {
		if decode.Lookup(over, key) != nil {
			tree = displaced(tree, key)
		}
	}
	return tree
}

// settleLength lets steps stand in place of the default of epochs, and refuses both.
func (l *loader) settleLength(tree *decode.Node, p *train.Params) error {
	if p.Steps == 0 {
		return nil
	}
	p.Epochs = 0
	if decode.Lookup(tree, "train.epochs") != nil {
		return l.Error(decode.Lookup(tree, "train.steps"), "train.steps", "is given beside train.epochs", "one of both")
	}
	return nil
}

// without returns a mapping less some keys.
func without(n *decode.Node, keys ...string) *decode.Node {
	m := &decode.Node{Kind: yaml.MappingNode, Tag: "!!map", File: n.File, Line: n.Line, Column: n.Column}
	for key, value := range n.Pairs() {
		if !slices.Contains(keys, key.Value) {
			m.Content = append(m.Content, key, value)
		}
	}
	return m
}

func scalar(text string) *decode.Node {
	return &decode.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

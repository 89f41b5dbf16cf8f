package decode

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// Node is a value of a YAML document with where it was written. Trees share nodes, so none is changed once it is part of
// one; see [Set].
type Node struct {
	Kind    yaml.Kind
	Style   yaml.Style
	Tag     string // of a scalar what it is: !!str, !!int, ...
	Value   string
	Content []*Node // of a list its entries, of a mapping keys and values in turn

	File         string // or what stands for one, as "--set train.epochs=abc"; "" where the node was made by the program
	Line, Column int    // from 1; 0 where the source has no lines
}

// ShortTag returns the tag, found by the text where a scalar has none.
func (n *Node) ShortTag() string {
	if n.Tag != "" {
		return n.Tag
	}
	return (&yaml.Node{Kind: n.Kind, Style: n.Style, Value: n.Value}).ShortTag()
}

// Source returns the node itself, or, where the program has made it, the first below it that has a file; nil if none has.
func (n *Node) Source() *Node {
	if n == nil || n.File != "" {
		return n
	}
	for _, c := range n.Content {
		if at := c.Source(); at != nil {
			return at
		}
	}
	return nil
}

// From says whether anything in the tree is from a source whose label begins so.
func (n *Node) From(label string) bool {
	return strings.HasPrefix(n.File, label) || slices.ContainsFunc(n.Content, func(c *Node) bool { return c.From(label) })
}

// Mark makes a freshly parsed tree one from a source without lines, such as the command line. Mistakes in it carry the label
// instead of a position.
func (n *Node) Mark(label string) {
	n.File, n.Line, n.Column = label, 0, 0
	for _, c := range n.Content {
		c.Mark(label)
	}
}

// Text writes a tree as YAML with two spaces of indentation.
func Text(n *Node) string {
	var b bytes.Buffer
	out := yaml.NewEncoder(&b)
	out.SetIndent(2)
	if err := out.Encode(n.toYAML()); err != nil {
		panic(fmt.Sprintf("decode: writing a tree: %v", err))
	}
	return b.String()
}

// toYAML is the node as the YAML library has it.
func (n *Node) toYAML() *yaml.Node {
	out := &yaml.Node{Kind: n.Kind, Style: n.Style, Tag: n.Tag, Value: n.Value}
	for _, c := range n.Content {
		out.Content = append(out.Content, c.toYAML())
	}
	return out
}

// Pairs gives the keys of a mapping with their values.
func (n *Node) Pairs() iter.Seq2[*Node, *Node] {
	return func(yield func(key, value *Node) bool) {
		for i := 0; i+1 < len(n.Content) && yield(n.Content[i], n.Content[i+1]); i += 2 {
		}
	}
}

// child returns the value of a key of a mapping, or nil.
func child(n *Node, key string) *Node {
	if i := keyIndex(n, key); i >= 0 {
		return n.Content[i+1]
	}
	return nil
}

// keyIndex returns where a key stands in the content of a mapping, or -1.
func keyIndex(n *Node, key string) int {
	if n == nil || n.Kind != yaml.MappingNode {
		return -1
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Kind == yaml.ScalarNode && n.Content[i].Value == key {
			return i
		}
	}
	return -1
}

// item returns the entry of a list with the given index in decimal, or nil.
func item(n *Node, index string) *Node {
	i, err := strconv.Atoi(index)
	if err != nil || n == nil || n.Kind != yaml.SequenceNode || i < 0 || i >= len(n.Content) {
		return nil
	}
	return n.Content[i]
}

// Lookup returns the node at a dotted path such as train.optimizer.lr or objectives.2.divergence, or nil. Keys must be
// spelled as in the tree; a key that itself holds dots is found too. The empty path is the root.
func Lookup(root *Node, path string) *Node {
	if path == "" || root == nil {
		return root
	}
	segments := strings.Split(path, ".")
	for n := 1; n <= len(segments); n++ {
		key := strings.Join(segments[:n], ".")
		next := child(root, key)
		if next == nil {
			next = item(root, key)
		}
		if next == nil {
			continue
		}
		if found := Lookup(next, strings.Join(segments[n:], ".")); found != nil {
			return found
		}
	}
	return nil
}

// Set returns a tree like root with value at the dotted path. Nothing that root holds is changed: the mappings and lists
// along the path are copied, all else is shared, so one base tree serves many runs. Missing mappings are created; a
// scalar on the way is the shorthand of a kind and becomes {kind: scalar}; list entries are numbered from 0 and must
// exist. Keys must be spelled canonically (see Decoder.Canonical).
func Set(root *Node, path string, value *Node) (*Node, error) {
	if path == "" {
		return value, nil
	}
	key, rest, _ := strings.Cut(path, ".")
	if root != nil && root.Kind == yaml.SequenceNode {
		i, err := strconv.Atoi(key)
		if err != nil || i < 0 || i >= len(root.Content) {
			return nil, fmt.Errorf("there is no entry %s in a list of %d; want 0 to %d", key, len(root.Content), len(root.Content)-1)
		}
		list := shallow(root)
		list.Content[i], err = Set(root.Content[i], rest, value)
		return list, err
	}
	m := shallow(expanded(root))
	// The longest key with dots that the mapping already holds, else the first segment.
	for key, rest = path, ""; keyIndex(m, key) < 0 && strings.Contains(key, "."); {
		cut := strings.LastIndexByte(key, '.')
		key, rest = path[:cut], path[cut+1:]
	}
	next, err := Set(child(m, key), rest, value)
	if err != nil {
		return nil, err
	}
	if i := keyIndex(m, key); i >= 0 {
		m.Content[i+1] = next
	} else {
		m.Content = append(m.Content, textNode(key), next)
	}
	return m, nil
}

// expanded returns a mapping for what stands where one is needed: itself, {kind: scalar}, or an empty one.
func expanded(n *Node) *Node {
	switch {
	case n != nil && n.Kind == yaml.MappingNode:
		return n
	case n != nil && n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null":
		return &Node{
			Kind: yaml.MappingNode, Tag: "!!map", Content: []*Node{textNode(kindKey), n}, File: n.File, Line: n.Line, Column: n.Column,
		}
	}
	return &Node{Kind: yaml.MappingNode, Tag: "!!map"}
}

// shallow copies a node and its list of children, not the children.
func shallow(n *Node) *Node {
	c := *n
	c.Content = slices.Clone(n.Content)
	return &c
}

// Renamed returns a copy of a scalar with another value.
func Renamed(n *Node, value string) *Node {
	c := *n
	c.Value = value
	return &c
}

// textNode writes text so that it reads back as text. yaml.v3 adds quotes where they are needed, except for two cases:
// the merge key, and block literals that it cannot read itself (a text that begins with a line end).
func textNode(text string) *Node {
	n := &Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	if text == "<<" || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// Mapped returns a tree in which change has put something else in the place of some nodes, which it is given with the keys that lead
// there. What it returns nil for is copied, and what is below offered to it.
func Mapped(n *Node, path []string, change func(path []string, n *Node) *Node) *Node {
	if other := change(path, n); other != nil {
		return other
	}
	c := shallow(n)
	for i, below := range n.Content {
		switch {
		case n.Kind == yaml.SequenceNode:
			c.Content[i] = Mapped(below, path, change)
		case i%2 == 1:
			c.Content[i] = Mapped(below, append(path, n.Content[i-1].Value), change)
		}
	}
	return c
}

// Merge returns base overlaid by over: mappings merge key by key, anything else is replaced. A mapping whose kind
// differs from the base's replaces it wholly, since another kind has other parameters; a scalar beside a mapping with a
// kind is the shorthand {kind: scalar}. Neither argument is changed; the result shares their nodes. A nil argument
// stands for nothing there.
func Merge(base, over *Node) *Node {
	if base == nil || over == nil {
		if over == nil {
			return base
		}
		return over
	}
	if isShorthand(base, over) || isShorthand(over, base) {
		base, over = expanded(base), expanded(over)
	}
	if base.Kind != yaml.MappingNode || over.Kind != yaml.MappingNode || otherKind(base, over) {
		return over
	}
	return overlaid(base, over, Merge)
}

// Replace returns the mapping base with the values of over in the place of its own. Neither is changed.
func Replace(base, over *Node) *Node {
	return overlaid(base, over, func(_, value *Node) *Node { return value })
}

// overlaid returns a mapping with the keys of another, whose values are combined with its own by both where it has them.
func overlaid(base, over *Node, both func(base, over *Node) *Node) *Node {
	m := shallow(base)
	m.File, m.Line, m.Column = over.File, over.Line, over.Column
	for key, value := range over.Pairs() {
		if at := keyIndex(m, key.Value); at >= 0 {
			m.Content[at], m.Content[at+1] = key, both(m.Content[at+1], value)
		} else {
			m.Content = append(m.Content, key, value)
		}
	}
	return m
}

// isShorthand says whether n is the name of a kind beside a mapping that spells one out or that refines it.
func isShorthand(n, beside *Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" && beside.Kind == yaml.MappingNode
}

func otherKind(base, over *Node) bool {
	a, b := child(base, kindKey), child(over, kindKey)
	return b != nil && (a == nil || a.Kind != b.Kind || a.Value != b.Value)
}

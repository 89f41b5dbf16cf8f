package decode

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// normalizer reduces a freshly parsed tree to plain YAML, in place, and collects what it must reject. What it reports
// it also removes, so that decoding does not report it again.
type normalizer struct {
	file   string
	errs   Errors
	path   []segment
	done   map[*yaml.Node]int // nodes in the expansion of each finished node; -1 while it is being walked
	fatal  bool               // the tree is unusable
	copies int                // nodes that aliases add
}

func (z *normalizer) fail(n *yaml.Node, wrong, allowed string) {
	z.errs = append(z.errs, Error{File: z.file, Line: n.Line, Column: n.Column, Key: dotted("", z.path, ""), Wrong: wrong, Allowed: allowed})
}

func (z *normalizer) document(doc *yaml.Node) *yaml.Node {
	root, _ := z.value(doc.Content[0])
	if z.fatal {
		return nil
	}
	return root
}

// value returns the node that takes n's place and the number of nodes it stands for.
func (z *normalizer) value(n *yaml.Node) (*yaml.Node, int) {
	if n.Kind == yaml.AliasNode {
		return z.alias(n)
	}
	if n.Style&yaml.TaggedStyle != 0 {
		z.fail(n, fmt.Sprintf("has the tag %s", n.Tag), "values without tags")
		n.Tag, n.Style = "", n.Style&^yaml.TaggedStyle
		if n.Kind == yaml.ScalarNode {
			n.Tag = n.ShortTag()
		}
	}
	z.done[n] = -1
	size := 1
	switch n.Kind {
	case yaml.MappingNode:
		size += z.mapping(n)
	case yaml.SequenceNode:
		for i, item := range n.Content {
			size += z.child(&n.Content[i], item, segment{index: i})
		}
	}
	z.done[n] = size
	return n, size
}

func (z *normalizer) child(slot **yaml.Node, n *yaml.Node, at segment) int {
	z.path = append(z.path, at)
	var size int
	*slot, size = z.value(n)
	z.path = z.path[:len(z.path)-1]
	return size
}

func (z *normalizer) alias(n *yaml.Node) (*yaml.Node, int) {
	size, seen := z.done[n.Alias]
	if !seen || size < 0 {
		z.fail(n, fmt.Sprintf("is the alias *%s inside the value it stands for", n.Value), "a value")
		z.fatal = true
		return n, 1
	}
	if z.copies += size; z.copies > mostAliased && !z.fatal {
		z.fail(n, fmt.Sprintf("brings what aliases stand for above %d values", mostAliased), "fewer")
		z.fatal = true
	}
	return n.Alias, min(size, mostAliased)
}

// mapping keeps the first of each text key.
func (z *normalizer) mapping(n *yaml.Node) (size int) {
	first := make(map[string]*yaml.Node, len(n.Content)/2)
	kept := n.Content[:0]
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		size += 1 + z.child(&value, value, segment{key: key.Value, index: i / 2})
		if !z.key(key, first) {
			continue
		}
		first[key.Value] = key
		kept = append(kept, key, value)
	}
	n.Content = kept
	return size
}

// key says whether a key may stay.
func (z *normalizer) key(key *yaml.Node, first map[string]*yaml.Node) bool {
	switch {
	case key.Kind != yaml.ScalarNode || key.Style&yaml.TaggedStyle != 0:
		z.fail(key, fmt.Sprintf("has a key that %s", got(key)), "keys that are text")
	case key.Value == "":
		z.fail(key, "has an empty key", "keys that are text")
	case key.Tag == "!!merge":
		z.fail(key, "has a merge key <<", "keys written out, or an alias for the whole value")
	case first[key.Value] != nil:
		z.path = append(z.path, segment{key: key.Value})
		z.fail(key, fmt.Sprintf("is given twice, first on line %d", first[key.Value].Line), "it once")
		z.path = z.path[:len(z.path)-1]
	default:
		return true
	}
	return false
}

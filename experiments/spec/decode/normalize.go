package decode

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// normalizer turns a freshly parsed tree into one of plain YAML and collects what it must reject. What it reports it also
// leaves out, so that decoding does not report it again.
type normalizer struct {
	file   string
	errs   Errors
	path   []segment
	done   map[*yaml.Node]normalized // the nil Node while a node is being walked
	fatal  bool                      // the tree is unusable
	copies int                       // nodes that aliases add
}

// normalized is what takes a node's place, and the number of nodes that it stands for.
type normalized struct {
	*Node
	size int
}

func (z *normalizer) fail(n *yaml.Node, wrong, allowed string) {
	z.errs = append(z.errs, Error{File: z.file, Line: n.Line, Column: n.Column, Key: dotted("", z.path, ""), Wrong: wrong, Allowed: allowed})
}

func (z *normalizer) document(doc *yaml.Node) *Node {
	root := z.value(doc.Content[0])
	if z.fatal {
		return nil
	}
	return root.Node
}

func (z *normalizer) value(n *yaml.Node) normalized {
	if n.Kind == yaml.AliasNode {
		return z.alias(n)
	}
	if n.Style&yaml.TaggedStyle != 0 {
		z.fail(n, fmt.Sprintf("has the tag %s", n.Tag), "values without tags")
		n.Tag, n.Style = "", n.Style&^yaml.TaggedStyle
	}
	z.done[n] = normalized{}
	out := normalized{z.node(n), 1}
	switch n.Kind {
	case yaml.MappingNode:
		out.size += z.mapping(n, out.Node)
	case yaml.SequenceNode:
		for i, item := range n.Content {
			entry := z.child(item, segment{index: i})
			out.size += entry.size
			out.Content = append(out.Content, entry.Node)
		}
	}
	z.done[n] = out
	return out
}

// node is a node without what it holds.
func (z *normalizer) node(n *yaml.Node) *Node {
	return &Node{Kind: n.Kind, Style: n.Style, Tag: n.ShortTag(), Value: n.Value, File: z.file, Line: n.Line, Column: n.Column}
}

func (z *normalizer) child(n *yaml.Node, at segment) normalized {
	z.path = append(z.path, at)
	defer func() { z.path = z.path[:len(z.path)-1] }()
	return z.value(n)
}

func (z *normalizer) alias(n *yaml.Node) normalized {
	target := z.done[n.Alias]
	if target.Node == nil {
		z.fail(n, fmt.Sprintf("is the alias *%s inside the value it stands for", n.Value), "a value")
		z.fatal = true
		return normalized{z.node(n), 1}
	}
	if z.copies += target.size; z.copies > mostAliased && !z.fatal {
		z.fail(n, fmt.Sprintf("brings what aliases stand for above %d values", mostAliased), "fewer")
		z.fatal = true
	}
	return normalized{target.Node, min(target.size, mostAliased)}
}

// mapping keeps the first of each text key.
func (z *normalizer) mapping(n *yaml.Node, out *Node) (size int) {
	first := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		value := z.child(n.Content[i+1], segment{key: key.Value, index: i / 2})
		size += 1 + value.size
		if z.key(key, first) {
			first[key.Value] = key
			out.Content = append(out.Content, z.node(key), value.Node)
		}
	}
	return size
}

// key says whether a key may stay.
func (z *normalizer) key(key *yaml.Node, first map[string]*yaml.Node) bool {
	switch {
	case key.Kind != yaml.ScalarNode || key.Style&yaml.TaggedStyle != 0:
		z.fail(key, fmt.Sprintf("has a key that %s", got(z.node(key))), "keys that are text")
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

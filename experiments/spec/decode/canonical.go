package decode

import (
	"reflect"

	"gopkg.in/yaml.v3"
)

// Canonical returns the tree n, which dst (a pointer to its struct with the defaults) is decoded from, with one spelling
// of everything: keys and kinds by their canonical names, {kind: adam} for the shorthand adam. Set and Merge then need
// not know types. Values, positions and whatever is unknown stay as they are; the tree itself is not changed, and the
// result shares what is canonical already.
func (d *Decoder) Canonical(n *Node, dst any) *Node {
	v := reflect.ValueOf(dst).Elem()
	return d.canonical(place{typ: v.Type(), value: v, node: n})
}

func (d *Decoder) canonical(p place) *Node {
	p = resolve(p)
	if p.typ == nil || isNull(p.node) {
		return p.node
	}
	switch shapeOf(p.typ) {
	case shapeList:
		if p.node.Kind == yaml.SequenceNode {
			entry := entryOf(p)
			return d.children(p, 0, 1, func(int) place { return entry })
		}
	case shapeMap:
		if p.node.Kind == yaml.MappingNode {
			entry := entryOf(p)
			return d.children(p, 1, 2, func(int) place { return entry })
		}
	case shapeStruct, shapeKind:
		return d.canonicalKeys(p)
	}
	return p.node
}

// children makes every stride-th child of a node, from the first one given, canonical.
func (d *Decoder) children(p place, first, stride int, of func(i int) place) *Node {
	n := p.node
	for i := first; i < len(n.Content); i += stride {
		c := of(i)
		c.node = p.node.Content[i]
		if replaced := d.canonical(c); replaced != c.node {
			n = copied(n, p.node)
			n.Content[i] = replaced
		}
	}
	return n
}

// copied returns a copy of original, or n if that is one already.
func copied(n, original *Node) *Node {
	if n != original {
		return n
	}
	return shallow(original)
}

func renamed(n *Node, name string) *Node {
	if n.Value == name {
		return n
	}
	c := copied(n, n)
	c.Value = name
	return c
}

func (d *Decoder) canonicalKeys(p place) *Node {
	structs, kinds := d.Tables.members(p)
	if kinds != nil && isText(p.node) {
		if entry, ok := kinds.entry(p.node.Value); ok {
			return expanded(renamed(p.node, entry.Name))
		}
	}
	if p.node.Kind != yaml.MappingNode {
		return p.node
	}
	fieldAt := func(i int) place {
		for _, s := range structs {
			if at, ok := layoutOf(s.typ).byKey[p.node.Content[i-1].Value]; ok {
				return fieldOf(s, &layoutOf(s.typ).fields[at])
			}
		}
		return place{} // kind, and unknown keys: they stay
	}
	n := d.children(p, 1, 2, fieldAt)
	for i := 0; i+1 < len(p.node.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if kinds != nil && key.Value == kindKey {
			if entry, ok := kinds.entry(value.Value); ok && isText(value) {
				value = renamed(value, entry.Name)
			}
		} else if l, at := canonicalField(structs, key.Value); l != nil && keyIndex(n, l.fields[at].key) < 0 {
			key = renamed(key, l.fields[at].key) // not where both spellings are given: decoding reports that
		}
		if key != n.Content[i] || value != n.Content[i+1] {
			n = copied(n, p.node)
			n.Content[i], n.Content[i+1] = key, value
		}
	}
	return n
}

// canonicalField returns the field of one of the structs that a key names, or nil.
func canonicalField(structs []place, key string) (*layout, int) {
	for _, s := range structs {
		if at, ok := layoutOf(s.typ).byKey[key]; ok {
			return layoutOf(s.typ), at
		}
	}
	return nil, 0
}

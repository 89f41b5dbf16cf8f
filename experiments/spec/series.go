package spec

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/record"
)

// series is a list of the values that a sweep gives one key, by row. Long series that can be computed hold no nodes.
type series interface {
	len() int
	node(i int) *yaml.Node // nil where the row leaves the key alone
	text(i int) string     // as it stands in tables and names; "" where the row leaves the key alone
}

// written are values that stand in the config.
type written struct {
	nodes []*yaml.Node
	texts []string
}

func newWritten(nodes []*yaml.Node) written {
	w := written{nodes: nodes}
	for _, n := range nodes {
		text := ""
		if n != nil {
			text = cellText(n)
		}
		w.texts = append(w.texts, text)
	}
	return w
}

func (w written) len() int              { return len(w.nodes) }
func (w written) node(i int) *yaml.Node { return w.nodes[i] }
func (w written) text(i int) string     { return w.texts[i] }

// floats are computed values; from is the node that describes them.
type floats struct {
	values []float64
	from   *yaml.Node
}

func (f floats) len() int              { return len(f.values) }
func (f floats) node(i int) *yaml.Node { return computed("!!float", f.text(i), f.from) }
func (f floats) text(i int) string     { return record.FormatFloat(f.values[i]) }

// computed is a number at the position of the node that describes it. That it holds this node lets mistakes find where
// the description comes from if not from the file.
func computed(tag, value string, from *yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value, Line: from.Line, Column: from.Column, Content: []*yaml.Node{from}}
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

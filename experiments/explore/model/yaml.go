package model

import (
	"gopkg.in/yaml.v3"
)

// text is a scalar that reads as a string.
func text(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
}

// plain is a scalar that stands as it is: a number or a word.
func plain(value string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: value} }

// mapping is a mapping of keys and nodes in turn.
func mapping(pairs ...any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for i := 0; i < len(pairs); i += 2 {
		n.Content = append(n.Content, text(pairs[i].(string)), pairs[i+1].(*yaml.Node))
	}
	return n
}

// sequence is a list.
func sequence(entries ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: entries}
}

// list is a list of numbers on one line.
func list(v []float64) *yaml.Node {
	n := sequence()
	for _, x := range v {
		n.Content = append(n.Content, plain(formatFloat(x)))
	}
	return flow(n)
}

// flow puts a collection on one line.
func flow(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode {
		n.Style = yaml.FlowStyle
	}
	return n
}

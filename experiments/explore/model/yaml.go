package model

import (
	"windtunnel/experiments/spec/decode"

	"gopkg.in/yaml.v3"
)

// text is a scalar that reads as a string.
func text(value string) *decode.Node {
	return &decode.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
}

// plain is a scalar that stands as it is: a number or a word.
func plain(value string) *decode.Node { return &decode.Node{Kind: yaml.ScalarNode, Value: value} }

// mapping is a mapping of keys and nodes in turn.
func mapping(pairs ...any) *decode.Node {
	n := &decode.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for i := 0; i < len(pairs); i += 2 {
		n.Content = append(n.Content, text(pairs[i].(string)), pairs[i+1].(*decode.Node))
	}
	return n
}

// sequence is a list.
func sequence(entries ...*decode.Node) *decode.Node {
	return &decode.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: entries}
}

// list is a list of numbers on one line.
func list(v []float64) *decode.Node {
	n := sequence()
	for _, x := range v {
		n.Content = append(n.Content, plain(formatFloat(x)))
	}
	return flow(n)
}

// flow puts a collection on one line.
func flow(n *decode.Node) *decode.Node {
	if n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode {
		n.Style = yaml.FlowStyle
	}
	return n
}

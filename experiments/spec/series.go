package spec

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/experiments/spec/decode"
	"windtunnel/metrics/tables"
)

// series is a list of the values that a sweep gives one key, by row. Long series that can be computed hold no nodes.
type series interface {
	len() int
	node(i int) *decode.Node // nil where the row leaves the key alone
	text(i int) string       // as it stands in tables and names; "" where the row leaves the key alone
	value(i int) any         // an int, a float64, a bool, a string or nil
}

// written are values that stand in the config.
type written struct {
	nodes []*decode.Node
	texts []string
}

func newWritten(nodes []*decode.Node) written {
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

func (w written) len() int                { return len(w.nodes) }
func (w written) node(i int) *decode.Node { return w.nodes[i] }
func (w written) text(i int) string       { return w.texts[i] }

func (w written) value(i int) any {
	n := w.nodes[i]
	if n == nil {
		return nil
	}
	text := w.texts[i]
	if n.Kind != yaml.ScalarNode || n.Style != 0 {
		return text
	}
	if v, err := strconv.Atoi(text); err == nil {
		return v
	}
	if v, err := strconv.ParseFloat(text, 64); err == nil {
		return v
	}
	if v, err := strconv.ParseBool(text); err == nil && n.ShortTag() == "!!bool" {
		return v
	}
	return text
}

// floats are computed values; from is the node that describes them.
type floats struct {
	values []float64
	from   *decode.Node
}

func (f floats) len() int                { return len(f.values) }
func (f floats) node(i int) *decode.Node { return computed("!!float", f.text(i), f.from) }
func (f floats) text(i int) string       { return tables.FormatFloat(f.values[i]) }
func (f floats) value(i int) any         { return f.values[i] }

// integers are computed whole numbers.
type integers struct {
	values []int
	from   *decode.Node
}

func (n integers) len() int                { return len(n.values) }
func (n integers) node(i int) *decode.Node { return computed("!!int", n.text(i), n.from) }
func (n integers) text(i int) string       { return strconv.Itoa(n.values[i]) }
func (n integers) value(i int) any         { return n.values[i] }

// consecutive are whole numbers from first on.
type consecutive struct {
	first, count int
	from         *decode.Node
}

func (c consecutive) len() int                { return c.count }
func (c consecutive) node(i int) *decode.Node { return computed("!!int", c.text(i), c.from) }
func (c consecutive) text(i int) string       { return strconv.Itoa(c.first + i) }
func (c consecutive) value(i int) any         { return c.first + i }

// picked are rows of another series.
type picked struct {
	series
	rows []int
}

func (p picked) len() int                { return len(p.rows) }
func (p picked) node(i int) *decode.Node { return p.series.node(p.rows[i]) }
func (p picked) text(i int) string       { return p.series.text(p.rows[i]) }
func (p picked) value(i int) any         { return p.series.value(p.rows[i]) }

// computed is a number at the position of the node that describes it.
func computed(tag, value string, from *decode.Node) *decode.Node {
	n := &decode.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
	if at := from.Source(); at != nil {
		n.File, n.Line, n.Column = at.File, at.Line, at.Column
	}
	return n
}

// cellText writes a swept value as it stands in tables and names: numbers in their shortest form, lists and mappings on
// one line.
func cellText(n *decode.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "[" + joined(n.Content, 1, func(i int) string { return cellText(n.Content[i]) }) + "]"
	case yaml.MappingNode:
		return "{" + joined(n.Content, 2, func(i int) string { return n.Content[i].Value + ": " + cellText(n.Content[i+1]) }) + "}"
	}
	// An unquoted 1e5 is a number here although YAML 1.1 takes it for text.
	if v, err := strconv.ParseFloat(n.Value, 64); err == nil && n.Style == 0 {
		return tables.FormatFloat(v)
	}
	return n.Value
}

func joined(content []*decode.Node, stride int, text func(i int) string) string {
	var parts []string
	for i := 0; i+stride <= len(content); i += stride {
		parts = append(parts, text(i))
	}
	return strings.Join(parts, ",")
}

// values reads the values of one swept key: a list, or a logspace or linspace. They are nil after a mistake.
func (l *loader) values(key string, n *decode.Node) series {
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

func (l *loader) spacedValues(key string, n *decode.Node) series {
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

package decode

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Encode returns the canonical full form of a decoded value: every field with its value, defaults included, in struct
// order, kinds first and by their canonical names, their parameters last, keys of maps sorted, floats in the shortest form that reads back to
// the same float64. Nil pointers, interfaces, slices, maps and nodes are left out, and so are zero values of fields
// tagged `yaml:",omitempty"`. Decoding the result into the same defaults gives the value again. It panics if an
// interface holds a value that is in no table, which decoding never does.
func Encode(v any, tables *Tables) *Node {
	value := reflect.ValueOf(v)
	for value.Kind() == reflect.Pointer {
		value = value.Elem()
	}
	if !value.IsValid() { // a nil pointer behind a pointer
		return nil
	}
	addressable := reflect.New(value.Type()).Elem()
	addressable.Set(value)
	return tables.encode(addressable)
}

// encode returns nil for what is left out. v is addressable.
func (t *Tables) encode(v reflect.Value) *Node {
	switch shapeOf(v.Type()) {
	case shapeBool:
		return wordNode(strconv.FormatBool(v.Bool()))
	case shapeInt:
		return wordNode(strconv.FormatInt(v.Int(), 10))
	case shapeFloat:
		return wordNode(floatText(v.Float()))
	case shapeString:
		return textNode(v.String())
	case shapeText:
		text, err := v.Addr().Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			panic(fmt.Sprintf("decode: %v: %v", v.Type(), err))
		}
		return wordNode(string(text)) // numbers need no quotes
	case shapePointer:
		if v.IsNil() {
			return nil
		}
		return t.encode(v.Elem())
	case shapeRaw:
		return plain(v.Interface().(*Node))
	case shapeLike, shapePartial:
		return plain(*heldNode(v))
	case shapeList:
		return t.encodeList(v)
	case shapeWords, shapeMap:
		return t.encodeMap(v)
	}
	m := &Node{Kind: yaml.MappingNode, Tag: "!!map"}
	if v.Kind() == reflect.Interface {
		if v.IsNil() {
			return nil
		}
		t.encodeKind(m, v)
	} else {
		t.encodeFields(m, v)
	}
	return m
}

func (t *Tables) encodeKind(m *Node, v reflect.Value) {
	tab := t.of(v.Type())
	m.Content = slices.Insert(m.Content, 0, textNode(kindKey), textNode(tab.mustEntryOf(v).Name))
	t.encodeFields(m, v.Elem().Elem())
}

func (t *Tables) encodeFields(m *Node, v reflect.Value) {
	l := layoutOf(v.Type())
	for _, f := range l.fields {
		value := v.FieldByIndex(f.index)
		if f.omitEmpty && value.IsZero() {
			continue
		}
		if node := t.encode(value); node != nil {
			m.Content = append(m.Content, textNode(f.key), node)
		}
	}
	if l.kind != nil && !v.FieldByIndex(l.kind.index).IsNil() {
		t.encodeKind(m, v.FieldByIndex(l.kind.index))
	}
}

// encodeList writes lists of scalars, and lists of those, on one line.
func (t *Tables) encodeList(v reflect.Value) *Node {
	if v.IsNil() {
		return nil
	}
	list := &Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.FlowStyle}
	for i := range v.Len() {
		entry := t.encode(v.Index(i))
		if entry.Kind == yaml.MappingNode {
			list.Style = 0
		}
		list.Content = append(list.Content, entry)
	}
	return list
}

func (t *Tables) encodeMap(v reflect.Value) *Node {
	if v.IsNil() {
		return nil
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	m := &Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, key := range keys {
		if shapeOf(v.Type()) == shapeWords { // as they were spelled: numbers, true and false without quotes
			list := &Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.FlowStyle}
			for _, word := range v.MapIndex(key).Seq2() {
				list.Content = append(list.Content, wordNode(word.String()))
			}
			m.Content = append(m.Content, textNode(key.String()), list)
			continue
		}
		value := reflect.New(v.Type().Elem()).Elem()
		value.Set(v.MapIndex(key))
		if node := t.encode(value); node != nil {
			m.Content = append(m.Content, textNode(key.String()), node)
		}
	}
	return m
}

// wordNode is a number, true or false if that is what the text looks like, else text.
func wordNode(text string) *Node {
	n := &Node{Kind: yaml.ScalarNode, Value: text}
	switch n.Tag = n.ShortTag(); n.Tag {
	case "!!bool", "!!int", "!!float":
		return n
	}
	return textNode(text)
}

// floatText is the shortest text that YAML reads back as the same number.
func floatText(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return ".inf"
	case math.IsInf(v, -1):
		return "-.inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// plain copies a node without positions, comments and style, which do not belong to its content.
func plain(n *Node) *Node {
	if n == nil {
		return nil
	}
	if isText(n) {
		return textNode(n.Value)
	}
	c := &Node{Kind: n.Kind, Tag: n.ShortTag(), Value: n.Value}
	for _, below := range n.Content {
		c.Content = append(c.Content, plain(below))
	}
	return c
}

package decode

import (
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// Field describes one key of a configuration, for listings and the reference page.
type Field struct {
	Key      string   // dotted path; * stands for an index or for any key: prompts.*.pi_star
	Aliases  []string // other spellings of the last segment
	Type     string   // "a number", "a list of texts", "a kind of optimizer"
	Default  string   // as YAML on one line, a kind by its name; "" where there is none
	Allowed  string   // the interval, the words or the kinds; "" where the type says it all
	Doc      string
	Required bool
}

// Fields lists the keys of a struct, given as a pointer to one that holds the defaults, in struct order. Keys of nested
// structs follow their parent's, with dotted paths. Parameters of kinds are not listed: list each registry entry's New.
func Fields(v any, tables *Tables) []Field { return tables.fields("", reflect.ValueOf(v).Elem()) }

// fields lists the fields of v, which holds the defaults.
func (t *Tables) fields(prefix string, v reflect.Value) (all []Field) {
	l := layoutOf(v.Type())
	if l.kind != nil {
		tab, kind := t.of(l.kind.typ), v.FieldByIndex(l.kind.index)
		all = append(all, Field{Key: prefix + kindKey, Type: "a kind of " + tab.name, Allowed: tab.list(), Doc: l.kind.doc,
			Default: t.text(kind), Required: kind.IsNil()})
	}
	for _, f := range l.fields {
		one := Field{Key: prefix + f.key, Aliases: f.aliases, Type: t.phrase(f.typ, limits{}), Doc: f.doc, Required: f.limits.required}
		value := v.FieldByIndex(f.index)
		if f.hasDefault(value) {
			one.Default = t.text(value)
		}
		switch {
		case f.limits.words != nil:
			one.Allowed = strings.Join(f.limits.words, ", ")
		case f.limits.bounds != nil:
			one.Allowed = f.limits.bounds.String()
		case shapeOf(f.typ) == shapeKind:
			tab := t.of(f.typ)
			one.Type, one.Allowed = "a kind of "+tab.name, tab.list()
		}
		all = append(append(all, one), t.below(one.Key+".", f.typ, value)...)
	}
	return all
}

// below lists what a field's value holds.
func (t *Tables) below(prefix string, typ reflect.Type, v reflect.Value) []Field {
	switch shapeOf(typ) {
	case shapeStruct:
		return t.fields(prefix, v)
	case shapePointer:
		return t.below(prefix, typ.Elem(), filled(typ.Elem()))
	case shapeList, shapeMap:
		return t.below(prefix+"*.", typ.Elem(), filled(typ.Elem()))
	}
	return nil
}

// text writes a default on one line: scalars, lists of them, and the names of kinds.
func (t *Tables) text(v reflect.Value) string {
	n := t.encode(v)
	if n == nil || n.Kind == yaml.MappingNode && child(n, kindKey) == nil {
		return ""
	}
	if kind := child(n, kindKey); kind != nil {
		return kind.Value
	}
	return flow(n)
}

// flow writes a scalar or a list of scalars as YAML on one line.
func flow(n *Node) string {
	if n.Kind == yaml.SequenceNode {
		entries := make([]string, len(n.Content))
		for i, c := range n.Content {
			entries[i] = flow(c)
		}
		return "[" + strings.Join(entries, ", ") + "]"
	}
	return n.Value
}

// phrase says in words what a type allows: "a whole number in [1,inf)", "a list of numbers". It is the second half of
// messages and the type in the reference.
func (t *Tables) phrase(typ reflect.Type, lim limits) string { return t.phrased(typ, lim, 0) }

// phrases are what scalars and other simple values are called, one and many of them.
var phrases = map[shape][2]string{
	shapeBool: {"true or false", "trues and falses"}, shapeString: {"text", "texts"}, shapeText: {"text or a number", "texts or numbers"},
	shapeRaw: {"a value", "values"}, shapeLike: {"a value", "values"}, shapeInt: {"a whole number", "whole numbers"},
	shapeFloat: {"a number", "numbers"}, shapeWords: {"a mapping of values or lists of values", "mappings"},
}

// phrased is phrase in the singular (many 0) or the plural (1).
func (t *Tables) phrased(typ reflect.Type, lim limits, many int) string {
	s := shapeOf(typ)
	one := many == 0
	switch {
	case s == shapePointer:
		return t.phrased(typ.Elem(), lim, many)
	case lim.words != nil && s == shapeString:
		if one {
			return oneOf(lim.words)
		}
		return "words (" + strings.Join(lim.words, ", ") + ")"
	case lim.bounds != nil && (s == shapeInt || s == shapeFloat):
		return phrases[s][many] + " in " + lim.bounds.String()
	case phrases[s][many] != "":
		return phrases[s][many]
	case s == shapeList:
		return [...]string{"a list of ", "lists of "}[many] + t.phrased(typ.Elem(), lim, 1)
	case s == shapeMap && one:
		return "a mapping of " + t.phrased(typ.Elem(), lim, 1)
	}
	if s == shapeStruct && layoutOf(typ).kind != nil {
		typ = layoutOf(typ).kind.typ
	}
	switch {
	case typ.Kind() == reflect.Interface && one:
		tab := t.of(typ)
		return "a kind of " + tab.name + " (" + tab.list() + "), alone or in a mapping"
	case typ.Kind() == reflect.Interface:
		return "mappings with a kind of " + t.of(typ).name
	}
	return [...]string{"a mapping", "mappings"}[many]
}

package decode

import (
	"reflect"
	"slices"
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
func Fields(v any, tables *Tables) []Field {
	l := lister{tables: tables}
	l.structure("", reflect.ValueOf(v).Elem())
	return l.fields
}

type lister struct {
	tables *Tables
	fields []Field
	inside []reflect.Type // guards against types that hold themselves
}

// structure lists the fields of v, which holds the defaults.
func (l *lister) structure(prefix string, v reflect.Value) {
	if slices.Contains(l.inside, v.Type()) {
		return
	}
	l.inside = append(l.inside, v.Type())
	lay := layoutOf(v.Type())
	if lay.kind != nil {
		tab := l.tables.of(lay.kind.typ)
		l.fields = append(l.fields, Field{
			Key: prefix + kindKey, Type: "a kind of " + tab.name, Allowed: tab.list(), Doc: lay.kind.doc,
			Default: l.text(v.FieldByIndex(lay.kind.index)), Required: v.FieldByIndex(lay.kind.index).IsNil(),
		})
	}
	for i := range lay.fields {
		l.field(prefix, &lay.fields[i], v.FieldByIndex(lay.fields[i].index))
	}
	l.inside = l.inside[:len(l.inside)-1]
}

func (l *lister) field(prefix string, f *field, v reflect.Value) {
	one := Field{
		Key: prefix + f.key, Aliases: f.aliases, Type: l.tables.phrase(f.typ, limits{}), Doc: f.doc, Required: f.limits.required,
	}
	if f.hasDefault(v) {
		one.Default = l.text(v)
	}
	switch {
	case f.limits.words != nil:
		one.Allowed = strings.Join(f.limits.words, ", ")
	case f.limits.bounds != nil:
		one.Allowed = f.limits.bounds.String()
	case shapeOf(f.typ) == shapeKind:
		tab := l.tables.of(f.typ)
		one.Type, one.Allowed = "a kind of "+tab.name, tab.list()
	}
	l.fields = append(l.fields, one)
	l.below(one.Key+".", f.typ, v)
}

// below lists what a field's value holds.
func (l *lister) below(prefix string, t reflect.Type, v reflect.Value) {
	switch shapeOf(t) {
	case shapeStruct:
		l.structure(prefix, v)
	case shapePointer:
		l.below(prefix, t.Elem(), filled(t.Elem()))
	case shapeList, shapeMap:
		l.below(prefix+"*.", t.Elem(), filled(t.Elem()))
	}
}

// text writes a default on one line: scalars, lists of them, and the names of kinds.
func (l *lister) text(v reflect.Value) string {
	n := l.tables.encode(v)
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
func (t *Tables) phrase(typ reflect.Type, lim limits) string {
	if shapeOf(typ) == shapePointer {
		return t.phrase(typ.Elem(), lim)
	}
	if lim.words != nil && isWord(typ) {
		return oneOf(lim.words)
	}
	switch shapeOf(typ) {
	case shapeBool:
		return "true or false"
	case shapeString:
		return "text"
	case shapeText:
		return "text or a number"
	case shapeRaw, shapeLike:
		return "a value"
	case shapeKind:
		return t.kindPhrase(t.of(typ))
	case shapeStruct:
		if l := layoutOf(typ); l.kind != nil {
			return t.kindPhrase(t.of(l.kind.typ))
		}
	case shapeInt, shapeUint:
		return "a whole number" + within(lim)
	case shapeFloat:
		return "a number" + within(lim)
	case shapeList:
		return "a list of " + t.phrases(typ.Elem(), lim)
	case shapeMap:
		return "a mapping of " + t.phrases(typ.Elem(), lim)
	case shapeWords:
		return "a mapping of values or lists of values"
	}
	return "a mapping"
}

// phrases is phrase in the plural.
func (t *Tables) phrases(typ reflect.Type, lim limits) string {
	if shapeOf(typ) == shapePointer {
		return t.phrases(typ.Elem(), lim)
	}
	if lim.words != nil && isWord(typ) {
		return "words (" + strings.Join(lim.words, ", ") + ")"
	}
	switch shapeOf(typ) {
	case shapeBool:
		return "trues and falses"
	case shapeString:
		return "texts"
	case shapeText:
		return "texts or numbers"
	case shapeRaw, shapeLike:
		return "values"
	case shapeKind:
		return "mappings with a kind of " + t.of(typ).name
	case shapeStruct:
		if l := layoutOf(typ); l.kind != nil {
			return "mappings with a kind of " + t.of(l.kind.typ).name
		}
	case shapeInt, shapeUint:
		return "whole numbers" + within(lim)
	case shapeFloat:
		return "numbers" + within(lim)
	case shapeList:
		return "lists of " + t.phrases(typ.Elem(), lim)
	}
	return "mappings"
}

func (t *Tables) kindPhrase(tab *table) string {
	return "a kind of " + tab.name + " (" + tab.list() + "), alone or in a mapping"
}

func isWord(typ reflect.Type) bool {
	s := shapeOf(typ)
	return s == shapeString || s == shapeText
}

func within(lim limits) string {
	if lim.bounds == nil {
		return ""
	}
	return " in " + lim.bounds.String()
}

package decode

import (
	"reflect"
	"strings"
)

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

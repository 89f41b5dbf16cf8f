package decode

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/toy/registry"
)

// part is a struct that some keys of a mapping belong to: a struct's own fields, or the parameters of its kind.
type part struct {
	layout *layout
	value  reflect.Value
	given  []*Node // by field: the key node that gave it
}

func newPart(v reflect.Value) part {
	l := layoutOf(v.Type())
	return part{l, v, make([]*Node, len(l.fields))}
}

// object decodes a mapping into a struct, into a kind of an interface, or into a struct with a kind beside its fields.
func (s *state) object(n *Node, dst reflect.Value) {
	before := len(s.errs)
	var parts []part
	kindField, complete := reflect.Value{}, true
	if dst.Kind() == reflect.Interface {
		kindField = dst
	} else {
		own := newPart(dst)
		parts = append(parts, own)
		if own.layout.kind != nil {
			kindField = dst.FieldByIndex(own.layout.kind.index)
		}
	}
	if n.Kind != yaml.MappingNode && (n.Kind != yaml.ScalarNode || !kindField.IsValid() || !isText(n)) {
		s.wrongType(n, dst.Type(), limits{})
		return
	}
	if kindField.IsValid() {
		var params reflect.Value
		if params, complete = s.choose(n, kindField, parts); params.IsValid() {
			parts = append(parts, newPart(params))
		}
	}
	if n.Kind == yaml.MappingNode {
		s.keys(n, parts, kindField.IsValid(), complete)
	}
	s.missing(n, parts)
	if len(s.errs) == before && !s.partial {
		s.check(n, dst, parts)
	}
}

// choose picks the kind that a mapping or a scalar names and stores fresh parameters in field, or keeps the default of
// the field if no kind is named. It returns the struct of parameters, and whether all keys are known: they are not
// where the kind is wrong or missing.
func (s *state) choose(n *Node, field reflect.Value, parts []part) (params reflect.Value, complete bool) {
	tab := s.d.Tables.of(field.Type())
	name, key := n, ""
	if n.Kind == yaml.MappingNode {
		name, key = child(n, kindKey), kindKey
	}
	if name == nil {
		return s.defaultKind(n, field, tab, parts)
	}
	entry, ok := tab.entry(name.Value)
	if !isText(name) || !ok {
		s.unknownKind(name, key, tab)
		return reflect.Value{}, false
	}
	fresh := reflect.ValueOf(entry.New())
	field.Set(fresh)
	setKindName(parts, entry.Name)
	return fresh.Elem(), true
}

func (s *state) unknownKind(name *Node, key string, tab *table) {
	wrong, near := got(name), ""
	if isText(name) {
		wrong, near = "is "+quoted(name.Value), Nearest(name.Value, tab.spellings())
	}
	s.fail(name, key, wrong, "a kind of "+tab.name+": "+tab.list(), near)
}

// defaultKind copies the parameters that the field holds, so that a default that others share is never written to.
func (s *state) defaultKind(n *Node, field reflect.Value, tab *table, parts []part) (params reflect.Value, complete bool) {
	if field.IsNil() {
		if s.partial {
			s.kindless(n, tab, parts)
		} else {
			s.missingKind(n, tab)
		}
		return reflect.Value{}, false
	}
	entry, ok := tab.entryOf(field.Interface())
	if !ok {
		panic(fmt.Sprintf("decode: the default %T is in no table of %s", field.Interface(), tab.name))
	}
	fresh := reflect.New(field.Elem().Type().Elem())
	fresh.Elem().Set(field.Elem().Elem())
	field.Set(fresh)
	setKindName(parts, entry.Name)
	return fresh.Elem(), true
}

// missingKind complains about a mapping without a kind, at the key that may be a misspelt one.
func (s *state) missingKind(n *Node, tab *table) {
	allowed := "a kind of " + tab.name + ": " + tab.list()
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i]; Nearest(key.Value, []string{kindKey}) != "" {
			s.fail(key, key.Value, "is not a key here", kindKey+", "+allowed, kindKey)
			return
		}
	}
	s.fail(n, kindKey, "is missing", allowed, "")
}

// kindless checks that every key of a partial mapping without a kind is a parameter of some kind.
func (s *state) kindless(n *Node, tab *table, parts []part) {
	known := tab.parameters()
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if p, _ := find(parts, key.Value); p == nil && !slices.Contains(known, key.Value) {
			near := Nearest(key.Value, append(known, kindKey))
			s.fail(key, key.Value, "is not a key here", "a parameter of some kind of "+tab.name, near)
		}
	}
}

// setKindName stores the canonical name in the field `yaml:"kind"`, if the struct has one.
func setKindName(parts []part, name string) {
	if len(parts) > 0 && parts[0].layout.kindName != nil {
		parts[0].value.FieldByIndex(parts[0].layout.kindName.index).SetString(name)
	}
}

// keys decodes every key of a mapping into the part that has it.
func (s *state) keys(n *Node, parts []part, hasKind, complete bool) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if hasKind && key.Value == kindKey {
			continue
		}
		p, at := find(parts, key.Value)
		switch {
		case p == nil && !complete:
		case p == nil:
			s.unknownKey(key, parts, hasKind)
		case p.given[at] != nil:
			s.twice(key, p.given[at])
		default:
			p.given[at] = key
			f := &p.layout.fields[at]
			s.at(segment{key: key.Value}, value, p.value.FieldByIndex(f.index), f.limits)
		}
	}
}

// find returns the part that a key belongs to and the number of its field, or nil.
func find(parts []part, key string) (*part, int) {
	for i := range parts {
		if at, ok := parts[i].layout.byKey[key]; ok {
			return &parts[i], at
		}
	}
	return nil, 0
}

// twice reports a field given by two keys.
func (s *state) twice(key, first *Node) {
	where := ""
	if first.Line > 0 {
		where = fmt.Sprintf(" on line %d", first.Line)
	}
	s.fail(key, key.Value, fmt.Sprintf("is the same key as %s%s", first.Value, where), "one of the two", "")
}

func (s *state) unknownKey(key *Node, parts []part, hasKind bool) {
	var keys, spellings []string
	if hasKind {
		keys, spellings = []string{kindKey}, []string{kindKey}
	}
	for _, p := range parts {
		keys = append(keys, p.layout.keys()...)
		for i := range p.layout.fields {
			spellings = append(spellings, p.layout.fields[i].spellings()...)
		}
	}
	near := Nearest(key.Value, spellings)
	if near == "" {
		near = s.elsewhere(key.Value)
	}
	if len(keys) == 0 {
		s.fail(key, key.Value, "is not a key here", "no keys", near)
		return
	}
	s.fail(key, key.Value, "is not a key here", "one of "+strings.Join(keys, ", "), near)
}

// missing reports required keys that were not given.
func (s *state) missing(n *Node, parts []part) {
	if s.partial {
		return
	}
	for _, p := range parts {
		for i := range p.layout.fields {
			if f := &p.layout.fields[i]; f.limits.required && p.given[i] == nil {
				s.fail(n, f.key, "is missing", s.d.Tables.phrase(f.typ, f.limits), "")
			}
		}
	}
}

// check calls the Check methods of the parameters, of embedded structs and of the struct itself. A method that an
// embedded struct lends to the outer one is called twice; the repeated problems are dropped when errors are sorted. Of
// an embedded struct whose type is not exported only the lent method can be called.
func (s *state) check(n *Node, dst reflect.Value, parts []part) {
	before := len(s.errs)
	for i := len(parts) - 1; i >= 0 && len(s.errs) == before; i-- {
		p := parts[i]
		for _, index := range p.layout.inlined {
			s.problems(n, dst, p.value.FieldByIndex(index))
		}
		s.problems(n, dst, p.value)
	}
}

func (s *state) problems(n *Node, dst, checked reflect.Value) {
	if !checked.Addr().CanInterface() {
		return
	}
	c, ok := checked.Addr().Interface().(registry.Checker)
	if !ok {
		return
	}
	for _, p := range c.Check() {
		node, key := s.locate(point{typ: dst.Type(), value: dst, node: n}, p.Key)
		s.fail(node, key, p.Wrong, p.Allowed, "")
	}
}

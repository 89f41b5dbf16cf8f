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
	*layout
	value reflect.Value
	given map[*field]*Node // the key nodes that gave them
}

func newPart(v reflect.Value) part { return part{layoutOf(v.Type()), v, map[*field]*Node{}} }

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
		if own.kind != nil {
			kindField = dst.FieldByIndex(own.kind.index)
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
	entry, ok := tab.byName[name.Value]
	if !isText(name) || !ok {
		s.unknownKind(name, key, tab)
		return reflect.Value{}, false
	}
	fresh := reflect.ValueOf(entry.New())
	field.Set(fresh)
	return fresh.Elem(), true
}

func (s *state) unknownKind(name *Node, key string, tab *table) {
	wrong, near := Got(name), ""
	if isText(name) {
		wrong, near = "is "+quoted(name.Value), Nearest(name.Value, tab.spellings())
	}
	s.fail(name, key, wrong, tab.wanted(), near)
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
	tab.mustEntryOf(field)
	fresh := reflect.New(field.Elem().Type().Elem())
	fresh.Elem().Set(field.Elem().Elem())
	field.Set(fresh)
	return fresh.Elem(), true
}

// missingKind complains about a mapping without a kind, at the key that may be a misspelt one.
func (s *state) missingKind(n *Node, tab *table) {
	for key := range n.Pairs() {
		if Nearest(key.Value, []string{kindKey}) != "" {
			s.fail(key, key.Value, "is not a key here", kindKey+", "+tab.wanted(), kindKey)
			return
		}
	}
	s.fail(n, kindKey, "is missing", tab.wanted(), "")
}

// kindless checks that every key of a partial mapping without a kind is a parameter of some kind.
func (s *state) kindless(n *Node, tab *table, parts []part) {
	known := tab.parameters()
	for key := range n.Pairs() {
		if p, _ := find(parts, key.Value); p == nil && !slices.Contains(known, key.Value) {
			near := Nearest(key.Value, append(known, kindKey))
			s.fail(key, key.Value, "is not a key here", "a parameter of some kind of "+tab.name, near)
		}
	}
}

// keys decodes every key of a mapping into the part that has it.
func (s *state) keys(n *Node, parts []part, hasKind, complete bool) {
	for key, value := range n.Pairs() {
		if hasKind && key.Value == kindKey {
			continue
		}
		p, f := find(parts, key.Value)
		switch {
		case p == nil && !complete:
		case p == nil:
			s.unknownKey(key, parts, hasKind)
		case p.given[f] != nil:
			s.twice(key, p.given[f])
		default:
			p.given[f] = key
			s.at(key.Value, value, p.value.FieldByIndex(f.index), f.limits)
		}
	}
}

// find returns the part that a key belongs to and its field, or nil.
func find(parts []part, key string) (*part, *field) {
	for i := range parts {
		if f := parts[i].byKey[key]; f != nil {
			return &parts[i], f
		}
	}
	return nil, nil
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
		keys = append(keys, p.keys()...)
		for _, f := range p.fields {
			spellings = append(spellings, f.spellings()...)
		}
	}
	near := Nearest(key.Value, spellings)
	if near == "" && !s.partial {
		if near = s.d.Tables.elsewhere(s.root, key.Value); near != "" {
			near = dotted(s.prefix, nil, near)
		}
	}
	allowed := "no keys"
	if len(keys) > 0 {
		allowed = "one of " + strings.Join(keys, ", ")
	}
	s.fail(key, key.Value, "is not a key here", allowed, near)
}

// missing reports required keys that were not given.
func (s *state) missing(n *Node, parts []part) {
	if s.partial {
		return
	}
	for _, p := range parts {
		for _, f := range p.fields {
			if f.limits.required && p.given[f] == nil {
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
		for _, index := range p.inlined {
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

package decode

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/toy/registry"
)

// object decodes a mapping into a struct, into a kind of an interface, or into a struct with a kind beside its fields.
func (s *state) object(n *Node, dst reflect.Value) {
	before := len(s.errs)
	var structs []point // that the keys belong to: a struct's own, and the parameters of its kind
	kindField, complete := reflect.Value{}, true
	if dst.Kind() == reflect.Interface {
		kindField = dst
	} else {
		structs = append(structs, point{typ: dst.Type(), value: dst})
		if kind := layoutOf(dst.Type()).kind; kind != nil {
			kindField = dst.FieldByIndex(kind.index)
		}
	}
	if n.Kind != yaml.MappingNode && (n.Kind != yaml.ScalarNode || !kindField.IsValid() || !isText(n)) {
		s.wrongType(n, dst.Type(), limits{})
		return
	}
	if kindField.IsValid() {
		var params reflect.Value
		if params, complete = s.choose(n, kindField); params.IsValid() {
			structs = append(structs, point{typ: params.Type(), value: params})
		}
	}
	if s.partial && !complete && child(n, kindKey) == nil {
		s.kindless(n, dst.Type())
	}
	given := map[*field]*Node{}
	if n.Kind == yaml.MappingNode {
		s.keys(n, structs, given, kindField.IsValid(), complete)
	}
	if s.partial {
		return
	}
	s.missing(n, structs, given)
	if len(s.errs) == before {
		s.check(n, dst, structs)
	}
}

// choose picks the kind that a mapping or a scalar names and stores fresh parameters in field, or keeps the default of
// the field if no kind is named. It returns the struct of parameters, and whether all keys are known: they are not
// where the kind is wrong or missing.
func (s *state) choose(n *Node, field reflect.Value) (params reflect.Value, complete bool) {
	tab := s.d.Tables.of(field.Type())
	name, key := n, ""
	if n.Kind == yaml.MappingNode {
		name, key = child(n, kindKey), kindKey
	}
	if name == nil {
		return s.defaultKind(n, field, tab)
	}
	entry, ok := tab.byName[name.Value]
	switch {
	case !isText(name):
		s.fail(name, key, Got(name), tab.wanted(), "")
	case !ok:
		s.fail(name, key, "is "+quoted(name.Value), tab.wanted(), Nearest(name.Value, tab.spellings()))
	default:
		fresh := reflect.ValueOf(entry.New())
		field.Set(fresh)
		return fresh.Elem(), true
	}
	return reflect.Value{}, false
}

// defaultKind copies the parameters that the field holds, so that a default that others share is never written to. Where it holds none,
// a kind is missing, perhaps at a key that is a misspelt one.
func (s *state) defaultKind(n *Node, field reflect.Value, tab *table) (params reflect.Value, complete bool) {
	if !field.IsNil() {
		tab.mustEntryOf(field)
		fresh := reflect.New(field.Elem().Type().Elem())
		fresh.Elem().Set(field.Elem().Elem())
		field.Set(fresh)
		return fresh.Elem(), true
	}
	if s.partial {
		return reflect.Value{}, false
	}
	for key := range n.Pairs() {
		if Nearest(key.Value, []string{kindKey}) != "" {
			s.fail(key, key.Value, "is not a key here", kindKey+", "+tab.wanted(), kindKey)
			return reflect.Value{}, false
		}
	}
	s.fail(n, kindKey, "is missing", tab.wanted(), "")
	return reflect.Value{}, false
}

// kindless checks that every key of a partial mapping without a kind is a parameter of some kind.
func (s *state) kindless(n *Node, t reflect.Type) {
	structs, kinds, _ := s.d.Tables.members(point{typ: t})
	for key := range n.Pairs() {
		if _, f := fieldNamed(structs, key.Value); f == nil {
			near := Nearest(key.Value, keysOf(structs, true, true))
			s.fail(key, key.Value, "is not a key here", "a parameter of some kind of "+kinds.name, near)
		}
	}
}

// keys decodes every key of a mapping into the struct that has it, and notes the key nodes that gave fields.
func (s *state) keys(n *Node, structs []point, given map[*field]*Node, hasKind, complete bool) {
	for key, value := range n.Pairs() {
		if hasKind && key.Value == kindKey {
			continue
		}
		in, f := fieldNamed(structs, key.Value)
		switch {
		case f == nil && !complete:
		case f == nil:
			s.unknownKey(key, structs, hasKind)
		case given[f] != nil:
			where := ""
			if given[f].Line > 0 {
				where = fmt.Sprintf(" on line %d", given[f].Line)
			}
			s.fail(key, key.Value, fmt.Sprintf("is the same key as %s%s", given[f].Value, where), "one of the two", "")
		default:
			given[f] = key
			s.at(key.Value, value, in.value.FieldByIndex(f.index), f.limits)
		}
	}
}

func (s *state) unknownKey(key *Node, structs []point, hasKind bool) {
	near := Nearest(key.Value, keysOf(structs, hasKind, true))
	if near == "" && !s.partial {
		if near = s.d.Tables.elsewhere(s.root, key.Value); near != "" {
			near = dotted(s.prefix, nil, near)
		}
	}
	allowed := "no keys"
	if keys := keysOf(structs, hasKind, false); len(keys) > 0 {
		allowed = "one of " + strings.Join(keys, ", ")
	}
	s.fail(key, key.Value, "is not a key here", allowed, near)
}

func (s *state) missing(n *Node, structs []point, given map[*field]*Node) {
	for _, in := range structs {
		for _, f := range layoutOf(in.typ).fields {
			if f.limits.required && given[f] == nil {
				s.fail(n, f.key, "is missing", s.d.Tables.phrase(f.typ, f.limits), "")
			}
		}
	}
}

// check calls the Check methods of the parameters, of embedded structs and of the struct itself. A method that an
// embedded struct lends to the outer one is called twice; the repeated problems are dropped when errors are sorted. Of
// an embedded struct whose type is not exported only the lent method can be called.
func (s *state) check(n *Node, dst reflect.Value, structs []point) {
	before := len(s.errs)
	for _, in := range slices.Backward(structs) {
		if len(s.errs) > before {
			return
		}
		for _, index := range layoutOf(in.typ).inlined {
			s.problems(n, dst, in.value.FieldByIndex(index))
		}
		s.problems(n, dst, in.value)
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
		node, key := s.d.Tables.locate(point{typ: dst.Type(), value: dst, node: n}, p.Key)
		s.fail(node, key, p.Wrong, p.Allowed, "")
	}
}

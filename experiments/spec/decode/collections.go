package decode

import (
	"reflect"

	"gopkg.in/yaml.v3"
)

// Defaulter is implemented, on the pointer, by structs whose defaults are not zero where they stand in lists, maps and
// behind pointers. Elsewhere the defaults are those of the value that is decoded into.
type Defaulter interface {
	// SetDefaults fills a zero value.
	SetDefaults()
}

// fill sets the defaults of a zero value and returns it. v is addressable.
func fill(v reflect.Value) reflect.Value {
	if v.Kind() == reflect.Struct {
		if d, ok := v.Addr().Interface().(Defaulter); ok {
			d.SetDefaults()
		}
	}
	return v
}

// filled returns a new value of a type with its defaults.
func filled(t reflect.Type) reflect.Value { return fill(reflect.New(t).Elem()) }

// list decodes into a fresh slice, so that a default list is replaced, never overlaid.
func (s *state) list(n *Node, dst reflect.Value, lim limits) {
	if n.Kind != yaml.SequenceNode || lim.required && len(n.Content) == 0 {
		s.notFilled(n, yaml.SequenceNode, dst.Type(), lim)
		return
	}
	list := reflect.MakeSlice(dst.Type(), len(n.Content), len(n.Content))
	for i, entry := range n.Content {
		s.at(segment{index: i}, entry, fill(list.Index(i)), lim.element())
	}
	dst.Set(list)
}

// notFilled reports a value that is no list or mapping where one is needed, or that is an empty one.
func (s *state) notFilled(n *Node, want yaml.Kind, t reflect.Type, lim limits) {
	if n.Kind == want {
		s.fail(n, "", "is empty", s.d.Tables.phrase(t, lim), "")
		return
	}
	s.wrongType(n, t, lim)
}

// mapping decodes into a fresh map with text keys.
func (s *state) mapping(n *Node, dst reflect.Value, lim limits) {
	s.entries(n, dst, lim, func(value *Node) reflect.Value {
		v := filled(dst.Type().Elem())
		s.value(value, v, lim.element())
		return v
	})
}

// wordLists decodes into a fresh map of lists of scalars, each kept as it is spelled; a scalar is a list of one.
func (s *state) wordLists(n *Node, dst reflect.Value, lim limits) {
	s.entries(n, dst, lim, func(value *Node) reflect.Value {
		words := []string{}
		if value.Kind != yaml.SequenceNode {
			words = s.word(value, lim, words)
			return reflect.ValueOf(words)
		}
		for i, entry := range value.Content {
			s.path = append(s.path, segment{index: i})
			words = s.word(entry, lim, words)
			s.path = s.path[:len(s.path)-1]
		}
		return reflect.ValueOf(words)
	})
}

// word appends the text of a scalar.
func (s *state) word(n *Node, lim limits, words []string) []string {
	if n.Kind != yaml.ScalarNode || isNull(n) {
		s.fail(n, "", got(n), "text, a number, true or false", "")
		return words
	}
	if !s.allowedWord(n, lim) {
		return words
	}
	return append(words, n.Value)
}

// entries fills a map, decoding each value with one.
func (s *state) entries(n *Node, dst reflect.Value, lim limits, one func(*Node) reflect.Value) {
	if n.Kind != yaml.MappingNode || lim.required && len(n.Content) == 0 {
		s.notFilled(n, yaml.MappingNode, dst.Type(), lim)
		return
	}
	m := reflect.MakeMapWithSize(dst.Type(), len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		s.path = append(s.path, segment{key: key})
		m.SetMapIndex(reflect.ValueOf(key).Convert(dst.Type().Key()), one(n.Content[i+1]))
		s.path = s.path[:len(s.path)-1]
	}
	dst.Set(m)
}

// pointer decodes into a fresh value, so that a default that others share is never written to.
func (s *state) pointer(n *Node, dst reflect.Value, lim limits) {
	fresh := filled(dst.Type().Elem())
	if !dst.IsNil() {
		fresh.Set(dst.Elem())
	}
	s.value(n, fresh, lim)
	dst.Set(fresh.Addr())
}

// Partial is a field that holds some of the keys of T, to be merged over a full T elsewhere (see [Merge]). Decoding
// checks keys, types and bounds, requires nothing, calls no Check and accepts parameters of an unnamed kind unseen; the
// node is nil where the key is not given.
type Partial[T any] struct {
	Node *Node
}

// partial is what decoding sees of a Partial.
type partial interface {
	target() (whole reflect.Type, node **Node)
}

func (p *Partial[T]) target() (reflect.Type, **Node) { return reflect.TypeFor[T](), &p.Node }

// partTarget returns T and the node of a Partial[T].
func partTarget(p reflect.Value) (reflect.Type, **Node) {
	return p.Addr().Interface().(partial).target()
}

// partOf returns T for the type Partial[T].
func partOf(t reflect.Type) reflect.Type {
	whole, _ := partTarget(reflect.New(t).Elem())
	return whole
}

func (s *state) partly(n *Node, dst reflect.Value) {
	whole, node := partTarget(dst)
	*node = n
	outer := s.partial
	s.partial = true
	s.value(n, reflect.New(whole).Elem(), limits{})
	s.partial = outer
}

// Package decode turns plain YAML into Go structs, strictly, by the tags documented in windtunnel/toy/registry, and
// derives from the same tags a canonical encoder, a JSON Schema and a reference of fields.
//
// A document passes through these steps:
//
//	Parse      text to a tree of nodes without aliases and duplicate keys
//	Canonical  optional: one spelling of everything, so that Set and Merge need not know types
//	Set, Merge optional: overrides and sweeps, by copy-on-write
//	Decode     tree to struct, with every mistake at its position
//	Encode     struct to the full canonical tree, ready to be written and hashed
//
// How Go types are written in YAML:
//
//   - bool: true or false. Text: a string; what YAML reads as a number, a bool or null must be quoted.
//   - whole numbers: 20, and 1e3 or 20.0, which are whole too; numbers: decimal, as 5, 0.1, 1e-3, 1E5, .5. Hexadecimal,
//     octal, underscores and leading zeros are refused. NaN is never allowed, .inf and -.inf only where the range has
//     that end closed ("[0,inf]").
//   - slices: lists. map[string]T: a mapping with any keys. map[string][]string: a mapping whose values are a scalar or
//     a list of scalars, each kept as it is spelled (1e-5).
//   - structs: mappings with known keys; embedded structs with `yaml:",inline"` add theirs. Pointers: the value, or
//     nothing.
//   - encoding.TextUnmarshaler: a scalar. The error of UnmarshalText says what is allowed.
//   - interfaces with a table (see [Register]): a mapping whose kind names the entry and whose other keys are its
//     parameters, or the name alone if no parameter is needed. A field that holds a default needs no kind.
//   - a struct with a field `yaml:",kind"`: the same, with keys of its own in the same mapping.
//   - *Node: anything, as it stands; [Raw]: the same with a schema, of one form or [Or] two. [Partial]: some of the keys of another struct.
//
// Null is never allowed: leave out the key instead. `yaml:",omitempty"` makes Encode leave out the zero value; use it
// where zero means "not given" and the other tags would refuse it.
package decode

import (
	"fmt"
	"reflect"
)

// Decoder decodes trees. It keeps no state of its own: it may be used again, and concurrently.
type Decoder struct {
	File   string  // what messages call the source of nodes that tell of none
	Tables *Tables // for interface fields
}

// Decode decodes the tree n, which stands at a dotted path of its document ("" for the root), into dst, a pointer to a
// value that holds the defaults. After a struct decodes without mistakes its Check method, if it has one, is called and
// its problems are reported at the nodes that their keys name. The error is nil or an Errors; dst then holds what could
// be decoded. Decode does not change the tree.
func (d *Decoder) Decode(n *Node, path string, dst any) error {
	if v := reflect.ValueOf(dst); v.Kind() != reflect.Pointer || v.IsNil() {
		panic(fmt.Sprintf("decode: cannot decode into a %T; want a pointer", dst))
	}
	s := state{d: d, prefix: path, root: rootOf(dst, n)}
	s.value(n, s.root.value, limits{})
	return s.errs.sorted()
}

// DecodeKey decodes one key of the mapping n, the root of its document, into its field of dst, which is as for Decode.
// The other keys are ignored. That the key is missing is a mistake only if it is required.
func (d *Decoder) DecodeKey(n *Node, key string, dst any) error {
	s := state{d: d, root: rootOf(dst, n), nodes: []*Node{n}}
	f := layoutOf(s.root.typ).byKey[key]
	switch value := child(n, key); {
	case value != nil:
		s.at(key, value, s.root.value.FieldByIndex(f.index), f.limits)
	case f.limits.required:
		s.fail(n, f.key, "is missing", d.Tables.phrase(f.typ, f.limits), "")
	}
	return s.errs.sorted()
}

// Error returns a mistake at the node n, for checks that the caller makes after decoding.
func (d *Decoder) Error(n *Node, key, wrong, allowed string) Error {
	e := Error{File: d.File, Key: key, Wrong: wrong, Allowed: allowed}
	e.locate(n)
	return e
}

// locate gives the mistake the position of a node, if it has one.
func (e *Error) locate(n *Node) bool {
	at := n.Source()
	if at != nil {
		e.File, e.Line, e.Column = at.File, at.Line, at.Column
	}
	return at != nil
}

// state is one decoding.
type state struct {
	d       *Decoder
	prefix  string
	root    point
	path    []string // keys and indices
	nodes   []*Node  // from the root to the current value
	errs    Errors
	partial bool // inside a Partial: nothing is required, and a kind may be missing
}

// fail records a mistake at a node, or at the nearest node around it that has a position. key extends the path.
func (s *state) fail(n *Node, key, wrong, allowed, near string) {
	e := Error{File: s.d.File, Key: dotted(s.prefix, s.path, key), Wrong: wrong, Allowed: allowed, Near: near}
	for i := len(s.nodes) - 1; !e.locate(n) && i >= 0; i-- {
		n = s.nodes[i]
	}
	s.errs = append(s.errs, e)
}

func (s *state) at(step string, n *Node, dst reflect.Value, lim limits) {
	s.path = append(s.path, step)
	s.value(n, dst, lim)
	s.path = s.path[:len(s.path)-1]
}

func (s *state) value(n *Node, dst reflect.Value, lim limits) {
	s.nodes = append(s.nodes, n)
	defer func() { s.nodes = s.nodes[:len(s.nodes)-1] }()
	if isNull(n) {
		s.wrongType(n, dst.Type(), lim)
		return
	}
	switch shapeOf(dst.Type()) {
	case shapeBool, shapeInt, shapeFloat:
		if !set(n, dst, lim) {
			s.wrongType(n, dst.Type(), lim)
		}
	case shapeString:
		s.text(n, dst, lim)
	case shapeText:
		s.unmarshalText(n, dst, lim)
	case shapeList:
		s.list(n, dst, lim)
	case shapeWords, shapeMap:
		s.mapping(n, dst, lim)
	case shapePointer:
		s.pointer(n, dst, lim)
	case shapeStruct, shapeKind:
		s.object(n, dst)
	case shapeRaw:
		dst.Set(reflect.ValueOf(n))
	case shapeLike:
		*heldNode(dst) = n
	case shapePartial:
		s.partly(n, dst)
	}
}

func (s *state) wrongType(n *Node, t reflect.Type, lim limits) {
	s.fail(n, "", Got(n), s.d.Tables.phrase(t, lim), "")
}

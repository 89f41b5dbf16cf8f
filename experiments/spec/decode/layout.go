package decode

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"windtunnel/toy/registry"
)

// kindKey is the key that picks an entry of a table.
const kindKey = "kind"

// shape is how a Go type is written in YAML.
type shape int

const (
	shapeBool shape = iota
	shapeInt
	shapeFloat
	shapeString
	shapeText    // encoding.TextUnmarshaler
	shapeList    // slice
	shapeWords   // map whose values are []string
	shapeMap     // any other map with text keys
	shapeStruct  // mapping with known keys
	shapePointer // optional value
	shapeKind    // interface with a table
	shapeRaw     // *Node
	shapePartial // Partial[T]
	shapeLike    // Raw[T]
)

var (
	rawType     = reflect.TypeFor[*Node]()
	textType    = reflect.TypeFor[encoding.TextUnmarshaler]()
	holderType  = reflect.TypeFor[holder]()
	partialType = reflect.TypeFor[interface{ partial() }]()
	wordsType   = reflect.TypeFor[[]string]()
)

var basicShapes = map[reflect.Kind]shape{
	reflect.Bool: shapeBool, reflect.String: shapeString, reflect.Int: shapeInt, reflect.Int64: shapeInt, reflect.Float64: shapeFloat,
	reflect.Slice: shapeList, reflect.Struct: shapeStruct, reflect.Pointer: shapePointer, reflect.Interface: shapeKind,
}

var shapes sync.Map // reflect.Type to shape

// shapeOf panics for types that no configuration can hold, such as channels: a mistake of the program.
func shapeOf(t reflect.Type) shape {
	if s, ok := shapes.Load(t); ok {
		return s.(shape)
	}
	s := findShape(t)
	shapes.Store(t, s)
	return s
}

func findShape(t reflect.Type) shape {
	pointer := reflect.PointerTo(t)
	switch {
	case t == rawType:
		return shapeRaw
	case pointer.Implements(partialType):
		return shapePartial
	case pointer.Implements(holderType):
		return shapeLike
	case t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface && pointer.Implements(textType):
		return shapeText
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String && t.Elem() == wordsType:
		return shapeWords
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String:
		return shapeMap
	}
	s, ok := basicShapes[t.Kind()]
	if !ok {
		panic(fmt.Sprintf("decode: a configuration cannot hold the Go type %v", t))
	}
	return s
}

// limits are what tags demand of a value, or of each number or word in it.
type limits struct {
	bounds   *Interval
	words    []string
	required bool // the key must be given, and text, lists and mappings must not be empty
}

// element returns the limits of the entries of a list or map.
func (l limits) element() limits {
	l.required = false
	return l
}

// field is one key of a struct.
type field struct {
	key       string
	aliases   []string
	doc       string
	index     []int
	typ       reflect.Type
	limits    limits
	omitEmpty bool
}

// spellings returns the key and its aliases.
func (f *field) spellings() []string { return append([]string{f.key}, f.aliases...) }

// hasDefault says whether v is what the field holds when its key is not given, and worth showing.
func (f *field) hasDefault(v reflect.Value) bool {
	return !f.limits.required && !(f.omitEmpty && v.IsZero()) && !(v.Kind() == reflect.String && v.Len() == 0)
}

// layout is what the tags of a struct type say.
type layout struct {
	fields  []*field          // without the next, in struct order
	kind    *field            // the ",kind" field, nil if there is none
	byKey   map[string]*field // every spelling
	inlined [][]int           // embedded structs, for their Check methods
}

var layouts sync.Map // reflect.Type to *layout

// layoutOf reads the tags of a struct type, once. It panics on malformed tags: a mistake of the program.
func layoutOf(t reflect.Type) *layout {
	if l, ok := layouts.Load(t); ok {
		return l.(*layout)
	}
	l := &layout{byKey: map[string]*field{}}
	l.add(t, nil)
	for _, f := range l.fields {
		for _, key := range f.spellings() {
			if l.byKey[key] != nil {
				panic(fmt.Sprintf("decode: %v has two fields with the key %q", t, key))
			}
			l.byKey[key] = f
		}
	}
	stored, _ := layouts.LoadOrStore(t, l)
	return stored.(*layout)
}

// add appends the fields of t, which is embedded at index in the layout's struct.
func (l *layout) add(t reflect.Type, index []int) {
	for i := range t.NumField() {
		sf := t.Field(i)
		key, option, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		at := append(slices.Clone(index), i)
		switch {
		case key == "-" || !sf.IsExported() && option != "inline":
		case option == "inline":
			l.inlined = append(l.inlined, at)
			l.add(sf.Type, at)
		case option == "kind":
			l.kind = &field{index: at, typ: sf.Type, doc: sf.Tag.Get("doc")}
		default:
			l.fields = append(l.fields, newField(t, sf, key, option, at))
		}
	}
}

func newField(t reflect.Type, sf reflect.StructField, key, option string, at []int) *field {
	f := &field{
		key: key, aliases: registry.Words(sf.Tag.Get("alias")), doc: sf.Tag.Get("doc"), index: at, typ: sf.Type,
		limits: limits{words: registry.Words(sf.Tag.Get("oneof")), required: sf.Tag.Get("required") == "true"},
	}
	f.omitEmpty = option == "omitempty"
	if text := sf.Tag.Get("range"); text != "" {
		r, err := ParseInterval(text)
		if err != nil {
			panic(fmt.Sprintf("decode: %v.%s: %v", t, sf.Name, err))
		}
		f.limits.bounds = &r
	}
	return f
}

// Raw is a field that keeps its node as it stands, to be read by other means; the node is nil where the key is not
// given. T only says, for the schema, what it looks like.
type Raw[T any] struct {
	Node *Node
}

func (r *Raw[T]) held() (reflect.Type, **Node) { return reflect.TypeFor[T](), &r.Node }

// Partial is a field that holds some of the keys of T, to be merged over a full T elsewhere (see [Merge]). Decoding
// checks keys, types and bounds, requires nothing, calls no Check and accepts parameters of an unnamed kind unseen; the
// node is nil where the key is not given.
type Partial[T any] struct {
	Node *Node
}

func (p *Partial[T]) held() (reflect.Type, **Node) { return reflect.TypeFor[T](), &p.Node }
func (p *Partial[T]) partial()                     {}

// holder is implemented by every Raw and Partial.
type holder interface {
	held() (whole reflect.Type, node **Node)
}

// heldNode returns the node of a Raw or Partial, to be read or set. v is addressable.
func heldNode(v reflect.Value) **Node {
	_, node := v.Addr().Interface().(holder).held()
	return node
}

// heldOf returns T for the type Raw[T] or Partial[T].
func heldOf(t reflect.Type) reflect.Type {
	whole, _ := reflect.New(t).Interface().(holder).held()
	return whole
}

// OrList is implemented by structs that the T of a Raw holds where a list of anything may stand in their place.
type OrList interface {
	OrList()
}

var orListType = reflect.TypeFor[OrList]()

// Or is the T of a Raw that stands for one of two forms.
type Or[A, B any] struct{}

func (Or[A, B]) forms() []reflect.Type {
	return []reflect.Type{reflect.TypeFor[A](), reflect.TypeFor[B]()}
}

// formsOf returns the types of an Or, or the type itself.
func formsOf(t reflect.Type) []reflect.Type {
	if or, ok := reflect.Zero(t).Interface().(interface{ forms() []reflect.Type }); ok {
		return or.forms()
	}
	return []reflect.Type{t}
}

// Interval is a set of numbers between two ends, written as in a range tag: "(0,inf)", "[0,1)", "[1,inf)". An end of
// inf or -inf written with a square bracket admits the infinity itself.
type Interval struct {
	Low, High  float64
	Open, Shut rune // brackets: a round one leaves the end out
}

// ParseInterval reads the text of a range tag. It fails on anything that is not a non-empty interval.
func ParseInterval(text string) (Interval, error) {
	var r Interval
	var rest string
	n, _ := fmt.Sscanf(text, "%c%g,%g%c%s", &r.Open, &r.Low, &r.High, &r.Shut, &rest)
	nonempty := r.Low < r.High || r.Low == r.High && r.Open == '[' && r.Shut == ']'
	if n != 4 || !strings.ContainsRune("([", r.Open) || !strings.ContainsRune(")]", r.Shut) || !nonempty {
		return Interval{}, fmt.Errorf("range %q is not an interval such as (0,inf) or [0,1)", text)
	}
	return r, nil
}

// Contains says whether v lies in the interval; NaN lies in none.
func (r Interval) Contains(v float64) bool {
	above := v > r.Low || v == r.Low && r.Open == '['
	below := v < r.High || v == r.High && r.Shut == ']'
	return above && below
}

// tidyNumbers writes 1e+06 and +Inf as people do, 1e6 and inf.
var tidyNumbers = strings.NewReplacer("e+0", "e", "e+", "e", "e-0", "e-", "+Inf", "inf", "Inf", "inf")

// String returns the text of the tag.
func (r Interval) String() string {
	return fmt.Sprintf("%c%s%c", r.Open, tidyNumbers.Replace(fmt.Sprintf("%v,%v", r.Low, r.High)), r.Shut)
}

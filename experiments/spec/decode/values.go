package decode

import (
	"encoding"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// mostShown is how many runes of a text a message shows.
const mostShown = 40

// largestWhole is 2^53: up to it every whole number is a float64, so 1e3 and 1000 are the same.
const largestWhole = 1 << 53

func isNull(n *Node) bool {
	return n == nil || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" || n.Kind == 0
}

// decimal matches numbers in plain decimal notation, without leading zeros or underscores.
var decimal = regexp.MustCompile(`^[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?$`)

// number reads a scalar as a number; quoted text is none.
func number(n *Node) (float64, bool) {
	if n.Kind != yaml.ScalarNode {
		return 0, false
	}
	if tag := n.ShortTag(); tag != "!!int" && tag != "!!float" {
		return 0, false
	}
	switch strings.ToLower(strings.TrimPrefix(n.Value, "+")) {
	case ".inf":
		return math.Inf(1), true
	case "-.inf":
		return math.Inf(-1), true
	}
	v, err := strconv.ParseFloat(n.Value, 64)
	return v, err == nil && decimal.MatchString(n.Value)
}

// isText says whether a scalar is text. YAML's timestamps are: nothing here has dates.
func isText(n *Node) bool {
	return n.Kind == yaml.ScalarNode && !slices.Contains([]string{"!!null", "!!bool", "!!int", "!!float"}, n.ShortTag())
}

// Whole reads a scalar as a whole number, written as any number may be: 10, 1e1 or 10.0.
func Whole(n *Node) (v int, ok bool) {
	ok = set(n, reflect.ValueOf(&v).Elem(), limits{})
	return v, ok
}

// Got says what a node is, as it is written, as the first half of a message.
func Got(n *Node) string {
	switch {
	case n == nil || n.Kind == 0 || isNull(n) && n.Value == "":
		return "has no value"
	case n.Kind == yaml.MappingNode:
		return "is a mapping"
	case n.Kind == yaml.SequenceNode && len(n.Content) == 0:
		return "is an empty list"
	case n.Kind == yaml.SequenceNode:
		return "is a list"
	case isText(n):
		return "is the text " + quoted(n.Value)
	}
	return "is " + short(n.Value)
}

func quoted(text string) string { return strconv.Quote(short(text)) }

func short(text string) string {
	count := 0
	for i := range text {
		if count == mostShown {
			return text[:i] + "..."
		}
		count++
	}
	return text
}

// set decodes what is no text into a bool, a number or a whole number, and says whether it is one and within the limits.
func set(n *Node, dst reflect.Value, lim limits) bool {
	if dst.Kind() == reflect.Bool {
		is := n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool"
		if is {
			dst.SetBool(strings.EqualFold(n.Value, "true"))
		}
		return is
	}
	v, ok := number(n)
	if !ok || lim.bounds == nil && math.IsInf(v, 0) || lim.bounds != nil && !lim.bounds.Contains(v) {
		return false
	}
	if dst.Kind() == reflect.Float64 {
		dst.SetFloat(v)
		return true
	}
	whole, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil {
		whole = int64(v)
		if math.Abs(v) > largestWhole || float64(whole) != v {
			return false
		}
	}
	dst.SetInt(whole)
	return true
}

// text takes a scalar as it is written: a name of 1e3 or 007 is no number here.
func (s *state) text(n *Node, dst reflect.Value, lim limits) {
	switch {
	case n.Kind != yaml.ScalarNode || lim.words != nil && !isText(n):
		s.wrongType(n, dst.Type(), lim)
	case lim.required && n.Value == "":
		s.fail(n, "", "is empty", s.d.Tables.phrase(dst.Type(), lim), "")
	case lim.words != nil && !slices.Contains(lim.words, n.Value):
		s.fail(n, "", "is "+quoted(n.Value), oneOf(lim.words), Nearest(n.Value, lim.words))
	default:
		dst.SetString(n.Value)
	}
}

func (s *state) unmarshalText(n *Node, dst reflect.Value, lim limits) {
	if n.Kind != yaml.ScalarNode {
		s.wrongType(n, dst.Type(), lim)
	} else if err := dst.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.Value)); err != nil {
		s.fail(n, "", Got(n), err.Error(), "")
	}
}

func oneOf(words []string) string { return "one of " + strings.Join(words, ", ") }

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
		s.at(strconv.Itoa(i), entry, fill(list.Index(i)), lim.element())
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

// mapping decodes into a fresh map with text keys. Where the values are lists of words, a scalar is a list of one.
func (s *state) mapping(n *Node, dst reflect.Value, lim limits) {
	t := dst.Type()
	if n.Kind != yaml.MappingNode || lim.required && len(n.Content) == 0 {
		s.notFilled(n, yaml.MappingNode, t, lim)
		return
	}
	m := reflect.MakeMapWithSize(t, len(n.Content)/2)
	for key, value := range n.Pairs() {
		v := filled(t.Elem())
		if shapeOf(t) == shapeWords && value.Kind == yaml.ScalarNode && !isNull(value) {
			v.Set(reflect.ValueOf([]string{value.Value}))
		} else {
			s.at(key.Value, value, v, lim.element())
		}
		m.SetMapIndex(reflect.ValueOf(key.Value).Convert(t.Key()), v)
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

func (s *state) partly(n *Node, dst reflect.Value) {
	*heldNode(dst) = n
	outer := s.partial
	s.partial = true
	s.value(n, reflect.New(heldOf(dst.Type())).Elem(), limits{})
	s.partial = outer
}

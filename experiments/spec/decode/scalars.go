package decode

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
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

// isDecimal says whether text is a number in plain decimal notation, without leading zeros or underscores.
func isDecimal(text string) bool {
	text = strings.TrimLeft(text[:min(1, len(text))], "+-") + text[min(1, len(text)):]
	whole := digits(text)
	if whole > 1 && text[0] == '0' {
		return false
	}
	rest, fraction := text[whole:], 0
	if strings.HasPrefix(rest, ".") {
		fraction = digits(rest[1:])
		rest = rest[1+fraction:]
	}
	if whole+fraction == 0 || rest == "" {
		return whole+fraction > 0
	}
	if rest[0] != 'e' && rest[0] != 'E' {
		return false
	}
	rest = rest[1:]
	if rest != "" && (rest[0] == '+' || rest[0] == '-') {
		rest = rest[1:]
	}
	return rest != "" && digits(rest) == len(rest)
}

// digits counts the digits that text begins with.
func digits(text string) int {
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return n
}

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
	return v, err == nil && isDecimal(n.Value)
}

// isText says whether a scalar is text. YAML's timestamps are: nothing here has dates.
func isText(n *Node) bool {
	if n.Kind != yaml.ScalarNode {
		return false
	}
	switch n.ShortTag() {
	case "!!null", "!!bool", "!!int", "!!float":
		return false
	}
	return true
}

// got says what a node is, as the first half of a message.
func got(n *Node) string {
	switch {
	case n == nil || n.Kind == 0 || isNull(n) && n.Value == "":
		return "has no value"
	case n.Kind == yaml.MappingNode:
		return "is a mapping"
	case n.Kind == yaml.SequenceNode:
		return "is a list"
	case n.Kind == yaml.AliasNode:
		return "is an alias"
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

// scalar decodes a bool, a number, text, or a type that reads itself from text.
func (s *state) scalar(n *Node, dst reflect.Value, lim limits) {
	ok := false
	switch shapeOf(dst.Type()) {
	case shapeBool:
		if ok = n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool"; ok {
			dst.SetBool(strings.EqualFold(n.Value, "true"))
		}
	case shapeInt:
		ok = setInt(n, dst, lim)
	case shapeUint:
		ok = setUint(n, dst, lim)
	case shapeFloat:
		ok = setFloat(n, dst, lim)
	case shapeString:
		s.text(n, dst, lim)
		return
	case shapeText:
		s.unmarshalText(n, dst, lim)
		return
	}
	if !ok {
		s.wrongType(n, dst.Type(), lim)
	}
}

func inBounds(v float64, lim limits) bool {
	if lim.bounds == nil {
		return !math.IsInf(v, 0)
	}
	return lim.bounds.Contains(v)
}

func setFloat(n *Node, dst reflect.Value, lim limits) bool {
	v, ok := number(n)
	if !ok || !inBounds(v, lim) || dst.OverflowFloat(v) {
		return false
	}
	dst.SetFloat(v)
	return true
}

func setInt(n *Node, dst reflect.Value, lim limits) bool {
	v, ok := number(n)
	if !ok || !inBounds(v, lim) {
		return false
	}
	whole, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil {
		whole = int64(v)
		if math.Abs(v) > largestWhole || float64(whole) != v {
			return false
		}
	}
	if dst.OverflowInt(whole) {
		return false
	}
	dst.SetInt(whole)
	return true
}

func setUint(n *Node, dst reflect.Value, lim limits) bool {
	v, ok := number(n)
	if !ok || v < 0 || !inBounds(v, lim) {
		return false
	}
	whole, err := strconv.ParseUint(strings.TrimPrefix(n.Value, "+"), 10, 64)
	if err != nil {
		whole = uint64(min(v, largestWhole))
		if float64(whole) != v {
			return false
		}
	}
	if dst.OverflowUint(whole) {
		return false
	}
	dst.SetUint(whole)
	return true
}

func (s *state) text(n *Node, dst reflect.Value, lim limits) {
	switch {
	case !isText(n):
		s.wrongType(n, dst.Type(), lim)
	case lim.required && n.Value == "":
		s.fail(n, "", "is empty", s.d.Tables.phrase(dst.Type(), lim), "")
	case !s.allowedWord(n, lim):
	default:
		dst.SetString(n.Value)
	}
}

// allowedWord reports a word that oneof does not list.
func (s *state) allowedWord(n *Node, lim limits) bool {
	if lim.words == nil || slices.Contains(lim.words, n.Value) {
		return true
	}
	s.fail(n, "", "is "+quoted(n.Value), oneOf(lim.words), nearest(n.Value, lim.words))
	return false
}

func (s *state) unmarshalText(n *Node, dst reflect.Value, lim limits) {
	if n.Kind != yaml.ScalarNode {
		s.wrongType(n, dst.Type(), lim)
		return
	}
	if !s.allowedWord(n, lim) {
		return
	}
	if err := dst.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.Value)); err != nil {
		s.fail(n, "", got(n), err.Error(), "")
	}
}

func oneOf(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return fmt.Sprintf("one of %s", strings.Join(words, ", "))
}

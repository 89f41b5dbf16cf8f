package decode

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// mostAliased is how many nodes aliases may add to those written out, so that a few lines cannot stand for billions.
const mostAliased = 100_000

// Parse reads one YAML document and returns its root. The accepted YAML is the plain part of the language: mappings
// with text keys, each once, lists, scalars, and anchors with aliases for whole values. Aliases are resolved: a
// copy of the node that they stand for takes their place. Merge
// keys (<<), explicit tags, lists or mappings as keys, an anchor that contains itself, aliases that stand for more than
// 100000 further values, and a second document are mistakes.
//
// The error, if any, is an Errors. The root is nil where the text is no YAML at all; otherwise it can still be decoded,
// so that all mistakes of a file are reported at once.
func Parse(file string, data []byte) (*Node, error) {
	if at, what := badCharacter(data); at >= 0 {
		line, column := position(data, at)
		return nil, Errors{{File: file, Line: line, Column: column, Wrong: what, Allowed: "printable UTF-8 text"}}
	}
	in := yaml.NewDecoder(bytes.NewReader(data))
	var doc, next yaml.Node
	switch err := in.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, Errors{{File: file, Line: 1, Column: 1, Wrong: "is empty", Allowed: "a YAML document"}}
	case err != nil:
		return nil, Errors{syntaxError(file, data, err)}
	}
	n := normalizer{file: file}
	root := n.value(doc.Content[0])
	if n.fatal {
		root = nil
	}
	switch err := in.Decode(&next); {
	case errors.Is(err, io.EOF):
	case err != nil:
		n.errs = append(n.errs, syntaxError(file, data, err))
	default:
		n.fail(&next, "is followed by a second document", "one document a file")
	}
	return root, n.errs.sorted()
}

// badCharacter returns the offset of the first byte that YAML does not allow, or -1.
func badCharacter(data []byte) (offset int, what string) {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return i, "is not UTF-8 here"
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r >= 0x7f && r < 0xa0 && r != 0x85, r == 0xfffe, r == 0xffff:
			return i, fmt.Sprintf("has the control character %U here", r)
		}
		i += size
	}
	return -1, ""
}

// position turns an offset into a line and a column in runes, both from 1.
func position(data []byte, offset int) (line, column int) {
	before := data[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	return 1 + bytes.Count(before, []byte("\n")), 1 + utf8.RuneCount(before[start:])
}

var (
	syntaxLine    = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?((?s).*)$`)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// parserComplaints are the messages for which yaml.v3 gives the line before the one it means.
var parserComplaints = []string{
	"did not find expected ',' or ']'", "did not find expected ',' or '}'", "did not find expected '-' indicator",
	"did not find expected key", "did not find expected node content", "did not find expected <document start>",
}

// syntaxError gives a message of yaml.v3 a position. yaml.v3 tells the line only (none for the first); the column is
// that of the line's first character.
func syntaxError(file string, data []byte, err error) Error {
	match := syntaxLine.FindStringSubmatch(err.Error())
	number, _ := strconv.Atoi(match[1]) // no number is the first line
	if number > 0 && slices.Contains(parserComplaints, match[2]) {
		number++
	}
	lines := strings.Split(string(data), "\n")
	number = min(max(number, 1), len(lines))
	column := 1 + len(lines[number-1]) - len(strings.TrimLeft(lines[number-1], " \t"))
	if anchor := unknownAnchor.FindStringSubmatch(match[2]); anchor != nil {
		if at := bytes.Index(data, []byte("*"+anchor[1])); at >= 0 {
			number, column = position(data, at)
		}
	}
	return Error{File: file, Line: number, Column: column, Wrong: "is not YAML: " + match[2]}
}

// normalizer turns a freshly parsed tree into one of plain YAML and collects what it must reject. What it reports it also
// leaves out, so that decoding does not report it again.
type normalizer struct {
	file    string
	errs    Errors
	path    []string
	within  []*yaml.Node // from the root to the current node
	aliases int          // that lie on the way; what they bring has been checked where it is written
	copies  int          // values that aliases add
	fatal   bool         // the tree is unusable
}

func (z *normalizer) fail(n *yaml.Node, wrong, allowed string) {
	if z.aliases > 0 {
		return
	}
	z.errs = append(z.errs, Error{File: z.file, Line: n.Line, Column: n.Column, Key: dotted("", z.path, ""), Wrong: wrong, Allowed: allowed})
}

func (z *normalizer) value(n *yaml.Node) *Node {
	if n.Kind == yaml.AliasNode {
		return z.alias(n)
	}
	if z.aliases > 0 {
		z.copies++
	}
	if z.copies > mostAliased {
		return z.node(n)
	}
	z.within = append(z.within, n)
	defer func() { z.within = z.within[:len(z.within)-1] }()
	if n.Style&yaml.TaggedStyle != 0 {
		z.fail(n, fmt.Sprintf("has the tag %s", n.Tag), "values without tags")
		n.Tag, n.Style = "", n.Style&^yaml.TaggedStyle
	}
	out := z.node(n)
	switch n.Kind {
	case yaml.MappingNode:
		z.mapping(n, out)
	case yaml.SequenceNode:
		for i, item := range n.Content {
			out.Content = append(out.Content, z.child(item, strconv.Itoa(i)))
		}
	}
	return out
}

func (z *normalizer) node(n *yaml.Node) *Node {
	return &Node{Kind: n.Kind, Style: n.Style, Tag: n.ShortTag(), Value: n.Value, File: z.file, Line: n.Line, Column: n.Column}
}

func (z *normalizer) child(n *yaml.Node, at string) *Node {
	z.path = append(z.path, at)
	defer func() { z.path = z.path[:len(z.path)-1] }()
	return z.value(n)
}

func (z *normalizer) alias(n *yaml.Node) *Node {
	if slices.Contains(z.within, n.Alias) {
		z.fail(n, fmt.Sprintf("is the alias *%s inside the value it stands for", n.Value), "a value")
		z.fatal = true
		return z.node(n)
	}
	z.aliases++
	out := z.value(n.Alias)
	z.aliases--
	if z.aliases == 0 && z.copies > mostAliased && !z.fatal {
		z.fail(n, fmt.Sprintf("brings what aliases stand for above %d values", mostAliased), "fewer")
		z.fatal = true
	}
	return out
}

// mapping keeps the first of each text key.
func (z *normalizer) mapping(n *yaml.Node, out *Node) {
	first := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		value := z.child(n.Content[i+1], cmp.Or(key.Value, strconv.Itoa(i/2)))
		if z.key(key, first) {
			first[key.Value] = key
			out.Content = append(out.Content, z.node(key), value)
		}
	}
}

// key says whether a key may stay.
func (z *normalizer) key(key *yaml.Node, first map[string]*yaml.Node) bool {
	switch {
	case key.Style&yaml.TaggedStyle != 0:
		z.fail(key, fmt.Sprintf("has a key with the tag %s", key.Tag), "keys without tags")
	case key.Kind != yaml.ScalarNode:
		z.fail(key, fmt.Sprintf("has a key that %s", Got(z.value(key))), "keys that are text, written out")
	case key.Value == "":
		z.fail(key, "has an empty key", "keys that are text")
	case key.Tag == "!!merge":
		z.fail(key, "has a merge key <<", "keys written out, or an alias for the whole value")
	case first[key.Value] != nil:
		z.path = append(z.path, key.Value)
		z.fail(key, fmt.Sprintf("is given twice, first on line %d", first[key.Value].Line), "it once")
		z.path = z.path[:len(z.path)-1]
	default:
		return true
	}
	return false
}

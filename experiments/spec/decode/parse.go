package decode

import (
	"bytes"
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
// with text keys, each once, lists, scalars, and anchors with aliases for whole values. Aliases are resolved (the
// node that they stand for takes their place, so the tree shares nodes and must not be changed in place; see Set). Merge
// keys (<<), explicit tags, lists or mappings as keys, an anchor that contains itself, aliases that stand for more than
// 100000 further nodes, and a second document are mistakes.
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
	n := normalizer{file: file, done: map[*yaml.Node]normalized{}}
	root := n.document(&doc)
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
	syntaxLine    = regexp.MustCompile(`^yaml: (?:line (\d+): )?((?s).*)$`)
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
	if match == nil {
		match = []string{"", "", err.Error()}
	}
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

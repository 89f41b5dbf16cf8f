package expression

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
)

// Error is a mistake in the source of an expression, in the words of the configuration's own errors.
type Error struct {
	Offset  int    // bytes before the mistake, from 0 to the length of the source
	Column  int    // the same place counted in characters, from 1
	Wrong   string // what is wrong: `lamda is not a variable here`
	Allowed string // what is allowed: `one of c, r, lambda`; "" where Wrong says it all
	Near    string // the allowed spelling nearest to what was written; "" where none is near
}

// Error returns one line, `column 4: what is wrong; want what is allowed; did you mean "lambda"?`.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "column %d: %s", e.Column, e.Wrong)
	if e.Allowed != "" {
		b.WriteString("; want " + e.Allowed)
	}
	if e.Near != "" {
		fmt.Fprintf(&b, "; did you mean %q?", e.Near)
	}
	return b.String()
}

// mistake returns the error at a byte offset of source.
func mistake(source string, offset int, wrong, allowed, near string) *Error {
	return &Error{offset, utf8.RuneCountInString(source[:offset]) + 1, wrong, allowed, near}
}

// longestName is the length in bytes above which no spelling is looked up; names are far shorter.
const longestName = 64

// nearest returns the candidate with the fewest edits from word, or "" if none is near: up to 4 letters allow one
// edit, 5 to 8 two, more three. Case does not count.
func nearest(word string, candidates []string) string {
	if len(word) > longestName {
		return ""
	}
	best, fewest := "", longestName
	for _, c := range candidates {
		edits := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(c))
		if edits <= min((max(len(c), len(word))+3)/4, 3) && edits < len(c) && edits < fewest {
			best, fewest = c, edits
		}
	}
	return best
}

// oneOf lists what is allowed.
func oneOf(names []string) string {
	switch len(names) {
	case 0:
		return ""
	case 1:
		return names[0]
	}
	return "one of " + strings.Join(names, ", ")
}

// sorted returns a sorted copy.
func sorted(names []string) []string {
	return slices.Sorted(slices.Values(names))
}

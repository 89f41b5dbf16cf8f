package decode

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"windtunnel/toy/registry"
)

// Error is one mistake in a configuration.
type Error struct {
	File         string // the file, or the label of another origin such as "--set train.epochs=abc"
	Line, Column int    // from 1; 0 where the origin has no lines, Column alone where a line is all that is known
	Key          string // full dotted path: train.optimizer.lr, objectives.2.divergence; "" is the whole document or line
	Wrong        string // what is wrong: "is -1"
	Allowed      string // what is allowed: "a number in (0,inf)"; "" where Wrong says it all
	Near         string // the nearest valid spelling; "" where none is near
}

// Error returns one line, `file:line:column: key: what is wrong; want what is allowed; did you mean "epochs"?`.
func (e Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	switch {
	case e.Line > 0 && e.Column > 0:
		fmt.Fprintf(&b, ":%d:%d: %s: %s", e.Line, e.Column, cmp.Or(e.Key, "document"), e.Wrong)
	case e.Line > 0:
		fmt.Fprintf(&b, ":%d: %s", e.Line, e.Wrong)
	case e.Key != "":
		fmt.Fprintf(&b, ": %s: %s", e.Key, e.Wrong)
	default:
		b.WriteString(": " + e.Wrong)
	}
	if e.Allowed != "" {
		b.WriteString("; want " + e.Allowed)
	}
	if e.Near != "" {
		fmt.Fprintf(&b, "; did you mean %q?", e.Near)
	}
	return b.String()
}

// Meant returns the mistake with what was meant, "" where nothing is near.
func (e Error) Meant(near string) Error {
	e.Near = near
	return e
}

// Errors are the mistakes of a document, in the order of their positions. It is never empty when returned as an error.
type Errors []Error

// Error returns one line a mistake.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Join puts mistakes from several steps (decoding, checking files) into one Errors, sorted by position and without
// repetitions. Errors of other types become mistakes without a position. It returns nil if all are nil.
func Join(errs ...error) error {
	var all Errors
	for _, err := range errs {
		var many Errors
		var one Error
		switch {
		case err == nil:
		case errors.As(err, &many):
			all = append(all, many...)
		case errors.As(err, &one):
			all = append(all, one)
		default:
			all = append(all, Error{Wrong: err.Error()})
		}
	}
	return all.sorted()
}

// sorted orders by file, origins without lines last, and drops repetitions; no mistakes are a nil error.
func (e Errors) sorted() error {
	if len(e) == 0 {
		return nil
	}
	slices.SortStableFunc(e, func(a, b Error) int {
		return cmp.Or(
			cmp.Compare(min(b.Line, 1), min(a.Line, 1)),
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Key, b.Key),
			cmp.Compare(a.Wrong, b.Wrong),
		)
	})
	return slices.Compact(e)
}

// dotted joins a prefix, the keys and indices of a path and a last key, leaving out what is empty.
func dotted(prefix string, path []string, last string) string {
	parts := slices.Concat([]string{prefix}, path, []string{last})
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), ".")
}

// Unplaced returns mistakes without their positions, for texts that nobody has seen as lines; label and key, where they are not empty,
// take the place of the mistakes' own. Other errors stay as they are.
func Unplaced(err error, label, key string) error {
	var all Errors
	if !errors.As(err, &all) {
		return err
	}
	for i := range all {
		all[i].Line, all[i].Column = 0, 0
		all[i].File, all[i].Key = cmp.Or(label, all[i].File), cmp.Or(key, all[i].Key)
	}
	return all
}

// Suggest adds the nearest known word, if one is near, to the error about another.
func Suggest(err error, word string, known []string) error {
	if near := Nearest(word, known); near != "" {
		return fmt.Errorf("%w; did you mean %q?", err, near)
	}
	return err
}

// Nearest is registry.Nearest.
func Nearest(word string, candidates []string) string { return registry.Nearest(word, candidates) }

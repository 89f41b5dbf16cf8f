package decode

import (
	"reflect"
	"strings"
)

// Nearest returns the candidate that a misspelt word is most likely meant to be, or "" where none is near.
func Nearest(word string, candidates []string) string { return nearest(word, candidates) }

// CanonicalPath returns a dotted path, one that CheckPath accepts, with every key by its canonical name: objective.beta
// becomes objective.lambda. root must be canonical already and dst a pointer to its struct with the defaults.
func (d *Decoder) CanonicalPath(root *Node, dst any, path string) string {
	v := reflect.ValueOf(dst).Elem()
	p := place{typ: v.Type(), value: v, node: root}
	segments := strings.Split(path, ".")
	for i, key := range segments {
		p = resolve(p)
		if p.typ == nil || shapeOf(p.typ) == shapeMap || shapeOf(p.typ) == shapeWords {
			break
		}
		structs, _ := d.Tables.members(p)
		if l, at := canonicalField(structs, key); l != nil {
			segments[i] = l.fields[at].key
		}
		p, _, _ = d.Tables.step(p, key)
	}
	return strings.Join(segments, ".")
}

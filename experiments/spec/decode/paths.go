package decode

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// point is one of a document: its Go type and, where they exist, its node and the value that holds its defaults.
type point struct {
	typ   reflect.Type  // nil where anything may stand, below a *Node
	value reflect.Value // may be invalid
	node  *Node         // nil where the tree has nothing
}

// rootOf returns the point of a document, given a pointer to its struct with the defaults.
func rootOf(dst any, n *Node) point {
	v := reflect.ValueOf(dst).Elem()
	return point{typ: v.Type(), value: v, node: n}
}

// resolve goes through pointers and Partials.
func resolve(p point) point {
	for p.typ != nil {
		switch shapeOf(p.typ) {
		case shapePointer:
			p.typ = p.typ.Elem()
			if p.value.IsValid() && !p.value.IsNil() {
				p.value = p.value.Elem()
			} else {
				p.value = filled(p.typ)
			}
		case shapePartial:
			p.typ, p.value = heldOf(p.typ), reflect.Value{}
		case shapeRaw, shapeLike:
			p.typ = nil
		default:
			return p
		}
	}
	return p
}

// entryOf returns the point of any entry of a list or a map, without its node.
func entryOf(p point) point {
	return point{typ: p.typ.Elem(), value: filled(p.typ.Elem())}
}

// members returns the structs that the keys of a point belong to, and the table of its kind, nil if it has none. Where neither the
// node nor the default chooses a kind (open), they are the parameters of any.
func (t *Tables) members(p point) (structs []point, kinds *table, open bool) {
	params := p
	switch shapeOf(p.typ) {
	case shapeStruct:
		structs = []point{p}
		l := layoutOf(p.typ)
		if l.kind == nil {
			return structs, nil, false
		}
		params = fieldOf(p, l.kind)
	case shapeKind:
	default:
		return nil, nil, false
	}
	kinds = t.of(params.typ)
	if chosen := kindValue(kinds, params.value, p.node); chosen.IsValid() {
		return append(structs, point{typ: chosen.Type(), value: chosen, node: p.node}), kinds, false
	}
	for _, entry := range kinds.entries {
		value := reflect.ValueOf(entry.New()).Elem()
		structs = append(structs, point{typ: value.Type(), value: value, node: p.node})
	}
	return structs, kinds, true
}

// kindValue returns the defaults of the kind that a node names or, if it names none, the one that the default is.
func kindValue(kinds *table, value reflect.Value, n *Node) reflect.Value {
	name := n
	if n == nil || n.Kind == yaml.MappingNode {
		name = child(n, kindKey)
	}
	if name != nil {
		if entry, ok := kinds.byName[name.Value]; ok && isText(name) {
			return reflect.ValueOf(entry.New()).Elem()
		}
		return reflect.Value{}
	}
	if value.IsValid() && !value.IsNil() {
		return value.Elem().Elem()
	}
	return reflect.Value{}
}

func fieldOf(p point, f *field) point {
	next := point{typ: f.typ}
	if p.value.IsValid() {
		next.value = p.value.FieldByIndex(f.index)
	}
	for _, key := range f.spellings() {
		if next.node == nil && f.key != "" { // that of a kind has no key
			next.node = child(p.node, key)
		}
	}
	return next
}

// step goes to a key or index below a point; spelled is the key as the tree has it, its canonical name where it has not.
func (t *Tables) step(p point, key string) (next point, spelled string, ok bool) {
	p = resolve(p)
	if p.typ == nil {
		next.node = child(p.node, key)
		if next.node == nil {
			next.node = item(p.node, key)
		}
		return next, key, true
	}
	switch shapeOf(p.typ) {
	case shapeList:
		next = entryOf(p)
		next.node = item(p.node, key)
		return next, key, next.node != nil
	case shapeMap, shapeWords:
		next = entryOf(p)
		next.node = child(p.node, key)
		return next, key, true
	case shapeStruct, shapeKind:
		return t.stepKey(p, key)
	}
	return point{}, "", false
}

func (t *Tables) stepKey(p point, key string) (next point, spelled string, ok bool) {
	structs, kinds, _ := t.members(p)
	if kinds != nil && key == kindKey {
		return point{typ: reflect.TypeFor[string](), node: child(p.node, kindKey)}, key, true
	}
	in, f := fieldNamed(structs, key)
	if f == nil {
		return point{}, "", false
	}
	if given := slices.IndexFunc(f.spellings(), func(name string) bool { return keyIndex(p.node, name) >= 0 }); given >= 0 {
		return fieldOf(in, f), f.spellings()[given], true
	}
	return fieldOf(in, f), f.key, true
}

// fieldNamed returns the first of the structs that has a key, and the field, or nil.
func fieldNamed(structs []point, key string) (point, *field) {
	for _, s := range structs {
		if f := layoutOf(s.typ).byKey[key]; f != nil {
			return s, f
		}
	}
	return point{}, nil
}

// walk goes along a path as far as it exists. nearest is the last node on the way.
func (t *Tables) walk(p point, path []string) (end point, spelled, rest []string, nearest *Node) {
	nearest, rest = p.node, path
	for len(rest) > 0 {
		key, used := rest[0], 1
		if q := resolve(p); q.typ != nil && (shapeOf(q.typ) == shapeMap || shapeOf(q.typ) == shapeWords) {
			key, used = mapKey(q, rest)
		}
		next, name, ok := t.step(p, key)
		if !ok {
			break
		}
		p, spelled, rest = next, append(spelled, name), rest[used:]
		if p.node != nil {
			nearest = p.node
		}
	}
	return p, spelled, rest, nearest
}

// mapKey returns the key of a map that a path continues with. Keys may hold dots: the longest that the tree has is
// taken, else one segment where the values have keys themselves, else all.
func mapKey(p point, path []string) (key string, used int) {
	for n := len(path); n > 0; n-- {
		if key = strings.Join(path[:n], "."); keyIndex(p.node, key) >= 0 {
			return key, n
		}
	}
	switch shapeOf(p.typ.Elem()) {
	case shapeStruct, shapeKind, shapeMap, shapeRaw, shapePointer, shapePartial, shapeLike:
		return path[0], 1
	}
	return strings.Join(path, "."), len(path)
}

// locate finds the node at a path, or the nearest one around it, and spells the path as the tree does.
func (t *Tables) locate(p point, path string) (nearest *Node, spelled string) {
	_, steps, rest, nearest := t.walk(p, strings.Split(path, "."))
	return nearest, strings.Join(append(steps, rest...), ".")
}

// CheckPath says whether a dotted path can exist in the document root, which dst (a pointer to its struct with the
// defaults) is decoded from: each segment must be a key of the struct there, of the kind that the tree or the default
// chooses, or the index of an entry of a list. The mistake, if it is not ok, is placed at the node blame, has the path as
// its key, and suggests the nearest path: for train.optimiser.lr it is train.optimizer.lr.
func (d *Decoder) CheckPath(root *Node, dst any, path string, blame *Node) (mistake Error, ok bool) {
	start, segments := rootOf(dst, root), strings.Split(path, ".")
	end, spelled, rest, _ := d.Tables.walk(start, segments)
	if len(rest) == 0 && path != "" {
		return Error{}, true
	}
	wrong, allowed := d.Tables.noStep(resolve(end), strings.Join(spelled, "."), rest[0])
	mistake = d.Error(blame, path, wrong, allowed)
	if mistake.Near = d.Tables.suggest(start, segments); mistake.Near == "" {
		mistake.Near = d.Tables.elsewhere(start, segments[len(segments)-1])
	}
	return mistake, false
}

// Assigned reads the text of an assignment on the command line, which messages call by the label, to a path that CheckPath
// accepts. Where the setting is text it is the text as it stands, whatever YAML would make of # and quotes; where it is text
// or a list, it is so unless it is a list in YAML. Elsewhere it is YAML.
func (d *Decoder) Assigned(root *Node, dst any, path, label, text string) (*Node, error) {
	end, _, _, _ := d.Tables.walk(rootOf(dst, root), strings.Split(path, "."))
	only, or := false, false // text and nothing else, or text or a list
	if end.typ != nil && shapeOf(end.typ) == shapeLike {
		or = slices.Contains(formsOf(heldOf(end.typ)), reflect.TypeFor[string]())
	} else if end = resolve(end); end.typ != nil {
		only = shapeOf(end.typ) == shapeString || shapeOf(end.typ) == shapeText
		or = end.typ == wordsType
	}
	if !only {
		value, err := Parse(label, []byte(text))
		if !or || err == nil && value.Kind != yaml.ScalarNode {
			return value, err
		}
	}
	if at, what := badCharacter([]byte(text)); at >= 0 {
		return nil, Errors{{File: label, Wrong: what, Allowed: "printable UTF-8 text"}}
	}
	return &Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}, nil
}

// noStep says why a point has no key or entry of that name. at is the path of the point.
func (t *Tables) noStep(p point, at, key string) (wrong, allowed string) {
	in := ""
	if at != "" {
		in = " in " + at
	}
	switch shapeOf(p.typ) {
	case shapeList:
		if indices := t.keysAt(p, false); len(indices) > 0 {
			return fmt.Sprintf("there is no entry %s%s", key, in), "an index from 0 to " + indices[len(indices)-1]
		}
		return fmt.Sprintf("there is no entry %s%s", key, in), "no index: there are no entries"
	case shapeStruct, shapeKind:
		if _, kinds, open := t.members(p); open {
			return fmt.Sprintf("there is no key %s%s, which names no kind", key, in), kinds.wanted()
		}
		return fmt.Sprintf("there is no key %s%s", key, in), "one of " + strings.Join(t.keysAt(p, false), ", ")
	}
	return fmt.Sprintf("there is no key %s%s", key, in), "the path without it: " + t.phrase(p.typ, limits{}) + " has no keys"
}

// keysAt lists the keys of a mapping or the indices of a list, with the aliases of keys if asked.
func (t *Tables) keysAt(p point, aliases bool) []string {
	if shapeOf(p.typ) == shapeList {
		var indices []string
		for i := 0; item(p.node, strconv.Itoa(i)) != nil; i++ {
			indices = append(indices, strconv.Itoa(i))
		}
		return indices
	}
	structs, kinds, _ := t.members(p)
	return keysOf(structs, kinds != nil, aliases)
}

// keysOf lists the keys of a mapping, with their aliases if asked.
func keysOf(structs []point, hasKind, aliases bool) []string {
	var keys []string
	if hasKind {
		keys = append(keys, kindKey)
	}
	for _, s := range structs {
		for _, f := range layoutOf(s.typ).fields {
			keys = append(keys, f.key)
			if aliases {
				keys = append(keys, f.aliases...)
			}
		}
	}
	return keys
}

// suggest corrects each wrong segment of a path to the nearest key there; it returns "" where none is near.
func (t *Tables) suggest(p point, path []string) string {
	end, spelled, rest, _ := t.walk(p, path)
	if len(rest) == 0 {
		return strings.Join(spelled, ".")
	}
	end = resolve(end)
	if shapeOf(end.typ) == shapeList {
		return ""
	}
	near := Nearest(rest[0], t.keysAt(end, true))
	if near == "" {
		return ""
	}
	next, _, _ := t.step(end, near)
	spelled = append(spelled, near)
	if len(rest) > 1 {
		tail := t.suggest(next, rest[1:])
		if tail == "" {
			return ""
		}
		spelled = append(spelled, tail)
	}
	return strings.Join(spelled, ".")
}

// mostVisited bounds the search for a key elsewhere in a document.
const mostVisited = 1000

// elsewhere returns the path of a key that exists at another level, the first found from the top, or "".
func (t *Tables) elsewhere(start point, key string) string {
	type stop struct {
		point
		path string
	}
	queue := []stop{{start, ""}}
	for visited := 0; visited < len(queue) && visited < mostVisited; visited++ {
		at := queue[visited]
		at.point = resolve(at.point)
		if at.typ == nil || strings.Count(at.path, ".") > 4 {
			continue
		}
		if _, _, open := t.members(at.point); open {
			continue
		}
		for _, name := range t.keysAt(at.point, false) {
			next, spelled, ok := t.step(at.point, name)
			if !ok || len(queue) > mostVisited {
				continue
			}
			path := strings.TrimPrefix(at.path+"."+spelled, ".")
			if name == key && name != kindKey && shapeOf(at.typ) != shapeList {
				return path
			}
			queue = append(queue, stop{next, path})
		}
	}
	return ""
}

// Canonical returns the tree n, which dst (a pointer to its struct with the defaults) is decoded from, with one spelling
// of everything: keys and kinds by their canonical names, {kind: adam} for the shorthand adam. Set and Merge then need
// not know types. Values, positions and whatever is unknown stay as they are; the tree itself is not changed.
func (d *Decoder) Canonical(n *Node, dst any) *Node { return d.Tables.canonical(rootOf(dst, n)) }

func (t *Tables) canonical(p point) *Node {
	p = resolve(p)
	if p.typ == nil || isNull(p.node) {
		return p.node
	}
	structs, kinds, _ := t.members(p)
	if kinds != nil && isText(p.node) {
		if name, known := kinds.canonical(p.node); known {
			return expanded(name)
		}
	}
	n := shallow(p.node)
	for i, below := range n.Content {
		key := strconv.Itoa(i)
		if n.Kind == yaml.MappingNode {
			if i%2 == 0 {
				continue
			}
			key = n.Content[i-1].Value
			if _, f := fieldNamed(structs, key); f != nil && keyIndex(n, f.key) < 0 { // not where both spellings are given: decoding reports that
				n.Content[i-1] = Renamed(n.Content[i-1], f.key)
			}
		}
		if kinds != nil && key == kindKey {
			n.Content[i], _ = kinds.canonical(below)
		} else if next, _, ok := t.step(p, key); ok {
			next.node = below
			n.Content[i] = t.canonical(next)
		}
	}
	return n
}

// canonical returns the node of a kind's name with its canonical name, and whether there is such a kind.
func (t *table) canonical(n *Node) (*Node, bool) {
	entry, known := t.byName[n.Value]
	if !known || !isText(n) {
		return n, false
	}
	return Renamed(n, entry.Name), true
}

// CanonicalPath returns a dotted path, one that CheckPath accepts, with every key by its canonical name: objective.beta
// becomes objective.lambda. root must be canonical already and dst a pointer to its struct with the defaults.
func (d *Decoder) CanonicalPath(root *Node, dst any, path string) string {
	_, spelled := d.Tables.locate(rootOf(dst, root), path)
	return spelled
}

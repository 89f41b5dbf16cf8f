package decode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"windtunnel/toy/registry"
)

// Schema returns the JSON Schema (draft 2020-12, indented, the same bytes every time) of the documents that decode into
// v, a pointer to a struct that holds the defaults. What the decoder accepts validates; of what it refuses, the schema
// misses only what it cannot say: Check methods, UnmarshalText, numbers in forms other than plain decimal, and
// duplicate keys, which JSON does not have. Each struct and each kind is a definition of its own, so that editors
// complete kinds and keys; if a struct type has different defaults in two places, those of the first are shown.
//
// Documents that have the key of an alternative are described by that one instead of v.
func Schema(title string, v any, tables *Tables, alternatives ...Alternative) ([]byte, error) {
	g := generator{tables: tables, names: map[definition]string{}, taken: map[string]bool{"text": true}}
	g.defs = properties{{key: "text", schema: &schema{Type: []string{"string", "number", "boolean"}}}}
	root := g.of(rootOf(v, nil), limits{}, false)
	for _, a := range alternatives {
		root = &schema{If: &schema{Required: []string{a.Key}}, Then: g.of(rootOf(a.Value, nil), limits{}, false), Else: root}
	}
	root.Draft = "https://json-schema.org/draft/2020-12/schema"
	root.Title = title
	root.Defs = g.defs
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false) // which would spoil descriptions such as "a < b"
	out.SetIndent("", "  ")
	if err := out.Encode(root); err != nil {
		return nil, fmt.Errorf("schema of %T: %w", v, err)
	}
	return b.Bytes(), nil
}

// Alternative is another form of document, told by a key that only it has.
type Alternative struct {
	Key   string
	Value any // a pointer to a struct that holds the defaults
}

// definition identifies an entry of $defs.
type definition struct {
	typ     reflect.Type
	partial bool   // nothing is required
	kind    string // the kind meant where none is named
}

type generator struct {
	tables *Tables
	defs   properties
	names  map[definition]string
	taken  map[string]bool
}

// of returns the schema of a value; p.value holds its default if it is valid.
func (g *generator) of(p point, lim limits, partial bool) *schema {
	switch shapeOf(p.typ) {
	case shapePointer:
		return g.of(resolve(p), lim, partial)
	case shapePartial:
		return g.of(point{typ: heldOf(p.typ)}, limits{}, true)
	case shapeRaw:
		return &schema{Type: []string{"string", "number", "boolean", "array", "object"}}
	case shapeLike:
		var either []*schema
		for _, form := range formsOf(heldOf(p.typ)) {
			either = append(either, g.of(point{typ: form}, limits{}, false))
		}
		if len(either) == 1 {
			return either[0]
		}
		return &schema{AnyOf: either}
	case shapeStruct, shapeKind:
		ref := &schema{Ref: "#/$defs/" + g.define(p, partial)}
		if p.typ.Implements(orListType) {
			return &schema{AnyOf: []*schema{{Type: "array", MinItems: 1}, ref}}
		}
		return ref
	case shapeList:
		return &schema{Type: "array", Items: g.of(entryOf(p), lim.element(), partial), MinItems: least(lim)}
	case shapeMap:
		return &schema{Type: "object", AdditionalProperties: g.of(entryOf(p), lim.element(), partial), MinProperties: least(lim)}
	case shapeWords:
		word := scalarSchema(shapeText, limits{})
		either := &schema{AnyOf: []*schema{word, {Type: "array", Items: word}}}
		return &schema{Type: "object", AdditionalProperties: either, MinProperties: least(lim)}
	}
	return scalarSchema(shapeOf(p.typ), lim)
}

// least is the smallest length of what must be given.
func least(lim limits) int {
	if lim.required {
		return 1
	}
	return 0
}

func scalarSchema(s shape, lim limits) *schema {
	switch s {
	case shapeBool:
		return &schema{Type: "boolean"}
	case shapeInt:
		return bounded(&schema{Type: "integer"}, lim)
	case shapeFloat:
		return bounded(&schema{Type: "number"}, lim)
	}
	if s == shapeText || lim.words == nil {
		return &schema{Ref: "#/$defs/text", MinLength: least(lim)}
	}
	words := &schema{}
	for _, w := range lim.words {
		words.Enum = append(words.Enum, w)
	}
	return words
}

func bounded(s *schema, lim limits) *schema {
	if lim.bounds == nil {
		return s
	}
	low, high := lim.bounds.Low, lim.bounds.High
	switch {
	case math.IsInf(low, -1):
	case lim.bounds.Open == '(':
		s.ExclusiveMinimum = &low
	default:
		s.Minimum = &low
	}
	switch {
	case math.IsInf(high, 1):
	case lim.bounds.Shut == ')':
		s.ExclusiveMaximum = &high
	default:
		s.Maximum = &high
	}
	return s
}

// define returns the name in $defs of a struct or an interface, which it adds if it is new.
func (g *generator) define(p point, partial bool) string {
	id := definition{typ: p.typ, partial: partial}
	if p.typ.Kind() == reflect.Interface {
		id.typ = g.tables.of(p.typ).iface // the same kinds by another name are the same definition
	}
	if !partial {
		id.kind = g.defaultKind(p)
	}
	if name, ok := g.names[id]; ok {
		return name
	}
	name := p.typ.String()
	if p.typ.Kind() == reflect.Interface {
		name = g.tables.of(p.typ).name
	}
	if partial {
		name += ".partial"
	}
	name = g.unused(name)
	g.names[id] = name
	slot := len(g.defs)
	g.defs = append(g.defs, property{key: name})
	g.defs[slot].schema = g.body(name, p, id)
	return name
}

func (g *generator) unused(name string) string {
	free := name
	for n := 2; g.taken[free]; n++ {
		free = fmt.Sprintf("%s.%d", name, n)
	}
	g.taken[free] = true
	return free
}

// defaultKind returns the name of the kind that a default is, "" if there is none.
func (g *generator) defaultKind(p point) string {
	structs, kinds, open := g.tables.members(p)
	if kinds == nil || open {
		return ""
	}
	return kinds.byType[reflect.PointerTo(structs[len(structs)-1].typ)].Name
}

// body writes a definition: an object, or the alternatives of a kind.
func (g *generator) body(name string, p point, id definition) *schema {
	var own []point
	iface := p.typ
	if p.typ.Kind() == reflect.Struct {
		own = []point{p}
		if !p.value.IsValid() {
			own[0].value = filled(p.typ)
		}
		l := layoutOf(p.typ)
		if l.kind == nil {
			return g.object(own, nil, id)
		}
		iface = l.kind.typ
	}
	tab := g.tables.of(iface)
	alone := &schema{Description: "a kind of " + tab.name}
	either := &schema{}
	for _, entry := range tab.entries {
		params := reflect.ValueOf(entry.New()).Elem()
		structs := append(slices.Clone(own), point{typ: params.Type(), value: params})
		object := g.object(structs, &entry, id)
		key := g.unused(name + "." + entry.Name)
		g.defs = append(g.defs, property{key, object})
		either.AnyOf = append(either.AnyOf, &schema{Ref: "#/$defs/" + key})
		required := func(p point) bool {
			return slices.ContainsFunc(layoutOf(p.typ).fields, func(f *field) bool { return f.limits.required })
		}
		if id.partial || !slices.ContainsFunc(structs, required) {
			alone.OneOf = append(alone.OneOf, &schema{Const: entry.Name, Description: entry.Summary})
			for _, alias := range entry.Aliases {
				alone.OneOf = append(alone.OneOf, &schema{Const: alias, Description: "the same as " + entry.Name})
			}
		}
	}
	if id.partial {
		either.AnyOf = append(either.AnyOf, g.kindless(own, tab, id))
	}
	if alone.OneOf != nil {
		either.AnyOf = append(either.AnyOf, alone)
	}
	return either
}

// kindless is a partial mapping that names no kind: any parameter of any kind, its value left to the merged whole.
func (g *generator) kindless(own []point, tab *table, id definition) *schema {
	o := g.object(own, nil, id)
	structs, _, _ := g.tables.members(point{typ: tab.iface})
	for _, key := range keysOf(structs, false, true) {
		if !slices.ContainsFunc(o.Properties, func(p property) bool { return p.key == key }) {
			o.Properties = append(o.Properties, property{key, &schema{}})
		}
	}
	return o
}

// object is a mapping with the keys of some structs and, if entry is not nil, its kind.
func (g *generator) object(structs []point, entry *registry.Kind[any], id definition) *schema {
	o := &schema{Type: "object", AdditionalProperties: false}
	if entry != nil {
		o.Description = entry.Summary + " (" + entry.Source + ")"
		kind := &schema{Description: entry.Summary, Enum: []any{entry.Name}}
		for _, alias := range entry.Aliases {
			kind.Enum = append(kind.Enum, alias)
		}
		o.Properties = append(o.Properties, property{kindKey, kind})
		if !id.partial && id.kind != entry.Name {
			o.Required = []string{kindKey}
		}
	}
	for _, p := range structs {
		for _, f := range layoutOf(p.typ).fields {
			g.key(o, p, f, id.partial)
		}
	}
	return o
}

// key adds a field and its aliases, at most one of which may be given.
func (g *generator) key(o *schema, p point, f *field, partial bool) {
	value := p.value.FieldByIndex(f.index)
	s := g.of(point{typ: f.typ, value: value}, f.limits, partial)
	s.Description = f.doc
	if n := g.tables.encode(value); !partial && f.hasDefault(value) && n != nil && n.Kind != yaml.MappingNode { // which an editor can insert
		s.Default = jsonValue(n)
	}
	o.Properties = append(o.Properties, property{f.key, s})
	var given []*schema
	for _, name := range f.spellings() {
		given = append(given, &schema{Required: []string{name}})
		if name != f.key {
			other := *s
			other.Description = strings.TrimSpace("the same as " + f.key + ". " + f.doc)
			o.Properties = append(o.Properties, property{name, &other})
		}
	}
	required := f.limits.required && !partial
	switch {
	case len(given) == 1 && required:
		o.Required = append(o.Required, f.key)
	case len(given) > 1 && required:
		o.AllOf = append(o.AllOf, &schema{OneOf: given})
	case len(given) > 1:
		o.AllOf = append(o.AllOf, &schema{OneOf: append(given, &schema{Not: &schema{AnyOf: given}})})
	}
}

// jsonValue returns a scalar or a list, nil for an infinity.
func jsonValue(n *Node) any {
	if n.Kind == yaml.SequenceNode {
		list := make([]any, len(n.Content))
		for i, c := range n.Content {
			list[i] = jsonValue(c)
		}
		return list
	}
	if v, ok := number(n); ok {
		if math.IsInf(v, 0) {
			return nil
		}
		return json.Number(n.Value)
	}
	if n.ShortTag() == "!!bool" {
		return strings.EqualFold(n.Value, "true")
	}
	return n.Value
}

// schema is one JSON Schema (draft 2020-12), with the keywords that are used here in the order they are written.
type schema struct {
	Draft                string     `json:"$schema,omitempty"`
	Title                string     `json:"title,omitempty"`
	Description          string     `json:"description,omitempty"`
	Ref                  string     `json:"$ref,omitempty"`
	Type                 any        `json:"type,omitempty"` // a string or a []string
	Const                any        `json:"const,omitempty"`
	Enum                 []any      `json:"enum,omitempty"`
	Default              any        `json:"default,omitempty"`
	Minimum              *float64   `json:"minimum,omitempty"`
	ExclusiveMinimum     *float64   `json:"exclusiveMinimum,omitempty"`
	Maximum              *float64   `json:"maximum,omitempty"`
	ExclusiveMaximum     *float64   `json:"exclusiveMaximum,omitempty"`
	MinLength            int        `json:"minLength,omitempty"`
	MinItems             int        `json:"minItems,omitempty"`
	MinProperties        int        `json:"minProperties,omitempty"`
	Items                *schema    `json:"items,omitempty"`
	Properties           properties `json:"properties,omitempty"`
	Required             []string   `json:"required,omitempty"`
	AdditionalProperties any        `json:"additionalProperties,omitempty"` // false or a *schema
	AnyOf                []*schema  `json:"anyOf,omitempty"`
	OneOf                []*schema  `json:"oneOf,omitempty"`
	AllOf                []*schema  `json:"allOf,omitempty"`
	Not                  *schema    `json:"not,omitempty"`
	If                   *schema    `json:"if,omitempty"`
	Then                 *schema    `json:"then,omitempty"`
	Else                 *schema    `json:"else,omitempty"`
	Defs                 properties `json:"$defs,omitempty"`
}

// properties is a JSON object whose keys keep their order.
type properties []property

type property struct {
	key    string
	schema *schema
}

// MarshalJSON writes the keys in order.
func (p properties) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, one := range p {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := out.Encode(one.key); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := out.Encode(one.schema); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

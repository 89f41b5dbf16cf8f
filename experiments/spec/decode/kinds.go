package decode

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"windtunnel/toy/registry"
)

// Tables are the registries that interface fields are decoded from, by the interface's type. Fill it with [Register]
// before use; after that it is safe for concurrent reading.
type Tables struct {
	byType map[reflect.Type]*table
}

// NewTables returns an empty set.
func NewTables() *Tables { return &Tables{byType: map[reflect.Type]*table{}} }

// table is one registry with what decoding looks up in it.
type table struct {
	name    string // what messages call it: "optimizer"
	iface   reflect.Type
	entries []registry.Kind[any]
	byName  map[string]registry.Kind[any]       // canonical names and aliases
	byType  map[reflect.Type]registry.Kind[any] // first entry with that type
}

// Register adds a registry whose kinds fields of the interface type T hold. The name is what messages call one of them,
// such as "optimizer". The interface is T, an entry's New returns a pointer to a struct without a parameter kind. It panics if two
// entries share a name.
func Register[T any](t *Tables, name string, kinds registry.Table[T]) {
	tab := &table{
		name: name, iface: reflect.TypeFor[T](), entries: kinds.Untyped(),
		byName: map[string]registry.Kind[any]{}, byType: map[reflect.Type]registry.Kind[any]{},
	}
	for _, e := range tab.entries {
		for _, spelling := range append([]string{e.Name}, e.Aliases...) {
			if _, taken := tab.byName[spelling]; taken {
				panic(fmt.Sprintf("decode: two kinds of %s are called %q", name, spelling))
			}
			tab.byName[spelling] = e
		}
		if typ := reflect.TypeOf(e.New()); tab.byType[typ].New == nil {
			tab.byType[typ] = e
		}
	}
	t.byType[tab.iface] = tab
}

// As makes fields of the interface type U hold the kinds that are registered for T, whose parameters must implement it. So
// a package can name kinds in its structs that it does not import.
func As[U, T any](t *Tables) { t.byType[reflect.TypeFor[U]()] = t.of(reflect.TypeFor[T]()) }

// of returns the table of an interface type. An interface without a table is a mistake of the program.
func (t *Tables) of(typ reflect.Type) *table {
	if t != nil {
		if tab, ok := t.byType[typ]; ok {
			return tab
		}
	}
	panic(fmt.Sprintf("decode: no table is registered for %v", typ))
}

// mustEntryOf returns the kind that an interface holds. One that is in no table is a mistake of the program.
func (t *table) mustEntryOf(v reflect.Value) registry.Kind[any] {
	entry, ok := t.byType[v.Elem().Type()]
	if !ok {
		panic(fmt.Sprintf("decode: a %T is in no table of %s", v.Interface(), t.name))
	}
	return entry
}

// spellings returns canonical names and aliases, each kind's name before its aliases.
func (t *table) spellings() []string {
	var all []string
	for _, e := range t.entries {
		all = append(append(all, e.Name), e.Aliases...)
	}
	return all
}

// list returns the canonical names as a message names them.
func (t *table) list() string {
	names := make([]string, len(t.entries))
	for i, e := range t.entries {
		names[i] = e.Name
	}
	return strings.Join(names, ", ")
}

// wanted says what a message wants where a kind is missing or wrong.
func (t *table) wanted() string { return "a kind of " + t.name + ": " + t.list() }

// KindOf returns the registry entry that a decoded value belongs to, among the kinds of the interface T.
func KindOf[T any](t *Tables, value T) (registry.Kind[any], bool) {
	entry, ok := t.of(reflect.TypeFor[T]()).byType[reflect.TypeOf(value)]
	return entry, ok
}

// Alias says whether a name is another spelling of a parameter of some kind of T.
func Alias[T any](t *Tables, name, parameter string) bool {
	return slices.ContainsFunc(t.of(reflect.TypeFor[T]()).entries, func(e registry.Kind[any]) bool {
		f := layoutOf(reflect.TypeOf(e.New()).Elem()).byKey[name]
		return f != nil && f.key == parameter && name != parameter
	})
}

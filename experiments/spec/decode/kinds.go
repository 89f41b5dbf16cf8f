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
	byName  map[string]int       // canonical names and aliases
	byType  map[reflect.Type]int // first entry with that type
}

// Register adds a registry whose kinds fields of the interface type T hold. The name is what messages call one of them,
// such as "optimizer". It panics if T is no interface, if an entry's New does not return a pointer to a struct, if a
// parameter is called kind, or if two entries share a name.
func Register[T any](t *Tables, name string, kinds registry.Table[T]) {
	tab := &table{
		name: name, iface: reflect.TypeFor[T](), entries: kinds.Untyped(),
		byName: map[string]int{}, byType: map[reflect.Type]int{},
	}
	if tab.iface.Kind() != reflect.Interface {
		panic(fmt.Sprintf("decode: %s: %v is no interface", name, tab.iface))
	}
	for i, e := range tab.entries {
		tab.add(i, e)
	}
	t.byType[tab.iface] = tab
}

// As makes fields of the interface type U hold the kinds that are registered for T, whose parameters must implement it. So
// a package can name kinds in its structs that it does not import.
func As[U, T any](t *Tables) { t.byType[reflect.TypeFor[U]()] = t.of(reflect.TypeFor[T]()) }

func (t *table) add(i int, e registry.Kind[any]) {
	for _, name := range append([]string{e.Name}, e.Aliases...) {
		if _, taken := t.byName[name]; taken {
			panic(fmt.Sprintf("decode: two kinds of %s are called %q", t.name, name))
		}
		t.byName[name] = i
	}
	typ := reflect.TypeOf(e.New())
	if typ == nil || typ.Kind() != reflect.Pointer || typ.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("decode: New of %s %s returns a %v; want a pointer to a struct", t.name, e.Name, typ))
	}
	if l := layoutOf(typ.Elem()); l.kind != nil || slices.Contains(l.keys(), kindKey) {
		panic(fmt.Sprintf("decode: %v: parameters of a kind cannot have a key kind", typ))
	}
	if _, known := t.byType[typ]; !known {
		t.byType[typ] = i
	}
}

// of returns the table of an interface type. An interface without a table is a mistake of the program.
func (t *Tables) of(typ reflect.Type) *table {
	if t != nil {
		if tab, ok := t.byType[typ]; ok {
			return tab
		}
	}
	panic(fmt.Sprintf("decode: no table is registered for %v", typ))
}

// entry returns the kind with the given name or alias.
func (t *table) entry(name string) (registry.Kind[any], bool) {
	i, ok := t.byName[name]
	if !ok {
		return registry.Kind[any]{}, false
	}
	return t.entries[i], true
}

// entryOf returns the kind that a value is.
func (t *table) entryOf(value any) (registry.Kind[any], bool) {
	i, ok := t.byType[reflect.TypeOf(value)]
	if !ok {
		return registry.Kind[any]{}, false
	}
	return t.entries[i], true
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

// parameters returns every spelling of every parameter of any kind, each once, in table order.
func (t *table) parameters() []string {
	var all []string
	for _, e := range t.entries {
		l := layoutOf(reflect.TypeOf(e.New()).Elem())
		for i := range l.fields {
			for _, key := range l.fields[i].spellings() {
				if !slices.Contains(all, key) {
					all = append(all, key)
				}
			}
		}
	}
	return all
}

// KindOf returns the registry entry that a decoded value belongs to, among the kinds of the interface T.
func KindOf[T any](t *Tables, value T) (registry.Kind[any], bool) {
	return t.of(reflect.TypeFor[T]()).entryOf(value)
}

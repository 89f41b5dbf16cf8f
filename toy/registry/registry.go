// Package registry describes kinds: the named things that a config can ask for (a loss, a policy, a figure).
//
// Each package that offers kinds writes one [Table], sorted by name. A kind's parameters are a plain struct; the
// strict YAML decoder, its error messages, `experiments list`, the JSON Schema and the reference page are all derived
// from that struct's tags:
//
//	yaml:"label_smoothing"  the key ("-" hides the field; ",kind" holds the kind-specific rest of the same mapping)
//	alias:"beta"            other spellings of the key, comma-separated
//	doc:"..."               one sentence with the unit
//	range:"(0,inf)"         the interval that numbers (and each number of a list) must lie in
//	oneof:"js,alpha"        the allowed words
//	required:"true"         the key must be given
//
// Defaults are the values that New puts into the struct.
package registry

import (
	"reflect"
	"slices"
	"strings"
)

// Kind is one kind of a table. T is the interface that every parameter struct of the table implements.
type Kind[T any] struct {
	Name    string   // canonical name, as it stands in tables
	Label   string   // the name that papers print, in which $...$ is mathematics; "" for that of tables
	Aliases []string // other accepted names
	Summary string   // one sentence
	Source  string   // paper and equation, or "this project"
	TRL     string   // Hugging Face TRL's trainer/loss_type, comma-separated, where it has the same loss: "dpo/exo_pair"
	New     func() T // a pointer to a fresh parameter struct holding the defaults
}

// Table lists the kinds of one registry, sorted by name.
type Table[T any] []Kind[T]

// Find returns the kind with the given name or alias.
func (t Table[T]) Find(name string) (Kind[T], bool) {
	i := slices.IndexFunc(t, func(k Kind[T]) bool { return k.Name == name || slices.Contains(k.Aliases, name) })
	if i < 0 {
		return Kind[T]{}, false
	}
	return t[i], true
}

// Untyped returns the table for code that treats all tables alike: decoding, listing, the schema.
func (t Table[T]) Untyped() Table[any] {
	kinds := make(Table[any], len(t))
	for i, k := range t {
		kinds[i] = Kind[any]{k.Name, k.Label, k.Aliases, k.Summary, k.Source, k.TRL, func() any { return k.New() }}
	}
	return kinds
}

// Problem is one thing wrong with decoded parameters that tags cannot express, such as probabilities that do not sum
// to 1. Key is the dotted path of the offending value relative to the checked struct ("prompts.0.pi_star").
type Problem struct {
	Key     string
	Wrong   string // what is wrong: "sums to 0.9"
	Allowed string // what is allowed: "probabilities that sum to 1"
}

// If returns the problem of a key where it is one.
func If(is bool, key, wrong, allowed string) []Problem {
	if is {
		return []Problem{{key, wrong, allowed}}
	}
	return nil
}

// Checker is implemented by parameter structs with constraints across fields.
type Checker interface {
	// Check returns every problem, or nil. It is called only when each field by itself is valid.
	Check() []Problem
}

// Words splits a comma-separated tag such as oneof or alias; an empty tag gives nil.
func Words(tag string) []string {
	if tag == "" {
		return nil
	}
	return strings.Split(tag, ",")
}

// Field returns a parameter by its key or an alias, of an inline struct too, and its tag; false where there is none.
func Field(params any, name string) (field reflect.Value, tag reflect.StructTag, ok bool) {
	return fieldOf(reflect.ValueOf(params).Elem(), name)
}

func fieldOf(params reflect.Value, name string) (field reflect.Value, tag reflect.StructTag, ok bool) {
	for i := range params.NumField() {
		tag := params.Type().Field(i).Tag
		key, option, _ := strings.Cut(tag.Get("yaml"), ",")
		if option == "inline" {
			if field, tag, ok := fieldOf(params.Field(i), name); ok {
				return field, tag, true
			}
		} else if key == name || slices.Contains(Words(tag.Get("alias")), name) {
			return params.Field(i), tag, true
		}
	}
	return field, tag, false
}

// Set sets a parameter to a number or a word, and does nothing where there is none of that name.
func Set(params any, name string, value any) {
	field, _, ok := Field(params, name)
	if !ok {
		return
	}
	if field.Kind() == reflect.Pointer {
		field.Set(reflect.New(field.Type().Elem()))
		field = field.Elem()
	}
	field.Set(reflect.ValueOf(value))
}

// File is a file that parameters name.
type File struct {
	Key  string // of the path among the parameters, dotted: "path"
	Path string // as the config spells it
}

// Reader is implemented by parameters that name files. Their caller reads the files.
type Reader interface {
	// Files returns the files to read.
	Files() []File
}

// Random says whether what parameters build depends on a source of random numbers, as parameters of which some do say themselves.
func Random(params any) bool {
	r, ok := params.(interface{ Random() bool })
	return ok && r.Random()
}

// Seed returns the seed that parameters fix in place of the run's, nil where they fix none.
func Seed(params any) *int {
	if o, ok := params.(interface{ SeedOverride() *int }); ok {
		return o.SeedOverride()
	}
	return nil
}

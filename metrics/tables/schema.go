package tables

import (
	"errors"
	"fmt"
	"iter"
	"slices"
)

// Type says what the cells of a column are. An empty cell, a value that does not apply, fits every type.
type Type int

// Types of columns. The text of a cell follows from its value, so that a table is the same in every format.
const (
	Text    Type = iota // any text
	Number              // float64 as FormatFloat writes it, inf and -inf among them
	Integer             // int64 in decimal
	Boolean             // true or false
)

// typeNames are the types' names in Frictionless Table Schema.
var typeNames = [...]string{Text: "string", Number: "number", Integer: "integer", Boolean: "boolean"}

// String returns the type's name in Frictionless Table Schema: string, number, integer or boolean.
func (t Type) String() string { return typeNames[t] }

// UnmarshalText reads what String writes.
func (t *Type) UnmarshalText(name []byte) error {
	i := slices.Index(typeNames[:], string(name))
	if i < 0 {
		return fmt.Errorf("%q is not a type of column; string, number, integer or boolean", name)
	}
	*t = Type(i)
	return nil
}

// MarshalText writes what String returns.
func (t Type) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// TypeOf returns the narrowest type that all cells fit: Integer or Boolean, else Number, else Text. Where all cells are
// empty it is Text.
func TypeOf(cells iter.Seq[string]) Type {
	var c candidates
	for cell := range cells {
		c.add(cell)
	}
	return c.narrowest()
}

// candidates are the types that the cells seen so far fit.
type candidates struct {
	seen bool                 // some cell is not empty
	not  [len(typeNames)]bool // by type, whether some cell does not fit it
}

func (c *candidates) add(cell string) {
	if cell == "" {
		return
	}
	c.seen = true
	for t := range c.not {
		_, fits := ParseValue(Type(t), cell)
		c.not[t] = c.not[t] || !fits
	}
}

func (c *candidates) narrowest() Type {
	for _, t := range []Type{Integer, Boolean, Number} {
		if c.seen && !c.not[t] {
			return t
		}
	}
	return Text
}

// Column describes a column of a table.
type Column struct {
	Name string
	Type Type
	Unit string // "nats", or "" for probabilities, counts, names and the like
	Doc  string // one sentence
}

// Schema describes the columns of a table, in order.
type Schema []Column

// Names returns the names of the columns.
func (s Schema) Names() []string {
	names := make([]string, len(s))
	for i := range s {
		names[i] = s[i].Name
	}
	return names
}

// Find returns the column of that name.
func (s Schema) Find(name string) (Column, bool) {
	for _, c := range s {
		if c.Name == name {
			return c, true
		}
	}
	return Column{}, false
}

// Fit returns a schema for a table, its columns in order, that every cell fits: a column keeps its description in
// declared, which need not be of the same columns, with the narrowest type of its cells where the declared one is not
// theirs.
func Fit(t *Table, declared Schema) (Schema, error) {
	found := make([]candidates, len(t.Header))
	err := t.each(func(cells []string) error {
		for i, cell := range cells {
			found[i].add(cell)
		}
		return nil
	})
	schema := make(Schema, len(t.Header))
	for i, name := range t.Header {
		known := false
		schema[i], known = declared.Find(name)
		schema[i].Name = name
		if !known || found[i].not[schema[i].Type] {
			schema[i].Type = found[i].narrowest()
		}
	}
	return schema, err
}

// checkHeader refuses a header that cannot be read back.
func checkHeader(header []string) error {
	seen := make(map[string]bool, len(header))
	for _, name := range header {
		seen[name] = true
	}
	switch {
	case len(header) == 0:
		return errors.New("the header is empty")
	case len(seen) < len(header):
		return fmt.Errorf("the header names a column twice: %q", header)
	case len(header) == 1 && header[0] == "":
		return errors.New("the only column has no name")
	}
	return nil
}

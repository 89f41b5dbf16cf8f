package lines

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Object is a JSON object whose columns are decoded when they are read, so that those that nothing reads never matter.
type Object struct {
	keys   []string // in the order of the text, as often as they stand there
	values []json.RawMessage
	cells  bool // the values are the texts of a CSV file, whatever they stand for
	text   []byte
}

// ofCells returns the row of a CSV file. An empty cell is null.
func ofCells(keys, cells []string) *Object {
	o := &Object{keys: keys, cells: true}
	for _, cell := range cells {
		value, err := json.Marshal(cell)
		if cell == "" || err != nil {
			value = []byte("null")
		}
		o.values = append(o.values, value)
	}
	return o
}

// Text returns the object as JSON, as it was written where that is how. It may be read until the next one is.
func (o *Object) Text() []byte {
	if o.text != nil {
		return o.text
	}
	out := []byte("{")
	for i, key := range o.keys {
		name, _ := json.Marshal(key)
		out = fmt.Appendf(out, "%s: %s, ", name, o.meant(i))
	}
	return append(bytes.TrimSuffix(out, []byte(", ")), '}')
}

// meant returns a value as JSON: of a cell, the number, truth value, list or object that it spells, else its text.
func (o *Object) meant(i int) json.RawMessage {
	cell := ""
	if !o.cells || json.Unmarshal(o.values[i], &cell) != nil {
		return o.values[i]
	}
	if lower := strings.ToLower(cell); lower == "true" || lower == "false" { // as pandas writes them
		cell = lower
	}
	if !json.Valid([]byte(cell)) || cell[0] == '"' {
		return o.values[i]
	}
	return json.RawMessage(cell)
}

// Parse splits a JSON object into its columns. The numbers that JSON has no text for, which Python's json writes as NaN and
// Infinity, are null.
func Parse(text []byte) (*Object, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("is not valid UTF-8")
	}
	o, err := split(text)
	if err != nil {
		known, other := split(withoutNaN(text))
		if other != nil {
			return nil, err
		}
		o = known
	}
	o.text = text
	return o, nil
}

func split(text []byte) (*Object, error) {
	in := json.NewDecoder(bytes.NewReader(text))
	first, err := in.Token()
	if err != nil {
		return nil, notJSON(err)
	}
	if first != json.Delim('{') {
		return nil, fmt.Errorf("is a JSON %s; want an object", kindOf(text))
	}
	o := &Object{}
	for in.More() {
		key, err := in.Token()
		if err != nil {
			return nil, notJSON(err)
		}
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return nil, notJSON(err)
		}
		o.keys, o.values = append(o.keys, key.(string)), append(o.values, value)
	}
	if _, err := in.Token(); err != nil {
		return nil, notJSON(err)
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text after the JSON object; one object a line is allowed")
	}
	return o, nil
}

// notJSON is the error of a text that is no JSON.
func notJSON(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("is no JSON object: %s", strings.TrimPrefix(err.Error(), "json: "))
}

// noNumber matches strings, and outside of them the numbers that JSON has no text for.
var noNumber = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|-?Infinity|NaN`)

// withoutNaN writes null in place of NaN and Infinity outside of strings.
func withoutNaN(text []byte) []byte {
	return noNumber.ReplaceAllFunc(text, func(found []byte) []byte {
		if found[0] == '"' {
			return found
		}
		return []byte("null")
	})
}

// All returns the columns in the order of the text, as often as they stand there, with their values as JSON.
func (o *Object) All() iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		for i, key := range o.keys {
			if !yield(key, o.meant(i)) {
				return
			}
		}
	}
}

// Keys names the columns, for messages.
func (o *Object) Keys() string {
	if len(o.keys) == 0 {
		return "no key"
	}
	return strings.Join(o.keys, ", ")
}

// Given says whether the object has a column of this exact name that is not null.
func (o *Object) Given(key string) bool {
	at := slices.Index(o.keys, key)
	return at >= 0 && string(o.values[at]) != "null"
}

// Has says whether the object has a column of this exact name, null or not.
func (o *Object) Has(key string) bool { return slices.Contains(o.keys, key) }

// Read decodes a column and says whether there is one; null is none. A column that stands there twice, or beside another or
// in place of another with only the case of its letters changed, is an error, since readers differ in which they take. want
// says what belongs there.
func (o *Object) Read(key string, into any, want string) (bool, error) {
	at := -1
	for i, other := range o.keys {
		switch {
		case other == key && at >= 0:
			return false, fmt.Errorf("%s: is given twice; want it once", key)
		case other == key:
			at = i
		case strings.EqualFold(other, key):
			return false, fmt.Errorf("%s: is %s but for the case of its letters; want %s, once", other, key, key)
		}
	}
	if at < 0 || string(o.values[at]) == "null" {
		return false, nil
	}
	value := o.values[at]
	if _, text := into.(*string); !text {
		value = o.meant(at)
	}
	if bytes.Contains(value, []byte(`\u`)) && !wholeCharacters.Match(value) {
		return false, fmt.Errorf("%s: holds half a surrogate pair, which is no character: \\ud800 to \\udfff; want %s", key, want)
	}
	if err := json.Unmarshal(value, into); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			key += "." + wrong.Field
		}
		if wrong != nil {
			return false, fmt.Errorf("%s: a JSON %s does not belong there; want %s", key, wrong.Value, want)
		}
		return false, fmt.Errorf("%s: %w; want %s", key, err, want)
	}
	return true, nil
}

// kindOf names the JSON value that a text begins with.
func kindOf(text []byte) string {
	switch text[0] {
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "bool"
	case 'n':
		return "null"
	}
	return "number"
}

// wholeCharacters matches JSON in which no half of a surrogate pair is escaped without the other, for which there is no text.
var wholeCharacters = regexp.MustCompile(`^(?s:[^\\]|\\[^u]|\\u(?:[^dD]|[dD][0-7])|\\u[dD][89abAB]..\\u[dD][c-fC-F])*$`)

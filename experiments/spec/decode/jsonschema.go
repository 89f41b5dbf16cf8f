package decode

import (
	"bytes"
	"encoding/json"
)

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
	b.WriteByte('{')
	for i, one := range p {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := compactJSON(one.key)
		if err != nil {
			return nil, err
		}
		value, err := compactJSON(one.schema)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// compactJSON is json.Marshal without escapes for HTML, which would spoil descriptions such as "a < b".
func compactJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

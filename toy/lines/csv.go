package lines

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode/utf8"
)

// Rows yields the rows of JSON lines, or of CSV where the file does not begin with an object, or what is wrong with them; after an
// error that is no *Error nothing comes. CSV has commas, or semicolons or tabs where its first line has no comma. keys name its
// columns; without them its first record does. Cells are text without the space around them, and empty ones null.
func (r *Reader) Rows(keys []string) iter.Seq2[*Object, error] {
	return func(yield func(*Object, error) bool) {
		start, _ := r.in.Peek(1 << 10)
		start = bytes.TrimLeft(start, " \t\r\n")
		next := r.object
		if !bytes.HasPrefix(start, []byte("{")) {
			in := csv.NewReader(io.LimitReader(r.in, LargestFile))
			in.FieldsPerRecord, in.TrimLeadingSpace = -1, true
			if first, _, _ := bytes.Cut(start, []byte("\n")); !bytes.Contains(first, []byte(",")) && bytes.ContainsAny(first, ";\t") {
				in.Comma = rune(first[bytes.IndexAny(first, ";\t")])
			}
			next = func() (*Object, error) { return r.record(in, &keys) }
		}
		for {
			o, err := next()
			var bad *Error
			if errors.Is(err, io.EOF) || !yield(o, err) || err != nil && !errors.As(err, &bad) {
				return
			}
		}
	}
}

// object reads a line of JSON.
func (r *Reader) object() (*Object, error) {
	text, err := r.Next()
	if err != nil {
		return nil, err
	}
	o, err := Parse(text)
	if err != nil {
		return nil, r.Wrong(err)
	}
	return o, nil
}

// record reads a record of CSV, before the first those of its header.
func (r *Reader) record(in *csv.Reader, keys *[]string) (*Object, error) {
	cells, err := in.Read()
	switch {
	case errors.Is(err, io.EOF) && in.InputOffset() < LargestFile:
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%s: is no CSV of up to %d bytes: %v", r.name, LargestFile, err)
	}
	r.Line, _ = in.FieldPos(0)
	o := &Object{keys: *keys}
	for i, cell := range cells {
		if !utf8.ValidString(cell) {
			return nil, r.Wrong(errors.New("is not valid UTF-8"))
		}
		cells[i] = strings.TrimSpace(cell)
		value, _ := json.Marshal(cells[i]) // of text there always is one
		if o.values = append(o.values, value); cells[i] == "" {
			o.values[i] = []byte("null")
		}
	}
	if *keys == nil {
		*keys = cells
		return r.record(in, keys)
	}
	if r.Count++; len(cells) != len(*keys) {
		return nil, r.Wrong(fmt.Errorf("has %d cells; want %d: %s", len(cells), len(*keys), strings.Join(*keys, ", ")))
	}
	return o, nil
}

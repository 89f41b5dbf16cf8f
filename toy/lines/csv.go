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

// Objects yields the rows of JSON lines, or of CSV with a header where the file does not begin with an object, each with what is
// wrong with it. Cells of CSV are text, and empty ones are null. An error that is no *Error ends the file.
func (r *Reader) Objects() iter.Seq2[*Object, error] {
	return func(yield func(*Object, error) bool) {
		if start, _ := r.in.Peek(1 << 10); !bytes.HasPrefix(bytes.TrimLeft(start, " \t\r\n"), []byte("{")) {
			var keys []string
			for cells, err := range r.Records() {
				o := &Object{keys: keys}
				switch {
				case err == nil && keys == nil:
					keys = cells
					continue
				case err == nil && len(cells) != len(keys):
					err = r.Wrong(fmt.Errorf("has %d cells, and the header has %d: %s", len(cells), len(keys), strings.Join(keys, ", ")))
				}
				for _, cell := range cells {
					value, _ := json.Marshal(cell) // text always can
					if cell == "" {
						value = []byte("null")
					}
					o.values = append(o.values, value)
				}
				if !yield(o, err) {
					return
				}
			}
			return
		}
		for {
			text, err := r.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			var o *Object
			if err == nil {
				if o, err = Parse(text); err != nil {
					err = r.Wrong(err)
				}
			}
			var bad *Error
			if !yield(o, err) || err != nil && !errors.As(err, &bad) {
				return
			}
		}
	}
}

// Records yields the records of CSV, of commas, or of semicolons or tabs where the first line has no comma, without the space
// around cells.
func (r *Reader) Records() iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		in := csv.NewReader(io.LimitReader(r.in, LargestFile+1))
		in.FieldsPerRecord, in.TrimLeadingSpace = -1, true
		start, _ := r.in.Peek(1 << 10)
		first, _, _ := bytes.Cut(bytes.TrimLeft(start, "\r\n"), []byte("\n"))
		for _, comma := range ";\t" {
			if !bytes.ContainsRune(first, ',') && bytes.ContainsRune(first, comma) {
				in.Comma = comma
			}
		}
		for {
			cells, err := in.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			var bad *csv.ParseError
			switch {
			case errors.As(err, &bad):
				r.Line, err = bad.Line, r.broken(fmt.Errorf("is no CSV: %w", bad.Err))
			case err != nil:
				err = r.broken(err)
			case in.InputOffset() > LargestFile:
				err = r.broken(fmt.Errorf("the file has more than %d bytes, unpacked; at most so many are read", LargestFile))
			default:
				r.Line, _ = in.FieldPos(0)
				for i, cell := range cells {
					if cells[i] = strings.TrimSpace(cell); !utf8.ValidString(cell) {
						err = r.Wrong(errors.New("is not valid UTF-8"))
					}
				}
			}
			var row *Error
			if !yield(cells, err) || err != nil && !errors.As(err, &row) {
				return
			}
		}
	}
}

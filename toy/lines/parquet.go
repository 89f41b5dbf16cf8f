//go:build !js

package lines

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime/debug"
	"slices"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
)

// OpenParquet opens a Parquet file.
func OpenParquet(r io.ReaderAt, size int64) (file *parquet.File, err error) {
	err = Guarded(func() error {
		err := checkFooter(r, size)
		if err == nil {
			file, err = parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("not a Parquet file: %w", err)
	}
	return file, nil
}

// checkFooter compares the length of the footer, which the end of a Parquet file gives in 4 bytes before the mark PAR1,
// with that of the file. The library makes room for any length.
func checkFooter(r io.ReaderAt, size int64) error {
	var end [8]byte
	if size < int64(len(parquetMagic)+len(end)) {
		return fmt.Errorf("it is only %d bytes long", size)
	}
	if _, err := r.ReadAt(end[:], size-int64(len(end))); err != nil {
		return err
	}
	if n := int64(binary.LittleEndian.Uint32(end[:])); n > size-int64(len(parquetMagic)+len(end)) {
		return fmt.Errorf("its footer of %d bytes is longer than the file", n)
	}
	return nil
}

// Guarded calls read and turns a panic into an error: the library checks less of a damaged file than it relies on, and
// its assembly may even read where there is no memory.
func Guarded(read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a damaged Parquet file: %v", p)
		}
	}()
	return read()
}

// openRows opens the rows of a Parquet file of any columns.
func openRows(in io.Reader) (rowReader, error) {
	data, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	file, err := OpenParquet(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	var rows rowReader
	err = Guarded(func() error {
		rows = parquet.NewGenericReader[any](file)
		return nil
	})
	return rows, err
}

// row reads a row of Parquet. Numbers that JSON has no text for are null, and so is what is no text, number or list of such.
func (r *Reader) row() (*Object, error) {
	r.Line++
	row := make([]any, 1)
	err := Guarded(func() error {
		n, err := r.rows.Read(row)
		if n == 1 {
			return nil
		}
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		return err
	})
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	columns, ok := row[0].(map[string]any)
	if err == nil && !ok {
		err = errors.New("has rows that are no columns")
	}
	if err != nil {
		return nil, r.broken(err)
	}
	r.Count++
	o := &Object{}
	for _, key := range slices.Sorted(maps.Keys(columns)) {
		if !utf8.ValidString(fmt.Sprint(columns[key])) {
			return nil, r.Wrong(fmt.Errorf("%s: is not valid UTF-8", key))
		}
		value, err := json.Marshal(columns[key])
		if err != nil {
			value = []byte("null")
		}
		o.keys, o.values = append(o.keys, key), append(o.values, value)
	}
	return o, nil
}

package tables

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"reflect"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// batch is how many rows are handed to the library at a time. It decides where pages end, and so it is always the same.
const batch = 1 << 10

// rowGroup is how many rows a row group of a Parquet file holds: few enough that a table of 40 columns takes about 20 MB
// in memory while it is written, many enough for readers to work in bulk. It is a multiple of batch.
const rowGroup = 1 << 16

// layout is the root of a Parquet schema. Unlike parquet.Group it keeps the order of its columns.
type layout struct {
	parquet.Group
	fields []parquet.Field
}

func (l layout) Fields() []parquet.Field { return l.fields }

// GoType is asked for where rows are Go structs, which they never are here.
func (l layout) GoType() reflect.Type { return reflect.TypeFor[struct{}]() }

// leaf is a column of a Parquet schema.
type leaf struct {
	parquet.Node
	name string
}

func (l leaf) Name() string { return l.name }

// Value is asked for where rows are Go structs, which they never are here.
func (l leaf) Value(reflect.Value) reflect.Value { return reflect.Value{} }

// nodes are the columns' types in Parquet: DOUBLE, INT64, BOOLEAN, and strings with a dictionary. An empty cell is null.
var nodes = [...]func() parquet.Node{
	Text:    func() parquet.Node { return parquet.Encoded(parquet.String(), &parquet.RLEDictionary) },
	Number:  func() parquet.Node { return parquet.Leaf(parquet.DoubleType) },
	Integer: func() parquet.Node { return parquet.Leaf(parquet.Int64Type) },
	Boolean: func() parquet.Node { return parquet.Leaf(parquet.BooleanType) },
}

func layoutOf(schema Schema) layout {
	var l layout
	for _, c := range schema {
		l.fields = append(l.fields, leaf{parquet.Optional(nodes[c.Type]()), c.Name})
	}
	return l
}

// parquetSink writes a Parquet file. Its bytes depend on the rows alone.
type parquetSink struct {
	name   string
	schema Schema
	file   *os.File
	buffer *bufio.Writer
	out    *parquet.GenericWriter[any]
	values [][]parquet.Value // by column, the rows of a batch
	texts  []byte            // behind values
	cells  [][]byte          // of the row at hand
	row    []byte
	rows   int // in the file
	closed bool
}

func newParquetSink(name string, schema Schema, f *os.File) *parquetSink {
	s := &parquetSink{name: name, schema: schema, file: f, buffer: bufio.NewWriterSize(f, sinkBuffer)}
	s.out = parquet.NewGenericWriter[any](s.buffer, parquet.NewSchema(name, layoutOf(schema)),
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault}), parquet.CreatedBy("windtunnel", "1", "0"))
	s.values = make([][]parquet.Value, len(schema))
	return s
}

func (s *parquetSink) Write(cells ...string) error {
	s.row = AppendRow(s.row[:0], cells...)
	return s.Append(nil, s.row)
}

func (s *parquetSink) Append(prefix []string, body []byte) error {
	s.cells = s.cells[:0]
	for _, cell := range prefix {
		s.cells = append(s.cells, []byte(cell))
	}
	for len(body) > 0 {
		size, record, err := cutRow(s.name, body)
		if err != nil {
			return err
		}
		if err := s.add(len(prefix), record); err != nil {
			return err
		}
		body = body[size:]
	}
	return nil
}

// add takes one row, whose first cells stand in s.cells.
func (s *parquetSink) add(prefix int, record []byte) error {
	var ok bool
	if s.cells, ok = splitCells(s.cells[:prefix], record); !ok {
		return fmt.Errorf("table %s: a malformed row: %q", s.name, record)
	}
	if err := checkWidth(s.name, len(s.cells), len(s.schema)); err != nil {
		return err
	}
	for i, cell := range s.cells {
		if s.schema[i].Type == Text {
			s.texts = append(s.texts, cell...)
			cell = s.texts[len(s.texts)-len(cell):]
		}
		v, ok := valueOf(s.schema[i].Type, cell)
		if !ok {
			return fmt.Errorf("table %s: row %d: %s is %q, which no %s is written as", s.name, s.rows, s.schema[i].Name, cell, s.schema[i].Type)
		}
		level := 1
		if v.IsNull() {
			level = 0
		}
		s.values[i] = append(s.values[i], v.Level(0, level, i))
	}
	s.rows++
	switch {
	case s.rows%rowGroup == 0:
		return errors.Join(s.hand(), s.out.Flush())
	case s.rows%batch == 0:
		return s.hand()
	}
	return nil
}

// hand gives the rows of a batch to the library, which copies them.
func (s *parquetSink) hand() error {
	for i, column := range s.out.ColumnWriters() {
		if _, err := column.WriteRowValues(s.values[i]); err != nil {
			return fmt.Errorf("table %s: %w", s.name, err)
		}
		s.values[i] = s.values[i][:0]
	}
	s.texts = s.texts[:0]
	return nil
}

func (s *parquetSink) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	return errors.Join(s.hand(), s.out.Close(), s.buffer.Flush(), s.file.Sync(), s.file.Close())
}

// valueOf reads a cell as a value of its column's type, null for "".
func valueOf(t Type, cell []byte) (v parquet.Value, ok bool) {
	if len(cell) == 0 {
		return parquet.NullValue(), true
	}
	switch t {
	case Number:
		x, ok := number(cell)
		return parquet.DoubleValue(x), ok
	case Integer:
		x, ok := integer(cell)
		return parquet.Int64Value(x), ok
	case Boolean:
		return parquet.BooleanValue(string(cell) == "true"), t.fits(cell)
	}
	return parquet.ByteArrayValue(cell), true
}

package tables

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"strconv"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"windtunnel/toy/lines"
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

// parquetSink writes a Parquet file. Its bytes depend on the rows alone.
type parquetSink struct {
	name   string
	schema Schema
	file   *os.File
	buffer *bufio.Writer
	out    *parquet.GenericWriter[any]
	values [][]parquet.Value // by column, the rows of a batch
	row    []Value           // the row at hand, where it came as texts
	rows   int               // in the file
}

func newParquetSink(name string, schema Schema, f *os.File) *parquetSink {
	var root layout
	for _, c := range schema {
		root.fields = append(root.fields, leaf{parquet.Optional(nodes[c.Type]()), c.Name})
	}
	s := &parquetSink{name: name, schema: schema, file: f, buffer: bufio.NewWriterSize(f, 1<<16)}
	s.out = parquet.NewGenericWriter[any](s.buffer, parquet.NewSchema(name, root),
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault}), parquet.CreatedBy("windtunnel", "1", "0"))
	s.values = make([][]parquet.Value, len(schema))
	return s
}

func (s *parquetSink) Write(cells ...string) error {
	s.row = s.row[:0]
	for i, cell := range cells {
		v, ok := ParseValue(s.schema[i].Type, cell)
		if !ok {
			return fmt.Errorf("table %s: row %d: %s is %q, which no %s is written as", s.name, s.rows, s.schema[i].Name, cell, s.schema[i].Type)
		}
		s.row = append(s.row, v)
	}
	return s.Add(s.row)
}

func (s *parquetSink) Add(row []Value) error {
	for i := range row {
		v, level := valueOf(s.schema[i].Type, row[i]), 1
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
	return nil
}

func (s *parquetSink) Close() error {
	return errors.Join(s.hand(), s.out.Close(), s.buffer.Flush(), s.file.Sync(), s.file.Close())
}

// valueOf returns the value of a cell, null for an empty one.
func valueOf(t Type, v Value) parquet.Value {
	switch {
	case t == Number && !math.IsNaN(v.Number):
		return parquet.DoubleValue(v.Number)
	case t == Integer && !math.IsNaN(v.Number):
		return parquet.Int64Value(v.Whole)
	case t == Boolean && v.Text != "":
		return parquet.BooleanValue(v.Text == "true")
	case t == Text && v.Text != "":
		return parquet.ByteArrayValue([]byte(v.Text))
	}
	return parquet.NullValue()
}

// parquetFile is a table in a Parquet file.
type parquetFile struct {
	name   string
	file   *parquet.File
	schema Schema
}

// openParquet opens a Parquet file whose columns are of the types that Create writes.
func openParquet(name string, r io.ReaderAt, size int64) (*parquetFile, error) {
	p := &parquetFile{name: name}
	var err error
	if p.file, err = lines.OpenParquet(r, size); err == nil {
		err = lines.Guarded(p.readSchema)
	}
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", name, err)
	}
	return p, nil
}

// readSchema refuses columns of types that tables do not have.
func (p *parquetFile) readSchema() error {
	for _, c := range p.file.Root().Columns() {
		t, ok := typeOfLeaf(c)
		if !ok {
			return fmt.Errorf("column %q is of the type %s; BOOLEAN, INT64, DOUBLE or STRING, not repeated", c.Name(), c.Type())
		}
		p.schema = append(p.schema, Column{Name: c.Name(), Type: t})
	}
	return checkHeader(p.schema.Names())
}

// typeOfLeaf returns the type of a column of plain values.
func typeOfLeaf(c *parquet.Column) (Type, bool) {
	if !c.Leaf() || c.Repeated() {
		return 0, false
	}
	switch c.Type().String() {
	case "BOOLEAN":
		return Boolean, true
	case "DOUBLE":
		return Number, true
	case "INT64", "INT(64,true)":
		return Integer, true
	case "BYTE_ARRAY", "STRING":
		return Text, true
	}
	return 0, false
}

func (p *parquetFile) header() []string { return p.schema.Names() }
func (p *parquetFile) rows() int        { return int(p.file.NumRows()) }

func (p *parquetFile) load(at []int) ([]*column, error) {
	columns := newColumns(len(at))
	for j, i := range at {
		for _, group := range p.file.RowGroups() {
			if err := p.read(columns[j], group, i); err != nil {
				return nil, err
			}
		}
	}
	return columns, nil
}

// each holds one row group in memory at a time.
func (p *parquetFile) each(row func(cells []string) error) error {
	for _, group := range p.file.RowGroups() {
		columns := newColumns(len(p.schema))
		for i := range columns {
			if err := p.read(columns[i], group, i); err != nil {
				return err
			}
		}
		if err := eachOf(columns, int(group.NumRows()), row); err != nil {
			return err
		}
	}
	return nil
}

// read appends the cells of column i in a row group.
func (p *parquetFile) read(to *column, group parquet.RowGroup, i int) error {
	before := to.rows()
	err := lines.Guarded(func() error {
		pages := group.ColumnChunks()[i].Pages()
		return errors.Join(readPages(to, pages), pages.Close())
	})
	if err != nil {
		return fmt.Errorf("table %s: column %q: %w", p.name, p.schema[i].Name, err)
	}
	if n := to.rows() - before; n != int(group.NumRows()) {
		return fmt.Errorf("table %s: column %q has %d cells in a group of %d rows", p.name, p.schema[i].Name, n, group.NumRows())
	}
	return nil
}

func readPages(to *column, pages parquet.Pages) error {
	values := make([]parquet.Value, 1024)
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for from := page.Values(); err == nil; {
			var n int
			n, err = from.ReadValues(values)
			for i := range values[:n] {
				to.appendValue(&values[i])
			}
		}
		parquet.Release(page)
		if !errors.Is(err, io.EOF) {
			return err
		}
	}
}

// appendValue adds the cell whose value valueOf returns.
func (c *column) appendValue(v *parquet.Value) {
	switch {
	case v.IsNull():
		c.append("")
	case v.Kind() == parquet.Double:
		c.appendNumber(v.Double())
	case v.Kind() == parquet.Int64:
		c.append(strconv.FormatInt(v.Int64(), 10))
	case v.Kind() == parquet.Boolean:
		c.append(strconv.FormatBool(v.Boolean()))
	default:
		c.append(string(v.ByteArray()))
	}
}

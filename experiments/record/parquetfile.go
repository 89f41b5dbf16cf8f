package record

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/parquet-go/parquet-go"
)

// parquetFile is a table in a Parquet file.
type parquetFile struct {
	name   string
	file   *parquet.File
	schema Schema
}

// openParquet opens a Parquet file whose columns are of the types that Create writes.
func openParquet(name string, f *os.File) (*parquetFile, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return readParquet(name, f, info.Size())
}

func readParquet(name string, r io.ReaderAt, size int64) (p *parquetFile, err error) {
	defer guard(name, &err)
	file, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, fmt.Errorf("table %s: not a Parquet file: %w", name, err)
	}
	p = &parquetFile{name: name, file: file}
	for _, c := range file.Root().Columns() {
		t, ok := typeOfLeaf(c)
		if !ok {
			return nil, fmt.Errorf("table %s: column %q is of the type %s; BOOLEAN, INT64, DOUBLE or STRING, not repeated", name, c.Name(), c.Type())
		}
		p.schema = append(p.schema, Column{Name: c.Name(), Type: t})
	}
	if err := checkHeader(p.schema.Names()); err != nil {
		return nil, fmt.Errorf("table %s: %w", name, err)
	}
	return p, nil
}

// guard turns a panic into an error: the library checks less of a damaged file than it relies on.
func guard(name string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("table %s: a damaged Parquet file: %v", name, p)
	}
}

// typeOfLeaf returns the type of a column of plain values.
func typeOfLeaf(c *parquet.Column) (Type, bool) {
	if !c.Leaf() || c.Repeated() {
		return 0, false
	}
	logical := c.Type().LogicalType()
	switch c.Type().Kind() {
	case parquet.Boolean:
		return Boolean, true
	case parquet.Double:
		return Number, true
	case parquet.Int64:
		return Integer, logical == nil || c.Type().String() == "INT(64,true)"
	case parquet.ByteArray:
		return Text, logical == nil || c.Type().String() == "STRING"
	}
	return 0, false
}

func (p *parquetFile) header() []string { return p.schema.Names() }
func (p *parquetFile) rows() int        { return int(p.file.NumRows()) }

func (p *parquetFile) load(at []int) (_ []*column, err error) {
	defer guard(p.name, &err)
	columns := make([]*column, len(at))
	for j, i := range at {
		columns[j] = &column{}
		for _, group := range p.file.RowGroups() {
			if err := p.read(columns[j], group, i); err != nil {
				return nil, err
			}
		}
	}
	return columns, nil
}

// each holds one row group in memory at a time.
func (p *parquetFile) each(row func(cells [][]byte) error) error {
	for _, group := range p.file.RowGroups() {
		columns, err := p.group(group)
		if err != nil {
			return err
		}
		if err := eachOf(columns, int(group.NumRows()), row); err != nil {
			return err
		}
	}
	return nil
}

// group reads all columns of a row group.
func (p *parquetFile) group(group parquet.RowGroup) (_ []*column, err error) {
	defer guard(p.name, &err)
	columns := make([]*column, len(p.schema))
	for i := range columns {
		columns[i] = &column{}
		if err := p.read(columns[i], group, i); err != nil {
			return nil, err
		}
		if columns[i].rows != int(group.NumRows()) {
			return nil, fmt.Errorf("table %s: column %q has %d cells in a group of %d rows", p.name, p.schema[i].Name, columns[i].rows, group.NumRows())
		}
	}
	return columns, nil
}

// read appends the cells of column i in a row group.
func (p *parquetFile) read(to *column, group parquet.RowGroup, i int) error {
	pages := group.ColumnChunks()[i].Pages()
	err := readPages(to, pages)
	if err = errors.Join(err, pages.Close()); err != nil {
		return fmt.Errorf("table %s: column %q: %w", p.name, p.schema[i].Name, err)
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
	var text [longestNumber]byte
	switch {
	case v.IsNull():
		c.append(nil)
	case v.Kind() == parquet.Double:
		c.appendNumber(v.Double())
	case v.Kind() == parquet.Int64:
		c.append(strconv.AppendInt(text[:0], v.Int64(), 10))
	case v.Kind() == parquet.Boolean:
		c.append(strconv.AppendBool(text[:0], v.Boolean()))
	default:
		c.append(v.ByteArray())
	}
}

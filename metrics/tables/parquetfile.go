package tables

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"windtunnel/toy/lines"
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

func readParquet(name string, r io.ReaderAt, size int64) (*parquetFile, error) {
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
	before := to.rows
	err := lines.Guarded(func() error {
		pages := group.ColumnChunks()[i].Pages()
		return errors.Join(readPages(to, pages), pages.Close())
	})
	if err != nil {
		return fmt.Errorf("table %s: column %q: %w", p.name, p.schema[i].Name, err)
	}
	if n := to.rows - before; n != int(group.NumRows()) {
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

package lines

import (
	"errors"
	"io"
)

// openRows fails: the explorer's page reads no data files, and the library would make it twice as large.
func openRows(io.Reader) (rowReader, error) { return nil, errors.New("is a Parquet file") }

func (r *Reader) row() (*Object, error) { return nil, io.EOF }

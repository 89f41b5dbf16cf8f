package dialogue

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// LineError is a line that is no pair.
type LineError struct {
	File string
	Line int // from 1
	Err  error
}

// Error names the file, the line and what is wrong.
func (e *LineError) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }

// Unwrap returns what is wrong.
func (e *LineError) Unwrap() error { return e.Err }

// Reader reads pairs one by one, in memory for one line at a time.
type Reader struct {
	SkipBad bool         // pass over lines that are no pairs
	Skipped []*LineError // that were passed over

	name string
	in   *bufio.Reader
	line int
	text []byte
}

// NewReader reads from r, gunzipping it if it is gzip by its first bytes. name stands in messages.
func NewReader(r io.Reader, name string) (*Reader, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("%s: is no whole gzip file: %w", name, err)
		}
		in = bufio.NewReaderSize(unzipped, 1<<16)
	}
	return &Reader{name: name, in: in}, nil
}

// Next returns the next pair, io.EOF after the last. Blank lines are passed over; they count in Index. The error of a
// line that is no pair is a *LineError; the next call goes on after it.
func (r *Reader) Next() (Pair, error) {
	for {
		text, err := r.next()
		if err != nil {
			return Pair{}, err
		}
		if blank(text) {
			continue
		}
		pair, err := Parse(text)
		if err == nil {
			pair.Index = r.line - 1
			return pair, nil
		}
		bad := &LineError{File: r.name, Line: r.line, Err: err}
		if !r.SkipBad {
			return Pair{}, bad
		}
		r.Skipped = append(r.Skipped, bad)
	}
}

// next returns the next line, good until the following call.
func (r *Reader) next() ([]byte, error) {
	r.text = r.text[:0]
	for {
		part, err := r.in.ReadSlice('\n')
		r.text = append(r.text, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(r.text) == 0:
			return nil, io.EOF
		case err != nil && !errors.Is(err, io.EOF):
			return nil, fmt.Errorf("%s:%d: %w", r.name, r.line+1, err)
		}
		r.line++
		return r.text, nil
	}
}

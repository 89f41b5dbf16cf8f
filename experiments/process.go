package main

import (
	"context"
	"io"
	"os"
)

// checkedOutput remembers the first error of writing, of which those who print do not ask.
type checkedOutput struct {
	io.Writer
	err error
}

// Write implements io.Writer.
func (c *checkedOutput) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	if c.err == nil {
		c.err = err
	}
	return n, err
}

// fileOf returns the file that a writer is.
func fileOf(w io.Writer) (*os.File, bool) {
	if c, ok := w.(*checkedOutput); ok {
		w = c.Writer
	}
	f, ok := w.(*os.File)
	return f, ok
}

// abandoned does what does not look at its context, and goes on without it once that is canceled. It must not write
// anything.
func abandoned[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		value, err := do()
		done <- outcome{value, err}
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// interruptible is a reader whose waiting ends with a context.
type interruptible struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (r interruptible) Read(p []byte) (int, error) {
	own := make([]byte, len(p)) // what was abandoned may still be written to
	n, err := abandoned(r.ctx, func() (int, error) { return r.Reader.Read(own) })
	return copy(p, own[:n]), err
}

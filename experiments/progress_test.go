package main

import (
	"bytes"
	"testing"
	"time"
)

// Without a terminal a line is printed now and then, weighted by cost.
func TestProgressLines(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	p := newProgress("test", &b, false)
	p.Start(4, 100)
	p.Done(nil, 10)
	if b.Len() > 0 {
		t.Errorf("%q is printed at once", b.String())
	}
	p.lastLine = p.lastLine.Add(-lineEvery)
	p.Done(nil, 50)
	p.Done(nil, 20)
	p.lastLine = p.lastLine.Add(-lineEvery)
	p.Done(nil, 20)
	p.finish()
	if want := "test: 2 of 4 runs, 60 %\ntest: 4 of 4 runs, 100 %\n"; b.String() != want {
		t.Errorf("printed %q, want %q", b.String(), want)
	}
}

func TestProgressQuiet(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	p := newProgress("test", &b, true)
	p.Start(2, 2)
	p.lastLine = p.lastLine.Add(-time.Hour)
	p.Done(nil, 1)
	p.Done(nil, 1)
	p.finish()
	if b.Len() > 0 {
		t.Errorf("--quiet prints %q", b.String())
	}
}

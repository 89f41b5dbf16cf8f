package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Lines are cut to the width in characters, whatever pieces they come in, and those that fit stay.
func TestCutter(t *testing.T) {
	var out strings.Builder
	c := &cutter{out: &out, width: 6}
	for _, piece := range []string{"abc", "def\nλλλλ", "λλλ\n", "short   \n", "\nend without a break"} {
		if n, err := c.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	if want := "abcdef\nλλλλλ…\nshort\n\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

// A long list of mistakes is shortened to what fits on a screen.
func TestFewer(t *testing.T) {
	var lines []string
	for i := range 30 {
		lines = append(lines, fmt.Sprint("mistake ", i))
	}
	if got := fewer(errors.New(strings.Join(lines, "\n"))); strings.Count(got, "\n") != mostMistakes || !strings.HasSuffix(got, "mistake 19\n... and 10 more") {
		t.Errorf("%s", got)
	}
	if got := fewer(errors.New("one\ntwo")); got != "one\ntwo" {
		t.Errorf("%s", got)
	}
}

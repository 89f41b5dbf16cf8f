package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// newTabs returns a table for people: its columns aligned and, on a terminal, its lines cut to the width.
func newTabs(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(fitted(w), 0, 8, 2, ' ', 0) }

// fitted returns w, cutting lines where it is a terminal.
func fitted(w io.Writer) io.Writer {
	if isTerminal(w) {
		return &cutter{out: w, width: terminalWidth(w)}
	}
	return w
}

// cutter cuts lines to a width in characters. What follows the last line break stays until the next one.
type cutter struct {
	out   io.Writer
	width int
	line  bytes.Buffer
}

// Write passes on every line that is complete.
func (c *cutter) Write(text []byte) (int, error) {
	c.line.Write(text)
	for {
		at := bytes.IndexByte(c.line.Bytes(), '\n')
		if at < 0 {
			return len(text), nil
		}
		if _, err := io.WriteString(c.out, cut(string(c.line.Next(at)), c.width)+"\n"); err != nil {
			return 0, err
		}
		c.line.Next(1)
	}
}

// cut shortens a line to a width, with a mark where something is missing.
func cut(line string, width int) string {
	if line = strings.TrimRight(line, " "); utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:max(0, width-1)]) + "…"
}

// mostMistakes is how many mistakes are printed, so that they fit on a screen.
const mostMistakes = 20

// fewer keeps the first lines of a list of mistakes and says how many follow.
func fewer(err error) string {
	lines := strings.Split(err.Error(), "\n")
	if len(lines) <= mostMistakes {
		return err.Error()
	}
	return strings.Join(lines[:mostMistakes], "\n") + fmt.Sprintf("\n... and %d more", len(lines)-mostMistakes)
}

package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"windtunnel/plots"
)

// screen are the flags of drawing in the terminal.
type screen struct {
	ascii bool
	width int
	color colorFlag
}

func (s *screen) register(f *pflag.FlagSet) {
	f.BoolVar(&s.ascii, "ascii", false, "nothing but ASCII characters in the terminal; default where the locale has no UTF-8")
	f.IntVar(&s.width, "width", 0, "`columns` of the terminal; default what it has, else 80")
	f.Var(&s.color, "color", "colors in the terminal: auto, always or never")
}

// terminalHeight is how many rows a pair of axes has.
const terminalHeight = 18

// options say what the terminal that w is, or is taken for, can show.
func (s *screen) options(w io.Writer) plots.Terminal {
	o := plots.Terminal{Width: s.width, Height: terminalHeight, ASCII: s.ascii || !unicodeLocale(), Color: s.color.wanted(w)}
	if o.Width == 0 {
		o.Width = terminalWidth(w)
	}
	return o
}

// usualWidth is the width in columns of what is no terminal.
const usualWidth = 80

// terminalWidth returns the columns of the terminal that w is, else the usual 80.
func terminalWidth(w io.Writer) int {
	if f, ok := fileOf(w); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return usualWidth
}

// unicodeLocale says whether the locale's characters are UTF-8, as POSIX tells it: LC_ALL before LC_CTYPE before LANG.
func unicodeLocale() bool {
	locale := strings.ToUpper(cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_CTYPE"), os.Getenv("LANG")))
	return strings.Contains(locale, "UTF-8") || strings.Contains(locale, "UTF8")
}

// colorFlag says when to use colors.
type colorFlag string

// String returns the choice.
func (c *colorFlag) String() string { return cmp.Or(string(*c), "auto") }

// Set takes a choice.
func (c *colorFlag) Set(text string) error {
	switch text {
	case "auto", "always", "never":
		*c = colorFlag(text)
		return nil
	}
	return errors.New("want auto, always or never")
}

// Type names the flag's argument.
func (c *colorFlag) Type() string { return "when" }

// wanted says whether to use colors on w: by default on a terminal where NO_COLOR (no-color.org) is not set.
func (c *colorFlag) wanted(w io.Writer) bool {
	switch *c {
	case "always":
		return true
	case "never":
		return false
	}
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w)
}

// newTabs returns a table for people: its columns aligned and, on a terminal, its lines cut to the width.
func newTabs(w io.Writer) *tabwriter.Writer {
	if isTerminal(w) {
		w = &cutter{out: w, width: terminalWidth(w)}
	}
	return tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
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

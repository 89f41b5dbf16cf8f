// Package terminal draws the panels of a figure with characters, for people on a machine without a screen of its own: in
// braille dots, or in plain ASCII where a terminal has no more.
package terminal

import (
	"bufio"
	"fmt"
	"image/color"
	"io"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"windtunnel/plots"
)

// Options say what the terminal can show.
type Options struct {
	Width  int  // columns; at least MinWidth
	Height int  // rows of a pair of axes, without labels; at least 4
	ASCII  bool // nothing but ASCII characters
	Color  bool // colors by ANSI escape sequences
}

// MinWidth is the least width in columns that axes with labels have room in.
const MinWidth = 40

// marks are the markers of curves, by their place in the legend; they tell curves apart where there are no colors.
const marks = "ox+*#@%&=$"

// Draw draws panels below one another. Text that could steer a terminal is made harmless. The error is w's.
func Draw(w io.Writer, charts []plots.Chart, o Options) error {
	o.Width, o.Height = max(o.Width, MinWidth), max(o.Height, 4)
	out := bufio.NewWriter(w)
	for i := range charts {
		if i > 0 {
			fmt.Fprintln(out)
		}
		s := &screen{Options: o, out: out, chart: &charts[i]}
		s.draw()
	}
	return out.Flush()
}

// screen is one panel being drawn.
type screen struct {
	Options
	out    *bufio.Writer
	chart  *plots.Chart
	gutter int // columns left of the axis
	canvas *canvas
}

func (s *screen) draw() {
	if s.chart.Title != "" {
		s.print(s.centered(s.clean(s.chart.Title)))
	}
	switch {
	case len(s.chart.Rows) > 0:
		s.drawRows()
	case s.chart.Triangle:
		s.drawTriangle()
	default:
		s.drawAxes()
	}
	s.legend()
	for _, note := range s.chart.Notes {
		for _, line := range wrap(s.clean(note), s.Width) {
			s.print(line)
		}
	}
}

// print writes a line without blanks at its end.
func (s *screen) print(line string) { fmt.Fprintln(s.out, strings.TrimRight(line, " ")) }

// clean makes text harmless: characters that are not printed, and in plain mode those beyond ASCII, give way.
func (s *screen) clean(text string) string {
	if s.ASCII {
		text = plainWords.Replace(text)
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || s.ASCII && r > unicode.MaxASCII {
			return '?'
		}
		return r
	}, text)
}

// plainWords spells what labels are made of in ASCII.
var plainWords = strings.NewReplacer("π", "pi", "θ", "theta", "λ", "lambda", "δ", "delta", "α", "alpha", "Σ", "sum ", "‖", "||",
	"−", "-", "–", "-", "±", "+-", "×", "x", "²", "^2", "∞", "inf", "φ", "phi", "·", "*", "…", "...")

// centered sets a line in the middle of the width.
func (s *screen) centered(line string) string {
	return strings.Repeat(" ", max(0, (s.Width-utf8.RuneCountInString(line))/2)) + line
}

// cut shortens text to a width, with a mark where something is missing.
func (s *screen) cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	end := "…"
	if s.ASCII {
		end = "~"
	}
	return string([]rune(text)[:max(0, width-1)]) + end
}

// wrap breaks text into lines at spaces.
func wrap(text string, width int) []string {
	var lines []string
	for _, word := range strings.Fields(text) {
		last := len(lines) - 1
		if last >= 0 && utf8.RuneCountInString(lines[last])+1+utf8.RuneCountInString(word) <= width {
			lines[last] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}

// drawAxes draws curves over two axes.
func (s *screen) drawAxes() {
	labels := s.yLabels()
	for _, label := range labels {
		s.gutter = max(s.gutter, utf8.RuneCountInString(label)+1)
	}
	s.canvas = newCanvas(s.Width-s.gutter-1, s.Height, s.ASCII)
	for _, level := range s.chart.Levels {
		_, y := s.dotAt(0, s.chart.Y.Place(level.Value))
		s.canvas.line(0, y, s.canvas.width*s.canvas.across-1, y, 3*s.canvas.across, color.RGBA{})
	}
	s.drawSeries(s.chart.X.Place, s.chart.Y.Place)
	s.print(s.cut(s.clean(s.chart.Y.Label), s.Width))
	side, tick := '│', '┤'
	if s.ASCII {
		side, tick = '|', '+'
	}
	for row := range s.Height {
		label, edge := labels[row], side
		if label != "" {
			edge = tick
		}
		s.print(fmt.Sprintf("%*s%c%s", s.gutter, pad(label, s.gutter), edge, s.canvas.row(row, s.Color)))
	}
	s.drawX()
}

// pad sets text at the right end of a width, with a blank behind it.
func pad(text string, width int) string {
	return strings.Repeat(" ", max(0, width-1-utf8.RuneCountInString(text))) + text + " "
}

// yLabels gives the label of every row, mostly none.
func (s *screen) yLabels() []string {
	labels := make([]string, s.Height)
	for _, tick := range s.chart.Y.Ticks {
		row := int(math.Round((1 - s.chart.Y.Place(tick.Value)) * float64(s.Height-1)))
		if row >= 0 && row < s.Height && labels[row] == "" {
			labels[row] = s.cut(s.clean(strings.TrimSpace(tick.Label)), s.Width/4)
		}
	}
	return labels
}

// dotAt is the dot at a place of both axes, each from 0 to 1.
func (s *screen) dotAt(x, y float64) (column, row int) {
	width, height := s.canvas.width*s.canvas.across-1, s.canvas.height*s.canvas.down-1
	clamp := func(v float64) float64 { return min(max(v, 0), 1) }
	return int(math.Round(clamp(x) * float64(width))), int(math.Round((1 - clamp(y)) * float64(height)))
}

// drawSeries draws the lines of all curves and then their marks.
func (s *screen) drawSeries(placeX, placeY func(float64) float64) {
	for i := range s.chart.Series {
		series := &s.chart.Series[i]
		lastX, lastY, joined := 0, 0, false
		for k := range series.X {
			if math.IsNaN(series.X[k]) {
				joined = false
				continue
			}
			x, y := s.dotAt(placeX(series.X[k]), placeY(series.Y[k]))
			if joined {
				s.canvas.line(lastX, lastY, x, y, 1, series.Color)
			}
			s.canvas.dot(x, y, series.Color)
			lastX, lastY, joined = x, y, true
		}
	}
	labelled := 0
	for i := range s.chart.Series {
		series := &s.chart.Series[i]
		for _, k := range marked(series, labelled) {
			x, y := s.dotAt(placeX(series.X[k]), placeY(series.Y[k]))
			s.canvas.char(x/s.canvas.across, y/s.canvas.down, markOf(labelled), series.Color)
		}
		if series.Label != "" {
			labelled++
		}
	}
}

func markOf(i int) rune { return rune(marks[i%len(marks)]) }

// mostMarks is about how many marks a curve has; those of several curves stand at different points.
const mostMarks = 12

// marked lists the points of a curve that get a mark; a curve without a name has none.
func marked(s *plots.Series, slot int) []int {
	if s.Label == "" {
		return nil
	}
	var there []int
	for k := range s.X {
		if !math.IsNaN(s.X[k]) {
			there = append(there, k)
		}
	}
	every := (len(there) + mostMarks - 1) / mostMarks
	if s.Trace {
		every = (len(there) + mostMarks/2 - 1) / (mostMarks / 2)
	}
	var some []int
	for n, k := range there {
		if (n+slot)%max(1, every) == 0 || len(there) == 1 {
			some = append(some, k)
		}
	}
	return some
}

// drawX draws the axis below a canvas: its line, the labels of its ticks, and its name.
func (s *screen) drawX() {
	line, tick, corner := '─', '┬', '└'
	if s.ASCII {
		line, tick, corner = '-', '+', '+'
	}
	width := s.canvas.width
	edge := []rune(strings.Repeat(string(line), width))
	labels := []rune(strings.Repeat(" ", width+s.gutter+1))
	free := 0 // the first column of labels that may be written to
	for _, t := range s.chart.X.Ticks {
		label := []rune(s.clean(strings.TrimSpace(t.Label)))
		if len(label) == 0 {
			continue
		}
		column, _ := s.dotAt(s.chart.X.Place(t.Value), 0)
		column /= s.canvas.across
		edge[column] = tick
		start := max(0, min(s.gutter+1+column-len(label)/2, len(labels)-len(label)))
		if start < free || start+len(label) > len(labels) {
			continue
		}
		copy(labels[start:], label)
		free = start + len(label) + 1
	}
	s.print(strings.Repeat(" ", s.gutter) + string(corner) + string(edge))
	s.print(string(labels))
	if s.chart.X.Label != "" {
		s.print(s.centered(s.cut(s.clean(s.chart.X.Label), s.Width)))
	}
}

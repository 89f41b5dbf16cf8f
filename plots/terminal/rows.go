package terminal

import (
	"image/color"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"windtunnel/plots"
)

// glyphs are the characters of one set.
type glyphs struct{ bar, start, end, filled, hollow, run, middle, zero rune }

func (s *screen) glyphs() glyphs {
	if s.ASCII {
		return glyphs{bar: '-', start: '|', end: '|', filled: '@', hollow: 'o', run: '.', middle: '|', zero: ':'}
	}
	return glyphs{bar: '─', start: '├', end: '┤', filled: '●', hollow: '○', run: '•', middle: '┃', zero: '┊'}
}

// drawRows draws intervals, a line each.
func (s *screen) drawRows() {
	names := make([]string, len(s.chart.Rows))
	for i, name := range s.chart.Rows {
		names[i] = s.cut(s.clean(name), s.Width/3)
		s.gutter = max(s.gutter, utf8.RuneCountInString(names[i])+1)
	}
	s.canvas = newCanvas(s.Width-s.gutter-1, len(names), true)
	g := s.glyphs()
	if zero := s.chart.X.Place(0); zero > 0 && zero < 1 {
		for row := range names {
			s.canvas.char(s.column(0), row, g.zero, color.RGBA{})
		}
	}
	for i := range s.chart.Intervals {
		s.drawInterval(&s.chart.Intervals[i], g)
	}
	side := "│"
	if s.ASCII {
		side = "|"
	}
	for row, name := range names {
		s.print(pad(name, s.gutter) + side + s.canvas.row(row, s.Color))
	}
	s.drawX()
}

// column is the cell of a value of x.
func (s *screen) column(x float64) int {
	at, _ := s.dotAt(s.chart.X.Place(x), 0)
	return at
}

func (s *screen) drawInterval(v *plots.Interval, g glyphs) {
	if math.IsNaN(v.X) {
		return
	}
	if !math.IsNaN(v.Low) && !math.IsNaN(v.High) {
		from, to := s.column(v.Low), s.column(v.High)
		for column := from; column <= to; column++ {
			s.canvas.char(column, v.Row, g.bar, v.Color)
		}
		s.canvas.char(from, v.Row, g.start, v.Color)
		s.canvas.char(to, v.Row, g.end, v.Color)
	}
	for _, run := range v.Values {
		s.canvas.char(s.column(run), v.Row, g.run, v.Color)
	}
	switch {
	case v.Values != nil:
		s.canvas.char(s.column(v.X), v.Row, g.middle, color.RGBA{})
	case v.Hollow:
		s.canvas.char(s.column(v.X), v.Row, g.hollow, v.Color)
	default:
		s.canvas.char(s.column(v.X), v.Row, g.filled, v.Color)
	}
}

// triangleRows is how high a simplex is to its width in columns: a cell is about twice as high as wide.
const triangleRows = 0.45

// drawTriangle draws policies on the probability simplex of three responses.
func (s *screen) drawTriangle() {
	height := min(max(s.Height, 12), int(triangleRows*float64(s.Width)))
	width := min(s.Width, int(float64(height)/triangleRows))
	s.gutter = (s.Width - width) / 2
	s.canvas = newCanvas(width, height, s.ASCII)
	placeX := func(x float64) float64 { return x }
	placeY := func(y float64) float64 { return y / (math.Sqrt(3) / 2) }
	var at [3][2]int
	for i, corner := range [3][2]float64{{0, 0}, {1, 0}, {0.5, 1}} {
		at[i][0], at[i][1] = s.dotAt(corner[0], corner[1])
	}
	for i := range at {
		next := at[(i+1)%3]
		s.canvas.line(at[i][0], at[i][1], next[0], next[1], s.canvas.across, color.RGBA{})
	}
	for i := range s.chart.Marks {
		x, y := s.dotAt(placeX(s.chart.Marks[i].X), placeY(s.chart.Marks[i].Y))
		s.canvas.char(x/s.canvas.across, y/s.canvas.down, s.landmark(i), color.RGBA{})
	}
	s.drawSeries(placeX, placeY)
	s.print(s.centered("y_c"))
	for row := range height {
		s.print(strings.Repeat(" ", s.gutter) + s.canvas.row(row, s.Color))
	}
	s.print(strings.Repeat(" ", s.gutter) + "y_a" + strings.Repeat(" ", max(1, width-6)) + "y_b")
}

// landmark is the letter of a mark of the simplex: of those with one label the same.
func (s *screen) landmark(i int) rune {
	var labels []string
	for _, mark := range s.chart.Marks[:i+1] {
		if !slices.Contains(labels, mark.Label) {
			labels = append(labels, mark.Label)
		}
	}
	return rune('A' + slices.Index(labels, s.chart.Marks[i].Label)%26)
}

// legend says what curves, levels, marks and intervals are.
func (s *screen) legend() {
	var entries []string
	add := func(mark, label string, ink color.RGBA) {
		entry := mark + " " + s.clean(label)
		if s.Color {
			entry = escape(ink) + entry + escape(color.RGBA{})
		}
		if !slices.Contains(entries, entry) {
			entries = append(entries, entry)
		}
	}
	labelled := 0
	for i := range s.chart.Series {
		if series := &s.chart.Series[i]; series.Label != "" {
			add(string(markOf(labelled)), series.Label, series.Color)
			labelled++
		}
	}
	for _, level := range s.chart.Levels {
		add("- -", level.Label, color.RGBA{})
	}
	for i := range s.chart.Marks {
		add(string(s.landmark(i)), s.chart.Marks[i].Label, color.RGBA{})
	}
	s.explainIntervals(add)
	s.printEntries(entries)
}

// explainIntervals adds what the marks of intervals mean.
func (s *screen) explainIntervals(add func(mark, label string, ink color.RGBA)) {
	g := s.glyphs()
	for i := range s.chart.Intervals {
		switch v := &s.chart.Intervals[i]; {
		case v.Values != nil:
			add(string(g.run), "one run", color.RGBA{})
			add(string([]rune{g.start, g.middle, g.end}), "middle and interval", color.RGBA{})
		case v.Hollow:
			add(string(g.hollow), "does not stand after the correction", color.RGBA{})
		default:
			add(string(g.filled), "stands", color.RGBA{})
		}
	}
}

// printEntries prints entries side by side in as many lines as they need.
func (s *screen) printEntries(entries []string) {
	line, used := "", 0
	for _, entry := range entries {
		width := utf8.RuneCountInString(uncolored(entry)) + 3
		if used > 0 && used+width > s.Width {
			s.print(line)
			line, used = "", 0
		}
		line += "   " + entry
		used += width
	}
	if line != "" {
		s.print(line)
	}
}

// uncolored is text without the sequences that escape gives.
func uncolored(text string) string {
	for {
		start := strings.Index(text, "\x1b[")
		if start < 0 {
			return text
		}
		end := strings.IndexByte(text[start:], 'm')
		text = text[:start] + text[start+end+1:]
	}
}

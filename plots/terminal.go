package plots

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gonum.org/v1/plot"
)

// Terminal draws the panels of figures with characters, for people on a machine without a screen of its own: in braille
// dots, or in plain ASCII where a terminal has no more.
type Terminal struct {
	Width  int  // columns; at least 40
	Height int  // rows of a pair of axes, without labels; at least 4
	ASCII  bool // nothing but ASCII characters
	Color  bool // colors by ANSI escape sequences
}

// ErrNoChart is the error for a figure that is a table in colors, not points on axes.
var ErrNoChart = errors.New("it has no points on axes, only cells")

// Draw draws the panels of a figure below one another, without its version over KL. Text that could steer a terminal is made
// harmless. The errors are those of the function Draw, and ErrNoChart where no panel has points on axes.
func (o Terminal) Draw(fig Figure, src Sources) (string, error) {
	panels, err := panelsOf(fig.Name, fig.Params, src.From(fig.From))
	if err != nil {
		return "", err
	}
	setRanges(panels)
	o.Width, o.Height = max(o.Width, 40), max(o.Height, 4)
	var texts []string
	for _, p := range panels {
		if len(p.curves)+len(p.ranges) > 0 {
			s := &screen{Terminal: o, Panel: p}
			s.draw()
			texts = append(texts, s.out.String())
		}
	}
	if texts == nil {
		return "", fmt.Errorf("figure %s: %w", fig.Name, ErrNoChart)
	}
	text := strings.Join(texts, "\n")
	if left := len(panels) - len(texts); left > 0 {
		text += fmt.Sprintf("(%d panels of cells are left out)\n", left)
	}
	return text, nil
}

// screen is one panel being drawn.
type screen struct {
	Terminal
	*Panel
	out    strings.Builder
	gutter int // columns left of the axis
	canvas *canvas
}

// noColor is that of what belongs to no series.
var noColor color.RGBA

func (s *screen) draw() {
	if title := s.clean(s.name()); title != "" {
		s.print(s.centered(title))
	}
	switch {
	case len(s.ranges) > 0:
		s.drawRows()
	case len(s.ticks(&s.X))+len(s.ticks(&s.Y)) == 0:
		s.drawTriangle()
	default:
		s.drawAxes()
	}
	s.drawLegend()
	notes := slices.Clone(s.Notes)
	for _, note := range s.own {
		notes = append(notes, note.in(""))
	}
	for _, c := range s.curves {
		if n, why := c.lost(func(q point) bool { return finite(q.x) && !finite(q.y) }); n > 0 {
			notes = append(notes, fmt.Sprintf("No value, ! at the top: %s (%d × %s).", c.label, n, why))
		}
	}
	for _, note := range notes {
		for _, line := range fill(utf8.RuneCountInString, strings.Fields(s.clean(note)), s.Width) {
			s.print(line)
		}
	}
}

// print writes a line without blanks at its end.
func (s *screen) print(line string) { s.out.WriteString(strings.TrimRight(line, " ") + "\n") }

// plainWords spells what labels are made of in ASCII.
var plainWords = strings.NewReplacer("π", "pi", "θ", "theta", "λ", "lambda", "δ", "delta", "α", "alpha", "Σ", "sum ", "‖", "||",
	"−", "-", "–", "-", "±", "+-", "×", "x", "²", "^2", "∞", "inf", "φ", "phi", "χ", "chi", "·", "*", "…", "...",
	"─", "-", "│", "|", "┬", "+", "└", "+", "┤", "+", "├", "|", "●", "@", "○", "o", "•", ".", "┃", "|", "┊", ":")

// clean makes text harmless: characters that are not printed, and in plain mode those beyond ASCII, give way.
func (s *screen) clean(text string) string {
	text = plainText(text)
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

// char is a character, or what stands for it in plain mode.
func (s *screen) char(r rune) rune {
	return []rune(s.clean(string(r)))[0]
}

// centered sets a line in the middle of the width.
func (s *screen) centered(line string) string {
	return strings.Repeat(" ", max(0, (s.Width-utf8.RuneCountInString(line))/2)) + line
}

// cut cleans text and shortens it to a width, with a mark where something is missing.
func (s *screen) cut(text string, width int) string {
	text = strings.TrimSpace(s.clean(text))
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	end := "…"
	if s.ASCII {
		end = "~"
	}
	return string([]rune(text)[:max(0, width-1)]) + end
}

// printRow prints a row of the canvas behind a label that ends at the axis.
func (s *screen) printRow(label string, edge rune, row int) {
	blanks := strings.Repeat(" ", max(0, s.gutter-1-utf8.RuneCountInString(label)))
	s.print(blanks + label + " " + string(s.char(edge)) + s.canvas.row(row, s.Color))
}

// ticks are the labelled places of an axis on it.
func (s *screen) ticks(axis *plot.Axis) []plot.Tick {
	return slices.DeleteFunc(slices.Clone(axis.Tick.Marker.Ticks(axis.Min, axis.Max)), func(t plot.Tick) bool {
		return t.Value < axis.Min || t.Value > axis.Max || strings.TrimSpace(t.Label) == ""
	})
}

// drawAxes draws curves over two axes.
func (s *screen) drawAxes() {
	labels := make([]string, s.Terminal.Height) // of every row, mostly none
	for _, tick := range s.ticks(&s.Y) {
		row := int(math.Round((1 - s.Y.Norm(tick.Value)) * float64(s.Terminal.Height-1)))
		if row >= 0 && row < s.Terminal.Height && labels[row] == "" {
			labels[row] = s.cut(tick.Label, s.Width/4)
			s.gutter = max(s.gutter, utf8.RuneCountInString(labels[row])+1)
		}
	}
	s.gutter = max(s.gutter, 1)
	s.canvas = newCanvas(s.Width-s.gutter-1, s.Terminal.Height, s.ASCII)
	for _, level := range s.levels {
		_, y := s.dotAt(0, s.Y.Norm(level.value))
		s.canvas.line(0, y, s.canvas.width*s.canvas.across-1, y, 3*s.canvas.across, noColor)
	}
	s.drawCurves(s.X.Norm, s.Y.Norm)
	s.print(s.cut(s.Y.Label.Text, s.Width))
	for row, label := range labels {
		edge := '│'
		if label != "" {
			edge = '┤'
		}
		s.printRow(label, edge, row)
	}
	s.drawX()
}

// dotAt is the dot at a place of both axes, each from 0 to 1.
func (s *screen) dotAt(x, y float64) (column, row int) {
	width, height := s.canvas.width*s.canvas.across-1, s.canvas.height*s.canvas.down-1
	along := func(v float64, length int) int {
		if !(v > 0) { // on an axis wider than any number, NaN
			v = 0
		}
		return int(math.Round(min(v, 1) * float64(length)))
	}
	return along(x, width), along(1-y, height)
}

// drawCurves draws the lines of all curves and then their marks, which stand over the lines.
func (s *screen) drawCurves(placeX, placeY func(float64) float64) {
	there := make([][][2]int, len(s.curves)) // the dots of each
	for i, c := range s.curves {
		joined := false
		for _, q := range c.points {
			if !finite(q.x) || !finite(q.y) || isLog(&s.X) && q.x <= 0 || isLog(&s.Y) && q.y <= 0 {
				joined = false
				if finite(q.x) && s.strip > 0 {
					x, _ := s.dotAt(placeX(q.x), 1)
					s.canvas.char(x/s.canvas.across, 0, '!', c.style.color)
				}
				continue
			}
			x, y := s.dotAt(placeX(q.x), placeY(q.y))
			if joined {
				last := there[i][len(there[i])-1]
				s.canvas.line(last[0], last[1], x, y, 1, c.style.color)
			}
			s.canvas.dot(x, y, c.style.color)
			there[i], joined = append(there[i], [2]int{x, y}), true
		}
	}
	labelled := 0
	for i, c := range s.curves {
		if c.label != "" {
			s.mark(there[i], labelled, c)
			labelled++
		}
	}
}

// markOf is the marker of a curve by its place in the legend, which tells it apart where there are no colors.
func markOf(i int) rune { return rune("ox+*#@%&=$"[i%10]) }

// mark sets about a dozen marks on a curve, half as many on a trace; those of several curves stand at different points.
func (s *screen) mark(there [][2]int, slot int, c *curve) {
	most := 12
	if c.plain {
		most = 6
	}
	every := max(1, (len(there)+most-1)/most)
	for n, at := range there {
		if (n+slot)%every == 0 || len(there) == 1 {
			s.canvas.char(at[0]/s.canvas.across, at[1]/s.canvas.down, markOf(slot), c.style.color)
		}
	}
}

// drawX draws the axis below a canvas: its line, the labels of its ticks, and its name.
func (s *screen) drawX() {
	edge := slices.Repeat([]rune{s.char('─')}, s.canvas.width)
	labels := slices.Repeat([]rune{' '}, s.canvas.width+s.gutter+1)
	next := 0 // the first column of labels that may be written to
	for _, t := range s.ticks(&s.X) {
		label := []rune(strings.TrimSpace(s.clean(t.Label)))
		column := s.column(t.Value)
		edge[column] = s.char('┬')
		start := max(0, min(s.gutter+1+column-len(label)/2, len(labels)-len(label)))
		if start >= next && start+len(label) <= len(labels) {
			copy(labels[start:], label)
			next = start + len(label) + 1
		}
	}
	s.print(strings.Repeat(" ", s.gutter) + string(s.char('└')) + string(edge))
	s.print(string(labels))
	if s.X.Label.Text != "" {
		s.print(s.centered(s.cut(s.X.Label.Text, s.Width)))
	}
}

// column is the cell of a value of x.
func (s *screen) column(x float64) int {
	at, _ := s.dotAt(s.X.Norm(x), 0)
	return at / s.canvas.across
}

// drawRows draws intervals, a line each.
func (s *screen) drawRows() {
	ticks := s.ticks(&s.Y)
	for i := range ticks {
		ticks[i].Label = s.cut(ticks[i].Label, s.Width/3)
		s.gutter = max(s.gutter, utf8.RuneCountInString(ticks[i].Label)+1)
	}
	s.canvas = newCanvas(s.Width-s.gutter-1, len(ticks), true)
	set := func(x float64, row int, r rune, ink color.RGBA) { s.canvas.char(s.column(x), row, s.char(r), ink) }
	if zero := s.X.Norm(0); zero > 0 && zero < 1 {
		for row := range ticks {
			set(0, row, '┊', noColor)
		}
	}
	for _, v := range s.ranges {
		if !finite(v.x) {
			continue
		}
		ink := v.style.color
		if finite(v.low) && finite(v.high) {
			for column := s.column(v.low); column <= s.column(v.high); column++ {
				s.canvas.char(column, v.row, s.char('─'), ink)
			}
			set(v.low, v.row, '├', ink)
			set(v.high, v.row, s.end(), ink)
		}
		for _, run := range v.values {
			set(run, v.row, '•', ink)
		}
		switch {
		case v.values != nil:
			set(v.x, v.row, '┃', noColor)
		case v.hollow:
			set(v.x, v.row, '○', ink)
		default:
			set(v.x, v.row, '●', ink)
		}
	}
	for row, tick := range ticks {
		s.printRow(tick.Label, '│', row)
	}
	s.drawX()
}

// end closes an interval at the right.
func (s *screen) end() rune {
	if s.ASCII {
		return '|'
	}
	return '┤'
}

// drawTriangle draws policies on the probability simplex of three responses.
func (s *screen) drawTriangle() {
	const aspect = 0.45 // rows to columns: a cell is about twice as high as wide
	height := min(max(s.Terminal.Height, 12), int(aspect*float64(s.Width)))
	width := min(s.Width, int(float64(height)/aspect))
	s.gutter = (s.Width - width) / 2
	s.canvas = newCanvas(width, height, s.ASCII)
	placeX, placeY := func(x float64) float64 { return x }, func(y float64) float64 { return y / triangleTop }
	for _, edge := range [][4]float64{{0, 0, 1, 0}, {1, 0, 0.5, 1}, {0.5, 1, 0, 0}} {
		x0, y0 := s.dotAt(edge[0], edge[1])
		x1, y1 := s.dotAt(edge[2], edge[3])
		s.canvas.line(x0, y0, x1, y1, s.canvas.across, noColor)
	}
	for _, d := range s.data {
		x, errX := strconv.ParseFloat(d.X, 64)
		y, errY := strconv.ParseFloat(d.Y, 64)
		if errX == nil && errY == nil {
			column, row := s.dotAt(placeX(x), placeY(y))
			s.canvas.char(column/s.canvas.across, row/s.canvas.down, s.landmark(d.Series), noColor)
		}
	}
	s.drawCurves(placeX, placeY)
	s.print(s.centered("y_c"))
	for row := range height {
		s.print(strings.Repeat(" ", s.gutter) + s.canvas.row(row, s.Color))
	}
	s.print(strings.Repeat(" ", s.gutter) + "y_a" + strings.Repeat(" ", max(1, width-6)) + "y_b")
}

// landmark is the letter of a policy that the simplex is read by.
func (s *screen) landmark(name string) rune {
	var names []string
	for _, d := range s.data {
		if !slices.Contains(names, d.Series) {
			names = append(names, d.Series)
		}
	}
	return rune('A' + slices.Index(names, name)%26)
}

// drawLegend says what curves, levels, landmarks and intervals are, side by side in as many lines as they need.
func (s *screen) drawLegend() {
	var entries []string
	line, used := "", 0
	add := func(mark, label string, ink color.RGBA) {
		entry := mark + " " + s.clean(label)
		width := utf8.RuneCountInString(entry) + 3
		if s.Color {
			entry = escape(ink) + entry + escape(noColor)
		}
		if slices.Contains(entries, entry) {
			return
		}
		entries = append(entries, entry)
		if used > 0 && used+width > s.Width {
			s.print(line)
			line, used = "", 0
		}
		line += "   " + entry
		used += width
	}
	labelled := 0
	for _, c := range s.curves {
		if c.label != "" {
			add(string(markOf(labelled)), c.label, c.style.color)
			labelled++
		}
	}
	for _, level := range s.levels {
		add("- -", level.label, noColor)
	}
	if len(s.ranges) == 0 {
		for _, d := range s.data {
			add(string(s.landmark(d.Series)), d.Series, noColor)
		}
	}
	for _, v := range s.ranges {
		switch {
		case v.values != nil:
			add(string(s.char('•')), "one run", noColor)
			add(string([]rune{s.char('├'), s.char('┃'), s.end()}), "middle and interval", noColor)
		case v.hollow:
			add(string(s.char('○')), "does not stand after the correction", noColor)
		default:
			add(string(s.char('●')), "stands", noColor)
		}
	}
	if line != "" {
		s.print(line)
	}
}

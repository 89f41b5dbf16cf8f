package plots

import (
	"image"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// sketch is a page drawn once: a canvas that records what is drawn on it, in colors of the paper theme, and what it belongs
// to. Every format is written from it.
type sketch struct {
	pen
	stack []pen
	marks []mark
}

// pen is the state of a canvas.
type pen struct {
	color  color.Color
	width  vg.Length
	dashes []vg.Length
	offset vg.Length // into the dashes
	angle  float64   // of text to the x axis, in radians
}

// mark is one thing that was drawn, or the start or end of a group.
type mark struct {
	kind markKind
	pen  pen
	path vg.Path   // of a stroke or an area
	font font.Font // of a text
	text string    // of a text; of a series or key its label, of a point what it says
	at   vg.Point  // where a text starts, or a point lies
}

type markKind int

const (
	strokeMark markKind = iota
	fillMark
	textMark
	seriesMark // opens a group
	keyMark    // opens the group of a key in the legend
	backMark   // opens the group of the background
	endMark    // closes the innermost group
	pointMark
)

var _ vg.Canvas = (*sketch)(nil)

func newSketch() *sketch { return &sketch{pen: pen{color: color.Black, width: 1}} }

func (s *sketch) SetLineWidth(w vg.Length)                       { s.width = w }
func (s *sketch) SetLineDash(dashes []vg.Length, offs vg.Length) { s.dashes, s.offset = dashes, offs }
func (s *sketch) SetColor(c color.Color)                         { s.color = c }
func (s *sketch) Rotate(angle float64)                           { s.angle += angle }
func (s *sketch) Push()                                          { s.stack = append(s.stack, s.pen) }

func (s *sketch) Pop() {
	last := len(s.stack) - 1
	s.pen, s.stack = s.stack[last], s.stack[:last]
}

// Fill records an area. Nothing but text is ever drawn while the canvas is turned.
func (s *sketch) Fill(path vg.Path) {
	s.marks = append(s.marks, mark{kind: fillMark, pen: s.pen, path: slices.Clone(path)})
}

func (s *sketch) Stroke(path vg.Path) {
	if s.width > 0 {
		s.marks = append(s.marks, mark{kind: strokeMark, pen: s.pen, path: slices.Clone(path)})
	}
}

func (s *sketch) FillString(face font.Face, at vg.Point, text string) {
	sin, cos := math.Sincos(s.angle)
	turned := vg.Point{X: vg.Length(cos)*at.X - vg.Length(sin)*at.Y, Y: vg.Length(sin)*at.X + vg.Length(cos)*at.Y}
	s.marks = append(s.marks, mark{kind: textMark, pen: s.pen, font: face.Font, text: strings.ToValidUTF8(text, "\uFFFD"), at: turned})
}

// No figure moves or scales the canvas or draws an image: gonum does for vector fields and images only.

func (s *sketch) Translate(vg.Point)                  { panic("plots: a moved canvas") }
func (s *sketch) Scale(x, y float64)                  { panic("plots: a scaled canvas") }
func (s *sketch) DrawImage(vg.Rectangle, image.Image) { panic("plots: an image") }

// sketchOf is the sketch that a canvas draws on, through the parts of a page that gonum wraps it in.
func sketchOf(c vg.Canvas) *sketch {
	for {
		wrapped, ok := c.(draw.Canvas)
		if !ok {
			return c.(*sketch)
		}
		c = wrapped.Canvas
	}
}

// grouped draws within a group. Without a label, only the background is one.
func grouped(c vg.Canvas, kind markKind, label string, paint func()) {
	if label == "" && kind != backMark {
		paint()
		return
	}
	s := sketchOf(c)
	s.marks = append(s.marks, mark{kind: kind, text: plainText(label)})
	paint()
	s.marks = append(s.marks, mark{kind: endMark})
}

// inSeries draws what belongs to a series, so that a page that shows the figure can switch it off. The label is that of
// the legend and may hold $mathematics$.
func inSeries(c vg.Canvas, label string, draw func()) { grouped(c, seriesMark, label, draw) }

// hover gives the text for a reader who points at a spot of a page.
func hover(c vg.Canvas, spot vg.Point, text string) {
	s := sketchOf(c)
	s.marks = append(s.marks, mark{kind: pointMark, text: text, at: spot})
}

package plots

import (
	"image/color"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/recorder"
)

// sketch is a page drawn once: what was drawn, in colors of the paper theme, and what it belongs to. Every format is
// written from it.
type sketch struct {
	recorder.Canvas
	marks []mark
}

// mark stands before one action of a sketch.
type mark struct {
	at   int // index of the action
	kind markKind
	text string   // of a series or key its label, of a point what it says
	spot vg.Point // of a point
}

type markKind int

const (
	seriesMark markKind = iota // opens a group
	keyMark                    // opens the group of a legend entry
	backMark                   // opens the group of the background
	endMark                    // closes the innermost group
	pointMark
)

// grouped draws within a group, if the canvas keeps groups.
func grouped(c vg.Canvas, kind markKind, label string, draw func()) {
	s, ok := c.(*sketch)
	if !ok || label == "" && kind != backMark {
		draw()
		return
	}
	s.marks = append(s.marks, mark{at: len(s.Actions), kind: kind, text: plainText(label)})
	draw()
	s.marks = append(s.marks, mark{at: len(s.Actions), kind: endMark})
}

// inSeries draws what belongs to a series, so that a page that shows the figure can switch it off. The label is that of
// the legend and may hold $mathematics$.
func inSeries(c vg.Canvas, label string, draw func()) { grouped(c, seriesMark, label, draw) }

// hover says what a reader is told who points at a spot of a page.
func hover(c vg.Canvas, spot vg.Point, text string) {
	if s, ok := c.(*sketch); ok {
		s.marks = append(s.marks, mark{at: len(s.Actions), kind: pointMark, text: text, spot: spot})
	}
}

// replay draws a sketch on another canvas in the colors of a theme.
func (s *sketch) replay(dst vg.Canvas, colors func(color.Color) color.Color) {
	for _, action := range s.Actions {
		switch a := action.(type) {
		case *recorder.SetColor:
			dst.SetColor(colors(a.Color))
		case *recorder.FillString:
			dst.FillString(fonts().Lookup(a.Font, a.Size), a.Point, a.String)
		default:
			action.ApplyTo(dst)
		}
	}
}

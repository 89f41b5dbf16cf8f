package plots

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/recorder"
)

// svgWriter writes a sketch as SVG elements. gonum's own writer knows of no groups, no widths of text and no colors but
// fixed ones, which a page with a light and a dark theme needs.
type svgWriter struct {
	out    bytes.Buffer
	paint  func(color.Color) string // a color as CSS
	marked bool                     // writes groups and the spots to point at, and no background
	height vg.Length
	state  svgState
	stack  []svgState
	skip   int // depth of groups within one that is left out
	depth  []string
}

// svgState is what Push and Pop keep.
type svgState struct {
	color  color.Color
	width  vg.Length
	dashes []vg.Length
	offset vg.Length
	matrix affine
}

// affine maps (x, y) to (a x + c y + e, b x + d y + f), as in SVG.
type affine struct{ a, b, c, d, e, f float64 }

// then is m after n.
func (m affine) then(n affine) affine {
	return affine{
		m.a*n.a + m.c*n.b, m.b*n.a + m.d*n.b,
		m.a*n.c + m.c*n.d, m.b*n.c + m.d*n.d,
		m.a*n.e + m.c*n.f + m.e, m.b*n.e + m.d*n.f + m.f,
	}
}

// write writes all of a sketch.
func (w *svgWriter) write(s *sketch) {
	w.state = svgState{color: color.Black, width: 1, matrix: affine{a: 1, d: 1}}
	marks := s.marks
	for i, action := range s.Actions {
		for len(marks) > 0 && marks[0].at <= i {
			w.mark(marks[0])
			marks = marks[1:]
		}
		w.action(action)
	}
	for _, m := range marks {
		w.mark(m)
	}
}

// mark opens or closes a group.
func (w *svgWriter) mark(m mark) {
	if !w.marked {
		return
	}
	switch m.kind {
	case endMark:
		last := len(w.depth) - 1
		w.out.WriteString(w.depth[last])
		if w.depth[last] == "" {
			w.skip--
		}
		w.depth = w.depth[:last]
	case backMark:
		w.skip++
		w.depth = append(w.depth, "")
	case seriesMark, keyMark:
		class := map[markKind]string{seriesMark: "series", keyMark: "key"}[m.kind]
		fmt.Fprintf(&w.out, "<g class=\"%s\" data-series=\"%s\">\n", class, escapeXML(m.text))
		w.depth = append(w.depth, "</g>\n")
	case pointMark:
		fmt.Fprintf(&w.out, "<circle class=\"pt\" cx=\"%s\" cy=\"%s\" r=\"%d\" fill=\"none\" pointer-events=\"all\" data-t=\"%s\"/>\n",
			number(float64(m.spot.X)), number(float64(w.height-m.spot.Y)), hoverRadius, escapeXML(m.text))
	}
}

// hoverRadius is how near in points one must point at a spot.
const hoverRadius = 4

func (w *svgWriter) action(action recorder.Action) {
	s := &w.state
	switch a := action.(type) {
	case *recorder.SetColor:
		s.color = a.Color
	case *recorder.SetLineWidth:
		s.width = a.Width
	case *recorder.SetLineDash:
		s.dashes, s.offset = a.Dashes, a.Offsets
	case *recorder.Push:
		w.stack = append(w.stack, *s)
	case *recorder.Pop:
		w.state, w.stack = w.stack[len(w.stack)-1], w.stack[:len(w.stack)-1]
	case *recorder.Rotate:
		sin, cos := math.Sincos(a.Angle)
		s.matrix = s.matrix.then(affine{cos, sin, -sin, cos, 0, 0})
	case *recorder.Translate:
		s.matrix = s.matrix.then(affine{1, 0, 0, 1, float64(a.Point.X), float64(a.Point.Y)})
	case *recorder.Scale:
		s.matrix = s.matrix.then(affine{a.X, 0, 0, a.Y, 0, 0})
	case *recorder.Fill:
		w.path(a.Path, ` fill="`+w.paint(s.color)+`"`+opacity("fill", s.color))
	case *recorder.Stroke:
		w.stroke(a.Path)
	case *recorder.FillString:
		w.text(a)
	}
}

func (w *svgWriter) stroke(path vg.Path) {
	s := &w.state
	if s.width <= 0 {
		return
	}
	style := ` fill="none" stroke="` + w.paint(s.color) + `"` + opacity("stroke", s.color) + ` stroke-width="` + number(float64(s.width)) + `"`
	if len(s.dashes) > 0 {
		lengths := make([]string, len(s.dashes))
		for i, d := range s.dashes {
			lengths[i] = number(float64(d))
		}
		style += ` stroke-dasharray="` + strings.Join(lengths, " ") + `"`
	}
	w.path(path, style)
}

func opacity(what string, c color.Color) string {
	_, _, _, a := c.RGBA()
	if a == math.MaxUint16 {
		return ""
	}
	return " " + what + `-opacity="` + number(float64(a)/math.MaxUint16) + `"`
}

// at maps a point of the sketch to one of the document, whose y grows downwards.
func (w *svgWriter) at(p vg.Point) (x, y float64) {
	m := w.state.matrix
	return m.a*float64(p.X) + m.c*float64(p.Y) + m.e, float64(w.height) - (m.b*float64(p.X) + m.d*float64(p.Y) + m.f)
}

func (w *svgWriter) pair(p vg.Point) string {
	x, y := w.at(p)
	return number(x) + " " + number(y)
}

// path writes a path. Arcs are drawn as Bézier curves of a quarter turn at most, within 0.03 % of the radius.
func (w *svgWriter) path(path vg.Path, style string) {
	if w.skip > 0 {
		return
	}
	var d strings.Builder
	for _, comp := range path {
		switch comp.Type {
		case vg.MoveComp:
			d.WriteString("M" + w.pair(comp.Pos))
		case vg.LineComp:
			d.WriteString("L" + w.pair(comp.Pos))
		case vg.CurveComp:
			d.WriteString(map[int]string{1: "Q", 2: "C"}[len(comp.Control)])
			for _, p := range comp.Control {
				d.WriteString(w.pair(p) + " ")
			}
			d.WriteString(w.pair(comp.Pos))
		case vg.ArcComp:
			w.arc(&d, comp)
		case vg.CloseComp:
			d.WriteString("Z")
		}
	}
	fmt.Fprintf(&w.out, "<path d=\"%s\"%s/>\n", d.String(), style)
}

// arc goes on with a line to where the arc starts, as canvases of gonum do, and with the arc.
func (w *svgWriter) arc(d *strings.Builder, comp vg.PathComp) {
	on := func(angle, reach float64, from vg.Point) vg.Point {
		sin, cos := math.Sincos(angle)
		return vg.Point{X: from.X + vg.Length(reach*cos), Y: from.Y + vg.Length(reach*sin)}
	}
	r := float64(comp.Radius)
	parts := int(math.Ceil(math.Abs(comp.Angle)/(math.Pi/2) - 1e-9))
	step := comp.Angle / float64(parts)
	reach := 4. / 3 * math.Tan(step/4) * r
	d.WriteString("L" + w.pair(on(comp.Start, r, comp.Pos)))
	for i := range parts {
		from, to := comp.Start+float64(i)*step, comp.Start+float64(i+1)*step
		start, end := on(from, r, comp.Pos), on(to, r, comp.Pos)
		d.WriteString("C" + w.pair(on(from+math.Pi/2, reach, start)) + " " + w.pair(on(to-math.Pi/2, reach, end)) + " " + w.pair(end))
	}
}

// text writes a stretch of text in one face, as wide as it is in that face whatever font a viewer has.
func (w *svgWriter) text(a *recorder.FillString) {
	plain := plainRunes(a.String)
	trimmed := strings.TrimSpace(plain)
	if w.skip > 0 || trimmed == "" {
		return
	}
	face := fonts().Lookup(a.Font, a.Size)
	drawn := strings.TrimSpace(a.String)
	from := a.Point
	from.X += face.Width(a.String[:strings.Index(a.String, drawn)])
	x, y := w.at(from)
	fmt.Fprintf(&w.out, `<text x="%s" y="%s" font-size="%s" textLength="%s" lengthAdjust="spacingAndGlyphs" fill="%s"%s%s`,
		number(x), number(y), number(float64(a.Size)), number(float64(face.Width(drawn))), w.paint(w.state.color), opacity("fill", w.state.color), faceStyle(a.Font))
	if m := w.state.matrix; m.b != 0 {
		fmt.Fprintf(&w.out, ` transform="rotate(%s %s %s)"`, number(-math.Atan2(m.b, m.a)*180/math.Pi), number(x), number(y))
	}
	fmt.Fprintf(&w.out, ">%s</text>\n", escapeXML(trimmed))
}

func faceStyle(fnt font.Font) string {
	style := ""
	if fnt.Style == xfont.StyleItalic {
		style += ` font-style="italic"`
	}
	if fnt.Weight == xfont.WeightBold {
		style += ` font-weight="bold"`
	}
	return style
}

// number writes a length in points to a hundredth, far below what can be seen.
func number(v float64) string {
	return strconv.FormatFloat(math.Round(v*100)/100+0, 'f', -1, 64)
}

// hexColor writes the color, without its opacity, as CSS does.
func hexColor(c color.Color) string {
	rgba := color.NRGBAModel.Convert(c).(color.NRGBA)
	return fmt.Sprintf("#%02x%02x%02x", rgba.R, rgba.G, rgba.B)
}

// escapeXML makes any text safe in an element or a quoted attribute.
func escapeXML(text string) string { return xmlEscaper.Replace(strings.ToValidUTF8(text, "\uFFFD")) }

var xmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

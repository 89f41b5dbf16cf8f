package plots

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"strings"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/recorder"
)

// pdfPage writes a sketch as the content of a page, whose axes are those of the sketch.
type pdfPage struct {
	theme  theme
	out    bytes.Buffer
	fonts  []*pdfFont
	alphas map[string]string // names of graphics states by opacity
	states strings.Builder   // their definitions
}

func (p *pdfPage) action(action recorder.Action) {
	switch a := action.(type) {
	case *recorder.SetColor:
		p.color(p.theme.color(a.Color))
	case *recorder.SetLineWidth:
		fmt.Fprintf(&p.out, "%s w\n", number(float64(a.Width)))
	case *recorder.SetLineDash:
		lengths := make([]string, len(a.Dashes))
		for i, d := range a.Dashes {
			lengths[i] = number(float64(d))
		}
		fmt.Fprintf(&p.out, "[%s] %s d\n", strings.Join(lengths, " "), number(float64(a.Offsets)))
	case *recorder.Push:
		p.out.WriteString("q\n")
	case *recorder.Pop:
		p.out.WriteString("Q\n")
	case *recorder.Rotate:
		sin, cos := math.Sincos(a.Angle)
		fmt.Fprintf(&p.out, "%.6f %.6f %.6f %.6f 0 0 cm\n", cos, sin, -sin, cos)
	case *recorder.Translate:
		fmt.Fprintf(&p.out, "1 0 0 1 %s cm\n", pdfPoint(a.Point))
	case *recorder.Scale:
		fmt.Fprintf(&p.out, "%g 0 0 %g 0 0 cm\n", a.X, a.Y)
	case *recorder.Fill:
		p.path(a.Path)
		p.out.WriteString("f\n")
	case *recorder.Stroke:
		p.path(a.Path)
		p.out.WriteString("S\n")
	case *recorder.FillString:
		p.text(fonts().Lookup(a.Font, a.Size), a.Point, a.String)
	}
}

func pdfPoint(p vg.Point) string { return number(float64(p.X)) + " " + number(float64(p.Y)) }

// color sets the color and opacity of lines and areas.
func (p *pdfPage) color(c color.Color) {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	part := func(v uint8) string { return fmt.Sprintf("%.4g", float64(v)/255) }
	rgb := part(n.R) + " " + part(n.G) + " " + part(n.B)
	alpha := part(n.A)
	if p.alphas[alpha] == "" {
		p.alphas[alpha] = fmt.Sprintf("A%d", len(p.alphas))
		fmt.Fprintf(&p.states, " /%s << /ca %s /CA %s >>", p.alphas[alpha], alpha, alpha)
	}
	fmt.Fprintf(&p.out, "%s rg %s RG /%s gs\n", rgb, rgb, p.alphas[alpha])
}

func (p *pdfPage) path(path vg.Path) {
	at := vg.Point{}
	for _, comp := range path {
		switch comp.Type {
		case vg.MoveComp:
			fmt.Fprintf(&p.out, "%s m ", pdfPoint(comp.Pos))
		case vg.LineComp:
			fmt.Fprintf(&p.out, "%s l ", pdfPoint(comp.Pos))
		case vg.CurveComp:
			c := cubic(at, comp)
			fmt.Fprintf(&p.out, "%s %s %s c ", pdfPoint(c[0]), pdfPoint(c[1]), pdfPoint(c[2]))
		case vg.ArcComp:
			start, curves := arcCurves(comp)
			fmt.Fprintf(&p.out, "%s l ", pdfPoint(start))
			for _, c := range curves {
				fmt.Fprintf(&p.out, "%s %s %s c ", pdfPoint(c[0]), pdfPoint(c[1]), pdfPoint(c[2]))
			}
		case vg.CloseComp:
			p.out.WriteString("h ")
		}
		at = comp.Pos
	}
}

// cubic is a curve with two control points and its end; one control point is raised to two.
func cubic(from vg.Point, comp vg.PathComp) [3]vg.Point {
	if len(comp.Control) == 2 {
		return [3]vg.Point{comp.Control[0], comp.Control[1], comp.Pos}
	}
	third := func(end vg.Point) vg.Point { return end.Add(comp.Control[0].Sub(end).Scale(2. / 3)) }
	return [3]vg.Point{third(from), third(comp.Pos), comp.Pos}
}

// text sets a string glyph by glyph, with the font's kerning.
func (p *pdfPage) text(face font.Face, at vg.Point, text string) {
	f := p.font(face)
	var buf sfnt.Buffer
	var shown strings.Builder
	last := sfnt.GlyphIndex(0)
	for i, r := range text {
		index, err := face.Face.GlyphIndex(&buf, r)
		if err != nil {
			continue // a damaged font; those of this program are read by tests
		}
		if kern, err := face.Face.Kern(&buf, last, index, fixed.I(1000), 0); i > 0 && err == nil && kern != 0 {
			fmt.Fprintf(&shown, "> %d <", -kern.Round())
		}
		last = index
		fmt.Fprintf(&shown, "%04x", f.use(index, r))
	}
	fmt.Fprintf(&p.out, "BT /%s %s Tf %s Td [<%s>] TJ ET\n", f.name, number(float64(face.Font.Size)), pdfPoint(at), shown.String())
}

// font is the document's font of a face, whatever its size.
func (p *pdfPage) font(face font.Face) *pdfFont {
	for _, f := range p.fonts {
		if f.face.Face == face.Face {
			return f
		}
	}
	f := &pdfFont{name: fmt.Sprintf("F%d", len(p.fonts)+1), face: face, glyphs: []sfnt.GlyphIndex{0}, runes: []rune{0}}
	p.fonts = append(p.fonts, f)
	return f
}

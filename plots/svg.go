package plots

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/color"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot/vg"
)

// svgFamily names the font of a figure for viewers of SVG, then fonts that look alike. Widths are pinned by textLength,
// so that another font cannot make labels overlap.
const svgFamily = "'Liberation Serif','Times New Roman',Times,'STIX Two Text','DejaVu Sans',serif"

// SVG returns the figure as a document of its own. Text stays text.
func (d *Drawing) SVG() ([]byte, error) {
	width, height := float64(d.page.width), float64(d.page.height)
	w := svgWriter{height: d.page.height, paint: func(c color.Color) string { return hexColor(d.theme.color(c)) }}
	fmt.Fprintf(&w.out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%spt\" height=\"%spt\" viewBox=\"0 0 %s %s\" font-family=\"%s\">\n<title>%s</title>\n",
		number(width*d.theme.scale), number(height*d.theme.scale), number(width), number(height), svgFamily, escapeXML(d.Name))
	return w.write(d.sketch), nil
}

// Inline returns the figure as an svg element for an HTML page, without a background. Everything of a series is in
// groups of the class "series" and its key in the legend in one of the class "key", both with its label as
// data-series; every drawn point has a circle of the class "pt" that says its values in data-t. Colors are CSS variables
// with those of the paper theme as fallback, see [InlineStyle]. Identifiers start with the prefix.
func (d *Drawing) Inline(prefix string) []byte {
	w := svgWriter{height: d.page.height, inline: true, paint: func(c color.Color) string {
		hex := hexColor(c)
		return "var(--plot-" + hex[1:] + "," + hex + ")"
	}}
	id := escapeXML(prefix + d.Name)
	fmt.Fprintf(&w.out, "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"figure\" role=\"img\" aria-labelledby=\"%s-title %s-desc\" viewBox=\"0 0 %s %s\" font-family=\"%s\">\n",
		id, id, number(float64(d.page.width)), number(float64(d.page.height)), svgFamily)
	fmt.Fprintf(&w.out, "<title id=\"%s-title\">%s</title>\n<desc id=\"%s-desc\">%s</desc>\n", id, escapeXML(d.Name), id, escapeXML(d.describe()))
	return w.write(d.sketch)
}

// InlineStyle returns CSS declarations, such as "--plot-000000:#e8e8e8;", that give the inline figures of a page the
// colors of a theme: paper, slides or dark. A page sets them on an element around the figures, those of the theme dark
// where it is dark; without them figures have the colors of the theme paper.
func InlineStyle(theme string, drawings ...*Drawing) string {
	t := themeOf(theme)
	declared := map[string]string{}
	for _, d := range drawings {
		for _, m := range d.sketch.marks {
			if m.kind <= textMark {
				declared[hexColor(m.pen.color)[1:]] = hexColor(t.color(m.pen.color))
			}
		}
	}
	var out strings.Builder
	for _, hex := range slices.Sorted(maps.Keys(declared)) {
		fmt.Fprintf(&out, "--plot-%s:%s;", hex, declared[hex])
	}
	return out.String()
}

// svgWriter writes a sketch as SVG elements. gonum's own writer knows of no groups, no widths of text and no colors but
// fixed ones, which a page with a light and a dark theme needs.
type svgWriter struct {
	out    bytes.Buffer
	paint  func(color.Color) string // a color as CSS
	inline bool                     // writes groups and the spots to point at, and no background
	height vg.Length
}

// hoverRadius is how near in points one must point at a spot.
const hoverRadius = 4

// write writes all of a sketch and returns the document.
func (w *svgWriter) write(s *sketch) []byte {
	background := false
	for _, m := range s.marks {
		switch {
		case background:
			background = m.kind != endMark
		case m.kind == fillMark:
			w.path(m.path, ` fill="`+w.paint(m.pen.color)+`"`+opacity("fill", m.pen.color))
		case m.kind == strokeMark:
			w.stroke(m)
		case m.kind == textMark:
			w.text(m)
		case !w.inline:
		case m.kind == backMark:
			background = true
		case m.kind == endMark:
			w.out.WriteString("</g>\n")
		case m.kind == pointMark:
			fmt.Fprintf(&w.out, "<circle class=\"pt\" cx=\"%s\" cy=\"%s\" r=\"%d\" fill=\"none\" pointer-events=\"all\" data-t=\"%s\"/>\n",
				number(float64(m.at.X)), number(float64(w.height-m.at.Y)), hoverRadius, escapeXML(m.text))
		default:
			class := map[markKind]string{seriesMark: "series", keyMark: "key"}[m.kind]
			fmt.Fprintf(&w.out, "<g class=\"%s\" data-series=\"%s\">\n", class, escapeXML(m.text))
		}
	}
	w.out.WriteString("</svg>\n")
	return w.out.Bytes()
}

func (w *svgWriter) stroke(m mark) {
	style := ` fill="none" stroke="` + w.paint(m.pen.color) + `"` + opacity("stroke", m.pen.color) + ` stroke-width="` + number(float64(m.pen.width)) + `"`
	if len(m.pen.dashes) > 0 {
		lengths := make([]string, len(m.pen.dashes))
		for i, d := range m.pen.dashes {
			lengths[i] = number(float64(d))
		}
		style += ` stroke-dasharray="` + strings.Join(lengths, " ") + `"`
		if m.pen.offset != 0 {
			style += ` stroke-dashoffset="` + number(float64(m.pen.offset)) + `"`
		}
	}
	w.path(m.path, style)
}

func opacity(what string, c color.Color) string {
	_, _, _, a := c.RGBA()
	if a == math.MaxUint16 {
		return ""
	}
	return " " + what + `-opacity="` + number(float64(a)/math.MaxUint16) + `"`
}

// pair writes a point of the sketch as one of the document, whose y grows downwards.
func (w *svgWriter) pair(p vg.Point) string {
	return number(float64(p.X)) + " " + number(float64(w.height-p.Y))
}

func (w *svgWriter) path(path vg.Path, style string) {
	var d strings.Builder
	for _, comp := range path {
		switch comp.Type {
		case vg.MoveComp:
			d.WriteString("M" + w.pair(comp.Pos))
		case vg.LineComp:
			d.WriteString("L" + w.pair(comp.Pos))
		case vg.CurveComp:
			d.WriteString("C" + w.pair(comp.Control[0]) + " " + w.pair(comp.Control[1]) + " " + w.pair(comp.Pos))
		case vg.CloseComp:
			d.WriteString("Z")
		}
	}
	fmt.Fprintf(&w.out, "<path d=\"%s\"%s/>\n", d.String(), style)
}

// text writes a stretch of text in one face, as wide as it is in that face whatever font a viewer has.
func (w *svgWriter) text(m mark) {
	trimmed := strings.TrimSpace(m.text)
	if trimmed == "" {
		return
	}
	face := fonts().Lookup(m.font, m.font.Size)
	indent := face.Width(m.text[:strings.Index(m.text, trimmed)])
	sin, cos := math.Sincos(m.pen.angle)
	x := number(float64(m.at.X) + float64(indent)*cos)
	y := number(float64(w.height-m.at.Y) - float64(indent)*sin)
	style := ""
	if m.font.Style == xfont.StyleItalic {
		style += ` font-style="italic"`
	}
	if m.font.Weight == xfont.WeightBold {
		style += ` font-weight="bold"`
	}
	if m.pen.angle != 0 {
		style += fmt.Sprintf(` transform="rotate(%s %s %s)"`, number(-m.pen.angle*180/math.Pi), x, y)
	}
	fmt.Fprintf(&w.out, "<text x=\"%s\" y=\"%s\" font-size=\"%s\" textLength=\"%s\" lengthAdjust=\"spacingAndGlyphs\" fill=\"%s\"%s%s>%s</text>\n",
		x, y, number(float64(m.font.Size)), number(float64(face.Width(visible(face, trimmed)))), w.paint(m.pen.color), opacity("fill", m.pen.color), style, escapeXML(trimmed))
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

// escapeXML makes any text safe in an element or a quoted attribute; characters that XML does not know become U+FFFD.
func escapeXML(text string) string {
	var out strings.Builder
	xml.EscapeText(&out, []byte(text)) // a Builder never fails
	return out.String()
}

package plots

import (
	"bytes"
	"image/color"
	"math"
	"time"

	"codeberg.org/go-pdf/fpdf"
	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot/vg"
)

// PDF returns the figure as a document of one page of its size. Its text is text in fonts that are embedded, cut down to
// the glyphs in use. The document's date is fixed, so that the same figure gives the same bytes.
//
// gonum's own writer embeds whole fonts, and no letters beyond Western Europe's.
func (d *Drawing) PDF() ([]byte, error) {
	width, height := float64(d.page.width)*d.theme.scale, float64(d.page.height)*d.theme.scale
	doc := fpdf.NewCustom(&fpdf.InitType{UnitStr: "pt", Size: fpdf.SizeType{Wd: width, Ht: height}})
	epoch := time.Unix(0, 0).UTC()
	doc.SetCreationDate(epoch)
	doc.SetModificationDate(epoch)
	doc.SetCatalogSort(true)
	doc.SetMargins(0, 0, 0)
	doc.SetAutoPageBreak(false, 0)
	doc.AddPage()
	doc.TransformBegin()
	doc.TransformScale(100*d.theme.scale, 100*d.theme.scale, 0, height) // about the lower left corner
	w := pdfWriter{doc: doc, height: height, color: d.theme.color}
	for _, m := range d.sketch.marks {
		w.mark(m)
	}
	doc.TransformEnd()
	var out bytes.Buffer
	err := doc.Output(&out)
	return out.Bytes(), err
}

// pdfWriter draws a sketch on a page, whose y grows downwards.
type pdfWriter struct {
	doc    *fpdf.Fpdf
	height float64
	color  func(color.Color) color.Color
	last   color.NRGBA // set before; at first none
}

func (w *pdfWriter) mark(m mark) {
	if m.kind > textMark {
		return
	}
	if c := color.NRGBAModel.Convert(w.color(m.pen.color)).(color.NRGBA); c != w.last {
		r, g, b := int(c.R), int(c.G), int(c.B)
		w.doc.SetDrawColor(r, g, b)
		w.doc.SetFillColor(r, g, b)
		w.doc.SetTextColor(r, g, b)
		w.doc.SetAlpha(float64(c.A)/255, "Normal")
		w.last = c
	}
	switch m.kind {
	case fillMark:
		w.path(m.path)
		w.doc.DrawPath("F")
	case strokeMark:
		dashes := make([]float64, len(m.pen.dashes))
		for i, d := range m.pen.dashes {
			dashes[i] = float64(d)
		}
		w.doc.SetLineWidth(float64(m.pen.width))
		w.doc.SetDashPattern(dashes, float64(m.pen.offset))
		w.path(m.path)
		w.doc.DrawPath("D")
	case textMark:
		w.text(m)
	}
}

// at is a point of the page to a hundredth of a point, which keeps the document small.
func (w *pdfWriter) at(p vg.Point) (x, y float64) {
	return math.Round(float64(p.X)*100) / 100, w.height - math.Round(float64(p.Y)*100)/100
}

// path goes along a path, whose curves are all cubic.
func (w *pdfWriter) path(path vg.Path) {
	for _, comp := range path {
		x, y := w.at(comp.Pos)
		switch comp.Type {
		case vg.MoveComp:
			w.doc.MoveTo(x, y)
		case vg.LineComp:
			w.doc.LineTo(x, y)
		case vg.CurveComp:
			ax, ay := w.at(comp.Control[0])
			bx, by := w.at(comp.Control[1])
			w.doc.CurveBezierCubicTo(ax, ay, bx, by, x, y)
		case vg.CloseComp:
			w.doc.ClosePath()
		}
	}
}

// text writes a stretch of text in one face. fpdf does not kern, so letters that the font moves start a piece of their own.
func (w *pdfWriter) text(m mark) {
	style := ""
	if m.font.Weight == xfont.WeightBold {
		style += "B"
	}
	if m.font.Style == xfont.StyleItalic {
		style += "I"
	}
	family, fnt := string(m.font.Typeface), m.font
	fnt.Size = 0
	for _, f := range textFonts {
		if f.font == fnt {
			w.doc.AddUTF8FontFromBytes(family, style, f.file)
		}
	}
	w.doc.SetFont(family, style, float64(m.font.Size))
	w.doc.TransformBegin()
	defer w.doc.TransformEnd()
	x, y := w.at(m.at)
	w.doc.TransformRotate(m.pen.angle*180/math.Pi, x, y)
	face := fonts().Lookup(m.font, m.font.Size)
	text := visible(face, m.text)
	piece, start, next := "", vg.Length(0), vg.Length(0)
	for i, r := range text {
		letter := string(r)
		width := face.Width(letter)
		if at := face.Width(text[:i+len(letter)]) - width; math.Abs(float64(at-next)) > 1e-6 {
			w.doc.Text(x+float64(start), y, piece)
			piece, start, next = "", at, at
		}
		piece, next = piece+letter, next+width
	}
	w.doc.Text(x+float64(start), y, piece)
}

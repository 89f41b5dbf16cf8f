package plots

import (
	"bytes"
	"sync"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgpdf"
)

// pinPDF makes documents say nothing of when they were written and keep their objects in one order. The library offers
// that for all documents of a program only.
var pinPDF = sync.OnceFunc(func() {
	epoch := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	fpdf.SetDefaultCreationDate(epoch)
	fpdf.SetDefaultModificationDate(epoch)
	fpdf.SetDefaultCatalogSort(true)
})

// PDF returns the figure as a document of one page of its size. Text is drawn as the outlines of its letters, so that it
// looks the same everywhere and no font can be missing or of a kind that a publisher refuses.
func (d *Drawing) PDF() ([]byte, error) {
	pinPDF()
	scale := d.theme.scale
	c := vgpdf.New(d.page.width*vg.Length(scale), d.page.height*vg.Length(scale))
	c.Scale(scale, scale)
	d.sketch.replay(outlined{c}, d.theme.color)
	var out bytes.Buffer
	_, err := c.WriteTo(&out)
	return out.Bytes(), err
}

// outlined draws text as paths. The PDF library knows neither fonts with PostScript outlines, as Latin Modern, nor Greek
// in the others.
type outlined struct{ *vgpdf.Canvas }

// FillString implements vg.Canvas.
func (c outlined) FillString(face font.Face, at vg.Point, text string) {
	var buf sfnt.Buffer
	em := fixed.I(int(face.Face.UnitsPerEm()))
	unit := face.Font.Size / vg.Length(face.Face.UnitsPerEm())
	x := fixed.Int26_6(0)
	var last sfnt.GlyphIndex
	var path vg.Path
	for i, r := range text {
		index, err := face.Face.GlyphIndex(&buf, r)
		if err != nil {
			continue // a damaged font; those of this program are read by tests
		}
		if kern, err := face.Face.Kern(&buf, last, index, em, 0); i > 0 && err == nil {
			x += kern
		}
		last = index
		if segments, err := face.Face.LoadGlyph(&buf, index, em, nil); err == nil {
			path = append(path, glyphPath(segments, at.Add(vg.Point{X: unit * length(x)}), unit)...)
		}
		if advance, err := face.Face.GlyphAdvance(&buf, index, em, 0); err == nil {
			x += advance
		}
	}
	if len(path) > 0 {
		c.Fill(path)
	}
}

func length(v fixed.Int26_6) vg.Length { return vg.Length(v) / 64 }

// glyphPath places the outline of a glyph, whose y grows downwards.
func glyphPath(segments sfnt.Segments, at vg.Point, unit vg.Length) vg.Path {
	place := func(p fixed.Point26_6) vg.Point {
		return vg.Point{X: at.X + unit*length(p.X), Y: at.Y - unit*length(p.Y)}
	}
	var path vg.Path
	for i, s := range segments {
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			if i > 0 {
				path.Close()
			}
			path.Move(place(s.Args[0]))
		case sfnt.SegmentOpLineTo:
			path.Line(place(s.Args[0]))
		case sfnt.SegmentOpQuadTo:
			path.QuadTo(place(s.Args[0]), place(s.Args[1]))
		case sfnt.SegmentOpCubeTo:
			path.CubeTo(place(s.Args[0]), place(s.Args[1]), place(s.Args[2]))
		}
	}
	if len(segments) > 0 {
		path.Close()
	}
	return path
}

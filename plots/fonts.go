package plots

import (
	"fmt"
	"sync"
	"unicode"

	"codeberg.org/go-fonts/liberation/liberationserifregular"
	"github.com/go-fonts/latin-modern/lmmath"
	"github.com/go-fonts/latin-modern/lmroman8bold"
	"github.com/go-fonts/latin-modern/lmroman8italic"
	"github.com/go-fonts/latin-modern/lmroman8regular"
	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// Figures are set in Latin Modern, which has the metrics of TeX's Computer Modern, in its cut for 8 pt. Greek and signs
// that it lacks come from Latin Modern Math, and what that lacks from Liberation Serif.
const romanFace font.Typeface = "LatinModern"

// Variants of romanFace that stand in for characters that it lacks.
const (
	mathVariant  font.Variant = "Math"
	otherVariant font.Variant = "Other"
)

// svgFamily names the font of a figure for viewers of SVG, then fonts that look alike. Widths are pinned by textLength,
// so that another font cannot make labels overlap.
const svgFamily = "'Latin Modern Roman','LM Roman 8','CMU Serif','Latin Modern Math','STIX Two Text','Liberation Serif','Times New Roman',serif"

// Height of a line above and below its baseline in parts of the font size. Latin Modern's own figures have room for
// accents over capitals, which no label has.
const (
	lineAscent  = 0.89
	lineDescent = 0.22
)

// fonts holds the faces that figures are set in.
var fonts = sync.OnceValue(func() *font.Cache {
	roman := font.Font{Typeface: romanFace}
	italic, heavy := roman, roman
	italic.Style, heavy.Weight = xfont.StyleItalic, xfont.WeightBold
	math, other := roman, roman
	math.Variant, other.Variant = mathVariant, otherVariant
	var faces font.Collection
	for _, f := range []struct {
		font font.Font
		data []byte
	}{{roman, lmroman8regular.TTF}, {italic, lmroman8italic.TTF}, {heavy, lmroman8bold.TTF}, {math, lmmath.TTF}, {other, liberationserifregular.TTF}} {
		face, err := opentype.Parse(f.data)
		if err != nil {
			panic(fmt.Sprintf("plots: the font %s of this program cannot be read: %v", f.font.Name(), err))
		}
		faces = append(faces, font.Face{Font: f.font, Face: face})
	}
	return font.NewCache(faces)
})

// pieces splits a text into stretches that one face has all glyphs of: the given one, Latin Modern Math, or any.
func pieces(fnt font.Font, text string, do func(fnt font.Font, glyphs string)) {
	var buf sfnt.Buffer
	var last font.Font
	glyphs := ""
	for _, r := range text {
		f, g := fnt, r
		if !hasGlyph(&buf, f, r) {
			f, g = substitute(&buf, fnt, r)
		}
		if glyphs != "" && f != last {
			do(last, glyphs)
			glyphs = ""
		}
		last = f
		glyphs += string(g)
	}
	if glyphs != "" {
		do(last, glyphs)
	}
}

// substitute finds a face for a rune that its own lacks, and the rune under which that face has it: Latin Modern Math
// keeps its italics apart from its upright letters.
func substitute(buf *sfnt.Buffer, fnt font.Font, r rune) (font.Font, rune) {
	wanted := r
	if fnt.Style == xfont.StyleItalic {
		wanted = mathItalic(r)
	}
	fnt.Variant, fnt.Weight = mathVariant, xfont.WeightNormal
	if hasGlyph(buf, fnt, wanted) {
		return fnt, wanted
	}
	fnt.Variant = otherVariant
	return fnt, r
}

func hasGlyph(buf *sfnt.Buffer, fnt font.Font, r rune) bool {
	index, err := fonts().Lookup(fnt, fnt.Size).Face.GlyphIndex(buf, r)
	return err == nil && index != 0
}

// mathItalic is the mathematical italic of a Greek letter (Unicode 15, Mathematical Alphanumeric Symbols); other runes
// stay as they are.
func mathItalic(r rune) rune {
	switch {
	case r >= 'α' && r <= 'ω':
		return 0x1D6FC + r - 'α'
	case r >= 'Α' && r <= 'Ω' && unicode.IsLetter(r):
		return 0x1D6E2 + r - 'Α'
	case r == 'ϕ':
		return 0x1D719
	}
	return r
}

// plainRunes undoes mathItalic, for text that is read and not drawn.
func plainRunes(text string) string {
	runes := []rune(text)
	for i, r := range runes {
		switch {
		case r >= 0x1D6FC && r <= 0x1D714:
			runes[i] = 'α' + r - 0x1D6FC
		case r >= 0x1D6E2 && r <= 0x1D6FA:
			runes[i] = 'Α' + r - 0x1D6E2
		case r == 0x1D719:
			runes[i] = 'ϕ'
		}
	}
	return string(runes)
}

// lineExtents are those of a line of any figure.
func lineExtents(size vg.Length) font.Extents {
	return font.Extents{Ascent: lineAscent * size, Descent: lineDescent * size, Height: (lineAscent + lineDescent) * size}
}

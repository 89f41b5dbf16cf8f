package plots

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot/font"
)

// pdfFont is a font of a document with the glyphs in use, numbered anew in order of appearance; the first is the missing
// glyph.
type pdfFont struct {
	name   string
	face   font.Face
	glyphs []sfnt.GlyphIndex
	runes  []rune // that they stand for
}

// use returns the new number of a glyph.
func (f *pdfFont) use(index sfnt.GlyphIndex, r rune) int {
	if at := slices.Index(f.glyphs, index); at >= 0 {
		return at
	}
	f.glyphs, f.runes = append(f.glyphs, index), append(f.runes, r)
	return len(f.glyphs) - 1
}

// write adds the font to a document as a composite font whose codes are glyph numbers (ISO 32000-1, 9.7), and returns the
// number of its object.
func (f *pdfFont) write(doc *pdfDocument) (int, error) {
	var source bytes.Buffer
	if _, err := f.face.Face.WriteSourceTo(nil, &source); err != nil {
		return 0, err
	}
	kind, file, key, entries := "CIDFontType2", source.Bytes(), "FontFile2", fmt.Sprintf(" /Length1 %d", source.Len())
	mapping := ""
	if cff, err := parseCFF(source.Bytes()); err == nil {
		numbers := make([]int, len(f.glyphs))
		for i, g := range f.glyphs {
			numbers[i] = int(g)
		}
		if file, err = cff.subset(numbers); err != nil {
			return 0, err
		}
		kind, key, entries = "CIDFontType0", "FontFile3", " /Subtype /CIDFontType0C"
	} else { // TrueType outlines, of the last resort: embedded whole, with their own numbers
		mapping = fmt.Sprintf(" /CIDToGIDMap %d 0 R", doc.add(pdfStream("", f.glyphMap())))
	}
	base := "AAAAAA+" + strings.ReplaceAll(f.face.Name(), " ", "")
	embedded := doc.add(pdfStream(entries, file))
	descriptor := doc.add(fmt.Sprintf("<< /Type /FontDescriptor /FontName /%s /Flags 4 /FontBBox [-500 -300 1500 1100] /ItalicAngle 0 /Ascent 890 /Descent -220 /CapHeight 683 /StemV 80 /%s %d 0 R >>",
		base, key, embedded))
	descendant := doc.add(fmt.Sprintf("<< /Type /Font /Subtype /%s /BaseFont /%s /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor %d 0 R /W [0 [%s]]%s >>",
		kind, base, descriptor, f.widths(), mapping))
	unicodes := doc.add(pdfStream("", f.toUnicode()))
	return doc.add(fmt.Sprintf("<< /Type /Font /Subtype /Type0 /BaseFont /%s /Encoding /Identity-H /DescendantFonts [%d 0 R] /ToUnicode %d 0 R >>",
		base, descendant, unicodes)), nil
}

// glyphMap gives the new numbers the font's own.
func (f *pdfFont) glyphMap() []byte {
	var out []byte
	for _, g := range f.glyphs {
		out = append(out, byte(g>>8), byte(g))
	}
	return out
}

// widths are the advances of the glyphs in thousandths of the font size.
func (f *pdfFont) widths() string {
	var buf sfnt.Buffer
	words := make([]string, len(f.glyphs))
	for i, g := range f.glyphs {
		advance, err := f.face.Face.GlyphAdvance(&buf, g, fixed.I(1000), 0)
		if err != nil {
			advance = 0
		}
		words[i] = number(float64(advance) / 64)
	}
	return strings.Join(words, " ")
}

// toUnicode tells readers which letters the glyphs are, so that text can be searched and copied.
func (f *pdfFont) toUnicode() []byte {
	var out bytes.Buffer
	out.WriteString("/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Adobe-Identity-UCS def /CMapType 2 def\n" +
		"1 begincodespacerange <0000> <ffff> endcodespacerange\n")
	for i, r := range f.runes[1:] {
		out.WriteString("1 beginbfchar ")
		fmt.Fprintf(&out, "<%04x> <", i+1)
		for _, unit := range utf16.Encode([]rune(plainRunes(string(r)))) {
			fmt.Fprintf(&out, "%04x", unit)
		}
		out.WriteString("> endbfchar\n")
	}
	out.WriteString("endcmap CMapName currentdict /CMap defineresource pop end end\n")
	return out.Bytes()
}

package plots

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"testing"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot/font"
)

// A subset has the outlines of the whole font, as another program's interpreter of charstrings draws them.
func TestSubsetOutlines(t *testing.T) {
	for _, c := range []struct {
		font  font.Font
		runes string
	}{
		{textStyle(8, 0, 0).Font, "AaBg0129(…),.‖"},
		{bold(textStyle(8, 0, 0)).Font, "(abc) DPO"},
		{span{italic: true}.font(textStyle(8, 0, 0).Font), "fyKn"},
		{font.Font{Typeface: romanFace, Variant: mathVariant}, "𝜋𝜃𝜆Σ∞≤"},
	} {
		whole := fonts().Lookup(c.font, 8).Face
		var source bytes.Buffer
		if _, err := whole.WriteSourceTo(nil, &source); err != nil {
			t.Fatal(err)
		}
		cff, err := parseCFF(source.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		var buf sfnt.Buffer
		glyphs := []int{0}
		for _, r := range c.runes {
			g, err := whole.GlyphIndex(&buf, r)
			if err != nil {
				t.Fatal(err)
			}
			glyphs = append(glyphs, int(g))
		}
		table, err := cff.subset(glyphs)
		if err != nil {
			t.Fatal(err)
		}
		if len(table) > len(source.Bytes())/3 {
			t.Errorf("%s: %d glyphs take %d of %d bytes", c.font.Name(), len(glyphs), len(table), source.Len())
		}
		cut, err := sfnt.Parse(rewrapped(source.Bytes(), table, len(glyphs)))
		if err != nil {
			t.Fatal(err)
		}
		for i, g := range glyphs {
			got, want := outlineOf(t, cut, i), outlineOf(t, whole, g)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: glyph %d has %d segments, want %d, or others", c.font.Name(), g, len(got), len(want))
			}
		}
	}
}

func outlineOf(t *testing.T, f *sfnt.Font, glyph int) sfnt.Segments {
	t.Helper()
	var buf sfnt.Buffer
	segments, err := f.LoadGlyph(&buf, sfnt.GlyphIndex(glyph), fixed.I(1000), nil)
	if err != nil {
		t.Fatal(err)
	}
	return append(sfnt.Segments{}, segments...)
}

// rewrapped is an OpenType font with another table of outlines, of n glyphs.
func rewrapped(otf, cff []byte, n int) []byte {
	tables := map[string][]byte{"CFF ": cff}
	for _, tag := range []string{"OS/2", "cmap", "head", "hhea", "hmtx", "maxp", "name", "post"} {
		tables[tag] = bytes.Clone(openTypeTable(otf, tag))
	}
	binary.BigEndian.PutUint16(tables["maxp"][4:], uint16(n))
	binary.BigEndian.PutUint16(tables["hhea"][34:], uint16(n))
	tables["hmtx"] = tables["hmtx"][:4*n]
	tags := []string{"CFF ", "OS/2", "cmap", "head", "hhea", "hmtx", "maxp", "name", "post"}
	out := append(bytes.Clone(otf[:4]), 0, byte(len(tags)), 0, 0, 0, 0, 0, 0)
	at := 12 + 16*len(tags)
	var body []byte
	for _, tag := range tags {
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
		out = append(out, tag...)
		out = binary.BigEndian.AppendUint32(append(out, 0, 0, 0, 0), uint32(at+len(body)))
		out = binary.BigEndian.AppendUint32(out, uint32(len(tables[tag])))
		body = append(body, tables[tag]...)
	}
	return append(out, body...)
}

// No damaged font makes the program panic.
func FuzzParseCFF(f *testing.F) {
	var source bytes.Buffer
	if _, err := fonts().Lookup(textStyle(8, 0, 0).Font, 8).Face.WriteSourceTo(nil, &source); err != nil {
		f.Fatal(err)
	}
	cff, err := parseCFF(source.Bytes())
	if err != nil {
		f.Fatal(err)
	}
	table, err := cff.subset([]int{0, 40, 41})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(rewrapped(source.Bytes(), table, 3))
	f.Add([]byte("OTTO"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if font, err := parseCFF(data); err == nil {
			for g := range font.glyphs {
				if _, err := font.subset([]int{0, g}); err != nil {
					return
				}
			}
		}
	})
}

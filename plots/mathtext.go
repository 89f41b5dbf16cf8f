package plots

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"sync"
	"unicode"

	"codeberg.org/go-fonts/dejavu/dejavusans"
	"codeberg.org/go-fonts/liberation/liberationserifbold"
	"codeberg.org/go-fonts/liberation/liberationserifbolditalic"
	"codeberg.org/go-fonts/liberation/liberationserifitalic"
	"codeberg.org/go-fonts/liberation/liberationserifregular"
	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

// Figures are set in Liberation Serif, which has the metrics of Times, the font of most conferences' papers, and Greek.
// Signs that it lacks, as of orders and sets, come from DejaVu Sans.
const (
	textFace font.Typeface = "LiberationSerif"
	signFace font.Typeface = "DejaVuSans"
)

// textFont is a face with its file, which has TrueType outlines, as fpdf needs.
type textFont struct {
	font font.Font // without a size
	file []byte
}

var textFonts = []textFont{
	{font.Font{Typeface: textFace}, liberationserifregular.TTF},
	{font.Font{Typeface: textFace, Style: xfont.StyleItalic}, liberationserifitalic.TTF},
	{font.Font{Typeface: textFace, Weight: xfont.WeightBold}, liberationserifbold.TTF},
	{font.Font{Typeface: textFace, Style: xfont.StyleItalic, Weight: xfont.WeightBold}, liberationserifbolditalic.TTF},
	{font.Font{Typeface: signFace}, dejavusans.TTF},
}

var fonts = sync.OnceValue(func() *font.Cache {
	var faces font.Collection
	for _, f := range textFonts {
		face, err := opentype.Parse(f.file)
		if err != nil {
			panic(fmt.Sprintf("plots: the font %s of this program cannot be read: %v", f.font.Name(), err))
		}
		faces = append(faces, font.Face{Font: f.font, Face: face})
	}
	return font.NewCache(faces)
})

// Height of a line above and below its baseline in parts of the font size: that of all letters but capitals with accents.
const (
	lineAscent  = 0.89
	lineDescent = 0.22
)

// mathText draws labels in which $...$ sets mathematics: letters in italics, _ and ^ lower and raise the next letter or
// {group}; two or more Latin letters in a group are a word and stay upright, as in $π_{ref}$. gonum's own LaTeX handler
// boxes every label as tightly as its glyphs allow, so the tick labels 1 and 10⁻¹ would stand on different lines, and
// panics on text it cannot parse.
type mathText struct{}

var _ text.Handler = mathText{}

// Shape of sub- and superscripts in parts of the font size, close to TeX's.
const (
	scriptSize  = 0.72
	scriptSpace = 0.03
)

var scriptRise = map[int]vg.Length{1: 0.36, -1: -0.18}

// span is a piece of a label in one style.
type span struct {
	text   string
	italic bool
	script int // +1 raised, -1 lowered
}

// parseSpans splits a line into spans. A line with an odd number of $ is plain text.
func parseSpans(line string) []span {
	parts := strings.Split(line, "$")
	if len(parts)%2 == 0 {
		return []span{{text: line}}
	}
	var spans []span
	for i, part := range parts {
		switch {
		case part == "":
		case i%2 == 0:
			spans = append(spans, span{text: part})
		default:
			spans = append(spans, parseMath(part)...)
		}
	}
	return spans
}

// mathParts are a sub- or superscript with its letter or group, or any other letter.
var mathParts = regexp.MustCompile(`(?s)[_^](?:\{([^}]*)\}?|(.))|.`)

func parseMath(math string) []span {
	var spans []span
	for _, part := range mathParts.FindAllStringSubmatch(math, -1) {
		switch group := part[1] + part[2]; {
		case len(part[0]) > 1 && part[0][0] == '^':
			spans = append(spans, mathLetters(group, 1)...)
		case len(part[0]) > 1 && part[0][0] == '_':
			spans = append(spans, mathLetters(group, -1)...)
		default:
			spans = joined(spans, mathLetters(part[0], 0))
		}
	}
	return spans
}

// joined appends spans; one of the style of the last goes on with it.
func joined(spans, more []span) []span {
	for _, s := range more {
		if last := len(spans) - 1; last >= 0 && spans[last].italic == s.italic && spans[last].script == s.script {
			spans[last].text += s.text
			continue
		}
		spans = append(spans, s)
	}
	return spans
}

// mathLetters sets a group: a word upright, otherwise letters in italics and the rest upright.
func mathLetters(group string, script int) []span {
	latin := 0
	for _, r := range group {
		if unicode.Is(unicode.Latin, r) {
			latin++
		}
	}
	var spans []span
	for _, r := range group {
		spans = joined(spans, []span{{string(r), unicode.IsLetter(r) && latin < 2, script}})
	}
	return spans
}

func (h mathText) Cache() *font.Cache { return fonts() }

func (h mathText) Extents(fnt font.Font) font.Extents {
	return font.Extents{Ascent: lineAscent * fnt.Size, Descent: lineDescent * fnt.Size, Height: (lineAscent + lineDescent) * fnt.Size}
}

func (h mathText) Lines(txt string) []string {
	return strings.Split(strings.TrimRight(txt, "\n"), "\n")
}

// Box gives every line the height of its font, whatever scripts it has, so that baselines agree.
func (h mathText) Box(txt string, fnt font.Font) (width, height, depth vg.Length) {
	ext := h.Extents(fnt)
	return h.eachSpan(txt, fnt, nil), ext.Ascent, ext.Descent
}

// Draw follows gonum's plain handler in where it puts a text, which its axes count on.
func (h mathText) Draw(c vg.Canvas, txt string, sty text.Style, pt vg.Point) {
	if txt == "" {
		return
	}
	c.SetColor(sty.Color)
	if sty.Rotation != 0 {
		c.Push()
		defer c.Pop()
		c.Rotate(sty.Rotation)
	}
	sin64, cos64 := math.Sincos(sty.Rotation)
	sin, cos := vg.Length(sin64), vg.Length(cos64)
	pt.X, pt.Y = pt.Y*sin+pt.X*cos, pt.Y*cos-pt.X*sin
	pt.Y += sty.Height(txt)*vg.Length(sty.YAlign) - h.Extents(sty.Font).Ascent

	lines := h.Lines(txt)
	for i, line := range lines {
		at := pt.Add(vg.Point{
			X: vg.Length(sty.XAlign) * h.eachSpan(line, sty.Font, nil),
			Y: vg.Length(len(lines)-i) * sty.Font.Size,
		})
		h.eachSpan(line, sty.Font, func(face font.Face, offset vg.Point, s string) {
			c.FillString(face, at.Add(offset), s)
		})
	}
}

// eachSpan calls do, if given, with every span's face and offset from the start of the line; it returns the width.
func (h mathText) eachSpan(line string, fnt font.Font, do func(font.Face, vg.Point, string)) vg.Length {
	x := vg.Length(0)
	for _, s := range parseSpans(line) {
		pieces(s.font(fnt), s.text, func(piece font.Font, glyphs string) {
			face := fonts().Lookup(piece, piece.Size)
			if do != nil {
				do(face, vg.Point{X: x, Y: scriptRise[s.script] * fnt.Size}, glyphs)
			}
			x += face.Width(visible(face, glyphs))
		})
		if s.script != 0 {
			x += scriptSpace * fnt.Size
		}
	}
	return x
}

// pieces splits a text into stretches of one face: the given one, or that of signs for what it lacks.
func pieces(fnt font.Font, text string, do func(fnt font.Font, glyphs string)) {
	face, signs := fonts().Lookup(fnt, fnt.Size).Face, font.Font{Typeface: signFace, Size: fnt.Size}
	last, start := fnt, 0
	for i, r := range text {
		f := fnt
		if index, err := face.GlyphIndex(nil, r); err != nil || index == 0 {
			f = signs
		}
		if f != last && i > start {
			do(last, text[start:i])
			start = i
		}
		last = f
	}
	if start < len(text) {
		do(last, text[start:])
	}
}

// visible is a text as its face draws it: U+FFFD stands for what the face lacks, which drawing would skip, and for what is
// beyond the first 65,536 characters, of which fpdf does not know.
func visible(face font.Face, text string) string {
	return strings.Map(func(r rune) rune {
		if index, err := face.Face.GlyphIndex(nil, r); err != nil || index == 0 || r > math.MaxUint16 {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// font is that of a line as the span changes it.
func (s span) font(fnt font.Font) font.Font {
	if s.italic {
		fnt.Style = xfont.StyleItalic
	}
	if s.script != 0 {
		fnt.Size *= scriptSize
	}
	return fnt
}

// plainText is a label as it reads without typesetting: π_ref for $π_{ref}$.
func plainText(label string) string {
	if strings.Count(label, "$")%2 == 1 {
		return label
	}
	var plain strings.Builder
	for i, part := range strings.Split(label, "$") {
		if i%2 == 1 {
			part = strings.NewReplacer("{", "", "}", "").Replace(part)
		}
		plain.WriteString(part)
	}
	return strings.ReplaceAll(plain.String(), "\n", " ")
}

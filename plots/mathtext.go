package plots

import (
	"math"
	"strings"
	"unicode"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
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
	superRaise  = 0.36
	subLower    = 0.18
	scriptSpace = 0.03
)

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
			spans = append(spans, parseMath([]rune(part))...)
		}
	}
	return spans
}

func parseMath(math []rune) []span {
	var spans []span
	for i := 0; i < len(math); {
		script := 0
		switch math[i] {
		case '^':
			script = 1
		case '_':
			script = -1
		}
		if script == 0 || i+1 == len(math) {
			spans = joined(spans, mathLetters(math[i:i+1], 0))
			i++
			continue
		}
		group, n := scriptGroup(math[i+1:])
		spans = append(spans, mathLetters(group, script)...)
		i += 1 + n
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

// scriptGroup returns what a _ or ^ applies to and how many runes it takes.
func scriptGroup(rest []rune) (group []rune, n int) {
	if rest[0] != '{' {
		return rest[:1], 1
	}
	for i, r := range rest {
		if r == '}' {
			return rest[1:i], i + 1
		}
	}
	return rest[1:], len(rest)
}

// mathLetters sets a group: a word upright, otherwise letters in italics and the rest upright.
func mathLetters(group []rune, script int) []span {
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

func (h mathText) Extents(fnt font.Font) font.Extents { return lineExtents(fnt.Size) }

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
				do(face, vg.Point{X: x, Y: rise(s.script) * fnt.Size}, glyphs)
			}
			x += face.Width(glyphs)
		})
		if s.script != 0 {
			x += scriptSpace * fnt.Size
		}
	}
	return x
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

func rise(script int) vg.Length {
	switch {
	case script > 0:
		return superRaise
	case script < 0:
		return -subLower
	}
	return 0
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

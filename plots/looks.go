package plots

import (
	"image/color"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// look is how one series is drawn everywhere: color, line and marker each tell it apart alone.
type look struct {
	color  color.RGBA
	dashes []vg.Length
	width  vg.Length
	glyph  polygonGlyph
}

var (
	circle   = polygonGlyph{}
	square   = polygonGlyph{corners: 4, turn: 0.125}
	diamond  = polygonGlyph{corners: 4}
	triangle = polygonGlyph{corners: 3}
	nabla    = polygonGlyph{corners: 3, turn: 0.5}
	pentagon = polygonGlyph{corners: 5}
	star     = polygonGlyph{corners: 5, inner: 0.45}

	dashed     = []vg.Length{4, 1.6}
	dotted     = []vg.Length{1.2, 1.4}
	dashDotted = []vg.Length{5, 1.4, 1.2, 1.4}
	reference  = []vg.Length{2.4, 1.8}
)

// lossLooks fixes the look of the losses that figures are mostly about.
var lossLooks = map[string]look{
	"dpo":   {blue, nil, curveWidth, circle},
	"ipo":   {orange, dashed, curveWidth, square},
	"f-dpo": {purple, dashDotted, curveWidth, triangle},
	"typo":  {vermillion, nil, 1.3 * curveWidth, diamond},
	"rlhf":  {black, dotted, curveWidth, nabla},
}

// otherLooks go, in order, to the other labels of an experiment sorted by name.
var otherLooks = []look{
	{green, nil, curveWidth, pentagon},
	{skyBlue, dashed, curveWidth, star},
	{olive, dashDotted, curveWidth, circle},
	{indigo, dotted, curveWidth, square},
	{inkGray, nil, curveWidth, triangle},
	{teal, dashed, curveWidth, nabla},
	{yellow, nil, curveWidth, diamond},
}

// lossLook returns the look of an objective; all are the labels of its experiment, selected or not, so that a loss
// looks the same in every figure of the experiment.
func lossLook(label string, all []string) look {
	if l, ok := lossLooks[label]; ok {
		return l
	}
	var others []string
	for _, other := range all {
		if _, known := lossLooks[other]; !known {
			others = append(others, other)
		}
	}
	slices.Sort(others)
	return otherLooks[max(0, slices.Index(others, label))%len(otherLooks)]
}

// responseColors tell responses apart in figures that draw them; more than these cannot be told apart in print.
var responseColors = []color.RGBA{indigo, teal, olive, rgb(0xAA4499), rgb(0x88CCEE), rgb(0x661100)}

// rampLook is the look of line i of n along an ordered quantity such as lambda: dark to light, as viridis does.
func rampLook(i, n int) look {
	anchors := []color.RGBA{rgb(0x440154), rgb(0x3B528B), rgb(0x21918C), rgb(0x5EC962)}
	marks := []polygonGlyph{circle, square, diamond, triangle, nabla, pentagon, star}
	dashes := [][]vg.Length{nil, dashed, dashDotted, dotted}
	position := 0.0
	if n > 1 {
		position = float64(i) / float64(n-1) * float64(len(anchors)-1)
	}
	k := min(int(position), len(anchors)-2)
	return look{mix(anchors[k], anchors[k+1], position-float64(k)), dashes[i%len(dashes)], curveWidth, marks[i%len(marks)]}
}

func (l look) line() draw.LineStyle {
	return draw.LineStyle{Color: l.color, Width: l.width, Dashes: l.dashes}
}

func (l look) mark() draw.GlyphStyle {
	return draw.GlyphStyle{Color: l.color, Radius: markSize, Shape: l.glyph}
}

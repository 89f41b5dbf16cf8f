package plots

import (
	"image/color"
	"slices"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Sizes of a figure for a two-column paper, so that it is set at its own size and its text matches the paper's.
const (
	columnWidth = 85 * vg.Millimeter
	fullWidth   = 175 * vg.Millimeter
	minHeight   = 30 * vg.Millimeter // of a panel's data area
	maxHeight   = 46 * vg.Millimeter
	dataAspect  = 0.72 // height of a data area to its width, between those bounds

	dotsPerInch = 300

	labelSize  = 8 // pt: axis labels, titles
	tickSize   = 7 // pt: tick labels
	legendSize = 7.5
	noteSize   = 6.5

	axisWidth  = 0.5 // pt
	curveWidth = 1.1
	markSize   = 2.1 // pt, radius
)

// The Okabe-Ito palette, told apart by readers with any common colour blindness (Okabe and Ito 2008, Color Universal
// Design), and three from Tol's muted scheme for responses, so that no response looks like a loss.
var (
	black      = rgb(0x000000)
	orange     = rgb(0xE69F00)
	skyBlue    = rgb(0x56B4E9)
	green      = rgb(0x009E73)
	yellow     = rgb(0xF0E442)
	blue       = rgb(0x0072B2)
	vermillion = rgb(0xD55E00)
	purple     = rgb(0xCC79A7)

	indigo = rgb(0x332288)
	teal   = rgb(0x44AA99)
	olive  = rgb(0x999933)

	inkGray  = rgb(0x555555)
	gridGray = rgb(0xE4E4E4)
	white    = rgb(0xFFFFFF)
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

func rgb(hex uint32) color.RGBA {
	return color.RGBA{uint8(hex >> 16), uint8(hex >> 8), uint8(hex), 255}
}

// mix goes from a (at 0) to b (at 1).
func mix(a, b color.RGBA, at float64) color.RGBA {
	between := func(x, y uint8) uint8 { return uint8(float64(x) + at*(float64(y)-float64(x)) + 0.5) }
	return color.RGBA{between(a.R, b.R), between(a.G, b.G), between(a.B, b.B), 255}
}

// translucent is a band's color: light on white, and what lies below shines through.
func translucent(c color.RGBA) color.NRGBA { return color.NRGBA{c.R, c.G, c.B, 0x38} }

func (l look) line() draw.LineStyle {
	return draw.LineStyle{Color: l.color, Width: l.width, Dashes: l.dashes}
}

func (l look) mark() draw.GlyphStyle {
	return draw.GlyphStyle{Color: l.color, Radius: markSize, Shape: l.glyph}
}

// handler sets all text. Liberation Serif has the metrics of Times, which most conference papers are set in.
var handler = mathText{fonts: font.DefaultCache}

func textStyle(size vg.Length, x text.XAlignment, y text.YAlignment) text.Style {
	return text.Style{Color: black, Font: font.From(plot.DefaultFont, size), XAlign: x, YAlign: y, Handler: handler}
}

func bold(sty text.Style) text.Style {
	sty.Font.Weight = xfont.WeightBold
	return sty
}

// newPlot returns an empty plot in the theme.
func newPlot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.TextHandler = handler
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.LineStyle.Width = 0 // see spines
		axis.Padding = 0
		axis.Tick.LineStyle.Width = axisWidth
		axis.Tick.Length = 2.4
		axis.Tick.Label.Font.Size = tickSize
		axis.Tick.Label.Handler = handler
		axis.Label.TextStyle = textStyle(labelSize, draw.XCenter, draw.YBottom)
		axis.Label.Padding = 1
		axis.Tick.Marker = numberTicks{}
	}
	return p
}

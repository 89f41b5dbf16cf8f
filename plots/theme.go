package plots

import (
	"image/color"
	"math"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/gonum/interp"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// sizes are widths of figures in papers, so that they are set at their own size and their text matches the paper's: a column
// and the text of ACL (77 and 160 mm), which fit ICML too (82 and 171), the text of NeurIPS and ICLR, and of LaTeX's class
// article at 10 pt.
var sizes = map[string]vg.Length{"column": columnWidth, "full": fullWidth, "neurips": 139.7 * vg.Millimeter, "article": 121 * vg.Millimeter}

// Sizes of what figures are made of.
const (
	columnWidth = 77 * vg.Millimeter
	fullWidth   = 160 * vg.Millimeter
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

// Themes of figures, as configurations write them beside paper.
const (
	slidesTheme = "slides"
	darkTheme   = "dark"
)

// theme is how a page becomes a figure: everything is laid out and drawn for paper, at 8 pt, on a page of the theme's
// width divided by its scale.
type theme struct {
	column, full vg.Length // widths of the page that is laid out; the same where the figure asks for one
	scale        float64   // of the figure to that page
	color        func(color.Color) color.Color
}

// themeOf returns a theme by name; empty is that of a paper.
func themeOf(name string) theme {
	t := theme{column: columnWidth, full: fullWidth, scale: 1, color: func(c color.Color) color.Color { return c }}
	switch name {
	case slidesTheme: // half and nine tenths of a slide of 254 mm, at 16 pt
		t.column, t.full, t.scale = 62*vg.Millimeter, 114*vg.Millimeter, 2
	case darkTheme:
		t.color = inDark
	}
	return t
}

// sized returns the theme with the size that a figure asks for.
func (t theme) sized(fig Figure) theme {
	switch {
	case fig.Width > 0:
		t.full = vg.Length(fig.Width/t.scale) * vg.Millimeter
		t.column = t.full
	case fig.Size == "column":
		t.full = t.column
	case fig.Size == "full":
		t.column = t.full
	case fig.Size != "":
		t.full = sizes[fig.Size] / vg.Length(t.scale)
		t.column = t.full
	}
	return t
}

// inDark is the color that takes the place of one of the paper theme on a dark page: of the same hue and saturation, the
// lighter the darker it was. Black becomes nearly white and white nearly black; the colors of lines stay of a middle
// lightness, so that they stand out from both.
func inDark(c color.Color) color.Color {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	high, low := float64(max(n.R, n.G, n.B))/255, float64(min(n.R, n.G, n.B))/255
	light := (high + low) / 2
	// The lightness of what has the given one on paper goes straight between these pairs.
	var between interp.PiecewiseLinear
	_ = between.Fit([]float64{0, 0.3, 0.65, 1}, []float64{0.92, 0.68, 0.52, 0.07}) // never an error, of these
	target := between.Predict(light)
	// In HSL a color is its gray of the same lightness plus a part of the most colorful one.
	chroma, most := high-low, 1-math.Abs(2*light-1)
	share := 0.0
	if most > 0 {
		share = (1 - math.Abs(2*target-1)) / most
	}
	turn := func(v uint8) uint8 {
		away := 0.0
		if chroma > 0 {
			away = (float64(v)/255 - light) * share
		}
		return uint8(255*min(1, max(0, target+away)) + 0.5)
	}
	return color.NRGBA{turn(n.R), turn(n.G), turn(n.B), n.A}
}

// The Okabe-Ito palette, told apart by readers with any common colour blindness (Okabe and Ito 2008, Color Universal
// Design) without its yellow, which white paper swallows, and four from Tol's muted scheme.
var (
	black      = rgb(0x000000)
	orange     = rgb(0xE69F00)
	skyBlue    = rgb(0x56B4E9)
	green      = rgb(0x009E73)
	blue       = rgb(0x0072B2)
	vermillion = rgb(0xD55E00)
	purple     = rgb(0xCC79A7)

	indigo = rgb(0x332288)
	teal   = rgb(0x44AA99)
	olive  = rgb(0x999933)
	wine   = rgb(0x882255)

	inkGray  = rgb(0x555555)
	gridGray = rgb(0xE4E4E4)
	white    = rgb(0xFFFFFF)
)

func rgb(hex uint32) color.RGBA {
	return color.RGBA{uint8(hex >> 16), uint8(hex >> 8), uint8(hex), 255}
}

// mix goes from a (at 0) to b (at 1).
func mix(a, b color.RGBA, at float64) color.RGBA {
	between := func(x, y uint8) uint8 { return uint8(float64(x) + at*(float64(y)-float64(x)) + 0.5) }
	return color.RGBA{between(a.R, b.R), between(a.G, b.G), between(a.B, b.B), 255}
}

// translucent is a band's color: light on white, and what lies below shines through.
func translucent(c color.RGBA) color.NRGBA { return amongOthers(c, 1) }

// amongOthers is the color of one of several bands, the lighter the more there are beyond three, of which lines can be seen.
func amongOthers(c color.RGBA, bands int) color.NRGBA {
	return color.NRGBA{c.R, c.G, c.B, uint8(0x38 * 3 / max(3, bands))}
}

// handler sets all text.
var handler = mathText{}

func textStyle(size vg.Length, x text.XAlignment, y text.YAlignment) text.Style {
	return text.Style{Color: black, Font: font.Font{Typeface: textFace, Size: size}, XAlign: x, YAlign: y, Handler: handler}
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
		axis.Tick.Label.Font = font.Font{Typeface: textFace, Size: tickSize}
		axis.Tick.Label.Handler = handler
		axis.Label.TextStyle = textStyle(labelSize, draw.XCenter, draw.YBottom)
		axis.Label.Padding = 1
		axis.Tick.Marker = numberTicks{}
	}
	return p
}

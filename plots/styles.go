package plots

import (
	"cmp"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// seriesStyle is how one series is drawn everywhere: color, line and marker each tell it apart alone.
type seriesStyle struct {
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
	hexagon  = polygonGlyph{corners: 6}
	star     = polygonGlyph{corners: 5, inner: 0.45}
	spark    = polygonGlyph{corners: 4, inner: 0.4}

	leftward  = polygonGlyph{corners: 3, turn: 0.25}
	rightward = polygonGlyph{corners: 3, turn: 0.75}

	dashed     = []vg.Length{4, 1.6}
	dotted     = []vg.Length{1.2, 1.4}
	longDashed = []vg.Length{8, 2}
	dashDotted = []vg.Length{5, 1.4, 1.2, 1.4}
	twoDotted  = []vg.Length{5, 1.4, 1.2, 1.4, 1.2, 1.4}
	reference  = []vg.Length{2.4, 1.8}
)

// polygonGlyph is a filled marker with a thin white edge that keeps crossing lines apart: a regular polygon, a star, or
// with no corners a circle. gonum has circles, squares and triangles only.
type polygonGlyph struct {
	corners int
	turn    float64 // from a corner on top, in full turns
	inner   float64 // of a star: radius of its inner corners; 0 for a polygon
	hollow  bool    // white inside, for a value that lies beyond the axis
}

// opened is the marker with white inside.
func (g polygonGlyph) opened() polygonGlyph {
	g.hollow = true
	return g
}

// DrawGlyph draws the marker at pt.
func (g polygonGlyph) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, pt vg.Point) {
	path := g.path(sty.Radius, pt)
	c.SetLineStyle(draw.LineStyle{Color: white, Width: 0.8})
	fill := sty.Color
	if g.hollow {
		c.SetLineStyle(draw.LineStyle{Color: sty.Color, Width: 0.8})
		fill = white
	} else {
		c.Stroke(path)
	}
	c.SetColor(fill)
	c.Fill(path)
	if g.hollow {
		c.SetColor(sty.Color)
		c.Stroke(path)
	}
}

func (g polygonGlyph) path(radius vg.Length, pt vg.Point) vg.Path {
	var path vg.Path
	if g.corners == 0 {
		// Four Bézier curves, within 0.03 % of the radius. No arc is drawn by another way, so that no format has to know of any.
		reach := radius * 4 * (math.Sqrt2 - 1) / 3
		path.Move(vg.Point{X: pt.X + radius, Y: pt.Y})
		for x, y := radius, vg.Length(0); len(path) < 5; x, y = -y, x {
			tangent := vg.Point{X: -y, Y: x}.Scale(reach / radius)
			a, end := pt.Add(vg.Point{X: x, Y: y}), pt.Add(vg.Point{X: -y, Y: x})
			path.CubeTo(a.Add(tangent), end.Add(vg.Point{X: x, Y: y}.Scale(reach/radius)), end)
		}
		path.Close()
		return path
	}
	n, step := g.corners, 1
	if g.inner > 0 {
		n, step = 2*g.corners, 2
	}
	// Fewer corners cover less area at the same radius; the factors make markers look equally large.
	reach := radius * vg.Length(map[int]float64{3: 1.3, 4: 1.2, 5: 1.1}[g.corners])
	if g.inner > 0 {
		reach *= 1.35
	}
	for i := range n {
		r := reach
		if i%step == 1 {
			r *= vg.Length(g.inner)
		}
		sin, cos := math.Sincos(2 * math.Pi * (float64(i)/float64(n) + g.turn + 0.25))
		corner := vg.Point{X: pt.X + r*vg.Length(cos), Y: pt.Y + r*vg.Length(sin)}
		if i == 0 {
			path.Move(corner)
		} else {
			path.Line(corner)
		}
	}
	path.Close()
	return path
}

// lossStyles fixes the style of every loss, in every figure of every experiment. There are more losses than colors that
// can be told apart; losses of one color differ in line and marker both.
var lossStyles = map[string]seriesStyle{
	"alpha-dpo":         {indigo, dashDotted, curveWidth, circle},
	"alphapo":           {blue, dotted, curveWidth, square},
	"aot":               {orange, dashDotted, curveWidth, triangle},
	"aot-unpaired":      {purple, dashed, curveWidth, diamond},
	"apo-down":          {vermillion, dotted, curveWidth, nabla},
	"apo-zero":          {black, nil, curveWidth, pentagon},
	"apo-zero-unpaired": {green, dashed, curveWidth, star},
	"bco":               {skyBlue, dashDotted, curveWidth, hexagon},
	"bco-pair":          {olive, dotted, curveWidth, leftward},
	"best-of-n":         {indigo, nil, curveWidth, rightward},
	"beta-dpo":          {inkGray, dashed, curveWidth, nabla},
	"bradley-terry":     {teal, dashDotted, curveWidth, spark},
	"cal-dpo":           {wine, dashed, curveWidth, circle},
	"cauchy":            {olive, dashed, curveWidth, diamond},
	"chi-po":            {inkGray, dotted, curveWidth, square},
	"cpo":               {indigo, dotted, curveWidth, leftward},
	"cpo-simpo":         {teal, nil, curveWidth, nabla},
	"custom":            {blue, dashed, curveWidth, triangle},
	"discopop":          {orange, nil, curveWidth, diamond},
	"dpo":               {blue, nil, curveWidth, circle},
	"dpo-norm":          {purple, dotted, curveWidth, nabla},
	"dpo-positive":      {vermillion, dashDotted, curveWidth, pentagon},
	"dpo-shift":         {wine, dotted, curveWidth, hexagon},
	"dr-dpo":            {black, longDashed, curveWidth, leftward},
	"exo":               {black, dashed, curveWidth, star},
	"expo-regression":   {green, dashDotted, curveWidth, hexagon},
	"f-dpo":             {purple, dashDotted, curveWidth, triangle},
	"focal-po":          {blue, longDashed, curveWidth, rightward},
	"gpo":               {skyBlue, nil, curveWidth, leftward},
	"hinge":             {teal, dashed, curveWidth, rightward},
	"ipo":               {orange, dashed, curveWidth, square},
	"kl-pi-ref":         {olive, nil, curveWidth, rightward},
	"kl-ref-pi":         {indigo, dashed, curveWidth, spark},
	"kto":               {green, nil, curveWidth, pentagon},
	"ld-dpo":            {teal, dotted, curveWidth, circle},
	"mallows":           {wine, dashDotted, curveWidth, square},
	"mallows-ipo":       {green, longDashed, curveWidth, circle},
	"nash-md-pg":        {vermillion, longDashed, curveWidth, square},
	"nca":               {inkGray, nil, curveWidth, triangle},
	"odpo":              {blue, dashDotted, curveWidth, diamond},
	"online-ipo":        {teal, longDashed, curveWidth, triangle},
	"orpo":              {olive, dashDotted, curveWidth, hexagon},
	"r-dpo":             {orange, dotted, curveWidth, nabla},
	"rainbow-po":        {indigo, longDashed, curveWidth, diamond},
	"rebel":             {inkGray, longDashed, curveWidth, hexagon},
	"repo":              {olive, longDashed, curveWidth, nabla},
	"reward":            {purple, nil, curveWidth, pentagon},
	"rlhf":              {black, dotted, curveWidth, nabla},
	"robust":            {vermillion, dashed, curveWidth, star},
	"rpo":               {wine, nil, curveWidth, spark},
	"rpo-nemo":          {orange, longDashed, curveWidth, spark},
	"sft":               {purple, longDashed, curveWidth, leftward},
	"simper":            {skyBlue, longDashed, curveWidth, spark},
	"simpo":             {skyBlue, dashed, curveWidth, star},
	"sppo":              {inkGray, dashDotted, curveWidth, circle},
	"sum":               {black, dashDotted, curveWidth, hexagon},
	"tdpo1":             {wine, twoDotted, curveWidth, triangle},
	"tdpo2":             {teal, twoDotted, curveWidth, star},
	"tr-dpo":            {green, dotted, curveWidth, leftward},
	"typo":              {vermillion, nil, 1.3 * curveWidth, diamond},
	"win-rate":          {wine, longDashed, curveWidth, star},
	"wpo":               {skyBlue, dotted, curveWidth, rightward},
}

// otherStyles go, in order, to the labels that a configuration made up, sorted by name.
var otherStyles = []seriesStyle{
	{green, dotted, curveWidth, spark},
	{skyBlue, nil, curveWidth, triangle},
	{wine, dashDotted, curveWidth, nabla},
	{olive, dashed, curveWidth, square},
	{indigo, nil, curveWidth, hexagon},
	{teal, dashDotted, curveWidth, pentagon},
	{inkGray, dashed, curveWidth, leftward},
	{black, dashDotted, curveWidth, rightward},
}

// lineColors are those that lines may have, in the order in which they stand in for one that is taken.
var lineColors = []color.RGBA{blue, vermillion, green, purple, skyBlue, orange, black, wine, teal, indigo, olive, inkGray}

// lossStyle returns the style of an objective among all of its experiment, selected or not, so that it looks the same in
// every figure of the experiment. Each has the style of its loss, or of the others for a label that a configuration made up;
// those whose color another has, in the order of lossOrder, get the next free one as long as there are any.
func lossStyle(label string, all []string) seriesStyle {
	taken := map[color.RGBA]bool{}
	made := 0
	for _, other := range slices.SortedFunc(slices.Values(all), lossOrder) {
		l, known := lossStyles[other]
		if !known {
			l = otherStyles[made%len(otherStyles)]
			made++
		}
		if free := slices.IndexFunc(lineColors, func(c color.RGBA) bool { return !taken[c] }); taken[l.color] && free >= 0 {
			l.color = lineColors[free]
		}
		taken[l.color] = true
		if other == label {
			return l
		}
	}
	return lossStyles[label]
}

// lossOrder puts those first that keep their color in any company: the losses of the paper, then other losses, then labels
// that a configuration made up.
func lossOrder(a, b string) int {
	rank := func(label string) int {
		_, known := lossStyles[label]
		switch {
		case slices.Contains([]string{"dpo", "ipo", "f-dpo", "rlhf", "typo"}, label):
			return 0
		case known:
			return 1
		}
		return 2
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
}

// responseColors tell responses apart in figures that draw them; more than these cannot be told apart in print.
var responseColors = []color.RGBA{indigo, teal, olive, rgb(0xAA4499), rgb(0x88CCEE), rgb(0x661100)}

// rampStyle is the style of line i of n along an ordered quantity such as lambda: dark to light, as viridis does.
func rampStyle(i, n int) seriesStyle {
	anchors := []color.RGBA{rgb(0x440154), rgb(0x3B528B), rgb(0x21918C), rgb(0x5EC962)}
	marks := []polygonGlyph{circle, square, diamond, triangle, nabla, pentagon, star}
	dashes := [][]vg.Length{nil, dashed, dashDotted, dotted}
	position := 0.0
	if n > 1 {
		position = float64(i) / float64(n-1) * float64(len(anchors)-1)
	}
	k := min(int(position), len(anchors)-2)
	return seriesStyle{mix(anchors[k], anchors[k+1], position-float64(k)), dashes[i%len(dashes)], curveWidth, marks[i%len(marks)]}
}

func (l seriesStyle) line() draw.LineStyle {
	return draw.LineStyle{Color: l.color, Width: l.width, Dashes: l.dashes}
}

func (l seriesStyle) mark() draw.GlyphStyle {
	return draw.GlyphStyle{Color: l.color, Radius: markSize, Shape: l.glyph}
}

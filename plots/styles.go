package plots

import (
	"cmp"
	_ "embed"
	"hash/fnv"
	"image/color"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"windtunnel/toy/objective"
	"windtunnel/toy/registry"
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
	star     = polygonGlyph{corners: 5, inner: 0.45}

	dashed     = []vg.Length{4, 1.6}
	dotted     = []vg.Length{1.2, 1.4}
	dashDotted = []vg.Length{5, 1.4, 1.2, 1.4}
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
	edge := draw.LineStyle{Color: white, Width: 0.8}
	if g.hollow {
		c.SetColor(white)
		c.Fill(path)
		edge.Color = sty.Color
	}
	c.SetLineStyle(edge)
	c.Stroke(path)
	if !g.hollow {
		c.SetColor(sty.Color)
		c.Fill(path)
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

// styleFile fixes the style of losses in every figure of every experiment. There are more losses than colors that can be told
// apart; losses of one color differ in line and marker both. Rows without a loss go, in order, to the labels that a
// configuration made up, sorted by name.
//
//go:embed styles.csv
var styleFile string

// The words of that file.
var (
	colorNames = map[string]color.RGBA{"black": black, "blue": blue, "green": green, "indigo": indigo, "inkGray": inkGray, "olive": olive,
		"orange": orange, "purple": purple, "skyBlue": skyBlue, "teal": teal, "vermillion": vermillion, "wine": wine}
	lineNames = map[string][]vg.Length{"solid": nil, "dashed": dashed, "dotted": dotted, "long": {8, 2}, "dash-dot": dashDotted,
		"dash-dot-dot": {5, 1.4, 1.2, 1.4, 1.2, 1.4}}
	markerNames = map[string]polygonGlyph{"circle": circle, "diamond": diamond, "hexagon": {corners: 6}, "leftward": {corners: 3, turn: 0.25},
		"nabla": nabla, "pentagon": pentagon, "rightward": {corners: 3, turn: 0.75}, "spark": {corners: 4, inner: 0.4}, "square": square,
		"star": star, "triangle": triangle}
)

var lossStyles, otherStyles = readStyles(objective.Kinds())

// readStyles returns the style of each loss, and those for other labels. A loss that the file does not name takes the first
// style that no other has, from a place on that its name decides.
func readStyles(losses registry.Table[objective.Params]) (styles map[string]seriesStyle, others []seriesStyle) {
	styles = map[string]seriesStyle{}
	for _, r := range records(styleFile) {
		width, _ := strconv.ParseFloat(r[3], 64) // a number of this program
		style := seriesStyle{colorNames[r[1]], lineNames[r[2]], vg.Length(width) * curveWidth, markerNames[r[4]]}
		if r[0] == "" {
			others = append(others, style)
		} else {
			styles[r[0]] = style
		}
	}
	lines, markers := slices.Sorted(maps.Keys(lineNames)), slices.Sorted(maps.Keys(markerNames))
	for _, loss := range losses {
		if _, known := styles[loss.Name]; known {
			continue
		}
		hash := fnv.New32a()
		hash.Write([]byte(loss.Name))
		style := seriesStyle{width: curveWidth}
		alike := func(other seriesStyle) bool {
			return style.color == other.color && (style.glyph == other.glyph || slices.Equal(style.dashes, other.dashes))
		}
		for step := range len(lineColors) * len(lines) * len(markers) {
			at := int(hash.Sum32()) + step
			style.color = lineColors[at%len(lineColors)]
			style.dashes = lineNames[lines[at/len(lineColors)%len(lines)]]
			style.glyph = markerNames[markers[at/len(lineColors)/len(lines)%len(markers)]]
			if !slices.ContainsFunc(slices.Collect(maps.Values(styles)), alike) {
				break
			}
		}
		styles[loss.Name] = style
	}
	return styles, others
}

// lineColors are those that lines may have, in the order in which they stand in for one that is taken.
var lineColors = []color.RGBA{blue, vermillion, green, purple, skyBlue, orange, black, wine, indigo, olive, teal, inkGray}

// alike are colors of which the second takes the place of the first only where no other is left.
var alike = map[color.RGBA]color.RGBA{green: teal, teal: green}

// lossStyle returns the style of an objective among all of its experiment, selected or not, so that it looks the same in
// every figure of the experiment. Each has the style of its loss, or of the others for a label that a configuration made up;
// those whose color another has, in the order of lossOrder, get the next free one as long as there are any.
func lossStyle(label string, all []string) seriesStyle {
	taken := map[color.RGBA]bool{}
	made := 0
	for _, other := range slices.SortedFunc(slices.Values(all), lossOrder) {
		l, known := knownStyle(other)
		if !known {
			l = otherStyles[made%len(otherStyles)]
			made++
		}
		free := func(c color.RGBA) bool { return !taken[c] && !taken[alike[c]] }
		if !slices.ContainsFunc(lineColors, free) {
			free = func(c color.RGBA) bool { return !taken[c] }
		}
		if other := slices.IndexFunc(lineColors, free); !free(l.color) && other >= 0 {
			l.color = lineColors[other]
		}
		taken[l.color] = true
		if other == label {
			return l
		}
	}
	style, _ := knownStyle(label)
	return style
}

// knownStyle is the style of a registered loss, also where a label writes it in capitals.
func knownStyle(label string) (style seriesStyle, known bool) {
	style, known = lossStyles[strings.ToLower(label)]
	return style, known
}

// lossOrder puts those first that keep their color in any company: the losses of the paper, then other losses, then labels
// that a configuration made up.
func lossOrder(a, b string) int {
	rank := func(label string) int {
		_, known := knownStyle(label)
		switch {
		case slices.Contains([]string{"dpo", "ipo", "f-dpo", "rlhf", "typo"}, strings.ToLower(label)):
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
	position := 0.0
	if n > 1 {
		position = float64(i) / float64(n-1) * float64(len(anchors)-1)
	}
	k := min(int(position), len(anchors)-2)
	style := wordStyle(i, n)
	style.color = mix(anchors[k], anchors[k+1], position-float64(k))
	return style
}

// wordStyle is the style of line i among lines that have no order.
func wordStyle(i, _ int) seriesStyle {
	marks := []polygonGlyph{circle, square, diamond, triangle, nabla, pentagon, star}
	dashes := [][]vg.Length{nil, dashed, dashDotted, dotted}
	return seriesStyle{lineColors[i%len(lineColors)], dashes[i%len(dashes)], curveWidth, marks[i%len(marks)]}
}

func (l seriesStyle) line() draw.LineStyle {
	return draw.LineStyle{Color: l.color, Width: l.width, Dashes: l.dashes}
}

func (l seriesStyle) mark() draw.GlyphStyle {
	return draw.GlyphStyle{Color: l.color, Radius: markSize, Shape: l.glyph}
}

package plots

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
)

// Simplex draws policies over three responses as points of the probability triangle: where each loss ends, and the way
// there, over training or along a swept key.
type Simplex struct {
	Where  tables.Where `yaml:"where" doc:"selects the runs"`
	Prompt string       `yaml:"prompt,omitempty" doc:"prompt to draw; needed where there are several"`
	Along  string       `yaml:"along" doc:"what a curve runs along: step for training, a swept key for the final policies over it, or none for the final policies alone"`
	Split  string       `yaml:"panels,omitempty" doc:"column whose values make the panels, such as lambda"`
	Title  string       `yaml:"title,omitempty" doc:"title of the panel where there is one"`
}

// Values of Simplex.Along that are no swept key.
const (
	alongSteps = "step"
	alongNone  = "none"
)

func (f *Simplex) Refs() tables.Refs {
	refs := tables.Refs{}.Where("where", f.tableName(), f.Where)
	if f.Along != alongSteps && f.Along != alongNone {
		refs = refs.Column("along", tables.Runs, f.Along)
	}
	return refs.Column("panels", tables.Runs, f.Split).Prompt("prompt", f.Prompt)
}

func (f *Simplex) tableName() string {
	if f.Along == alongSteps {
		return tables.Trajectories
	}
	return tables.Policies
}

func (f *Simplex) panels(src Sources) []*Panel {
	all := selectPrompt(src, f.tableName(), f.Where, f.Prompt, "pi")
	if n := len(all.values("response")); n != 3 {
		try.Fail("the simplex is drawn for 3 responses; these rows have %d", n)
	}
	finals := selectRows(src, tables.Policies, tables.Where{"prompt": all.values("prompt"), "run": all.values("run")}, "pi_star", "pi_ref")
	if f.Split != "" {
		all.need(f.Split)
	}
	return all.panelsBy(f.Split, f.Title, func(of subset) *Panel {
		p := trianglePanel(of.label)
		p.Add(painter(triangleGrid), painter(triangleFrame))
		ends := finals
		if f.Split != "" {
			ends = finals.with(f.Split, of.cell)
		}
		addLandmarks(p, ends)
		f.addCurves(p, triangleRows(of.rows, f.Along))
		return p
	})
}

// cornerRoom is, in points, what a simplex panel has around the triangle for the names of its corners.
const cornerRoom = 12

// triangleTop is the height of the simplex in edge lengths.
const triangleTop = 0.8660254037844386 // sqrt(3)/2

// trianglePanel returns an empty panel with room for the simplex and the names of its corners.
func trianglePanel(title string) *Panel {
	p := barePanel(title)
	p.HideAxes()
	p.free = true
	p.fit = func(width vg.Length) vg.Length {
		edge := width - 2*cornerRoom
		room := float64(cornerRoom / edge)
		p.X.Min, p.X.Max = -room, 1+room
		p.Y.Min, p.Y.Max = -room, triangleTop+room
		return triangleTop*edge + 2*cornerRoom
	}
	return p
}

// addCurves adds a curve for every loss and setting of what the curve does not run along.
func (f *Simplex) addCurves(p *Panel, r *rows) {
	order := f.Along
	if order == alongNone {
		order = "lambda"
	}
	r.need(order)
	for _, loss := range r.linesBy("objective") {
		var parts []subset
		coordinates := slices.DeleteFunc(r.coordinates(), func(column string) bool { return column == f.Along })
		for _, setting := range loss.rows.split(coordinates...) {
			parts = append(parts, subset{loss.cell, loss.label, setting, loss.style})
		}
		p.addLines(parts, "triangle_x", "triangle_y", order, spreadRange, func(c *curve) {
			c.describe = probabilities
			c.lastOnly = f.Along == alongSteps
			c.grow = !c.lastOnly && f.Along != alongNone
		})
	}
	if f.Along != alongSteps && f.Along != alongNone {
		p.explainGrowth(f.Along)
	}
}

// triangleRows turns three rows, one a response, into one row with the place in the triangle. Response 0 is the corner
// on the left, 1 on the right, 2 on top.
func triangleRows(r *rows, along string) *rows {
	header := []string{"run", "triangle_x", "triangle_y"}
	if along == alongSteps {
		header = append(header, alongSteps)
	}
	t := tables.NewTable(r.table.Name, header...)
	out := &rows{table: t, runs: r.runs}
	for i := 0; i+2 < r.len(); i += 3 {
		x, y := corner(r.float(i+1, "pi"), r.float(i+2, "pi"))
		cells := []string{r.text(i, "run"), tables.FormatFloat(x), tables.FormatFloat(y), r.text(i, alongSteps)}
		out.at, out.run = append(out.at, t.Len()), append(out.run, r.run[i])
		t.Append(cells[:len(header)]...)
	}
	return out
}

// corner is the place of a policy in the triangle, from its probabilities of responses 1 and 2.
func corner(pi1, pi2 float64) (x, y float64) { return pi1 + pi2/2, pi2 * triangleTop }

// probabilities says which policy stands at a place of the triangle.
func probabilities(q point) string {
	if !finite(q.x) || !finite(q.y) {
		return "no policy: " + q.why()
	}
	pi2 := q.y / triangleTop
	pi1 := q.x - pi2/2
	return fmt.Sprintf("π = (%.3g, %.3g, %.3g)", max(0, 1-pi1-pi2), max(0, pi1), max(0, pi2))
}

// triangleGrid draws light lines at fifths of each probability.
func triangleGrid(c draw.Canvas, p *plot.Plot) {
	at := triangleSpot(&c, p)
	for _, s := range []float64{0.2, 0.4, 0.6, 0.8} {
		c.StrokeLines(draw.LineStyle{Color: gridGray, Width: axisWidth}, []vg.Point{at(s, 0), at(s, 1-s)}, []vg.Point{at(0, s), at(1-s, s)}, []vg.Point{at(s, 0), at(0, s)})
	}
}

// triangleSpot returns where a policy is drawn, from its probabilities of responses 1 and 2.
func triangleSpot(c *draw.Canvas, p *plot.Plot) func(pi1, pi2 float64) vg.Point {
	return func(pi1, pi2 float64) vg.Point {
		x, y := corner(pi1, pi2)
		return spot(c, p, x, y)
	}
}

// triangleFrame draws the edge of the simplex and the names of the responses at its corners.
func triangleFrame(c draw.Canvas, p *plot.Plot) {
	at := triangleSpot(&c, p)
	c.StrokeLines(draw.LineStyle{Color: black, Width: 0.7}, []vg.Point{at(0, 0), at(1, 0), at(0, 1), at(0, 0)})
	top := textStyle(labelSize, draw.XCenter, draw.YTop)
	for i, pt := range []vg.Point{at(0, 0), at(1, 0)} {
		pt.Y -= 2
		c.FillText(top, pt, "$"+responseName(i)+"$")
	}
	above := at(0, 1)
	above.Y += 2 + top.FontExtents().Descent
	c.FillText(textStyle(labelSize, draw.XCenter, draw.YBottom), above, "$"+responseName(2)+"$")
}

// landmark is a policy that a simplex is read by.
type landmark struct {
	*plotter.Scatter
	name string // shown with the policy to a reader who points at it; "" shows nothing
}

func (l landmark) Plot(c draw.Canvas, p *plot.Plot) {
	l.Scatter.Plot(c, p)
	if l.name == "" {
		return
	}
	for _, at := range l.XYs {
		hover(c.Canvas, place(&c, p, at.X, at.Y), plainText(l.name)+": "+probabilities(point{x: at.X, y: at.Y}))
	}
}

// newLandmark marks policies with a glyph of a size relative to other marks.
func newLandmark(name string, at plotter.XYs, shape polygonGlyph, size vg.Length) landmark {
	return landmark{&plotter.Scatter{XYs: at, GlyphStyle: draw.GlyphStyle{Color: black, Radius: size * markSize, Shape: shape}}, name}
}

// Thumbnail implements plot.Thumbnailer with the mark alone.
func (l landmark) Thumbnail(c *draw.Canvas) { c.DrawGlyphNoClip(l.GlyphStyle, c.Center()) }

// addLandmarks marks pi_ref of each environment among the runs, and pi_star and the mode where there is a pi_star.
func addLandmarks(p *Panel, finals *rows) {
	var stars, refs, modes plotter.XYs
	add := func(to *plotter.XYs, pi []float64) {
		x, y := corner(pi[1], pi[2])
		if at := (plotter.XY{X: x, Y: y}); !slices.Contains(*to, at) {
			*to = append(*to, at)
		}
	}
	for _, mine := range finals.split("run") {
		star, ref := mine.column("pi_star"), mine.column("pi_ref")
		add(&refs, ref)
		if !math.IsNaN(star[0]) {
			add(&stars, star)
			add(&modes, modePolicy(star, ref))
		}
	}
	for _, mark := range []struct {
		at    plotter.XYs
		name  string
		shape polygonGlyph
		size  vg.Length
	}{
		{refs, "$π_{ref}$", circle.opened(), 1.9},
		{modes, "mode $π_δ$", square.opened(), 2},
		{stars, "$π$*", star, 2},
	} {
		if len(mark.at) == 0 {
			continue
		}
		l := newLandmark(mark.name, mark.at, mark.shape, mark.size)
		p.Add(l)
		p.addEntry(referenceRank, mark.name, "landmark", l)
		for _, at := range mark.at {
			p.addData(datum{Series: mark.name, X: csvNumber(at.X), Y: csvNumber(at.Y)})
		}
	}
}

// modePolicy puts all mass on the argmax of pi_star, split over ties in proportion to pi_ref (the limit of DPO and IPO).
func modePolicy(star, ref []float64) []float64 {
	mode := make([]float64, len(star))
	best := floats.Max(star)
	for k := range star {
		if math.Abs(star[k]-best) <= 1e-12 {
			mode[k] = ref[k]
		}
	}
	floats.Scale(1/floats.Sum(mode), mode)
	return mode
}

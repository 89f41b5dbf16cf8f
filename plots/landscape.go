package plots

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
)

// Landscape draws the losses themselves on the simplex of three responses: the contours of each selected run's loss over
// all policies, the way that training took, and the curve of where the same loss ends over lambda.
type Landscape struct {
	Where      tables.Where `yaml:"where" doc:"selects the runs, a panel each"`
	Prompt     string       `yaml:"prompt,omitempty" doc:"prompt to draw; needed where there are several, of which the others stay at their reference"`
	Minimizers tables.Where `yaml:"minimizers" doc:"selects, among the runs of a panel's loss, those whose final policies over lambda make its curve; without it all that differ in lambda alone"`
	Title      string       `yaml:"title,omitempty" doc:"title of the panel where there is one"`
}

// LandscapeTable is the table that a landscape is drawn from, with the columns run, prompt, pi_0, pi_1, pi_2 and loss: the
// loss of a run on a triangular grid of policies, in rows of falling length with pi_1 rising along a row and pi_2 from row
// to row. Where it has the columns lambda and status, rows with a lambda are of the minimizers there, by rising lambda. A run
// writes it where its config has such a figure.
const LandscapeTable = "landscape"

// mostLandscapes bounds the panels of a figure.
const mostLandscapes = 12

func (f *Landscape) Refs() tables.Refs {
	return tables.Refs{}.Where("where", tables.Policies, f.Where).Where("minimizers", tables.Policies, f.Minimizers).Prompt("prompt", f.Prompt)
}

// Selected returns the runs whose losses are drawn, in table order, and the prompt. The error says what is not selected
// well: nothing, too much, or policies over other than three responses.
func (f *Landscape) Selected(src Sources) (runs []string, prompt string, err error) {
	err = try.Do(func() {
		chosen := f.selected(src)
		runs, prompt = chosen.values("run"), chosen.text(0, "prompt")
	})
	return runs, prompt, err
}

// selected returns the final policies of the runs whose losses are drawn.
func (f *Landscape) selected(src Sources) *rows {
	chosen := f.policies(src, f.Where)
	if n := len(chosen.values("response")); n != 3 {
		try.Fail("the landscape is drawn for 3 responses; these rows have %d", n)
	}
	if n := len(chosen.values("run")); n > mostLandscapes {
		try.Fail("where: it selects %d runs, a panel each; at most %d", n, mostLandscapes)
	}
	return chosen
}

// policies selects final policies of one prompt.
func (f *Landscape) policies(src Sources, where tables.Where) *rows {
	return selectPrompt(src, tables.Policies, where, f.Prompt, "pi", "pi_ref", "pi_star")
}

func (f *Landscape) panels(src Sources) []*Panel {
	chosen := f.selected(src)
	runs, prompt := chosen.values("run"), chosen.text(0, "prompt")
	var finals *rows
	try.In("minimizers", func() { finals = f.policies(src, f.Minimizers) })
	var losses *tables.Table
	if err := try.Do(func() { losses = loadTable(src, LandscapeTable, "run", "prompt", "pi_0", "pi_1", "pi_2", "loss") }); err != nil {
		try.Fail("%w; run the experiment again: a run writes it where its config, or that of its suite, has a figure of the kind landscape", err)
	}
	var paths *rows
	if t, err := src.Table(tables.Trajectories); err == nil && t.Len() > 0 { // of exact runs alone there are none
		paths = selectRows(src, tables.Trajectories, nil, "pi").with("prompt", prompt)
	}
	var panels []*Panel
	for _, run := range runs {
		own := chosen.with("run", run)
		grid := readLossGrid(losses, run, prompt)
		p := trianglePanel(f.title(own, chosen, len(runs)))
		p.Add(grid, painter(triangleFrame))
		p.addEntry(markRank, "loss, low to high", "levels", swatches(levelColor(0), levelColor(0.25), levelColor(0.5), levelColor(0.75), levelColor(1)))
		addLandmarks(p, own)
		minimizers := tables.Where{"run": {run}, "prompt": {prompt}}.Select(losses)[len(grid.at):]
		f.addCurves(p, own, finals, paths, minimizerCurves(losses, minimizers))
		panels = append(panels, p)
	}
	panels[0].Notes = append(panels[0].Notes, fmt.Sprintf("Contours of the loss: below the k-th of %d lie (k/%d)² of the simplex; lighter is lower.",
		contourLevels-1, contourLevels))
	return panels
}

// title says of a panel in what its run differs from the others.
func (f *Landscape) title(own, chosen *rows, panels int) string {
	if panels == 1 && f.Title != "" {
		return f.Title
	}
	columns := []string{"objective"}
	if own.text(0, "lambda") != "" {
		columns = append(columns, "lambda")
	}
	for _, column := range chosen.varying(append(chosen.coordinates(), "seed")) {
		if column != "objective" && column != "lambda" {
			columns = append(columns, column)
		}
	}
	return own.settingOf(0, columns)
}

// minimizerCurves are the minimizers over lambda, in stretches along which they move without a jump.
func minimizerCurves(t *tables.Table, list []int) [][]point {
	const jump = 0.1 // in edge lengths
	var curves [][]point
	for _, row := range list {
		q := point{n: 1, low: math.NaN(), high: math.NaN()}
		q.x, q.y = corner(t.Float(row, "pi_1"), t.Float(row, "pi_2"))
		if status := t.Text(row, "status"); tables.Qualified(status) {
			q.qualified = status
		}
		last := len(curves) - 1
		if last < 0 || math.Hypot(q.x-curves[last][len(curves[last])-1].x, q.y-curves[last][len(curves[last])-1].y) > jump {
			curves = append(curves, nil)
			last++
		}
		curves[last] = append(curves[last], q)
	}
	return curves
}

// addCurves adds the curve of minimizers over lambda, or of final policies where the table has none, and above it the way of the
// panel's own run.
func (f *Landscape) addCurves(p *Panel, own, finals, paths *rows, minimizers [][]point) {
	for _, stretch := range minimizers {
		c := p.addCurve("minimizers over $λ$", seriesStyle{color: blue, width: 1.6 * curveWidth}, stretch)
		c.plain, c.describe = true, probabilities
	}
	// The curve is of the same loss, and of the same in all that neither is lambda nor selects the minimizers.
	same := slices.DeleteFunc(append(finals.coordinates(), "seed"), func(column string) bool { return column == "lambda" || f.Minimizers[column] != nil })
	ends := finals.filter(func(i int) bool { return slices.Equal(finals.cells(i, same), own.cells(0, same)) })
	trained := paths != nil && slices.ContainsFunc(ends.values("run"), func(run string) bool { return paths.with("run", run).len() > 0 })
	if minimizers == nil && len(ends.values("lambda")) > 1 {
		ends.need("lambda")
		label := "minimizers over $λ$"
		if trained {
			label = "final policies over $λ$" // of a few lambdas, which no line joins
		}
		l := subset{"", label, triangleRows(ends, alongNone), seriesStyle{color: black, width: 0.8 * curveWidth, glyph: circle}}
		try.In("minimizers", func() {
			p.addLines([]subset{l}, "triangle_x", "triangle_y", "lambda", spreadNone, func(c *curve) { c.grow, c.apart = true, trained })
		})
		p.explainGrowth("lambda")
	}
	if paths == nil {
		return
	}
	way := paths.with("run", own.text(0, "run"))
	if way.len() == 0 {
		return
	}
	l := subset{"", "training", triangleRows(way, alongSteps), seriesStyle{color: vermillion, width: 1.3 * curveWidth, glyph: diamond}}
	p.addLines([]subset{l}, "triangle_x", "triangle_y", alongSteps, spreadNone, func(c *curve) { c.lastOnly = true })
}

// readLossGrid reads the loss of a run over one prompt's policies.
func readLossGrid(t *tables.Table, run, prompt string) *lossGrid {
	list := tables.Where{"run": {run}, "prompt": {prompt}}.Select(t)
	if t.Has("lambda") {
		list = slices.DeleteFunc(list, func(row int) bool { return t.Text(row, "lambda") != "" })
	}
	grid := &lossGrid{side: int(math.Sqrt(2*float64(len(list)))) - 1, at: map[[2]int]vertex{}}
	if n := grid.side + 1; len(list) == 0 || n*(n+1)/2 != len(list) {
		try.Fail("table %s has %d policies of run %s, which make no triangle; run the experiment again with this figure in its config: the run writes them", t.Name, len(list), run)
	}
	for j := range grid.side + 1 {
		for i := range grid.side + 1 - j {
			row := list[len(grid.at)]
			x, y := corner(t.Float(row, "pi_1"), t.Float(row, "pi_2"))
			v := vertex{x, y, t.Float(row, "loss")}
			grid.at[[2]int{i, j}] = v
			if finite(v.value) {
				grid.values = append(grid.values, v.value)
			}
		}
	}
	if len(grid.values) == 0 {
		try.Fail("the loss of run %s is finite nowhere", run)
	}
	slices.Sort(grid.values)
	return grid
}

// levelColor is the color of a share of the way from the lowest to the highest loss.
func levelColor(share float64) color.RGBA { return mix(white, rgb(0xA9B8C6), share) }

// swatches explains colors in the legend, side by side.
func swatches(colors ...color.RGBA) thumbnail {
	return func(c *draw.Canvas) {
		y, width := c.Center().Y, (c.Max.X-c.Min.X)/vg.Length(len(colors))
		for k, fill := range colors {
			x := c.Min.X + vg.Length(k)*width
			c.SetColor(fill)
			c.Fill(vg.Rectangle{Min: vg.Point{X: x, Y: y - 3}, Max: vg.Point{X: x + width, Y: y + 3}}.Path())
		}
	}
}

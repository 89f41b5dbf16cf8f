package plots

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Distances on a page in points.
const (
	pageMargin = 3
	edgeRight  = 5 // room for half a tick label or marker
	gapX       = 9
	gapY       = 5
	titleStrip = 1.5 * labelSize
	labelStrip = 1.35 * labelSize
	noteLine   = 1.25 * noteSize
)

// maxColumns is the number of panels that a page has side by side.
const maxColumns = 5

// page is a figure ready to draw.
type page struct {
	width, height vg.Length
	panels        []*Panel
	rows, columns int
	legend        legend
	xLabel        string // common to all panels, drawn once
	notes         []string
	direct        []directLabel // of the only panel's lines, in place of their entries in the legend
	margin        vg.Length     // room for them at the right
}

// minWidth is the least width of a data area before a page puts fewer panels side by side.
const minWidth = 26 * vg.Millimeter

// layOut decides where everything goes. The height follows from the width that the axes leave for data.
func layOut(panels []*Panel, t theme) *page {
	if len(panels) > 1 {
		letter(panels)
	}
	setRanges(panels)
	pg := &page{width: t.column, panels: panels}
	if len(panels) > 1 || panels[0].wide {
		pg.width = t.full
	}
	pg.legend = newLegend(panels, pg.width-2*pageMargin)
	pg.takeNotes()
	pg.takeLabels()
	for pg.rows = (len(panels) + maxColumns - 1) / maxColumns; ; pg.rows++ {
		pg.columns = (len(panels) + pg.rows - 1) / pg.rows
		pg.height = 120 * vg.Length(pg.rows)
		pg.shareLabels()
		if width := pg.fitHeight(); width >= minWidth || pg.columns == 1 {
			break
		}
	}
	pg.fitLabels()
	pg.fitHeight()
	pg.labelLines()
	return pg
}

// letter gives panels letters, (a) to (z), then (27) and so on.
func letter(panels []*Panel) {
	for i, p := range panels {
		p.Letter = fmt.Sprintf("(%d)", i+1)
		if i < 26 {
			p.Letter = fmt.Sprintf("(%c)", 'a'+i)
		}
	}
}

// takeNotes collects the notes of all panels, each once, in lines that fit.
func (pg *page) takeNotes() {
	var notes []string
	letters := map[panelNote]string{}
	for _, p := range pg.panels {
		notes = append(notes, p.Notes...)
		for _, note := range p.own {
			letters[note] += p.Letter
		}
	}
	for _, p := range pg.panels {
		for _, note := range p.own {
			notes = append(notes, note.in(letters[note]))
		}
	}
	sty, seen := textStyle(noteSize, draw.XLeft, draw.YBottom), map[string]bool{}
	for _, note := range append(notes, bandNotes(pg.panels)...) {
		if !seen[note] {
			for _, line := range fill(sty.Width, strings.Split(note, " "), pg.width-2*pageMargin) {
				pg.notes = append(pg.notes, strings.ReplaceAll(line, "\u00a0", " "))
			}
		}
		seen[note] = true
	}
}

// takeLabels takes the axis labels from gonum, which on a logarithmic axis reserves room for them as if they stood at
// its far end, and leaves blanks in their place. A label of x that all panels have is drawn once.
func (pg *page) takeLabels() {
	common := len(pg.panels) > 1
	for _, p := range pg.panels {
		p.names.x, p.names.y = plainText(strings.TrimSuffix(p.X.Label.Text, inThousands)), plainText(p.Y.Label.Text)
		p.xLabel, p.yLabel = p.X.Label.Text+scaleNote(&p.X), p.Y.Label.Text+scaleNote(&p.Y)
		p.yTicks, common = p.Y.Tick.Marker, common && p.xLabel == pg.panels[0].xLabel
	}
	if common {
		pg.xLabel = pg.panels[0].xLabel
		for _, p := range pg.panels {
			p.xLabel = ""
		}
	}
}

// shareLabels says what each panel writes itself: not what its left neighbour or the page already shows.
func (pg *page) shareLabels() {
	for i, p := range pg.panels {
		shown := i%pg.columns > 0 && p.ShareY != "" && p.ShareY == pg.panels[i-1].ShareY
		named := i%pg.columns > 0 && p.yLabel == pg.panels[i-1].yLabel
		if p.Y.Tick.Marker = p.yTicks; shown {
			p.Y.Tick.Marker = unlabelled{p.yTicks}
		}
		p.X.Label.Text, p.Y.Label.Text = blank(p.xLabel), blank(p.yLabel)
		if shown || named {
			p.Y.Label.Text = ""
		}
	}
}

// blank takes the room of a label: as many lines of it.
func blank(label string) string {
	if label == "" {
		return ""
	}
	return " " + strings.Repeat("\n ", strings.Count(label, "\n"))
}

// unlabelled keeps the ticks and lines of an axis but not the numbers, which a neighbour shows.
type unlabelled struct{ plot.Ticker }

func (u unlabelled) Ticks(lo, hi float64) []plot.Tick {
	ticks := u.Ticker.Ticks(lo, hi)
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label = " "
		}
	}
	return ticks
}

// fitHeight makes the page as high as the tallest panel asks for at the width that its data area has got, which it
// returns.
func (pg *page) fitHeight() (width vg.Length) {
	cells := pg.cells(draw.NewCanvas(newSketch(), pg.width, pg.height))
	want, have := vg.Length(0), vg.Length(0)
	for i, p := range pg.panels {
		size := p.DataCanvas(cells[i]).Size()
		width, have = size.X, size.Y
		want = max(want, p.wantedHeight(size.X))
	}
	pg.height += vg.Length(pg.rows) * (want - have)
	return width
}

func (p *Panel) wantedHeight(width vg.Length) vg.Length {
	switch {
	case p.fit != nil:
		return p.fit(width)
	case p.Height > 0:
		return p.Height
	case p.Aspect > 0:
		return vg.Length(p.Aspect) * width
	}
	return min(max(dataAspect*width, minHeight), maxHeight)
}

// fitLabels breaks axis labels that are longer than their axis and thins the labels of ticks that would touch.
func (pg *page) fitLabels() {
	sty := textStyle(labelSize, draw.XCenter, draw.YBottom)
	for i, cell := range pg.cells(draw.NewCanvas(newSketch(), pg.width, pg.height)) {
		p := pg.panels[i]
		size := p.DataCanvas(cell).Size()
		p.xLabel = wrap(sty, p.xLabel, size.X+gapX)
		p.yLabel = wrap(sty, p.yLabel, size.Y+titleStrip)
		spaceLabels(&p.X, size.X)
	}
	pg.shareLabels()
}

// wrap breaks a label that is too wide into two lines at the space outside mathematics that balances them best.
func wrap(sty text.Style, label string, width vg.Length) string {
	if sty.Width(label) <= width {
		return label
	}
	best, narrowest := label, sty.Width(label)
	for i, r := range label {
		if r != ' ' || strings.Count(label[:i], "$")%2 == 1 {
			continue
		}
		broken := label[:i] + "\n" + label[i+1:]
		if w := sty.Width(broken); w < narrowest {
			best, narrowest = broken, w
		}
	}
	return best
}

// cells returns the canvas of each panel; their data areas are aligned and equally large.
func (pg *page) cells(c draw.Canvas) []draw.Canvas {
	top := vg.Length(pageMargin) + pg.legend.height()
	bottom := vg.Length(pageMargin) + noteLine*vg.Length(len(pg.notes))
	if pg.xLabel != "" {
		bottom += labelStrip * vg.Length(1+strings.Count(pg.xLabel, "\n"))
	}
	if len(pg.notes) > 0 {
		bottom += gapY
	}
	title := vg.Length(gapY)
	if slices.ContainsFunc(pg.panels, func(p *Panel) bool { return p.Title != "" || p.Letter != "" }) {
		title = titleStrip
	}
	tiles := draw.Tiles{Rows: pg.rows, Cols: pg.columns, PadX: gapX, PadY: gapY + title, PadTop: title}
	grid := make([][]*plot.Plot, pg.rows)
	for row := range grid {
		grid[row] = make([]*plot.Plot, pg.columns)
	}
	for i, p := range pg.panels {
		grid[i/pg.columns][i%pg.columns] = p.Plot
	}
	aligned := plot.Align(grid, tiles, draw.Crop(c, pageMargin, -edgeRight-pg.margin, bottom, -top))
	cells := make([]draw.Canvas, len(pg.panels))
	for i := range cells {
		cells[i] = aligned[i/pg.columns][i%pg.columns]
	}
	return cells
}

// draw draws the page on a canvas of its size.
func (pg *page) draw(c draw.Canvas) {
	grouped(c.Canvas, backMark, "", func() {
		c.SetColor(white)
		c.Fill(c.Rectangle.Path())
	})
	pg.legend.draw(c)
	var data vg.Rectangle
	for i, cell := range pg.cells(c) {
		p := pg.panels[i]
		p.Draw(cell)
		area := p.DataCanvas(cell).Rectangle
		drawTitle(c, p, area)
		drawLabels(c, p, cell.Rectangle, area)
		pg.drawLineLabels(c, area)
		if i == 0 {
			data = area
		}
		data.Min.X, data.Max.X = min(data.Min.X, area.Min.X), max(data.Max.X, area.Max.X)
	}
	low := vg.Length(pageMargin)
	for i := range pg.notes {
		sty := textStyle(noteSize, draw.XLeft, draw.YBottom)
		sty.Color = inkGray
		c.FillText(sty, vg.Point{X: pageMargin, Y: low + sty.FontExtents().Descent}, pg.notes[len(pg.notes)-1-i])
		low += noteLine
	}
	if len(pg.notes) > 0 {
		low += gapY
	}
	if pg.xLabel != "" {
		sty := textStyle(labelSize, draw.XCenter, draw.YBottom)
		c.FillText(sty, vg.Point{X: (data.Min.X + data.Max.X) / 2, Y: low + sty.FontExtents().Descent}, pg.xLabel)
	}
}

// drawLabels sets the axis labels along the outer edges of a cell, centred on its data area.
func drawLabels(c draw.Canvas, p *Panel, cell, area vg.Rectangle) {
	sty := textStyle(labelSize, draw.XCenter, draw.YBottom)
	below := vg.Point{X: (area.Min.X + area.Max.X) / 2, Y: cell.Min.Y + sty.FontExtents().Descent}
	c.FillText(sty, below, p.xLabel)
	if p.Y.Label.Text == "" {
		return
	}
	beside := vg.Point{X: cell.Min.X + sty.Height(p.yLabel) - sty.FontExtents().Descent, Y: (area.Min.Y + area.Max.Y) / 2}
	sty.Rotation = math.Pi / 2
	c.FillText(sty, beside, p.yLabel)
}

// drawTitle sets letter and title above a data area: centred, or from its left edge where there is a letter.
func drawTitle(c draw.Canvas, p *Panel, area vg.Rectangle) {
	y := area.Max.Y + 0.45*labelSize
	if p.Letter == "" {
		c.FillText(textStyle(labelSize, draw.XCenter, draw.YBottom), vg.Point{X: (area.Min.X + area.Max.X) / 2, Y: y}, p.Title)
		return
	}
	sty := bold(textStyle(labelSize, draw.XLeft, draw.YBottom))
	c.FillText(sty, vg.Point{X: area.Min.X, Y: y}, p.Letter)
	x := area.Min.X + sty.Width(p.Letter) + 0.4*labelSize
	c.FillText(textStyle(labelSize, draw.XLeft, draw.YBottom), vg.Point{X: x, Y: y}, p.Title)
}

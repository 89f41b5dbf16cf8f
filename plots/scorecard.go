package plots

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"windtunnel/metrics/tables"
)

// Scorecard draws the table scorecard as a heat map: a row a loss, a column a test, each cell with its number and the
// color of its verdict.
type Scorecard struct {
	Groups bool `yaml:"groups" doc:"a column a group of tests, with how many of them each loss passes, losses that pass more above; without it a column a test, with its number"`
}

// ScorecardTable is the table that a scorecard is drawn from: loss, test, value, bound, verdict and, where they are there,
// measured and of.
const ScorecardTable = "scorecard"

// verdictFill colors the cells: light blue, light vermillion and gray, told apart in print and by color-blind readers.
var verdictFill = map[string]color.RGBA{"pass": rgb(0xCFE6F5), "fail": rgb(0xF0B78F), "none": rgb(0xF2F2F2)}

// Sizes of the heat map in points.
const (
	gridCell = 10  // height of a row
	gridText = 5   // numbers
	gridHead = 5.5 // names of tests
)

// Refs implements Params: no name is given.
func (f *Scorecard) Refs() tables.Refs { return tables.Refs{} }

func (f *Scorecard) panels(src Sources) []*Panel {
	t := loadTable(src, ScorecardTable, "loss", "test", "value", "verdict")
	losses, tests := t.Distinct("loss"), t.Distinct("test")
	if f.Groups && len(losses) > 2*len(commonLosses) {
		losses = slices.DeleteFunc(losses, func(loss string) bool {
			_, known := knownStyle(loss)
			return known && !slices.Contains(commonLosses, loss)
		})
	}
	p := barePanel("")
	p.free, p.wide = true, !f.Groups
	rows := map[[2]string]int{}
	for row := range t.Len() {
		rows[[2]string{t.Text(row, "loss"), t.Text(row, "test")}] = row
	}
	if f.Groups {
		f.drawGroups(p, t, losses, tests, rows)
	} else {
		f.drawTests(p, t, losses, tests, rows)
	}
	return []*Panel{p}
}

// addCells adds cells below the names of their columns, and says what colors mean.
func (f *Scorecard) addCells(p *Panel, grid *cells, losses, columns []string, height float64, verdicts ...[2]string) {
	head := math.Ceil(heads(columns).height() / height)
	p.Height = vg.Length((float64(len(losses)) + head) * height)
	p.X.Min, p.X.Max, p.X.Tick.Marker = -0.5, float64(len(columns))-0.5, plot.ConstantTicks(nil)
	p.nameRows(losses, lossName)
	p.Y.Min -= head
	p.Add(painter(heads(columns).draw), grid)
	for _, v := range verdicts {
		p.addEntry(seriesRank, v[1], v[0], swatches(verdictFill[v[0]]))
	}
}

// drawTests draws every number.
func (f *Scorecard) drawTests(p *Panel, t *tables.Table, losses, tests []string, rows map[[2]string]int) {
	grid := &cells{gap: 0.4, size: gridText}
	partial := false
	for y, loss := range losses {
		for x, test := range tests {
			row, known := rows[[2]string{loss, test}]
			if !known {
				continue
			}
			verdict, value, share := t.Text(row, "verdict"), t.Float(row, "value"), MeasuredShare(t, row)
			text := compact(value, 3)
			grid.list = append(grid.list, cell{float64(x), float64(y), 0.5, verdictFill[verdict], text, "",
				fmt.Sprintf("%s, %s: %s (%s)", plainText(lossName(loss)), test, strings.TrimSuffix(text+", "+share, ", "), verdict), share != ""})
			partial = partial || share != ""
			p.addData(datum{Series: verdict, X: test, Y: loss, Value: csvNumber(value)})
		}
	}
	f.addCells(p, grid, losses, tests, gridCell, [2]string{"pass", "within the bound"}, [2]string{"fail", "beyond the bound"},
		[2]string{"none", "does not apply, or not decided"})
	if partial {
		p.addEntry(markRank, "in a part of the environments the solver did not arrive", "part", pointKey{func(c *draw.Canvas) { drawCorner(c, c.Max.Add(vg.Point{X: -2, Y: -2})) }})
	}
}

// drawGroups draws how many tests of each group a loss passes, of those that apply.
func (f *Scorecard) drawGroups(p *Panel, t *tables.Table, losses, tests []string, rows map[[2]string]int) {
	const all = "all tests"
	columns := []string{all}
	passed, of := map[[2]string]int{}, map[[2]string]int{}
	for _, test := range tests {
		group, _, _ := strings.Cut(test, "/")
		for _, loss := range losses {
			row, known := rows[[2]string{loss, test}]
			if !known {
				continue
			}
			if t.Has("group") {
				group = t.Text(row, "group")
			}
			verdict := t.Text(row, "verdict")
			for _, column := range []string{all, group} {
				if verdict == "pass" {
					passed[[2]string{loss, column}]++
				}
				if verdict != "none" {
					of[[2]string{loss, column}]++
				}
			}
		}
		if !slices.Contains(columns, group) {
			columns = append(columns, group)
		}
	}
	losses = slices.Clone(losses)
	slices.SortStableFunc(losses, func(a, b string) int { return cmp.Compare(passed[[2]string{b, all}], passed[[2]string{a, all}]) })
	grid := &cells{gap: 0.6, size: 0.85 * tickSize}
	for y, loss := range losses {
		for x, column := range columns {
			at := [2]string{loss, column}
			share, fill, text := float64(passed[at])/float64(max(1, of[at])), verdictFill["none"], "–"
			if of[at] > 0 {
				fill, text = mix(verdictFill["fail"], verdictFill["pass"], share), fmt.Sprintf("%d/%d", passed[at], of[at])
			}
			grid.list = append(grid.list, cell{float64(x), float64(y), 0.5, fill, text, "",
				fmt.Sprintf("%s, %s: %d of %d", plainText(lossName(loss)), column, passed[at], of[at]), false})
			p.addData(datum{Series: column, X: column, Y: loss, Value: csvNumber(share)})
		}
	}
	f.addCells(p, grid, losses, columns, gridCell+2, [2]string{"pass", "passes all"}, [2]string{"fail", "passes none"})
	p.Notes = append(p.Notes, "Tests passed, of those that apply and are decided.")
}

// commonLosses are those that a figure for one look has of all that there are, beside a configuration's own.
var commonLosses = []string{"bradley-terry", "chi-po", "cpo", "dpo", "dpo-positive", "exo", "f-dpo", "ipo", "kto", "orpo", "rlhf", "simpo", "sppo", "typo"}

// MeasuredShare says in how many environments a cell of the table scorecard was measured, as "97 of 102"; "" where in all.
func MeasuredShare(t *tables.Table, row int) string {
	if measured, of := t.Text(row, "measured"), t.Text(row, "of"); measured != of {
		return measured + " of " + of
	}
	return ""
}

// heads draws the names of columns above the cells.
type heads []string

// height is the length of the longest name in points.
func (h heads) height() float64 {
	longest := vg.Length(0)
	sty := textStyle(gridHead, draw.XLeft, draw.YCenter)
	for _, name := range h {
		longest = max(longest, sty.Width(name))
	}
	return float64(longest) + 4
}

func (h heads) draw(c draw.Canvas, p *plot.Plot) {
	head := textStyle(gridHead, draw.XLeft, draw.YCenter)
	head.Rotation = math.Pi / 2
	for column, test := range h {
		c.FillText(head, spot(&c, p, float64(column), -0.5).Add(vg.Point{Y: 2}), test)
	}
}

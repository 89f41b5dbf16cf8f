package report

import (
	"fmt"

	"windtunnel/metrics/tables"
)

// grid is a scorecard as a heat map: a row a loss, a column a test.
type grid struct {
	Tests []string
	Rows  []gridRow
	Count string // of the verdicts
}

type gridRow struct {
	Loss  string
	Cells []gridCell
}

// gridCell is the verdict on a loss in a test. Its sign says the same as its color.
type gridCell struct {
	Verdict, Sign, Value, Hint string
}

// signs tell verdicts apart without color.
var signs = map[string]string{"pass": "✓", "fail": "✗", "none": "–"}

// newGrid reads the table scorecard.
func newGrid(t *tables.Table) (*grid, error) {
	if err := t.Load(t.Header...); err != nil {
		return nil, err
	}
	for _, column := range []string{"loss", "test", "value", "bound", "verdict"} {
		if t.Column(column) < 0 {
			return nil, fmt.Errorf("table %s has no column %s", t.Name, column)
		}
	}
	g := &grid{Tests: t.Distinct("test")}
	at, count := map[[2]string]int{}, map[string]int{}
	for row := range t.Len() {
		at[[2]string{t.Text(row, "loss"), t.Text(row, "test")}] = row
		count[t.Text(row, "verdict")]++
	}
	for _, loss := range t.Distinct("loss") {
		r := gridRow{Loss: loss}
		for _, test := range g.Tests {
			c := gridCell{}
			if row, ok := at[[2]string{loss, test}]; ok {
				c = newGridCell(t, row)
			}
			r.Cells = append(r.Cells, c)
		}
		g.Rows = append(g.Rows, r)
	}
	g.Count = fmt.Sprintf("%d pass, %d fail, %d without a verdict", count["pass"], count["fail"], count["none"])
	return g, nil
}

// newGridCell shows a row of the table.
func newGridCell(t *tables.Table, row int) gridCell {
	c := gridCell{Verdict: t.Text(row, "verdict"), Value: short(t.Float(row, "value"))}
	c.Sign = signs[c.Verdict]
	c.Hint = fmt.Sprintf("%s, %s: %s, bound %s", t.Text(row, "loss"), t.Text(row, "test"), c.Verdict, short(t.Float(row, "bound")))
	if t.Column("detail") >= 0 && t.Text(row, "detail") != "" {
		c.Hint += "; " + t.Text(row, "detail")
	}
	return c
}

package report

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

// mostRows is how many rows of a table the page holds. It says where the others are.
const mostRows = 100

// printedColumns is how many columns of a table fit on paper.
const printedColumns = 12

// tableView is a table as it is shown: cut to its first rows, without columns that are the same in every row.
type tableView struct {
	ID, Name, File string
	Rows           [][]cell
	Columns        []heading
	Same           []fact // columns with one value for all rows
	All            int    // rows of the table
	Wide           bool   // has more columns than are printed
}

// heading is a column's name, what it holds, and whether that is words.
type heading struct {
	Name, Doc string
	Words     bool
}

// cell is a cell's text and whether it is words rather than a number.
type cell struct {
	Text  string
	Words bool
}

// newTableView shows a loaded table of the folder dir. Numbers are rounded for reading.
func newTableView(id, dir string, t *tables.Table, schema tables.Schema) tableView {
	s := tableView{ID: id, Name: t.Name, File: filepath.ToSlash(filepath.Join(dir, t.Name+tables.CSV.Extension())), All: t.Len()}
	docs := map[string]string{}
	for _, c := range schema {
		docs[c.Name] = c.Doc
	}
	var kept []string
	for i, name := range t.Header {
		if i > 0 && t.Len() > 1 && len(t.Distinct(name)) == 1 {
			if value := t.Text(0, name); value != "" {
				s.Same = append(s.Same, fact{name, shown(value)})
			}
			continue
		}
		kept = append(kept, name)
		s.Columns = append(s.Columns, heading{Name: name, Doc: docs[name]})
	}
	for row := range min(t.Len(), mostRows) {
		var cells []cell
		for i, name := range kept {
			text := t.Text(row, name)
			words := math.IsNaN(tables.ParseFloat(text)) && text != ""
			cells = append(cells, cell{shown(text), words})
			s.Columns[i].Words = s.Columns[i].Words || words
		}
		s.Rows = append(s.Rows, cells)
	}
	s.Wide = len(s.Columns) > printedColumns
	return s
}

// Left is how many rows are not on the page.
func (s *tableView) Left() int { return s.All - len(s.Rows) }

// Caption says what the table is and how much of it is shown.
func (s *tableView) Caption() string {
	if s.Left() > 0 {
		return fmt.Sprintf("%s: the first %d of %d rows", s.Name, len(s.Rows), s.All)
	}
	return fmt.Sprintf("%s: %s", s.Name, counted(s.All, "row"))
}

// shown rounds a cell that is a number with more digits than are shown. Whole numbers stay as they are.
func shown(text string) string {
	if _, err := strconv.Atoi(text); err == nil {
		return text
	}
	if v := tables.ParseFloat(text); !math.IsNaN(v) && !math.IsInf(v, 0) {
		return short(v)
	}
	return text
}

// grid is a scorecard as a heat map: a row a loss, a column a test.
type grid struct {
	Tests []string
	Rows  []gridRow
	Count string // of losses and tests
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
	if err := t.Need("", "loss", "test", "value", "bound", "verdict"); err != nil {
		return nil, err
	}
	g := &grid{Tests: t.Distinct("test")}
	at := map[[2]string]int{}
	for row := range t.Len() {
		at[[2]string{t.Text(row, "loss"), t.Text(row, "test")}] = row
	}
	for _, loss := range t.Distinct("loss") {
		r := gridRow{Loss: loss}
		for _, test := range g.Tests {
			var c gridCell
			if row, ok := at[[2]string{loss, test}]; ok {
				c = gridCell{Verdict: t.Text(row, "verdict"), Value: short(t.Float(row, "value"))}
				c.Sign = signs[c.Verdict]
				if share := plots.MeasuredShare(t, row); share != "" {
					c.Sign += " " + share
				}
				c.Hint = fmt.Sprintf("%s, %s: %s, bound %s", loss, test, c.Verdict, short(t.Float(row, "bound")))
				if t.Column("detail") >= 0 && t.Text(row, "detail") != "" {
					c.Hint += "; " + t.Text(row, "detail")
				}
			}
			r.Cells = append(r.Cells, c)
		}
		g.Rows = append(g.Rows, r)
	}
	g.Count = fmt.Sprintf("%d losses, %d tests", len(g.Rows), len(g.Tests))
	return g, nil
}

// digits is how many significant digits of a number are shown.
const digits = 4

// short writes a number for reading, infinity as figures do; one that is not there is empty.
func short(v float64) string {
	switch {
	case math.IsNaN(v):
		return ""
	case math.IsInf(v, 1):
		return "∞"
	case math.IsInf(v, -1):
		return "-∞"
	}
	return strconv.FormatFloat(v, 'g', digits, 64)
}

// plainDirection spells out the invisible characters that format the text around them, with which a name could make a page
// say something else than the file does.
func plainDirection(text string) string {
	formats := func(r rune) bool { return r > unicode.MaxLatin1 && unicode.Is(unicode.Cf, r) }
	if !strings.ContainsFunc(text, formats) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if formats(r) {
			fmt.Fprintf(&b, "[U+%04X]", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// counted writes "1 run" or "3 runs".
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

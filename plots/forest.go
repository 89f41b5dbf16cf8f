package plots

import (
	"cmp"
	"fmt"
	"image/color"
	"maps"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"windtunnel/metrics"
	"windtunnel/metrics/summaries"
	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
)

// Forest draws paired comparisons as a forest plot: a row a comparison with the mean difference and its interval. A mark
// is filled only where the difference stands after Holm's correction over every comparison of the metric, drawn or not.
type Forest struct {
	Metric string       `yaml:"metric" required:"true" doc:"measured column that was compared"`
	Left   []string     `yaml:"left" doc:"only comparisons with these on the left of the difference; none means all"`
	Right  []string     `yaml:"right" doc:"only comparisons with these on the right of the difference; none means all"`
	Where  tables.Where `yaml:"where" doc:"selects the comparisons by lambda or a swept key"`
	Split  string       `yaml:"panels,omitempty" doc:"column whose values make the panels: left, right, lambda or a swept key"`
	Title  string       `yaml:"title,omitempty" doc:"title of the panel where there is one"`
	Table  string       `yaml:"table,omitempty" oneof:"paired,selected_paired" doc:"selected_paired has the losses of compare, each at its own best value of a setting"`
}

// mostRows bounds the rows of a panel, which would not fit on a page.
const mostRows = 80

func (f *Forest) Refs() tables.Refs {
	refs := tables.Refs{}.Where("where", tables.Runs, f.Where).Column("metric", tables.Runs, f.Metric)
	if f.Split == leftColumn || f.Split == rightColumn {
		return refs
	}
	return refs.Column("panels", tables.Runs, f.Split)
}

// Columns of the table that name the sides of a comparison.
const (
	leftColumn  = "left"
	rightColumn = "right"
)

func (f *Forest) panels(src Sources) []*Panel {
	all := f.comparisons(src)
	if f.Split != "" {
		try.In("panels", func() { all.need(f.Split) })
	}
	var names []string // the rows of all panels, side by side where they compare the same pair
	for i := range all.at {
		if name := f.name(all, i, all); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return all.panelsBy(f.Split, f.Title, func(of subset) *Panel { return f.panel(src, of, names, all) })
}

// comparisons selects the rows to draw.
func (f *Forest) comparisons(src Sources) *rows {
	t, err := src.Table(cmp.Or(f.Table, summaries.Paired))
	if err != nil {
		try.Fail("%w; a config with `summary: {pairs: {column: objective}}` or, of selected_paired, with compare has one", err)
	}
	all := &rows{table: t, runs: t}
	where := tables.Where{"metric": {f.Metric}}
	maps.Copy(where, f.Where)
	if len(f.Left) > 0 {
		where[leftColumn] = f.Left
	}
	if len(f.Right) > 0 {
		where[rightColumn] = f.Right
	}
	all.choose(where, leftColumn, rightColumn, "left_is", "mean_difference", "difference_ci95_low", "difference_ci95_high", "interval", "p_holm",
		"n", "tests")
	if runs, err := src.Table(tables.Runs); err == nil { // published without its runs, a folder still has its comparisons
		all.runs = runs
		all.run = make([]int, all.len()) // a comparison is of many runs; none is looked up
	}
	return all
}

// name says of a comparison what the rows of all do not have in common. Columns before the metric tell one comparison of a pair from
// another.
func (f *Forest) name(r *rows, i int, all *rows) string {
	var parts []string
	sides := all.varying([]string{leftColumn, rightColumn})
	context := all.varying(slices.DeleteFunc(slices.Clone(all.table.Header[:all.table.Column("metric")]), func(column string) bool { return column == f.Split }))
	if len(sides) > 0 && f.Split != leftColumn && f.Split != rightColumn || len(context) == 0 {
		parts = append(parts, lossName(r.text(i, leftColumn))+" − "+lossName(r.text(i, rightColumn)))
	} else {
		for _, side := range sides {
			if side != f.Split {
				parts = append(parts, lossName(r.text(i, side)))
			}
		}
	}
	if len(context) > 0 {
		parts = append(parts, r.settingOf(i, context))
	}
	return strings.Join(parts, ", ")
}

func (f *Forest) panel(src Sources, of subset, names []string, all *rows) *Panel {
	if len(names) > mostRows {
		try.Fail("there are %d comparisons, more than the %d rows that fit on a page; select some with `where`, `left` or `right`",
			len(names), mostRows)
	}
	r, p := of.rows, barePanel(of.label)
	p.Add(painter(spines), rule{upright: true, style: draw.LineStyle{Color: inkGray, Width: axisWidth, Dashes: reference}})
	if f.Split != "" {
		p.ShareY = "rows"
	}
	p.rowed(names, min(rowHeight, columnHeight/vg.Length(len(names))))
	p.X.Label.Text = f.label(all)
	var list intervals
	for i := range r.at {
		v := f.interval(r, i)
		v.name = f.name(r, i, all)
		v.row = slices.Index(names, v.name)
		if slices.ContainsFunc(list, func(other interval) bool { return other.row == v.row }) {
			try.Fail("table %s has several comparisons %s: no column tells them apart", summaries.Paired, v.name)
		}
		list = append(list, v)
		p.addData(v.datum())
	}
	p.Add(list)
	p.ranges = list
	f.explain(p, r, all)
	if f.Table == summaries.SelectedPaired {
		f.explainChoice(p, src)
	}
	return p
}

// explainChoice notes at which value of the chosen setting each loss is compared.
func (f *Forest) explainChoice(p *Panel, src Sources) {
	t := loadTable(src, summaries.Selected, "objective", "metric")
	by := t.Header[t.Column("metric")-1]
	var parts []string
	for row := range t.Len() {
		parts = append(parts, lossName(t.Text(row, "objective"))+" at "+strings.ReplaceAll(valueLabel(by, t.Text(row, by)), " ", "\u00a0"))
	}
	p.Notes = append(p.Notes, "Each loss as it was best on other seeds: "+strings.Join(slices.Compact(parts), ", ")+".")
}

// columnHeight is the most that rows take in points, less than the height of a column of text.
const columnHeight = 600

// label says what is drawn: what is subtracted from what, where it is the same everywhere and the rows do not say it, and on
// which side of no difference which of both is better, where it is known.
func (f *Forest) label(all *rows) string {
	only := func(column string) string {
		if values := all.values(column); len(values) == 1 {
			return lossName(values[0])
		}
		return ""
	}
	left, right := only(leftColumn), only(rightColumn)
	label := "Difference in " + columnLabel(f.Metric)
	switch {
	case left != "" && right != "":
		label += ", " + left + " − " + right
	case right != "":
		label += " to " + right
	case left != "":
		label += " of " + left
	}
	lower, higher := cmp.Or(left, "first"), cmp.Or(right, "second") // better where the difference is
	switch metrics.Better(f.Metric) {
	case "higher":
		lower, higher = higher, lower
	case "":
		return label
	}
	return label + "\n← " + lower + " better    " + higher + " better →"
}

// interval is one comparison as it is drawn.
func (f *Forest) interval(r *rows, i int) interval {
	l := seriesStyle{color: f.color(r, r.text(i, leftColumn)), width: curveWidth, glyph: circle}
	is := r.text(i, "left_is")
	if is == "equal" {
		l.glyph = square
	}
	return interval{series: lossName(r.text(i, leftColumn)) + " − " + lossName(r.text(i, rightColumn)), style: l,
		more:   fmt.Sprintf("p = %s after Holm's correction, n = %s", shortNumber(r.float(i, "p_holm")), r.text(i, "n")),
		hollow: is != "lower" && is != "higher", x: r.float(i, "mean_difference"),
		low: r.float(i, "difference_ci95_low"), high: r.float(i, "difference_ci95_high")}
}

// color is that of a loss where losses are compared.
func (f *Forest) color(r *rows, left string) color.RGBA {
	losses := r.table.Distinct(leftColumn)
	if r.runs.Has("objective") {
		losses = r.objectives()
	}
	if _, known := knownStyle(left); !known && (!r.runs.Has("objective") || !slices.Contains(losses, left)) {
		return black
	}
	return lossStyle(left, losses).color
}

// explain says in legend and notes what marks and bars are, and what the correction is over.
func (f *Forest) explain(p *Panel, r, all *rows) {
	verdicts := r.values("left_is")
	if slices.Contains(verdicts, "lower") || slices.Contains(verdicts, "higher") {
		p.addEntry(seriesRank, "$p$ < 0.05 after Holm's correction", "stands", markKey{shape: circle, bar: true})
	}
	if slices.Contains(verdicts, "unclear") {
		p.addEntry(seriesRank, "not significant", "unclear", markKey{shape: circle, hollow: true, bar: true})
	}
	if slices.Contains(verdicts, "equal") {
		p.addEntry(seriesRank, "equal in every pair", "equal", markKey{shape: square, hollow: true})
	}
	n, tests := all.numbers("n"), all.numbers("tests")
	if len(n) == 0 || len(tests) == 0 {
		return
	}
	drawn := ""
	if most := int(tests[len(tests)-1]); most > all.len() {
		drawn = fmt.Sprintf(", of which %d are drawn", all.len())
	}
	var methods []string // without their level, which the note says
	for _, cell := range all.values("interval") {
		method, _, _ := strings.Cut(strings.Replace(cell, "student-t", "Student t", 1), " 95%")
		if method != "" && !slices.Contains(methods, method) {
			methods = append(methods, method)
		}
	}
	p.Notes = append(p.Notes, fmt.Sprintf("Bars: 95 %% intervals of the mean difference, each by itself (%s; n = %s pairs). "+
		"Holm's correction is over all %d comparisons of the metric%s.", strings.Join(methods, ", "),
		fromTo(int(n[0]), int(n[len(n)-1])), int(tests[len(tests)-1]), drawn))
	if without := all.filter(func(i int) bool { return !finite(all.float(i, "mean_difference")) }).len(); without > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("Not drawn: %d comparisons without a pair of values.", without))
	}
}

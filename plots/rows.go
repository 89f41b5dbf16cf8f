package plots

import (
	"cmp"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
)

// rows are the selected rows of a table, each together with the row of runs that it belongs to.
type rows struct {
	table *tables.Table
	runs  *tables.Table
	at    []int // row of table
	run   []int // row of runs
}

// identity are the columns of runs that every figure reads, and keyColumns those of the other tables that tell the rows of
// one run apart.
var (
	identity   = []string{"run", "objective", "lambda", "seed", "status"}
	keyColumns = map[string][]string{
		tables.Policies: {"prompt", "response"}, tables.Prompts: {"prompt"}, tables.Groups: {"group"}, tables.Traces: {"step"},
		tables.Trajectories: {"step", "prompt", "response"}, tables.Evaluations: {"step"},
	}
)

// reasonColumn of runs says which have not settled.
const reasonColumn = "reason"

// settled says whether a row is no end of a training that had not come to rest.
func (r *rows) settled(i int) bool {
	return !r.runs.Has(reasonColumn) || r.table.Has("step") || tables.Settled(r.runs.Text(r.run[i], reasonColumn))
}

// selectRows returns the rows of a table that a selection keeps. It may name columns of the table and settings of runs. The
// columns are what the figure reads of it: one that is not there would be drawn as if no run had a value. The error
// names a column that is in neither table, or a value that no row has.
func selectRows(src Sources, table string, where tables.Where, columns ...string) *rows {
	runs := try.Must(src.Table(tables.Runs))
	t := try.Must(src.Table(table))
	(&rows{table: runs, runs: runs}).need(identity...)
	try.Check(runs.Load(reasonColumn))
	r := &rows{table: t, runs: runs}
	r.choose(where, slices.Concat([]string{"run"}, keyColumns[table], columns)...)
	return r
}

// choose takes the rows that a selection keeps, with their columns read.
func (r *rows) choose(where tables.Where, columns ...string) {
	own, ofRun := tables.Where{}, tables.Where{}
	for _, column := range slices.Sorted(maps.Keys(where)) {
		try.In("where", func() { r.need(column) })
		r.answered(column, where[column])
		if r.table.Has(column) {
			own[column] = where[column]
		} else {
			ofRun[column] = where[column]
		}
	}
	r.need(columns...)
	r.fill(own, ofRun)
	if r.len() == 0 {
		r.explainEmpty(where)
	}
}

// answered refuses values of a setting that no run has. A column that only comes about in a run, such as step, may be
// without some.
func (r *rows) answered(column string, values []string) {
	if !r.setting(column) || column == "status" {
		return
	}
	have := r.runs.Distinct(column)
	for _, value := range values {
		if !slices.ContainsFunc(have, func(cell string) bool { return tables.SameCell(cell, value) }) {
			noRow(r.runs, column, value)
		}
	}
}

func noRow(t *tables.Table, column string, values ...string) {
	try.Fail("where: no row of %s has %s = %s; it is one of %s", t.Name, column, strings.Join(values, " or "), strings.Join(t.Distinct(column), ", "))
}

func (r *rows) fill(own, ofRun tables.Where) {
	if r.table == r.runs {
		r.at = own.Select(r.runs)
		r.run = r.at
		return
	}
	runRow := make(map[string]int, r.runs.Len())
	for _, row := range ofRun.Select(r.runs) {
		runRow[r.runs.Text(row, "run")] = row
	}
	selected := own.Matcher(r.table)
	for row := range r.table.Len() {
		if run, ok := runRow[r.table.Text(row, "run")]; ok && selected(row) {
			r.at = append(r.at, row)
			r.run = append(r.run, run)
		}
	}
}

// explainEmpty fails, and says which part of a selection matches nothing by itself, with the values there are.
func (r *rows) explainEmpty(where tables.Where) {
	for _, column := range slices.Sorted(maps.Keys(where)) {
		t := r.table
		if !t.Has(column) {
			t = r.runs
		}
		if len((tables.Where{column: where[column]}).Select(t)) == 0 {
			noRow(t, column, where[column]...)
		}
	}
	if len(where) > 0 {
		try.Fail("where: no row of %s fits all of %s", r.table.Name, strings.Join(slices.Sorted(maps.Keys(where)), ", "))
	}
	try.Fail("table %s has no rows", r.table.Name)
}

// need reads the columns, in one pass over each table. The error has the nearest names if a column is neither in the
// table nor a setting of runs.
func (r *rows) need(columns ...string) {
	for _, column := range columns {
		if !r.table.Has(column) && !r.setting(column) {
			names := slices.Concat(r.table.Header, r.runs.Header[:r.runs.Column("status")+1])
			try.Fail("table %s has no column %q; near: %s", r.table.Name, column, nearest(column, names))
		}
	}
	try.Check(r.table.Load(columns...))
	try.Check(r.runs.Load(columns...))
}

// setting says whether a column of runs is found from every table: the settings, which stand before the status, and the
// status. What was measured of a whole run is not what another table measured of a part of it.
func (r *rows) setting(column string) bool {
	at := r.runs.Column(column)
	return at >= 0 && at <= r.runs.Column("status") && column != "run"
}

// selectNamed selects rows and reads the columns that the configuration names. The error begins with the key of the first
// that is missing.
func selectNamed(src Sources, table string, where tables.Where, refs tables.Refs, columns ...string) *rows {
	r := selectRows(src, table, where, columns...)
	for _, ref := range refs.Columns {
		try.In(ref.Key, func() { r.need(ref.Column) })
	}
	return r
}

// selectPrompt selects rows of one prompt: the named one, or the only one there is.
func selectPrompt(src Sources, table string, where tables.Where, prompt string, columns ...string) *rows {
	return selectRows(src, table, where, columns...).onePrompt(prompt)
}

// nearest returns the up to three names that take the fewest edits to reach, nearest first.
func nearest(name string, names []string) string {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	slices.SortStableFunc(names, func(a, b string) int {
		return levenshtein.ComputeDistance(name, a) - levenshtein.ComputeDistance(name, b)
	})
	return strings.Join(names[:min(3, len(names))], ", ")
}

func (r *rows) len() int { return len(r.at) }

// text returns a cell of selected row i: of the table if it has the column, else of its run.
func (r *rows) text(i int, column string) string {
	if r.table.Has(column) {
		return r.table.Text(r.at[i], column)
	}
	return r.runs.Text(r.run[i], column)
}

// cells returns the cells of a row in some columns.
func (r *rows) cells(i int, columns []string) []string {
	cells := make([]string, len(columns))
	for k, column := range columns {
		cells[k] = r.text(i, column)
	}
	return cells
}

func (r *rows) float(i int, column string) float64 {
	if r.table.Has(column) {
		return r.table.Float(r.at[i], column)
	}
	return r.runs.Float(r.run[i], column)
}

// column returns the numbers of a column by row, NaN where a cell is none.
func (r *rows) column(name string) []float64 {
	numbers := make([]float64, r.len())
	for i := range numbers {
		numbers[i] = r.float(i, name)
	}
	return numbers
}

// filter returns the rows for which ok holds.
func (r *rows) filter(ok func(i int) bool) *rows {
	kept := &rows{table: r.table, runs: r.runs}
	for i := range r.at {
		if ok(i) {
			kept.at = append(kept.at, r.at[i])
			kept.run = append(kept.run, r.run[i])
		}
	}
	return kept
}

// with returns the rows whose cell is the given text.
func (r *rows) with(column, cell string) *rows {
	return r.filter(func(i int) bool { return r.text(i, column) == cell })
}

// split groups rows by their cells in some columns, in order of appearance.
func (r *rows) split(columns ...string) []*rows {
	var all []*rows
	index := map[string]int{}
	for i, run := range r.run {
		key := strings.Join(r.cells(i, columns), "\x00")
		at, known := index[key]
		if !known {
			at = len(all)
			index[key] = at
			all = append(all, &rows{table: r.table, runs: r.runs})
		}
		all[at].at, all[at].run = append(all[at].at, r.at[i]), append(all[at].run, run)
	}
	return all
}

// values returns the distinct cells of a column in order of appearance.
func (r *rows) values(column string) []string {
	var list []string
	seen := make(map[string]bool)
	for i := range r.at {
		if cell := r.text(i, column); !seen[cell] {
			seen[cell] = true
			list = append(list, cell)
		}
	}
	return list
}

// numbers returns the distinct numbers of a column, ascending; cells that are none are left out.
func (r *rows) numbers(column string) []float64 {
	numbers := slices.DeleteFunc(r.column(column), math.IsNaN)
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// loadTable returns a table that has rows and the columns, with all that it has in memory.
func loadTable(src Sources, name string, columns ...string) *tables.Table {
	t := try.Must(src.Table(name))
	try.Check(t.Need("", columns...))
	if t.Len() == 0 {
		try.Fail("table %s has no rows", name)
	}
	try.Check(t.Load(t.Header...))
	return t
}

// subset is the rows with one cell in a column: a panel of a figure, or a line of a panel.
type subset struct {
	cell, label string
	rows        *rows
	style       seriesStyle // of a line
}

// subsets returns the rows of each value of a column, or all rows with a title where no column is named.
func (r *rows) subsets(column, title string) (all []subset) {
	if column == "" {
		return []subset{{label: title, rows: r}}
	}
	for _, cell := range r.values(column) {
		all = append(all, subset{cell: cell, label: valueLabel(column, cell), rows: r.with(column, cell)})
	}
	return all
}

// panelsBy makes a panel of each subset.
func (r *rows) panelsBy(column, title string, panel func(subset) *Panel) (panels []*Panel) {
	for _, one := range r.subsets(column, title) {
		panels = append(panels, panel(one))
	}
	return panels
}

// linesBy returns a line for each value of a column, or one where none is named: losses in table order and each in its own
// style, other values in ascending order with styles along a ramp, or unlike each other where they are words.
func (r *rows) linesBy(column string) []subset {
	if column == "" {
		return []subset{{rows: r, style: rampStyle(0, 1)}}
	}
	cells := r.values(column)
	if column != "objective" {
		slices.SortStableFunc(cells, func(a, b string) int {
			return cmp.Compare(tables.ParseFloat(a), tables.ParseFloat(b))
		})
	}
	objectives := r.objectives()
	style := rampStyle
	if slices.ContainsFunc(cells, func(cell string) bool { return math.IsNaN(tables.ParseFloat(cell)) }) {
		style = wordStyle
	}
	lines := make([]subset, len(cells))
	for i, cell := range cells {
		lines[i] = subset{cell, valueLabel(column, cell), r.with(column, cell), style(i, len(cells))}
		if column == "objective" {
			lines[i].style = lossStyle(cell, objectives)
		}
	}
	return lines
}

// less returns a selection without some columns.
func less(where tables.Where, columns ...string) tables.Where {
	kept := tables.Where{}
	maps.Copy(kept, where)
	maps.DeleteFunc(kept, func(column string, _ []string) bool { return slices.Contains(columns, column) })
	return kept
}

// objectives returns all objectives of the experiment, also those not selected, in table order.
func (r *rows) objectives() []string { return r.runs.Distinct("objective") }

// coordinates are the columns that tell one setting of a run from another: objective, lambda and the swept keys, which
// stand before status in runs. The seed is left out: runs that differ in it alone repeat one another.
func (r *rows) coordinates() []string {
	return slices.DeleteFunc(r.runs.Settings(), func(column string) bool { return column == "seed" })
}

// promptGroup is a prompt, or the prompts NAME-1, NAME-2, ... of a generated environment, which are drawn as one.
type promptGroup struct {
	name    string
	members []string
}

// numbered is the end of the name of a prompt of a group.
var numbered = regexp.MustCompile(`-\d+$`)

// promptGroups returns the groups of the given names, or all in table order, and refuses names that no row has.
func (r *rows) promptGroups(named []string) []promptGroup {
	prompts := r.values("prompt")
	if len(named) == 0 {
		for _, prompt := range prompts {
			if name := numbered.ReplaceAllString(prompt, ""); !slices.Contains(named, name) {
				named = append(named, name)
			}
		}
	}
	groups := make([]promptGroup, len(named))
	for i, name := range named {
		groups[i].name = name
		groups[i].members = tables.MatchPrompts(prompts, name)
		if groups[i].members == nil {
			try.Fail("no prompt %q in the selected rows of %s; near: %s", name, r.table.Name, nearest(name, prompts))
		}
	}
	return groups
}

// in returns the rows of the prompts of a group.
func (r *rows) in(group promptGroup) *rows {
	return r.filter(func(i int) bool { return slices.Contains(group.members, r.text(i, "prompt")) })
}

// onePrompt narrows rows by prompt to a single one: the named one, or the only one there is.
func (r *rows) onePrompt(named string) *rows {
	if named == "" {
		if have := r.values("prompt"); len(have) > 1 {
			try.Fail("table %s has the prompts %s; name one as `prompt`", r.table.Name, strings.Join(have, ", "))
		}
		return r
	}
	if prompts := r.values("prompt"); !slices.Contains(prompts, named) {
		try.Fail("no prompt %q in the selected rows of %s; near: %s", named, r.table.Name, nearest(named, prompts))
	}
	return r.with("prompt", named)
}

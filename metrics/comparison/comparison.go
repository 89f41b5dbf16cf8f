// Package comparison says what changed between two results folders: it matches their runs one by one, compares statuses
// and every measured column, and says of each change whether it goes beyond the noise of the seeds.
package comparison

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"windtunnel/metrics/inference"
	"windtunnel/metrics/tables"
)

// Options say what is the same run, and what is the same number.
type Options struct {
	By        []string  // columns of runs that match a run with its counterpart; none means the column run
	Tolerance float64   // two numbers differ if |a-b| > Tolerance max(|a|,|b|); 0 means that any difference counts
	Names     [2]string // what errors call the folders
}

// Report is what changed from folder A to folder B.
type Report struct {
	Runs        [2]int      // runs of A and B
	Matched     int         // runs that both have
	Only        [2][]string // names of the runs that A or B alone has
	OnlyColumns [2][]string // columns of runs that A or B alone has
	Measured    int         // columns after status that both have
	Settings    int         // settings of the matched runs, seeds aside
	Statuses    []StatusChange
	Changes     []Change // the most important first
}

// StatusChange is a matched run that ended otherwise.
type StatusChange struct{ Run, A, B string }

// Noise says whether a change could be chance.
type Noise string

// What can be said of noise. Groups of one run, text and infinite changes have no noise to be compared with.
const (
	BeyondNoise Noise = "beyond noise"
	WithinNoise Noise = "within noise"
	OneRun      Noise = "one run cannot tell"
	NoTest      Noise = "no test"
)

// Change is a measured column that differs beyond the tolerance in some run of a setting.
type Change struct {
	Setting      string // "objective=dpo, lambda=1"
	Column       string
	Compared     int              // matched runs of the setting
	Differ       int              // of these, runs that differ beyond the tolerance
	Gained, Lost int              // of those, runs that have a value in B or in A alone
	MeanA, MeanB float64          // over the runs with a value in both; NaN for text
	Largest      float64          // largest relative difference, |a-b|/max(|a|,|b|); infinite where a value came, went or is infinite
	Paired       inference.Paired // B less A over the seeds
	Holm         float64          // its p value, corrected over all columns and settings that differ at all
	Noise        Noise
}

// Same says whether nothing differs beyond the tolerance.
func (r *Report) Same() bool {
	return len(r.Only[0])+len(r.Only[1])+len(r.OnlyColumns[0])+len(r.OnlyColumns[1])+len(r.Statuses)+len(r.Changes) == 0
}

// Compare compares two results folders. The error names a column that one of them lacks, or two runs of a folder that
// the options take for one.
func Compare(a, b tables.Source, o Options) (*Report, error) {
	m, err := match(a, b, o)
	if err != nil {
		return nil, err
	}
	r := &Report{Runs: [2]int{m.tables[0].Len(), m.tables[1].Len()}, Matched: len(m.pairs), Only: m.only,
		Measured: len(m.measured), Settings: len(m.groups)}
	for side, t := range m.tables {
		for _, column := range t.Header {
			if !m.tables[1-side].Has(column) {
				r.OnlyColumns[side] = append(r.OnlyColumns[side], column)
			}
		}
	}
	for _, p := range m.pairs {
		if was, is := m.text(0, p, "status"), m.text(1, p, "status"); was != is {
			r.Statuses = append(r.Statuses, StatusChange{m.text(0, p, "run"), was, is})
		}
	}
	r.Changes = m.changes(o.Tolerance)
	return r, nil
}

// changes compares every column in every setting. All that differ at all are one family of tests; those that differ
// beyond the tolerance are returned, the most important first.
func (m *matching) changes(tolerance float64) []Change {
	var all []Change
	var p []float64
	for _, column := range m.measured {
		for _, g := range m.groups {
			c := m.change(column, g, tolerance)
			if c.Largest == 0 {
				continue
			}
			all = append(all, c)
			p = append(p, c.Paired.P)
		}
	}
	for i, holm := range inference.Holm(p) {
		all[i].Holm = holm
		all[i].Noise = all[i].noise()
	}
	all = slices.DeleteFunc(all, func(c Change) bool { return c.Differ == 0 })
	slices.SortStableFunc(all, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Noise.rank(), b.Noise.rank()), -cmp.Compare(a.Largest, b.Largest))
	})
	return all
}

// rank orders changes: those that cannot be chance first, those that can last.
func (n Noise) rank() int { return slices.Index([]Noise{BeyondNoise, NoTest, OneRun, WithinNoise}, n) }

func (c *Change) noise() Noise {
	switch {
	case c.Paired.N == 1 && c.Paired.Infinite == 0:
		return OneRun
	case math.IsNaN(c.Holm):
		return NoTest
	case c.Holm < 1-inference.Level:
		return BeyondNoise
	}
	return WithinNoise
}

// change compares one column in one setting.
func (m *matching) change(column string, g group, tolerance float64) Change {
	c := Change{Setting: g.setting, Column: column, Compared: len(g.pairs)}
	var was, is []float64
	for _, p := range g.pairs {
		a, b := m.text(0, p, column), m.text(1, p, column)
		gap := relative(a, b)
		c.Largest = max(c.Largest, gap)
		if gap > tolerance {
			c.Differ++
			switch {
			case a == "":
				c.Gained++
			case b == "":
				c.Lost++
			}
		}
		if x, y := tables.ParseFloat(a), tables.ParseFloat(b); !math.IsNaN(x) && !math.IsNaN(y) {
			was, is = append(was, x), append(is, y)
		}
	}
	c.MeanA, c.MeanB = inference.Describe(was).Mean, inference.Describe(is).Mean
	c.Paired = inference.Compare(is, was)
	return c
}

// relative returns |a-b|/max(|a|,|b|) of two cells: 0 for equal ones, infinity where a value came, went or is infinite,
// and for texts that differ. It is at most 2.
func relative(a, b string) float64 {
	if a == b {
		return 0
	}
	x, y := tables.ParseFloat(a), tables.ParseFloat(b)
	switch {
	case x == y:
		return 0
	case math.IsNaN(x) || math.IsNaN(y) || math.IsInf(x, 0) || math.IsInf(y, 0):
		return math.Inf(1)
	}
	larger := max(math.Abs(x), math.Abs(y))
	return math.Abs(x/larger - y/larger)
}

// MissingColumn is the error for a column that a folder lacks.
type MissingColumn struct {
	Folder string
	Column string
	Have   []string // the columns that there are
}

// Error names the folder and the column.
func (e *MissingColumn) Error() string {
	return fmt.Sprintf("%s: table runs has no column %q", e.Folder, e.Column)
}

// matching is two tables runs with what they have in common.
type matching struct {
	tables   [2]*tables.Table
	pairs    []pair
	groups   []group // the pairs by setting, in order of appearance
	only     [2][]string
	measured []string // columns after status that both have
}

// pair is a run in both tables.
type pair [2]int

// group is the pairs of one setting, which differ in the seed.
type group struct {
	setting string
	pairs   []pair
}

// text returns a cell of one side of a pair.
func (m *matching) text(side int, p pair, column string) string {
	return m.tables[side].Text(p[side], column)
}

// match reads both tables and matches their runs.
func match(a, b tables.Source, o Options) (*matching, error) {
	m := &matching{}
	by := o.By
	if len(by) == 0 {
		by = []string{"run"}
	}
	var index [2]map[string]int
	for side, src := range []tables.Source{a, b} {
		t, err := src.Table(tables.Runs)
		if err != nil {
			return nil, err
		}
		m.tables[side] = t
		if index[side], err = rowsByKey(o.Names[side], t, by); err != nil {
			return nil, err
		}
	}
	m.pair(index, by)
	was, is := m.tables[0], m.tables[1]
	for _, column := range was.Header[was.Column("status")+1:] {
		if is.Has(column) {
			m.measured = append(m.measured, column)
		}
	}
	m.group(o.By)
	return m, nil
}

// rowsByKey returns the row of every run by its key.
func rowsByKey(folder string, t *tables.Table, by []string) (map[string]int, error) {
	for _, column := range append([]string{"run", "status"}, by...) {
		if !t.Has(column) {
			return nil, &MissingColumn{folder, column, t.Header}
		}
	}
	rows := make(map[string]int, t.Len())
	for row := range t.Len() {
		key := keyOf(t, row, by)
		if twin, ok := rows[key]; ok {
			return nil, fmt.Errorf("%s: runs %s and %s are both %s; match by a column that tells them apart", folder,
				t.Text(twin, "run"), t.Text(row, "run"), t.Describe(row, by))
		}
		rows[key] = row
	}
	return rows, nil
}

func keyOf(t *tables.Table, row int, by []string) string {
	return strings.Join(t.Cells(row, by), "\x00")
}

// pair matches the runs, in the order of A.
func (m *matching) pair(index [2]map[string]int, by []string) {
	for side, t := range m.tables {
		for row := range t.Len() {
			other, ok := index[1-side][keyOf(t, row, by)]
			switch {
			case !ok:
				m.only[side] = append(m.only[side], t.Text(row, "run"))
			case side == 0:
				m.pairs = append(m.pairs, pair{row, other})
			}
		}
	}
}

// group sorts the pairs into settings: what by names, or where runs are matched by name the columns before status that
// both tables have, less run and seed.
func (m *matching) group(by []string) {
	was, is := m.tables[0], m.tables[1]
	columns := by
	if len(columns) == 0 || slices.Contains(columns, "run") {
		columns = was.Settings()
	}
	columns = slices.DeleteFunc(slices.Clone(columns), func(c string) bool { return c == "run" || c == "seed" || !is.Has(c) })
	index := map[string]int{}
	for _, p := range m.pairs {
		setting := cmp.Or(was.Describe(p[0], columns), "all runs")
		if _, known := index[setting]; !known {
			index[setting] = len(m.groups)
			m.groups = append(m.groups, group{setting: setting})
		}
		own := &m.groups[index[setting]]
		own.pairs = append(own.pairs, p)
	}
}

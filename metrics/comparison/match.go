package comparison

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"windtunnel/metrics/tables"
)

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
		i, ok := index[setting]
		if !ok {
			i = len(m.groups)
			index[setting] = i
			m.groups = append(m.groups, group{setting: setting})
		}
		m.groups[i].pairs = append(m.groups[i].pairs, p)
	}
}

// Package summaries sums up the runs of a results folder over their seeds: tables to tables. The steps are
//
//  1. [Open] groups the rows of runs by everything that tells settings apart but the seed, and warns where runs that are
//     averaged differ in something that nobody grouped by;
//  2. [Groups.Summarize] describes every metric in every group: the table [Summary];
//  3. [Groups.Compare] compares losses over the same seeds: the table [Paired].
//
// Failed runs are left out of every mean and counted.
package summaries

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
	"windtunnel/toy/registry"
)

// Names of the tables that this package makes.
const (
	Summary = "summary"
	Paired  = "paired"
)

// Groups are the runs of a results folder by setting.
type Groups struct {
	settings Settings
	runs     *tables.Table
	by       []string // columns that make a group
	over     []string // the other settings: seed, and what nobody grouped by
	follows  []string // columns of by that follow from the compared one
	metrics  []string
	broken   []bool // by row of runs: the run failed
	groups   []group
	warnings warnings
}

// group is a setting with its runs.
type group struct {
	cells []string // of the columns by
	runs  []run    // ascending in unit
}

// run is a row of runs, and the number of its cells in the columns over.
type run struct{ row, unit int }

// Open groups the table runs. The error names a column that the table lacks.
func Open(src tables.Source, s Settings) (g *Groups, err error) {
	err = try.Do(func() { g = open(try.Must(src.Table(tables.Runs)), s) })
	return g, err
}

func open(runs *tables.Table, s Settings) *Groups {
	g := &Groups{settings: s, runs: runs}
	for _, ref := range append(s.Refs().Columns, tables.Ref{Column: "run"}, tables.Ref{Column: "status"}) {
		try.Check(runs.Need(ref.Key, ref.Column))
	}
	settings := runs.Settings()
	g.by = s.By
	if len(g.by) == 0 {
		g.by = slices.DeleteFunc(slices.Clone(settings), func(c string) bool { return c == "seed" })
	}
	g.over = slices.DeleteFunc(settings, func(c string) bool { return slices.Contains(g.by, c) })
	g.metrics = s.Metrics
	if len(g.metrics) == 0 {
		g.metrics = slices.DeleteFunc(slices.Clone(runs.Header[runs.Column("status")+1:]), func(c string) bool { return c == "reason" })
	}
	g.fill()
	g.follows = g.following()
	g.warnMixed()
	return g
}

// fill sorts the rows of runs into groups, which stand in the order of their first rows.
func (g *Groups) fill() {
	groups, units := numbering{}, numbering{}
	g.broken = make([]bool, g.runs.Len())
	for row := range g.broken {
		g.broken[row] = g.runs.Text(row, "status") == tables.Failed
		cells := g.runs.Cells(row, g.by)
		i := groups.of(cells)
		if i == len(g.groups) {
			g.groups = append(g.groups, group{cells: cells})
		}
		g.groups[i].runs = append(g.groups[i].runs, run{row, units.of(g.runs.Cells(row, g.over))})
	}
	for _, at := range g.groups {
		slices.SortStableFunc(at.runs, func(a, b run) int { return cmp.Compare(a.unit, b.unit) })
	}
}

// name returns a run's name.
func (g *Groups) name(r run) string { return g.runs.Text(r.row, "run") }

// numbering numbers lists of cells from 0 in order of appearance.
type numbering map[string]int

func (n numbering) of(cells []string) int {
	key := strings.Join(cells, "\x00")
	i, ok := n[key]
	if !ok {
		i = len(n)
		n[key] = i
	}
	return i
}

// describe names a group by some of the columns that it is grouped by: "objective=dpo, lambda=1".
func (g *Groups) describe(at *group, columns []string) string {
	return cmp.Or(g.runs.Describe(at.runs[0].row, columns), "all runs")
}

// each hands out every metric with its values by row of runs: NaN where a run failed or has no value. It fails at a cell that is no
// number.
func (g *Groups) each(do func(metric string, values []float64)) {
	try.Check(g.runs.Load(g.metrics...))
	for _, metric := range g.metrics {
		values := make([]float64, len(g.broken))
		for row := range values {
			values[row] = math.NaN()
			if !g.broken[row] {
				values[row] = try.Must(g.runs.Number(row, metric))
			}
		}
		do(metric, values)
	}
}

// Settings say how runs are summed up over their seeds.
type Settings struct {
	By        []string `yaml:"by" doc:"columns of runs whose values make a group; none means every setting but the seed: the columns between run and status"`
	Metrics   []string `yaml:"metrics" doc:"measured columns of runs to sum up; none means all"`
	Interval  string   `yaml:"interval" oneof:"auto,student-t,bca,wilson" doc:"the 95 % interval of the mean; auto is wilson for rates and student-t for other metrics, wilson wants rates"`
	Rates     []string `yaml:"rates" doc:"metrics that are 0 or 1 in every run; a metric in which both occur and nothing else is found by itself"`
	Resamples int      `yaml:"resamples" range:"[100,1e6]" doc:"bootstrap resamples of interval: bca"`
	Pairs     Pairs    `yaml:"pairs" doc:"comparisons over the same seeds"`
}

// Pairs say which groups are compared, over the runs that agree in everything else.
type Pairs struct {
	Column   string `yaml:"column" doc:"column of runs whose values are compared; empty for no comparisons"`
	Baseline string `yaml:"baseline,omitempty" doc:"value of column to compare the others with; without it every pair is compared"`
}

// Methods that Settings.Interval names.
const (
	auto     = "auto"
	studentT = "student-t"
	bca      = "bca"
	wilson   = "wilson"
)

// SetDefaults makes the summary one of every metric over the seeds, with comparisons between all losses.
func (s *Settings) SetDefaults() {
	s.Interval, s.Resamples, s.Pairs.Column = auto, 2000, "objective"
}

// Check refuses comparisons between values that are averaged over.
func (s *Settings) Check() []registry.Problem {
	averaged := s.Pairs.Column != "" && len(s.By) > 0 && !slices.Contains(s.By, s.Pairs.Column)
	return slices.Concat(registry.If(averaged, "pairs.column", "is "+s.Pairs.Column+", which by averages over", "a column of by, or \"\" for no comparisons"),
		registry.If(s.Pairs.Baseline != "" && s.Pairs.Column == "", "pairs.baseline", "is given without pairs.column", "both or neither"))
}

// Refs tells what the settings look up by name.
func (s *Settings) Refs() tables.Refs {
	return tables.Refs{}.List("by", tables.Runs, s.By).List("metrics", tables.Runs, s.Metrics).List("rates", tables.Runs, s.Rates).
		Column("pairs.column", tables.Runs, s.Pairs.Column)
}

package report

import (
	"fmt"
	"html/template"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"windtunnel/experiments/cluster"
	"windtunnel/experiments/results"
	"windtunnel/experiments/results/publish"
	"windtunnel/metrics/tables"
	"windtunnel/plots"
)

// view is what the template shows.
type view struct {
	Title    string
	Style    template.CSS
	Script   template.JS
	Policy   string
	Sections []*section

	drawings []*plots.Drawing
}

// section is one folder of the page.
type section struct {
	ID, Name, Description, Dir string
	Members                    []string
	Facts                      []fact
	Verdicts                   []verdictView
	Well                       int // verdicts that are as expected
	Runs                       int
	Statuses                   string
	Figures                    []figure
	Undrawn                    []string
	Grid                       *grid
	Tables                     []tableView
	Failed                     []failure
	MoreFailed                 int
	Commands                   []string
	Versions                   []fact
	Config                     string

	undrawn []error
}

type fact struct{ Name, Value string }

// failure is a run that broke.
type failure struct{ Run, Reason string }

// section shows a folder, the i-th of the page.
func (v *view) section(i int, f *results.Reported) (*section, error) {
	s := &section{ID: fmt.Sprintf("f%d", i), Name: f.Name, Dir: f.Dir, Description: f.Description, Config: f.Text,
		Commands: commands(f), Versions: versions(f.Manifest)}
	for _, m := range f.Members {
		s.Members = append(s.Members, m.Name)
	}
	for i := range f.Verdicts {
		s.Verdicts = append(s.Verdicts, newVerdictView(&f.Verdicts[i]))
		if f.Verdicts[i].Well() {
			s.Well++
		}
	}
	if f.Scorecard {
		t, err := f.Tables.Table(plots.ScorecardTable)
		if err != nil {
			return nil, err
		}
		if s.Grid, err = newGrid(t); err != nil {
			return nil, err
		}
	}
	v.figures(s, f)
	if err := s.tables(f); err != nil {
		return nil, err
	}
	s.Facts = append(s.Facts, settings(f)...)
	return s, nil
}

// tables shows the folder's tables and what the runs tell.
func (s *section) tables(f *results.Reported) error {
	for _, t := range f.Shown {
		if err := t.Load(t.Header...); err != nil {
			return err
		}
		if t.Name == tables.Runs {
			s.runs(t)
		}
		s.Tables = append(s.Tables, newTableView(fmt.Sprintf("%s-t%d", s.ID, len(s.Tables)), f.Dir, t, f.Schemas[t.Name]))
	}
	if s.Statuses == "" && f.Manifest != nil && f.Manifest.Runs > 0 {
		s.Runs, s.Statuses = f.Manifest.Runs, counted(f.Manifest.Runs, "run")
		s.Facts = append(s.Facts, fact{"Runs", s.Statuses + " (their table is not in the folder)"})
	}
	return nil
}

// mostFailed is how many failed runs are listed.
const mostFailed = 50

// runs tells of the table of runs how many there are of what, and which broke.
func (s *section) runs(t *tables.Table) {
	s.Runs = t.Len()
	var parts []string
	for _, status := range t.Distinct("status") {
		parts = append(parts, fmt.Sprintf("%d %s", len(tables.Where{"status": {status}}.Select(t)), status))
	}
	slices.Sort(parts)
	s.Statuses = strings.Join(parts, ", ")
	s.Facts = append(s.Facts, fact{"Runs", fmt.Sprintf("%s: %s", counted(t.Len(), "run"), s.Statuses)},
		fact{"Losses", strings.Join(t.Distinct("objective"), ", ")}, fact{"Seeds", seeds(t.Distinct("seed"))})
	if lambdas := t.Distinct("lambda"); len(lambdas) > 1 {
		s.Facts = append(s.Facts, fact{"Lambda", span(t, "lambda", len(lambdas))})
	}
	for _, row := range (tables.Where{"status": {tables.Failed}}).Select(t) {
		if len(s.Failed) == mostFailed {
			s.MoreFailed++
			continue
		}
		s.Failed = append(s.Failed, failure{t.Text(row, "run"), t.Text(row, "reason")})
	}
}

// mostSeeds is how many seeds are listed one by one.
const mostSeeds = 8

// seeds lists seeds, or says how many there are from where to where.
func seeds(values []string) string {
	if len(values) <= mostSeeds {
		return strings.Join(values, ", ")
	}
	return fmt.Sprintf("%d, %s to %s", len(values), values[0], values[len(values)-1])
}

// span says from where to where a column's n values go.
func span(t *tables.Table, column string, n int) string {
	low, high := t.Float(0, column), t.Float(0, column)
	for row := range t.Len() {
		low, high = min(low, t.Float(row, column)), max(high, t.Float(row, column))
	}
	return fmt.Sprintf("%d values, %s to %s", n, short(low), short(high))
}

// settings tells what the config is about.
func settings(f *results.Reported) []fact {
	facts := []fact{{"Folder", f.Dir}}
	if f.Experiment() {
		facts = append(facts, fact{"Solver", f.Solver})
		if swept := f.Swept(); len(swept) > 0 {
			facts = append(facts, fact{"Also swept", strings.Join(swept, ", ")})
		}
	}
	return facts
}

// commands are what reproduces the folder, from the project's own folder.
func commands(f *results.Reported) []string {
	dir := filepath.ToSlash(f.Dir)
	run := "run"
	if f.Scorecard {
		run = "scorecard"
	}
	tool := "go run ./experiments "
	again := []string{tool + run + " " + cluster.Quote(path.Join(dir, "config.yaml")) + " --out reproduced"}
	if f.Pictures == nil {
		again = append(again, tool+"check "+cluster.Quote(dir))
	}
	if f.Experiment() && f.Pictures == nil {
		again = append(again, tool+"compare "+cluster.Quote(dir)+" "+cluster.Quote(path.Join("reproduced", f.Name)))
	}
	return again
}

// versions tells what made the folder, from its manifest.
func versions(m *publish.Manifest) []fact {
	if m == nil {
		return nil
	}
	facts := []fact{{"Tool", m.Tool}, {"Go", m.Go}, {"Machine", m.OS + "/" + m.Arch}, {"Numerics", m.Numerics}, {"Program", m.Build}}
	if m.Plan != "" {
		facts = append(facts, fact{"Plan", m.Plan}, fact{"Time of the runs", strconv.FormatFloat(m.Seconds, 'f', 2, 64) + " s"})
	}
	for _, name := range slices.Sorted(maps.Keys(m.Inputs)) {
		facts = append(facts, fact{"Input " + name, m.Inputs[name]})
	}
	return facts
}

// verdictView is a claim as it is shown.
type verdictView struct {
	Name, Text, Word, Value, Bound, Detail string
	Well                                   bool
}

// newVerdictView puts a verdict into words.
func newVerdictView(v *results.Verdict) verdictView {
	word := "fails"
	switch {
	case v.Broken:
		word = "no answer"
	case v.Holds && v.Expect:
		word = "holds"
	case v.Holds:
		word = "holds, though expected to fail"
	case !v.Expect:
		word = "fails, as expected"
	}
	return verdictView{v.Name, v.Text, word, short(v.Value), short(v.Bound), v.Detail, v.Well()}
}

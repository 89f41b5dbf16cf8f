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
	Well                       int // how many verdicts are as expected
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

// failure is a run that failed.
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
	s.Facts = append(s.Facts, fact{"Folder", f.Dir})
	if f.Experiment() {
		s.Facts = append(s.Facts, fact{"Solver", f.Solver})
		if swept := f.Swept(); len(swept) > 0 {
			s.Facts = append(s.Facts, fact{"Also swept", strings.Join(swept, ", ")})
		}
	}
	return s, nil
}

// tables shows the folder's tables and sums up the runs.
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

// How many failed runs and how many seeds are listed one by one.
const (
	mostFailed = 50
	mostSeeds  = 8
)

// runs sums up the table of runs: how many there are of each status, their losses, seeds and lambdas, and which failed.
func (s *section) runs(t *tables.Table) {
	s.Runs = t.Len()
	var parts []string
	for _, status := range t.Distinct("status") {
		parts = append(parts, fmt.Sprintf("%d %s", len(tables.Where{"status": {status}}.Select(t)), status))
	}
	slices.Sort(parts)
	s.Statuses = strings.Join(parts, ", ")
	seeds := t.Distinct("seed")
	listed := strings.Join(seeds, ", ")
	if n := len(seeds); n > mostSeeds {
		listed = fmt.Sprintf("%d, %s to %s", n, seeds[0], seeds[n-1])
	}
	s.Facts = append(s.Facts, fact{"Runs", fmt.Sprintf("%s: %s", counted(t.Len(), "run"), s.Statuses)},
		fact{"Losses", strings.Join(t.Distinct("objective"), ", ")}, fact{"Seeds", listed})
	if n := len(t.Distinct("lambda")); n > 1 {
		low, high := t.Float(0, "lambda"), t.Float(0, "lambda")
		for row := range t.Len() {
			low, high = min(low, t.Float(row, "lambda")), max(high, t.Float(row, "lambda"))
		}
		s.Facts = append(s.Facts, fact{"Lambda", fmt.Sprintf("%d values, %s to %s", n, short(low), short(high))})
	}
	for _, row := range (tables.Where{"status": {tables.Failed}}).Select(t) {
		if len(s.Failed) == mostFailed {
			s.MoreFailed++
			continue
		}
		s.Failed = append(s.Failed, failure{t.Text(row, "run"), t.Text(row, "reason")})
	}
}

// commands reproduce the folder, called from the project's own folder.
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

// versions lists what made the folder, from its manifest.
func versions(m *publish.Manifest) []fact {
	if m == nil {
		return nil
	}
	facts := []fact{{"Tool", m.Tool}}
	if m.Go != "" {
		facts = append(facts, fact{"Go", m.Go}, fact{"Machine", m.OS + "/" + m.Arch}, fact{"Numerics", m.Numerics}, fact{"Program", m.Build})
	}
	if m.Plan != "" {
		facts = append(facts, fact{"Plan", m.Plan})
	}
	if m.Seconds > 0 {
		facts = append(facts, fact{"Time of the runs", strconv.FormatFloat(m.Seconds, 'f', 2, 64) + " s"})
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

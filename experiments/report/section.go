package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"html/template"
	"maps"
	"math"
	"path"
	"path/filepath"
	"regexp"
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
	Members                    []*results.Folder
	Facts                      []fact
	Verdicts                   []results.Verdict
	Well                       int // how many verdicts are as expected
	Runs                       int
	Statuses                   string
	Figures                    []figure
	Undrawn                    []string
	Grid                       *grid
	Tables                     []tableView
	Failed                     []fact // runs, each with the reason
	MoreFailed                 int
	Commands                   []string
	Versions                   []fact
	Config                     string

	undrawn []error
}

type fact struct{ Name, Value string }

// section shows a folder, the i-th of the page.
func (v *view) section(i int, f *results.Reported) (*section, error) {
	s := &section{ID: fmt.Sprintf("f%d", i), Name: f.Name, Dir: f.Dir, Description: f.Description, Members: f.Members, Config: f.Text,
		Verdicts: f.Verdicts, Well: results.CountWell(f.Verdicts), Commands: commands(f), Versions: versions(f.Manifest)}
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
		s.Failed = append(s.Failed, fact{t.Text(row, "run"), t.Text(row, "reason")})
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

// figure is a drawing on the page: an svg element with marks and series, or a picture without.
type figure struct {
	ID, Name, Caption string
	SVG               template.HTML
	Picture           template.URL
	Width             int // in CSS pixels, where a line of the page holds more than one
}

// Widest is how far a figure grows to fill its line of the page: one as wide as a text fills it alone.
func (f figure) Widest() int { return f.Width * 8 / 5 }

// pixelsPerPoint is how large figures are shown: text of 8 points is as large as that of the page.
const pixelsPerPoint = 1.7

// figures draws the config's figures. One that cannot be drawn is reported and does not lose the others.
func (v *view) figures(s *section, f *results.Reported) {
	for _, p := range f.Pictures {
		s.Figures = append(s.Figures, figure{ID: fmt.Sprintf("%s-g%d", s.ID, len(s.Figures)), Name: strings.TrimSuffix(p.Name, filepath.Ext(p.Name)),
			Picture: template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(p.Data)), Width: shownWidth(p.Data)})
	}
	if f.Pictures != nil {
		return
	}
	for _, fig := range f.Figures {
		if err := v.draw(s, f, fig); err != nil {
			s.undrawn = append(s.undrawn, fmt.Errorf("%s: %w", f.Dir, err))
			s.Undrawn = append(s.Undrawn, err.Error())
		}
	}
}

// draw adds a figure, or the several that it consists of, to the section.
func (v *view) draw(s *section, f *results.Reported, fig plots.Figure) error {
	drawings, err := plots.Draw(fig, f.Tables)
	if err != nil {
		return err
	}
	for _, d := range drawings {
		id := fmt.Sprintf("%s-g%d", s.ID, len(s.Figures))
		svg := d.Inline(id + "-")
		s.Figures = append(s.Figures, figure{ID: id, Name: d.Name, Caption: d.Caption, SVG: template.HTML(slim(svg)), Width: shownWidth(svg)})
		v.drawings = append(v.drawings, d)
	}
	return nil
}

// viewBox finds the width of a figure in points.
var viewBox = regexp.MustCompile(`viewBox="[-0-9.]+ [-0-9.]+ ([0-9.]+) [0-9.]+"`)

// shownWidth is a figure's width in pixels; 0 where it is not known.
func shownWidth(svg []byte) int {
	points := 0.0
	if match := viewBox.FindSubmatch(svg); match != nil {
		points, _ = strconv.ParseFloat(string(match[1]), 64)
	}
	return int(math.Ceil(points * pixelsPerPoint))
}

// closest is how far apart in points the marks of a series are at least that a reader can point at; of those nearer to one
// another only the first is written. The table beside the figure has all.
const closest = 1.5

var (
	fallback = regexp.MustCompile(`="(var\(--plot-[0-9a-f]{6}),#[0-9a-f]{6}\)"`) // no text has a quote
	point    = regexp.MustCompile(`^<circle class="pt" cx="([-0-9.]+)" cy="([-0-9.]+)" [^>]*data-t="([^"]*)"/>$`)
	numbers  = regexp.MustCompile(`[-+]?[0-9][0-9.]*(?:e[-+]?[0-9]+)?`)
	group    = regexp.MustCompile(`^</?g\b`)
)

// slim makes an inline figure small without changing how it looks, as [plots.Drawing.Inline] writes it, an element a line:
// colors name their variable alone, since the page sets each; points that a reader can hover over are thinned out, and one whose text
// differs from that of the point before in its numbers alone has only these, in data-n.
func slim(svg []byte) []byte {
	var out bytes.Buffer
	lastX, lastY, last := math.Inf(1), 0.0, "" // the last point that is written, and its text without its numbers
	for line := range bytes.Lines(fallback.ReplaceAll(svg, []byte(`="$1)"`))) {
		m := point.FindSubmatch(bytes.TrimSuffix(line, []byte("\n")))
		if m == nil {
			if group.Match(line) {
				lastX, last = math.Inf(1), ""
			}
			out.Write(line)
			continue
		}
		x, errX := strconv.ParseFloat(string(m[1]), 64)
		y, errY := strconv.ParseFloat(string(m[2]), 64)
		if errX != nil || errY != nil || math.Hypot(x-lastX, y-lastY) < closest {
			continue
		}
		lastX, lastY = x, y
		said := fmt.Sprintf("data-t=\"%s", m[3])
		text := html.UnescapeString(string(m[3])) // an entity has digits that are none of the text
		if pattern := numbers.ReplaceAllString(text, "0"); pattern == last {
			said = `data-n="` + strings.Join(numbers.FindAllString(text, -1), " ")
		} else {
			last = pattern
		}
		fmt.Fprintf(&out, "<circle class=\"pt\" cx=\"%s\" cy=\"%s\" %s\"/>\n", m[1], m[2], said)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// Package plots draws figures from the tables of a results folder, and from nothing else: a figure can be redrawn years
// after its runs. A kind of figure turns rows into panels (one file a kind); everything that all figures share, from
// palette to legend, is done once, here.
package plots

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"gonum.org/v1/plot/vg/draw"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
	"windtunnel/toy/registry"
)

// KLSuffix ends the name of the version of a figure over KL(pi to pi_ref).
const KLSuffix = "_by_kl"

// Params are the parameters of one kind of figure.
type Params interface {
	// panels reads the tables that the figure needs and returns its panels in reading order. It fails, see package try, by an error that
	// names the column, prompt or run that is missing, with the nearest that exist.
	panels(src Sources) []*Panel
	// Refs tells what the figure looks up by name.
	Refs() tables.Refs
}

// OverLambda is implemented by kinds that may put lambda on the x axis. Lambda means something else in each loss, so such
// a figure is also drawn over the KL(pi to pi_ref) that each run reached.
type OverLambda interface {
	// KLVersion returns the parameters of the figure over KL, or nil if there is none.
	KLVersion() Params
}

func klVersion(p Params) Params {
	if over, ok := p.(OverLambda); ok {
		return over.KLVersion()
	}
	return nil
}

// Figure is one figure of a configuration.
type Figure struct {
	Name    string  // of the files, without extension
	From    string  // experiment whose tables are drawn; "" for the configuration's own
	Caption string  // what the figure shows; not drawn
	Theme   string  // paper (where it is ""), slides or dark
	Size    string  // a key of sizes; "" as the number of panels asks for
	Width   float64 // mm, in place of Size; 0 for none
	Params  Params
}

// Known returns an error if there is no such theme or size.
func (f Figure) Known() error {
	if _, ok := sizes[f.Size]; f.Size != "" && !ok {
		return fmt.Errorf("size: there is no %q; it is one of %s", f.Size, strings.Join(slices.Sorted(maps.Keys(sizes)), ", "))
	}
	if themes := []string{"paper", slidesTheme, darkTheme}; f.Theme != "" && !slices.Contains(themes, f.Theme) {
		return fmt.Errorf("theme: there is no %q; it is one of %s", f.Theme, strings.Join(themes, ", "))
	}
	return nil
}

// File is one file that a figure makes.
type File struct {
	Name string // file name without folder, such as preservation_by_kl.svg
	Data []byte
	// Lacks are the letters, each once, in whose place a PNG or a PDF has U+FFFD because the fonts lack them.
	Lacks string
}

// Sources gives the tables that figures draw, by experiment. It may be used by several goroutines at once, also where
// the results folders behind it may not.
type Sources struct {
	open       func(experiment string) (tables.Source, error)
	experiment string
	mu         *sync.Mutex
}

// NewSources returns tables from the results that open names; open is called with "" for the configuration's own.
func NewSources(open func(experiment string) (tables.Source, error)) Sources {
	return Sources{open: open, mu: new(sync.Mutex)}
}

// From returns the tables of another experiment; "" changes nothing.
func (s Sources) From(experiment string) Sources {
	if experiment != "" {
		s.experiment = experiment
	}
	return s
}

// Table returns a table of the current experiment.
func (s Sources) Table(name string) (*tables.Table, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	results, err := s.open(s.experiment)
	if err != nil {
		return nil, err
	}
	return results.Table(name)
}

// Render draws a figure and, where it has one, its version over KL, each as NAME.svg, NAME.png (300 dpi), NAME.pdf and NAME.csv. The
// bytes depend on the parameters and the tables alone. It is safe for concurrent use.
func Render(fig Figure, src Sources) ([]File, error) {
	drawings, err := Draw(fig, src)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, d := range drawings {
		written, err := d.Files()
		if err != nil {
			return nil, err
		}
		files = append(files, written...)
	}
	return files, nil
}

// Drawing is one figure laid out and drawn: its formats are written from it. It does not change, so that several
// goroutines may write formats at once.
type Drawing struct {
	Name    string // of the figure's files, without extension
	Caption string // what the figure shows, in words of the configuration; it may be empty
	theme   theme
	page    *page
	sketch  *sketch
}

// Draw lays out a figure and, where it has one, its version over KL. The result depends on the parameters and the tables alone. It
// is safe for concurrent use. The error names the figure and the column, prompt or run that is missing.
func Draw(fig Figure, src Sources) ([]*Drawing, error) {
	src = src.From(fig.From)
	first, err := drawOne(fig, fig.Name, fig.Params, src)
	if err != nil {
		return nil, err
	}
	over := klVersion(fig.Params)
	if over == nil {
		return []*Drawing{first}, nil
	}
	twin := fig
	if fig.Caption != "" {
		twin.Caption = "Over the KL(pi to pi_ref) that each run reached in place of lambda. " + fig.Caption
	}
	second, err := drawOne(twin, fig.Name+KLSuffix, over, src)
	if err != nil || !second.tells() {
		return []*Drawing{first}, err
	}
	return []*Drawing{first, second}, nil
}

// tells says whether a version over KL shows what the figure over lambda does not: in every panel some line goes one way,
// through more than five places that stand apart, and none turns back.
func (d *Drawing) tells() bool {
	const apart = 0.02 // of the axis
	return !slices.ContainsFunc(d.page.panels, func(p *Panel) bool {
		if p.names.x != plainText(columnLabel("kl_pi_ref")) {
			return false // a panel that has no such version
		}
		most := 0
		for _, c := range p.curves {
			places, last, way := 0, math.Inf(-1), 0.0
			for _, q := range c.points {
				at := p.X.Norm(q.x)
				if !finite(at) || !finite(q.y) || math.Abs(at-last) < apart {
					continue
				}
				if step := at - last; places > 0 && way*step < 0 {
					return true
				} else if places > 0 {
					way = step
				}
				places, last = places+1, at
			}
			most = max(most, places)
		}
		return most <= 5
	})
}

// panelsOf returns the panels of a figure; the error has its name.
func panelsOf(name string, params Params, src Sources) (panels []*Panel, err error) {
	err = try.Do(func() {
		try.In("figure "+name, func() {
			if panels = params.panels(src); len(panels) == 0 {
				try.Fail("no panel to draw")
			}
		})
	})
	return panels, err
}

func drawOne(fig Figure, name string, params Params, src Sources) (*Drawing, error) {
	panels, err := panelsOf(name, params, src)
	if err != nil {
		return nil, err
	}
	d := &Drawing{Name: name, Caption: fig.Caption, theme: themeOf(fig.Theme).sized(fig), sketch: newSketch()}
	d.page = layOut(panels, d.theme)
	d.page.draw(draw.NewCanvas(d.sketch, d.page.width, d.page.height))
	return d, nil
}

// Files are the figure's files: NAME.svg, NAME.png, NAME.pdf and NAME.csv.
func (d *Drawing) Files() ([]File, error) {
	var files []File
	for _, format := range []struct {
		extension string
		write     func() ([]byte, error)
	}{{".svg", d.SVG}, {".png", d.PNG}, {".pdf", d.PDF}, {".csv", d.CSV}} {
		data, err := format.write()
		if err != nil {
			return nil, fmt.Errorf("figure %s: %w", d.Name, err)
		}
		f := File{Name: d.Name + format.extension, Data: data}
		if format.extension == ".png" || format.extension == ".pdf" {
			f.Lacks = d.lacks()
		}
		files = append(files, f)
	}
	return files, nil
}

// lacks lists the letters that the fonts lack, in the order in which they are drawn.
func (d *Drawing) lacks() string {
	var lacking []rune
	for _, m := range d.sketch.marks {
		if m.kind != textMark {
			continue
		}
		drawn := []rune(visible(fonts().Lookup(m.font, m.font.Size), m.text))
		for i, r := range []rune(m.text) {
			if drawn[i] != r && !slices.Contains(lacking, r) {
				lacking = append(lacking, r)
			}
		}
	}
	return string(lacking)
}

// describe tells what the figure shows to those who do not see it.
func (d *Drawing) describe() string {
	var words []string
	if d.Caption != "" {
		words = append(words, plainText(d.Caption))
	}
	for _, p := range d.page.panels {
		var series []string
		for _, c := range p.curves {
			if name := c.name(); name != "" {
				series = append(series, name)
			}
		}
		panel := p.name()
		if p.names.x != "" && p.names.y != "" {
			panel = strings.TrimSpace(panel + " " + p.names.y + " against " + p.names.x)
		}
		if len(series) > 0 {
			panel += ": " + strings.Join(series, ", ")
		}
		if panel != "" {
			words = append(words, panel+".")
		}
	}
	return strings.Join(words, " ")
}

// datum is one mark of a figure as its CSV file has it: words or numbers, empty where there is none. Value is what a cell
// of a map says beside its position; of figures without such cells the file has no column for it.
type datum struct {
	Series, X, Y, Low, High, Value string
}

// addData tells the CSV file of what a panel shows beside its curves, such as the cells of a heat map.
func (p *Panel) addData(data ...datum) { p.data = append(p.data, data...) }

// CSV returns what the figure draws as a table: a header, then a row for every point in drawing order. The columns are
// panel (its letter and title), series, x, y, low and high (the ends of a band), and for maps value; cells are empty where
// a point has no value. Numbers are those of the axes, in their units, training steps unscaled.
func (d *Drawing) CSV() ([]byte, error) {
	rows := [][]string{{"panel", "series", "x", "y", "low", "high", "value"}}
	hasValues := false
	for _, p := range d.page.panels {
		panel := p.name()
		for _, c := range p.curves {
			for _, q := range c.points {
				rows = append(rows, []string{panel, c.name(), csvNumber(q.x), csvNumber(q.y), csvNumber(q.low), csvNumber(q.high), ""})
			}
		}
		for _, q := range p.data {
			hasValues = hasValues || q.Value != ""
			rows = append(rows, []string{panel, plainText(q.Series), q.X, q.Y, q.Low, q.High, q.Value})
		}
	}
	if !hasValues {
		for i, row := range rows {
			rows[i] = row[:len(row)-1]
		}
	}
	var out bytes.Buffer
	err := csv.NewWriter(&out).WriteAll(rows)
	return out.Bytes(), err
}

// csvNumber writes a number so that reading it gives the same; one that is not finite has no place in a figure.
func csvNumber(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// Kinds lists the kinds of figure, sorted by name. A new one is a file of its own and an entry here.
func Kinds() registry.Table[Params] {
	return registry.Table[Params]{
		{Name: "before-after", Source: "this project, after Ren and Sutherland (2024), arXiv 2407.10490", New: func() Params { return &BeforeAfter{} },
			Summary: "probability of every response before and after training, on a linear and on a logarithmic axis, a panel a loss"},
		{Name: "composite", Source: "this project", New: func() Params { return &Composite{Twin: true} },
			Summary: "the panels of several figures as one figure, lettered, with one legend"},
		{Name: "constraint", Source: "this project, after the constraint experiment of arXiv 2407.09072",
			Summary: "distance between the final policies of two losses over the strength of a constraint, a line a lambda",
			New:     func() Params { return &Constraint{Left: "rlhf", Right: "dpo", Distance: "tv", XScale: autoScale} }},
		{Name: "displacement", Source: "Razin et al. 2024, arXiv 2410.08847",
			Summary: "change of the log-probability of chosen and rejected responses over training, a panel a loss",
			New: func() Params {
				return &Displacement{Table: tables.Traces, Chosen: "chosen_shift", Rejected: "rejected_shift",
					By: "objective", Split: "objective", Band: string(spreadCI)}
			}},
		{Name: "distance", Source: "this project",
			Summary: "total variation between the final policies of matched runs, against a setting",
			New: func() Params {
				return &Distance{By: "lambda", XScale: autoScale, YScale: logScale, Band: string(spreadCI)}
			}},
		{Name: "existence", Source: "this project", New: func() Params { return &Existence{} },
			Summary: "status of each loss at each lambda as a labelled cell: where a minimizer exists"},
		{Name: "forest", Source: "Lewis, Clarke 2001, Forest plots: trying to see the wood and the trees; Holm 1979 for the correction",
			Summary: "paired comparisons over seeds: mean differences with intervals, filled where they stand after Holm's correction",
			New:     func() Params { return &Forest{} }},
		{Name: "frontier", Source: "Gao, Schulman, Hilton 2022, arXiv 2210.10760; Rafailov et al. 2023, arXiv 2305.18290, figure 2",
			Summary: "reward or win rate against KL(pi to pi_ref), a curve a loss along lambda or training, beside the best of n",
			New: func() Params {
				return &Frontier{Table: tables.Runs, Along: "lambda", X: "kl_pi_ref", Y: []string{"reward"},
					By: "objective", XScale: sqrtScale, Band: string(spreadCI), BestOfN: "best-of-n"}
			}},
		{Name: "interpolation", Source: "Hu, He and Wipf (2024), arXiv 2407.09072, interpolation experiment",
			Summary: "policy over training steps, a panel a loss, beside the BT-optimal policy",
			New:     func() Params { return &Interpolation{} }},
		{Name: "landscape", Source: "this project", New: func() Params { return &Landscape{} },
			Summary: "contours of a loss over the simplex of three responses, with trajectory, minimizers over lambda, pi_star, pi_ref and mode"},
		{Name: "lines", Source: "this project",
			Summary: "one column against another, a line for each value of a column",
			New: func() Params {
				return &Lines{Table: tables.Runs, By: "objective", XScale: autoScale, YScale: linearScale,
					Band: string(spreadCI), Twin: true}
			}},
		{Name: "loss", Source: "this project", New: func() Params { return &Loss{} },
			Summary: "one loss and its gradient over the margin and over (chosen, rejected), for `experiments loss KIND --plot`"},
		{Name: "preservation", Source: "Hu, He and Wipf (2024), arXiv 2407.09072, preservation experiment",
			Summary: "distance to the BT-optimal policy over lambda, a panel a prompt, a line a loss",
			New:     func() Params { return &Preservation{Metric: "kl_star_pi", YScale: logScale, Twin: true} }},
		{Name: "scorecard", Source: "this project", New: func() Params { return &Scorecard{} },
			Summary: "every loss through every test: numbers on the color of the verdict, from the table scorecard"},
		{Name: "simplex", Source: "this project", New: func() Params { return &Simplex{Along: alongSteps} },
			Summary: "policies on the probability simplex of three responses: where each loss ends and the way there"},
		{Name: "strip", Source: "this project; density as in Silverman 1986, equation 3.31",
			Summary: "every run's value of a metric, a row a loss: seeds as dots or violins with their median and an interval",
			New: func() Params {
				return &Strip{By: "objective", Scale: linearScale, Shape: "strip", Band: string(spreadQuartiles)}
			}},
		{Name: "tradeoff", Source: "this project, after the preservation experiment of arXiv 2407.09072",
			Summary: "a metric on the good prompt against the same on the bad prompt, a curve a loss along lambda",
			New: func() Params {
				return &Tradeoff{Table: tables.Prompts, PromptNames: []string{"good", "bad"}, Metric: "kl_star_pi", Scale: logScale}
			}},
	}
}

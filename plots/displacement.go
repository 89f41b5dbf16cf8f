package plots

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg/draw"

	"windtunnel/metrics/tables"
	"windtunnel/toy/registry"
)

// Displacement draws how training moves the log-probabilities of the responses that it was told about: those chosen solid,
// those rejected dashed. A loss that lowers the chosen ones too is what users complain of most (Razin et al. 2024, arXiv
// 2410.08847).
type Displacement struct {
	Table    string       `yaml:"table" oneof:"traces,evaluations" doc:"table that holds the columns, by step"`
	Chosen   string       `yaml:"chosen" doc:"column of the chosen responses"`
	Rejected string       `yaml:"rejected" doc:"column of the rejected responses"`
	By       string       `yaml:"by" doc:"column whose values make the pairs of lines"`
	Split    string       `yaml:"panels" doc:"column whose values make the panels; empty for one panel"`
	Where    tables.Where `yaml:"where" doc:"selects the rows: usually one lambda"`
	Band     string       `yaml:"band" oneof:"ci95,quartiles,range,sd,se,none" doc:"what the band shows of the runs that differ in the seed alone, as for lines"`
	Title    string       `yaml:"title,omitempty" doc:"title of the panel where there is one"`
}

func displacementKind() registry.Kind[Params] {
	return registry.Kind[Params]{
		Name:    "displacement",
		Summary: "change of the log-probability of chosen and rejected responses over training, a panel a loss",
		Source:  "Razin et al. 2024, arXiv 2410.08847",
		New: func() Params {
			return &Displacement{Table: tables.Traces, Chosen: "chosen_shift", Rejected: "rejected_shift", By: "objective", Split: "objective",
				Band: string(spreadCI)}
		},
	}
}

// Refs implements Params.
func (f *Displacement) Refs() tables.Refs {
	return tables.Refs{}.Where("where", f.Table, f.Where).Column("chosen", f.Table, f.Chosen).Column("rejected", f.Table, f.Rejected).
		Column("by", f.Table, f.By).Column("panels", f.Table, f.Split)
}

// Check implements registry.Checker.
func (f *Displacement) Check() []registry.Problem {
	if f.Chosen == f.Rejected {
		return []registry.Problem{{Key: "rejected", Wrong: "is the same column as chosen", Allowed: "another column"}}
	}
	return nil
}

// Panels implements Params.
func (f *Displacement) Panels(src Sources) ([]*Panel, error) {
	all, err := selectRows(src, f.Table, f.Where)
	if err != nil {
		return nil, err
	}
	if err := all.needRefs(f.Refs().Columns); err != nil {
		return nil, err
	}
	if f.Split == "" {
		p, err := f.panel(f.Title, all)
		return []*Panel{p}, err
	}
	var panels []*Panel
	for _, cell := range all.values(f.Split) {
		p, err := f.panel(valueLabel(f.Split, cell), all.with(f.Split, cell))
		if err != nil {
			return nil, err
		}
		panels = append(panels, p)
	}
	return panels, nil
}

func (f *Displacement) panel(title string, r *rows) (*Panel, error) {
	p := newPanel(title)
	p.ShareY = "displacement"
	p.Y.Label.Text = "Change of log $π_θ$ [nats]"
	labelSteps(&p.X, r.numbers("step"))
	p.Add(zeroLine{})
	lines := &Lines{By: f.By}
	values := lines.lineValues(r)
	for i, line := range values {
		label := line.label
		if len(values) == 1 {
			label = "" // the panel's title says it
		}
		l := lines.style(r, line.cell, i, len(values))
		for k, side := range f.sides() {
			points, err := collectPoints(line.rows, "step", side.column, "step", spread(f.Band))
			if err != nil {
				return nil, err
			}
			l.dashes = side.style.dashes
			c := p.addCurve("", l, points)
			c.label, c.part, c.plain = label, side.name, true
			if label != "" && k == 0 { // one entry for both
				p.addEntry(seriesRank, label, l, c)
			}
		}
	}
	for _, side := range f.sides() {
		p.addEntry(referenceRank, side.name, side.name, &curve{style: side.style, plain: true})
	}
	return p, nil
}

// zeroLine is where nothing has moved.
type zeroLine struct{}

// Plot implements plot.Plotter.
func (zeroLine) Plot(c draw.Canvas, p *plot.Plot) {
	y := c.Y(p.Y.Norm(0))
	c.StrokeLine2(draw.LineStyle{Color: inkGray, Width: axisWidth}, c.Min.X, y, c.Max.X, y)
}

// DataRange implements plot.DataRanger; the line has no x.
func (zeroLine) DataRange() (xmin, xmax, ymin, ymax float64) {
	return math.Inf(1), math.Inf(-1), 0, 0
}

// displaced is one of the two sides of a comparison as it is drawn.
type displaced struct {
	name, column string
	style        seriesStyle
}

func (f *Displacement) sides() []displaced {
	return []displaced{
		{"chosen", f.Chosen, seriesStyle{color: inkGray, width: curveWidth}},
		{"rejected", f.Rejected, seriesStyle{color: inkGray, width: curveWidth, dashes: dashed}},
	}
}

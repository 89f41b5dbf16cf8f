package plots

import (
	"gonum.org/v1/plot/vg"
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

func (f *Displacement) Refs() tables.Refs {
	return tables.Refs{}.Where("where", f.Table, f.Where).Column("chosen", f.Table, f.Chosen).Column("rejected", f.Table, f.Rejected).
		Column("by", f.Table, f.By).Column("panels", f.Table, f.Split)
}

func (f *Displacement) Check() []registry.Problem {
	return registry.If(f.Chosen == f.Rejected, "rejected", "is the same column as chosen", "another column")
}

func (f *Displacement) panels(src Sources) []*Panel {
	all := selectNamed(src, f.Table, f.Where, f.Refs())
	return all.panelsBy(f.Split, f.Title, f.panel)
}

func (f *Displacement) panel(of subset) *Panel {
	p := newPanel(of.label)
	p.Y.Label.Text = "Change of log $π_θ$ [nats]"
	labelSteps(&p.X, of.rows.stepName(), of.rows.numbers("step"))
	p.Add(rule{style: draw.LineStyle{Color: inkGray, Width: axisWidth}})
	sides := []struct {
		name, column string
		dashes       []vg.Length
	}{{"chosen", f.Chosen, nil}, {"rejected", f.Rejected, dashed}}
	lines := of.rows.linesBy(f.By)
	for _, line := range lines {
		label, style := line.label, line.style
		if len(lines) == 1 {
			label = "" // the panel's title says it
		}
		for k, side := range sides {
			style.dashes = side.dashes
			c := p.addCurve("", style, collectPoints(line.rows, "step", side.column, "step", spread(f.Band)))
			c.label, c.part, c.plain = label, side.name, true
			if label != "" && k == 0 { // one entry for both
				p.addEntry(seriesRank, label, style, c)
			}
		}
	}
	for _, side := range sides {
		style := seriesStyle{color: inkGray, width: curveWidth, dashes: side.dashes}
		p.addEntry(referenceRank, side.name, side.name, &curve{style: style, plain: true})
	}
	return p
}

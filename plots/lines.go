package plots

import (
	"slices"

	"windtunnel/metrics/tables"
	"windtunnel/toy/registry"
)

// Lines draws one column against another: a line for each value of a column, a panel for each value of another.
type Lines struct {
	Table   string       `yaml:"table" oneof:"runs,prompts,groups,traces,evaluations" doc:"table that holds y"`
	X       string       `yaml:"x" required:"true" doc:"column on the x axis: step, lambda, a swept key or a metric"`
	Y       string       `yaml:"y" required:"true" doc:"metric column on the y axis"`
	By      string       `yaml:"by" doc:"column whose values make the lines"`
	Split   string       `yaml:"panels,omitempty" doc:"column whose values make the panels"`
	Where   tables.Where `yaml:"where" doc:"selects the rows"`
	Prompt  string       `yaml:"prompt,omitempty" doc:"prompt to draw, for table prompts without panels by prompt"`
	XScale  string       `yaml:"x_scale" oneof:"auto,linear,log,symlog" doc:"scale of the x axis; auto is logarithmic from two decades on, except for steps; symlog is logarithmic on both sides of a linear part around zero"`
	XLimits []float64    `yaml:"x_limits,omitempty" doc:"ends of the x axis, [lowest, highest]; without it those of the data"`
	Band    string       `yaml:"band" oneof:"ci95,quartiles,range,sd,se,none" doc:"what the band shows of the runs that differ in the seed alone: ci95 the 95 % Student-t interval of the mean, quartiles around the median, range from smallest to largest, sd and se the mean -+ standard deviation or error"`
	YScale  string       `yaml:"y_scale" oneof:"linear,log,symlog" doc:"scale of the y axis"`
	YLimits []float64    `yaml:"y_limits,omitempty" doc:"ends of the y axis, [lowest, highest]; without it those of the data"`
	Title   string       `yaml:"title,omitempty" doc:"title of the panel where there is one"`
	Twin    bool         `yaml:"twin" doc:"where x is lambda, also draw the figure over the KL(pi to pi_ref) reached"`
}

func (f *Lines) Refs() tables.Refs {
	return tables.Refs{}.Where("where", f.Table, f.Where).Column("x", f.Table, f.X).Column("y", f.Table, f.Y).Column("by", f.Table, f.By).
		Column("panels", f.Table, f.Split).Prompt("prompt", f.Prompt)
}

func (f *Lines) Check() []registry.Problem {
	return slices.Concat(registry.If(f.X == f.Y, "y", "is the same column as x", "another column"),
		registry.If(f.Prompt != "" && f.Table != tables.Prompts, "prompt", "is given, but table "+f.Table+" has no prompts", "a prompt with `table: prompts`"),
		checkLimits("x_limits", f.XScale, f.XLimits), checkLimits("y_limits", f.YScale, f.YLimits))
}

func (f *Lines) KLVersion() Params {
	if !f.Twin || f.X != "lambda" {
		return nil
	}
	over := *f
	over.X, over.XScale, over.XLimits = "kl_pi_ref", sqrtScale, nil
	return &over
}

func (f *Lines) panels(src Sources) []*Panel {
	all := selectNamed(src, f.Table, f.Where, f.Refs())
	if f.Table == tables.Prompts && f.Split != "prompt" && f.By != "prompt" {
		all = all.onePrompt(f.Prompt)
	}
	return all.panelsBy(f.Split, f.Title, f.panel)
}

func (f *Lines) panel(of subset) *Panel {
	r, p := of.rows, newPanel(of.label)
	if f.Split != "" {
		p.ShareX, p.ShareY = f.X, f.Y
	}
	p.X.Label.Text, p.Y.Label.Text = columnLabel(f.X), r.columnLabel(f.Y)
	xs := r.numbers(f.X)
	scale := f.XScale
	if f.X == "step" && scale == autoScale {
		scale = linearScale
	}
	setScale(&p.X, f.X, scale, xs)
	scaleMetric(&p.Y, f.YScale, r.numbers(f.Y))
	p.XLimits, p.YLimits = f.XLimits, f.YLimits
	if f.X == "step" {
		labelSteps(&p.X, r.stepName(), xs)
	}
	order := f.X
	if f.X != "step" && !slices.Contains(r.coordinates(), f.X) { // a metric
		order = "lambda"
	}
	p.addLines(r.linesBy(f.By), f.X, f.Y, order, spread(f.Band), func(c *curve) { c.plain = f.X == "step" })
	return p
}

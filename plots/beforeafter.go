package plots

import (
	"windtunnel/metrics/tables"
)

// BeforeAfter draws what training does to every response of one prompt: its probability before the first step and after the last
// one, a panel a loss on a linear axis, which shows where the mass is, and one on a logarithmic axis, which shows the rest.
type BeforeAfter struct {
	Where  tables.Where `yaml:"where" doc:"selects the runs, one for each loss"`
	Prompt string       `yaml:"prompt,omitempty" doc:"prompt to draw; needed where there are several"`
}

var beforeAfterKind = kindOf("before-after", BeforeAfter{},
	"probability of every response before and after training, on a linear and on a logarithmic axis, a panel a loss",
	"this project, after Ren and Sutherland (2024), arXiv 2407.10490")

// Refs implements Params.
func (f *BeforeAfter) Refs() tables.Refs {
	return tables.Refs{}.Where("where", tables.Trajectories, f.Where).Prompt("prompt", f.Prompt)
}

// Panels implements Params: those on linear axes first.
func (f *BeforeAfter) Panels(src Sources) ([]*Panel, error) {
	all, err := selectPrompt(src, tables.Trajectories, f.Where, f.Prompt, "pi")
	if err != nil {
		return nil, err
	}
	var panels []*Panel
	for _, scale := range []string{linearScale, logScale} {
		some, err := all.panelsBy("objective", "", func(of subset) (*Panel, error) { return f.panel(of, scale) })
		if err != nil {
			return nil, err
		}
		panels = append(panels, some...)
	}
	return panels, nil
}

func (f *BeforeAfter) panel(of subset, scale string) (*Panel, error) {
	p := newPanel(of.label)
	p.ShareX, p.ShareY = "response", scale
	p.X.Label.Text, p.Y.Label.Text = columnLabel("response"), columnLabel("pi")
	scaleMetric(&p.Y, scale, nil)
	steps := of.rows.values("step")
	for _, moment := range []struct {
		label, step string
		style       seriesStyle
	}{{"before", steps[0], seriesStyle{color: inkGray, dashes: dashed, width: curveWidth}},
		{"after", steps[len(steps)-1], seriesStyle{color: blue, width: curveWidth}}} {
		points, err := collectPoints(of.rows.with("step", moment.step), "response", "pi", "response", spreadRange)
		if err != nil {
			return nil, err
		}
		p.addCurve(moment.label, moment.style, points).plain = true
	}
	return p, nil
}

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

func (f *BeforeAfter) Refs() tables.Refs {
	return tables.Refs{}.Where("where", tables.Trajectories, f.Where).Prompt("prompt", f.Prompt)
}

// panels implements Params: those on linear axes first.
func (f *BeforeAfter) panels(src Sources) []*Panel {
	all := selectPrompt(src, tables.Trajectories, f.Where, f.Prompt, "pi")
	var panels []*Panel
	for _, scale := range []string{linearScale, logScale} {
		panels = append(panels, all.panelsBy("objective", "", func(of subset) *Panel { return f.panel(of, scale) })...)
	}
	return panels
}

func (f *BeforeAfter) panel(of subset, scale string) *Panel {
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
		points := collectPoints(of.rows.with("step", moment.step), "response", "pi", "response", spreadRange)
		p.addCurve(moment.label, moment.style, points).plain = true
	}
	return p
}

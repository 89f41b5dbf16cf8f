package plots

import (
	"fmt"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"windtunnel/experiments/record"
	"windtunnel/toy/registry"
)

// Tradeoff draws preservation at one look: a metric on the prompt to preserve against the same metric on the prompt to
// improve, a curve a loss along lambda. A loss that can have both reaches the lower left corner.
type Tradeoff struct {
	Where       record.Where `yaml:"where" doc:"selects the runs"`
	PromptNames []string     `yaml:"prompts" doc:"the prompt on the x axis and the one on the y axis"`
	Metric      string       `yaml:"metric" doc:"column of prompts on both axes"`
	Scale       string       `yaml:"scale" oneof:"linear,log" doc:"scale of both axes"`
	Title       string       `yaml:"title,omitempty" doc:"title of the panel"`
}

func tradeoffKind() registry.Kind[Params] {
	return registry.Kind[Params]{
		Name:    "tradeoff",
		Summary: "a metric on the good prompt against the same on the bad prompt, a curve a loss along lambda",
		Source:  "this project, after the preservation experiment of arXiv 2407.09072",
		New: func() Params {
			return &Tradeoff{PromptNames: []string{"good", "bad"}, Metric: "kl_star_pi", Scale: logScale}
		},
	}
}

// Columns implements Refs.
func (f *Tradeoff) Columns() []Ref {
	return append(whereRefs(f.Where, record.Prompts), Ref{"metric", record.Prompts, f.Metric})
}

// Check implements registry.Checker.
func (f *Tradeoff) Check() []registry.Problem {
	if len(f.PromptNames) != 2 || f.PromptNames[0] == f.PromptNames[1] {
		return []registry.Problem{{Key: "prompts", Wrong: fmt.Sprintf("is %v", f.PromptNames), Allowed: "two different prompts: x, then y"}}
	}
	return nil
}

// Prompts implements Refs.
func (f *Tradeoff) Prompts() []PromptRef { return promptRefs(f.PromptNames) }

// Wheres implements Refs.
func (f *Tradeoff) Wheres() []Selection { return selections(f.Where) }

// Panels implements Params.
func (f *Tradeoff) Panels(src Sources) ([]*Panel, error) {
	all, err := selectRows(src, record.Prompts, f.Where)
	if err != nil {
		return nil, err
	}
	if err := all.need(f.Metric, "lambda"); err != nil {
		return nil, err
	}
	groups, err := all.promptGroups(f.PromptNames)
	if err != nil {
		return nil, err
	}
	p := newPanel(f.Title)
	p.Aspect = 0.8
	p.floorX = true
	p.X.Label.Text = columnLabel(f.Metric) + ", " + f.PromptNames[0] + " prompt"
	p.Y.Label.Text = columnLabel(f.Metric) + ", " + f.PromptNames[1] + " prompt"
	if f.Scale == logScale {
		setLog(&p.X, nil)
		setLog(&p.Y, nil)
	}
	for _, objective := range all.values("objective") {
		points, err := f.curve(all.with("objective", objective), groups)
		if err != nil {
			return nil, err
		}
		p.addCurve(lossName(objective), lossLook(objective, all.objectives()), points).grow = true
	}
	p.addEntry(markRank, "larger mark: larger $λ$", "grow", growing{})
	if err := f.addReference(p, src, groups[1], all); err != nil {
		return nil, err
	}
	return []*Panel{p}, nil
}

// curve joins the points of the two prompts, which stand at the same lambdas in the same order.
func (f *Tradeoff) curve(r *rows, groups []promptGroup) ([]point, error) {
	first, err := collectPoints(r.in(groups[0]), "lambda", f.Metric, "lambda", spreadRange)
	if err != nil {
		return nil, err
	}
	second, err := collectPoints(r.in(groups[1]), "lambda", f.Metric, "lambda", spreadRange)
	if err != nil {
		return nil, err
	}
	if len(first) != len(second) {
		return nil, fmt.Errorf("prompt %s has %d values of lambda, prompt %s has %d", f.PromptNames[0], len(first), f.PromptNames[1], len(second))
	}
	for i := range first {
		second[i].x = first[i].y
	}
	return second, nil
}

// addReference marks where the reference policy stands, if it is on the axes.
func (f *Tradeoff) addReference(p *Panel, src Sources, group promptGroup, all *rows) error {
	line, ok := referenceValue[f.Metric]
	if !ok {
		return nil
	}
	value, err := referenceLevel(src, line.of, group, all)
	if err != nil {
		return err
	}
	p.addLevel(line.label+", "+f.PromptNames[1]+" prompt", value)
	return nil
}

// growing explains marks that grow along a curve.
type growing struct{}

// Thumbnail implements plot.Thumbnailer.
func (growing) Thumbnail(c *draw.Canvas) {
	for i, size := range []vg.Length{smallMark, 1, largeMark} {
		at := vg.Point{X: c.Min.X + (0.2+0.28*vg.Length(i))*thumbWidth, Y: c.Center().Y}
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: inkGray, Radius: size * markSize, Shape: circle}, at)
	}
}

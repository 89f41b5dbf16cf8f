package plots

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"

	"windtunnel/metrics/tables"
	"windtunnel/metrics/try"
	"windtunnel/toy/registry"
)

// Tradeoff draws preservation at one style: a metric on the prompt to preserve against the same metric on the prompt to
// improve, a curve a loss along lambda. A loss that can have both reaches the lower left corner.
type Tradeoff struct {
	Table       string       `yaml:"table" oneof:"prompts,groups" doc:"table that holds the metric; of groups the bands are 95 % intervals over seeds, of prompts ranges over seeds and prompts"`
	Where       tables.Where `yaml:"where" doc:"selects the runs"`
	PromptNames []string     `yaml:"prompts" doc:"the prompt, or the group of the table groups, on the x axis and the one on the y axis"`
	Metric      string       `yaml:"metric" doc:"column on both axes"`
	Scale       string       `yaml:"scale" oneof:"linear,log,symlog" doc:"scale of both axes; symlog is logarithmic on both sides of a linear part around zero"`
	Title       string       `yaml:"title,omitempty" doc:"title of the panel"`
}

func (f *Tradeoff) Refs() tables.Refs {
	refs := tables.Refs{}.Where("where", f.Table, f.Where).Column("metric", f.Table, f.Metric)
	if f.Table == tables.Groups {
		return refs // groups have names of their own
	}
	return withPrompts(refs, f.PromptNames)
}

func (f *Tradeoff) Check() []registry.Problem {
	return registry.If(len(f.PromptNames) != 2 || f.PromptNames[0] == f.PromptNames[1], "prompts", fmt.Sprintf("is %v", f.PromptNames), "two different prompts: x, then y")
}

func (f *Tradeoff) panels(src Sources) []*Panel {
	columns := []string{f.Metric}
	if f.Table == tables.Groups && f.Metric == "kl_star_pi" {
		columns = append(columns, "kl_star_ref")
	}
	all := selectRows(src, f.Table, f.Where, columns...)
	sides := f.sides(all)
	p := newPanel(f.Title)
	p.Aspect = 0.8
	p.floorX = true
	p.X.Label.Text = all.columnLabel(f.Metric) + ", " + sides[0].name
	p.Y.Label.Text = all.columnLabel(f.Metric) + ", " + sides[1].name
	scaleMetric(&p.X, f.Scale, all.column(f.Metric))
	scaleMetric(&p.Y, f.Scale, all.column(f.Metric))
	for _, loss := range all.linesBy("objective") {
		reference := loss.rows.atReference()
		if reference {
			loss.label = "reference $π_{ref}$"
		}
		c := p.addCurve(loss.label, loss.style, f.curve(loss.cell, sides))
		c.grow, c.apart, c.bars = !reference, reference, true
	}
	p.explainGrowth("lambda")
	f.addReference(p, src, sides[1], all)
	return []*Panel{p}
}

// atReference says whether the rows are of runs without lambda that leave the reference as it is, such as the best of one.
func (r *rows) atReference() bool {
	const distance = "kl_pi_ref"
	if !r.runs.Has(distance) || slices.ContainsFunc(r.values("lambda"), func(cell string) bool { return cell != "" }) {
		return false
	}
	try.Check(r.runs.Load(distance))
	return !slices.ContainsFunc(r.run, func(row int) bool { return !(r.runs.Float(row, distance) < 1e-12) })
}

// side is what stands on an axis: the rows of a prompt or a group of prompts.
type side struct {
	name   string
	rows   *rows
	spread spread
	prompt promptGroup // of the table of prompts
}

// sides are what stands on both axes.
func (f *Tradeoff) sides(all *rows) (sides []side) {
	if f.Table == tables.Groups {
		names := all.values("group")
		for _, name := range f.PromptNames {
			if !slices.Contains(names, name) {
				try.Fail("no group %q in the selected rows of %s; near: %s", name, f.Table, nearest(name, names))
			}
			sides = append(sides, side{name: promptName(name) + " prompts", rows: all.with("group", name), spread: spreadCI})
		}
		return sides
	}
	for _, group := range all.promptGroups(f.PromptNames) {
		sides = append(sides, side{promptName(group.name) + " prompt", all.in(group), spreadRange, group})
	}
	return sides
}

// curve joins the means of a loss on both sides, which stand at the same lambdas in the same order.
func (f *Tradeoff) curve(loss string, sides []side) []point {
	var points [2][]point
	for i, side := range sides {
		points[i] = collectPoints(side.rows.with("objective", loss), "lambda", f.Metric, "lambda", side.spread)
	}
	if n, m := len(points[0]), len(points[1]); n != m {
		try.Fail("prompt %s has %d values of lambda, prompt %s has %d", f.PromptNames[0], n, f.PromptNames[1], m)
	}
	for i, q := range points[0] {
		points[1][i].x = q.y
	}
	return points[1]
}

// addReference marks where the reference policy stands, if it is on the axes.
func (f *Tradeoff) addReference(p *Panel, src Sources, on side, all *rows) {
	line, ok := referenceValue[f.Metric]
	if !ok {
		return
	}
	if f.Table == tables.Groups { // which holds no policies but what the divergence is of the reference
		if f.Metric == "kl_star_pi" {
			p.addLevel(line.label+", "+on.name, stat.Mean(on.rows.column("kl_star_ref"), nil))
		}
		return
	}
	p.addLevel(line.label+", "+on.name, referenceLevel(src, line.of, on.prompt, all))
}
